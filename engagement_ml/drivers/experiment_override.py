"""Randomised tests override what observation says of the same behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.drivers.experiment_evidence import ExperimentEvidence
from engagement_ml.drivers.experiment_rows import (
    ExperimentRow,
    Experiments,
    ExperimentSegment,
    PlannedTest,
)
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.selection.response_curves import Curve, make_curve
from engagement_ml.drivers.selection.stability_selection import Stability
from engagement_ml.drivers.selection.window_rows import WindowRows
from engagement_ml.experiments import ExperimentResult

T = TypeVar("T")

_N_DRAWS = 400


@dataclass(frozen=True)
class ExperimentOverride:
    """Findings and verdicts with randomised tests considered, and by observation alone.

    Attributes
    ----------
    tested : dict of behaviour to ExperimentEvidence
    findings, verdicts : dict
        Of all behaviours; of the tested ones, by their tests.
    observed : dict of behaviour to Finding
        Of all behaviours, by observation alone.
    config : PipelineConfig
    """

    tested: dict[str, ExperimentEvidence]
    findings: dict[str, Finding]
    verdicts: dict[str, Verdict]
    observed: dict[str, Finding]
    config: PipelineConfig

    def untested(self, by_behaviour: Mapping[str, T]) -> dict[str, T]:
        """Return the entries of behaviours without a randomised test."""
        return {b: value for b, value in by_behaviour.items() if b not in self.tested}

    def identified(self) -> dict[str, Finding]:
        """Return the observed findings, without effects whose interval is not finite."""
        return {
            b: f
            if f.within is None or np.isfinite(f.within.high - f.within.low)
            else replace(f, within=None)
            for b, f in self.observed.items()
        }

    def curves(
        self, observed: Mapping[str, Curve], rows: WindowRows, names: Sequence[str]
    ) -> dict[str, Curve]:
        """Return the response curves, those of tested behaviours scaled to the tested effect.

        The shape stays the observed one, linear if observation shows none.
        """
        curves = dict(observed)
        for b in self.tested:
            within = self.findings[b].within
            if within is None or self.verdicts[b].verdict not in ("driver", "harmful"):
                continue
            scale = observed[b].scale if b in observed else None
            counts = rows.counts[:, list(names).index(b)]
            curves[b] = make_curve(counts, within.effect, scale)
        return curves

    def draws(self, selected: Sequence[str]) -> dict[str, FloatArray]:
        """Return draws of each selected behaviour's effect, before the cost of serving it."""
        return {b: w.draws for b in selected if (w := self.findings[b].within) is not None}

    def stability(
        self, observed: Stability, selected: Sequence[str], importance: Mapping[str, float]
    ) -> Stability:
        """Return the bootstrapped selection, given what the tests settle.

        A test does not depend on which customers a bootstrap draws: a behaviour it selects is
        selected in every sample and takes one place; one it rules out never is. `picks` hold
        untested behaviours only.
        """
        settled = [b for b in selected if b in self.tested]
        if not self.tested:
            return observed
        room = self.config.select.at_most - len(settled)
        picks = tuple(
            frozenset(
                sorted(self.untested(dict.fromkeys(pick)), key=lambda b: (-importance[b], b))[:room]
            )
            for pick in observed.picks
        )
        frequency = {b: float(np.mean([b in p for p in picks])) for b in observed.frequency}
        frequency |= {b: float(b in settled) for b in self.tested}
        return replace(observed, picks=picks, frequency=frequency)

    def rows(self, rows: Sequence[DriverRow]) -> tuple[DriverRow, ...]:
        """Return the rows with their basis, and what observation said of tested behaviours."""
        return tuple(self._row(row) for row in rows)

    def _row(self, row: DriverRow) -> DriverRow:
        evidence = self.tested.get(row.behaviour)
        if evidence is None:
            return row
        # a robustness value concerns hidden causes, which randomisation rules out
        return replace(row, robustness_value=None, basis="experiment", **_observed(evidence))

    def experiments(self, plan: Sequence[PlannedTest]) -> Experiments:
        """Return the tests still to be run, and the results of those that were."""
        return Experiments(
            plan=tuple(row for row in plan if row.behaviour not in self.tested),
            results=tuple(
                self._result(result, evidence)
                for evidence in self.tested.values()
                for result in evidence.results
            ),
        )

    def _result(self, result: ExperimentResult, evidence: ExperimentEvidence) -> ExperimentRow:
        values = result.to_dict()
        segments = tuple(ExperimentSegment(**row) for row in values.pop("by_segment"))
        behaviour = result.behaviour
        return ExperimentRow(
            **values,
            by_segment=segments,
            label=self.config.label(behaviour),
            cost_per_event=self.config.behaviour(behaviour).cost_per_event,
            verdict=self.verdicts[behaviour].verdict,
            **_observed(evidence),
        )


def override_by_experiments(
    results: Sequence[ExperimentResult],
    findings: Mapping[str, Finding],
    verdicts: Mapping[str, Verdict],
    config: PipelineConfig,
) -> ExperimentOverride:
    """Replace observed effects and verdicts by those of randomised tests.

    Parameters
    ----------
    results : sequence of ExperimentResult
        Several tests of one behaviour are combined by inverse variance.
    findings, verdicts : mapping of behaviour
        By observation alone.
    config : PipelineConfig

    Returns
    -------
    ExperimentOverride
        Without results, findings and verdicts as they were given.
    """
    draws = [f.within.draws.size for f in findings.values() if f.within is not None]
    n_draws = draws[0] if draws else _N_DRAWS
    tested: dict[str, ExperimentEvidence] = {}
    new_findings, new_verdicts = dict(findings), dict(verdicts)
    for place, b in enumerate(findings):
        of_behaviour = tuple(r for r in results if r.behaviour == b)
        if of_behaviour:
            tested[b] = ExperimentEvidence(of_behaviour, findings[b], verdicts[b])
            new_findings[b] = tested[b].finding([config.random_seed, 4, place], n_draws)
            new_verdicts[b] = tested[b].verdict(new_findings[b])
    return ExperimentOverride(tested, new_findings, new_verdicts, dict(findings), config)


def _observed(evidence: ExperimentEvidence) -> dict[str, Any]:
    observed = evidence.observed
    low, high = observed.bounds
    values = {
        "observed_effect": observed.effect,
        "observed_effect_low": low,
        "observed_effect_high": high,
    }
    return {
        "observed_verdict": evidence.observed_verdict.verdict,
        **{key: float(x) if np.isfinite(x) else None for key, x in values.items()},
    }
