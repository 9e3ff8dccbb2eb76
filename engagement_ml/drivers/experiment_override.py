"""Randomised tests in the search: they outrank what observation says of the same behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.evidence import (
    DriverRow,
    ExperimentRow,
    Experiments,
    ExperimentSegment,
    PlannedTest,
)
from engagement_ml.drivers.experiment_evidence import Trials
from engagement_ml.drivers.selection.response_curves import Curve, make_curve
from engagement_ml.drivers.selection.stability_selection import Stability
from engagement_ml.drivers.selection.window_rows import WindowRows
from engagement_ml.drivers.verdicts import Finding, Verdict
from engagement_ml.experiments import ExperimentResult

T = TypeVar("T")

_N_DRAWS = 400


@dataclass(frozen=True)
class Calibration:
    """Findings and verdicts after the tests, and as they were before.

    Attributes
    ----------
    tested : dict of behaviour to Trials
        Those that were tested.
    findings, verdicts : dict
        Of all behaviours; of those tested, by their tests.
    observed : dict of behaviour to Finding
        Of all behaviours, by observation alone.
    config : PipelineConfig
    """

    tested: dict[str, Trials]
    findings: dict[str, Finding]
    verdicts: dict[str, Verdict]
    observed: dict[str, Finding]
    config: PipelineConfig

    def untested(self, found: Mapping[str, T]) -> dict[str, T]:
        """Return what was found of the behaviours that no test settles."""
        return {b: each for b, each in found.items() if b not in self.tested}

    def bending(self) -> dict[str, Finding]:
        """Return what observation says of each behaviour whose response it can see the shape of."""
        return {
            b: f
            if f.within is None or np.isfinite(f.within.high - f.within.low)
            else replace(f, within=None)
            for b, f in self.observed.items()
        }

    def curves(
        self, shaped: Mapping[str, Curve], rows: WindowRows, names: Sequence[str]
    ) -> dict[str, Curve]:
        """Put the responses of what was tested at the tested effect.

        The shape stays that of observation, straight where it shows none.
        """
        found = dict(shaped)
        for b in self.tested:
            within = self.findings[b].within
            if within is None or self.verdicts[b].verdict not in ("driver", "harmful"):
                continue
            scale = shaped[b].scale if b in shaped else None
            counts = rows.counts[:, list(names).index(b)]
            found[b] = make_curve(counts, within.effect, scale)
        return found

    def draws(self, selected: Sequence[str]) -> dict[str, FloatArray]:
        """Return draws of the effect of each selected behaviour, before the cost of serving it."""
        return {b: w.draws for b in selected if (w := self.findings[b].within) is not None}

    def stability(
        self, found: Stability, selected: Sequence[str], importance: Mapping[str, float]
    ) -> Stability:
        """Return what bootstraps of entities would choose beside what tests settle.

        A test does not depend on which entities are drawn: what it chose is chosen each time and
        takes its place, and what it ruled out is never chosen. Picks hold the untested alone.
        """
        settled = [b for b in selected if b in self.tested]
        if not self.tested:
            return found
        room = self.config.select.at_most - len(settled)
        picks = tuple(
            frozenset(
                sorted(self.untested(dict.fromkeys(pick)), key=lambda b: (-importance[b], b))[:room]
            )
            for pick in found.picks
        )
        frequency = {b: float(np.mean([b in p for p in picks])) for b in found.frequency}
        frequency |= {b: float(b in settled) for b in self.tested}
        return replace(found, picks=picks, frequency=frequency)

    def rows(self, rows: Sequence[DriverRow]) -> tuple[DriverRow, ...]:
        """Say in each behaviour's row what it rests on, and keep what observation said."""
        return tuple(self._row(row) for row in rows)

    def _row(self, row: DriverRow) -> DriverRow:
        tested = self.tested.get(row.behaviour)
        if tested is None:
            return row
        # A robustness value asks of hidden causes, which randomising rules out.
        return replace(row, robustness_value=None, basis="experiment", **_observed(tested))

    def experiments(self, plan: Sequence[PlannedTest]) -> Experiments:
        """Return the plan of what is still to be tested, and the results of what was."""
        return Experiments(
            plan=tuple(row for row in plan if row.behaviour not in self.tested),
            results=tuple(
                self._result(result, tested)
                for tested in self.tested.values()
                for result in tested.results
            ),
        )

    def _result(self, result: ExperimentResult, tested: Trials) -> ExperimentRow:
        values = result.to_dict()
        segments = tuple(ExperimentSegment(**row) for row in values.pop("by_segment"))
        behaviour = result.behaviour
        return ExperimentRow(
            **values,
            by_segment=segments,
            label=self.config.label(behaviour),
            cost_per_event=self.config.behaviour(behaviour).cost_per_event,
            verdict=self.verdicts[behaviour].verdict,
            **_observed(tested),
        )

    def notes(self, selected: Sequence[str]) -> tuple[str, ...]:
        """Return sentences on what the tests changed and how they were taken."""
        if not self.tested:
            return ()
        labels = ", ".join(self.config.label(b) for b in self.tested)
        notes = [f"Randomised tests outrank observation, which stands beside them: {labels}."]
        outcome = self.config.windows.outcome_days
        for tested in self.tested.values():
            notes += [
                f"{result.name} of {self.config.label(result.behaviour)} measured {result.days} "
                f"days, the outcome window has {outcome}; its lift is not rescaled."
                for result in tested.results
                if result.days != outcome
            ]
        settled = [b for b in selected if b in self.tested]
        if settled and len(settled) < len(selected):
            notes.append(
                "Weights set lifts, which count from the event on, beside observed effects, which "
                "count what an event anywhere in the observation window does in the outcome window."
            )
        return tuple(notes)


def calibrate(
    results: Sequence[ExperimentResult],
    findings: Mapping[str, Finding],
    verdicts: Mapping[str, Verdict],
    config: PipelineConfig,
) -> Calibration:
    """Let randomised tests take the place of observation.

    Parameters
    ----------
    results : sequence of ExperimentResult
        Several of one behaviour are combined by inverse variance.
    findings, verdicts : mapping of behaviour
        By observation alone.
    config : PipelineConfig

    Returns
    -------
    Calibration
        Without results, findings and verdicts as they were given.
    """
    draws = [f.within.draws.size for f in findings.values() if f.within is not None]
    n_draws = draws[0] if draws else _N_DRAWS
    tested: dict[str, Trials] = {}
    after, judged = dict(findings), dict(verdicts)
    for place, b in enumerate(findings):
        own = tuple(r for r in results if r.behaviour == b)
        if own:
            tested[b] = Trials(own, findings[b], verdicts[b], config.currency, config.entity)
            after[b] = tested[b].finding([config.random_seed, 4, place], n_draws)
            judged[b] = tested[b].verdict(after[b])
    return Calibration(tested, after, judged, dict(findings), config)


def _observed(tested: Trials) -> dict[str, Any]:
    observed = tested.observed
    low, high = observed.bounds
    known = {
        "observed_effect": observed.effect,
        "observed_effect_low": low,
        "observed_effect_high": high,
    }
    return {
        "observed_verdict": tested.observed_verdict.verdict,
        **{key: float(x) if np.isfinite(x) else None for key, x in known.items()},
    }
