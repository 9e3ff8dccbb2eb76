"""Selection of drivers: the largest by effect × standard deviation, weighted by the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.evidence import Choice
from engagement_ml.drivers.experiment_override import ExperimentOverride
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.selection.indicators import Indicators
from engagement_ml.drivers.selection.response_curves import (
    Curve,
    choose_scale,
    make_curve,
    rising_scale,
)
from engagement_ml.drivers.selection.stability_selection import Stability
from engagement_ml.drivers.selection.weights import weigh
from engagement_ml.drivers.study import Study


@dataclass(frozen=True)
class Candidates:
    """What selection chooses among.

    Attributes
    ----------
    main : LagEffects or None
        The joint fit.
    importance : mapping of behaviour to mean absolute SHAP of within-customer change
        Shown, and compared with the order of the selection.
    stability : Stability
        Of selection by observation alone.
    override : ExperimentOverride
        Findings and verdicts, randomised tests considered.
    """

    main: LagEffects | None
    importance: Mapping[str, float]
    stability: Stability
    override: ExperimentOverride

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """Verdicts, randomised tests considered."""
        return self.override.verdicts


@dataclass(frozen=True)
class Selection:
    """The selected behaviours with their weights.

    Attributes
    ----------
    drivers : tuple of str
        All behaviours that pass as drivers, by effect × standard deviation.
    selected : tuple of str
    choices : tuple of Choice
        Weights and transforms of the selected; empty if nothing was selected.
    curves : mapping of behaviour to Curve
        Response curves of the selected and of all drivers and harmful behaviours.
    stability : Stability
    indicators : Indicators or None
        If behaviours were selected for prediction alone.
    """

    drivers: tuple[str, ...]
    selected: tuple[str, ...]
    choices: tuple[Choice, ...]
    curves: Mapping[str, Curve]
    stability: Stability
    indicators: Indicators | None = None


def select_drivers(study: Study, candidates: Candidates) -> Selection:
    """Select the largest drivers by the net effect of one standard deviation, and weight them.

    In simulated data sets with four to six drivers this order finds the largest three most often
    (``benchmarks/selection_order.py``); SHAP of within-customer change is shown beside it.
    """
    override = candidates.override
    worth = {b: _size(override.findings[b]) for b in study.behaviours}
    drivers = tuple(
        b
        for b in sorted(study.behaviours, key=lambda b: (-worth[b], b))
        if override.verdicts[b].verdict == "driver" and study.selectable(b)
    )
    selected = drivers[: study.config.select.at_most]
    curves = override.curves(_curves(study, candidates), study.all_rows, study.behaviours)
    choices = weigh(
        selected,
        curves,
        override.draws(selected),
        {b: study.counts(b) for b in selected},
        study.costs(selected),
        {b: t.optimum for b in selected if (t := override.findings[b].turning) is not None},
    )
    stability = override.stability(candidates.stability, selected, worth)
    return Selection(drivers, selected, choices, curves, stability)


def _size(finding: Finding) -> float:
    """Return the net effect of one standard deviation, 0 if it is not identified."""
    return finding.effect_per_sd if np.isfinite(finding.effect_per_sd) else 0.0


def _curves(study: Study, candidates: Candidates) -> dict[str, Curve]:
    """Return response curves at the observed effects of drivers and harmful behaviours."""
    main, curves = candidates.main, {}
    findings: Mapping[str, Finding] = candidates.override.identified()
    for b in study.behaviours:
        within = findings[b].within
        acts = candidates.verdicts[b].verdict in ("driver", "harmful")
        if within is None or main is None or not acts:
            continue
        counts: FloatArray = study.counts(b)
        turning = findings[b].turning
        scale = (
            choose_scale(counts, main.response_functions.get(b), main.lags, study.spans.observation)
            if turning is None
            else rising_scale(turning)
        )
        curves[b] = make_curve(counts, within.effect, scale)
    return curves
