"""The search's findings as rows, curves, checks and sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.estimation.reverse_causality import PurchaseResponse
from engagement_ml.drivers.evidence import DriverRow, NaiveRow, PlannedTest, ResponseCurve
from engagement_ml.drivers.selection.indicators import Indicators
from engagement_ml.drivers.selection.response_curves import Curve
from engagement_ml.drivers.selection.stability_selection import Stability
from engagement_ml.drivers.selection.window_rows import WindowRows
from engagement_ml.drivers.validation.sensitivity import robustness_value, sample_size_per_arm
from engagement_ml.drivers.verdicts import Finding, Verdict
from engagement_ml.features.period_panel import Periods

_CURVE_POINTS = 41


@dataclass(frozen=True)
class Table:
    """All findings of a search, to be laid out."""

    names: tuple[str, ...]
    config: PipelineConfig
    findings: dict[str, Finding]
    verdicts: dict[str, Verdict]
    importance: dict[str, float]
    naive: dict[str, float]
    stability: Stability
    indicators: Indicators | None
    curves: dict[str, Curve]
    selected: tuple[str, ...]
    rows: WindowRows
    seen: WindowRows
    cells: int

    def counts(self, behaviour: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the counts of a behaviour in all observation windows."""
        return self.seen.counts[:, self.names.index(behaviour)]

    def limit(self, behaviour: str) -> float:
        """Return the largest count to speak of."""
        counts = self.counts(behaviour)
        return float(np.quantile(counts, 0.995)) if counts.size else 1.0

    def driver_rows(self) -> tuple[DriverRow, ...]:
        """One row per behaviour: the selected first, then by SHAP."""
        shap = (
            self.importance
            if self.indicators is None
            else {b: self.indicators.importance.get(b, 0.0) for b in self.names}
        )
        frequency = (
            self.stability.frequency if self.indicators is None else self.indicators.frequency
        )
        by_shap = sorted(self.names, key=lambda b: (-shap[b], b))
        by_naive = sorted(self.names, key=lambda b: (-self.naive[b], b))
        order = sorted(self.names, key=lambda b: (b not in self.selected, by_shap.index(b)))
        return tuple(
            self._row(
                b, shap[b], by_shap.index(b) + 1, by_naive.index(b) + 1, frequency.get(b, 0.0)
            )
            for b in order
        )

    def _row(self, b: str, shap: float, rank: int, naive_rank: int, frequency: float) -> DriverRow:
        finding, known = self.findings[b], self.config.behaviour(b)
        # What follows from purchases has no effect that these data could size.
        follows = self.verdicts[b].verdict == "consequence"
        curve, within = self.curves.get(b), None if follows else finding.within
        gross = math.nan if within is None else within.effect
        shift = finding.cost
        bounds = (
            (math.nan, math.nan) if within is None else (within.low - shift, within.high - shift)
        )
        spread = finding.association.spread
        reason = self.verdicts[b].reason
        return DriverRow(
            behaviour=b,
            verdict=self.verdicts[b].verdict,
            selected=b in self.selected,
            shap_rank=rank,
            mean_abs_shap=shap,
            effect=_known(gross - shift),
            effect_low=_known(bounds[0]),
            effect_high=_known(bounds[1]),
            selection_frequency=frequency,
            saturation_point=curve.saturation_point(known.cost_per_event, self.limit(b))
            if curve is not None and curve.amplitude > 0
            else None,
            reason=reason,
            label=self.config.label(b),
            role=known.role,
            stage=known.stage,
            effect_gross=_known(gross),
            cost_per_event=known.cost_per_event,
            effect_per_sd=_known((gross - shift) * spread),
            z=None if within is None else within.z,
            robustness_value=None if within is None else robustness_value(within.z, self.cells),
            naive_effect=finding.association.slope,
            naive_rank=naive_rank,
            spearman=finding.association.spearman,
            log_rate_after_purchases=finding.response.strength,
        )

    def naive_ranking(self) -> tuple[NaiveRow, ...]:
        """Return the ranking by mean absolute SHAP of a model of margin on counts."""
        order = sorted(self.names, key=lambda b: (-self.naive[b], b))
        return tuple(
            NaiveRow(behaviour=b, mean_abs_shap=self.naive[b], rank=i + 1)
            for i, b in enumerate(order)
        )

    def response_curves(self) -> dict[str, ResponseCurve]:
        """Currency of x events against none, with its band."""
        found = {}
        for b, curve in self.curves.items():
            limit = max(1.0, self.limit(b))
            x = np.linspace(0.0, limit, _CURVE_POINTS)
            g = curve.shape(x)
            within, counts = self.findings[b].within, self.counts(b)
            central = curve.amplitude * g
            low = high = central
            if within is not None and within.effect != 0 and b not in self._indicated():
                low, high = (
                    central * (bound / within.effect) for bound in (within.low, within.high)
                )
            doers = counts[counts > 0]
            found[b] = ResponseCurve(
                x=tuple(x.tolist()),
                effect=tuple(central.tolist()),
                low=tuple(np.minimum(low, high).tolist()),
                high=tuple(np.maximum(low, high).tolist()),
                saturation_point=curve.saturation_point(
                    self.config.behaviour(b).cost_per_event, limit
                )
                if curve.amplitude > 0
                else None,
                typical=float(np.median(doers)) if doers.size else 0.0,
                p90=float(np.quantile(doers, 0.9)) if doers.size else 0.0,
                kind=curve.kind,
            )
        return found

    def _indicated(self) -> set[str]:
        return set() if self.indicators is None else set(self.indicators.curves)

    def experiment_plan(self) -> tuple[PlannedTest, ...]:
        """Entities that a randomised test of one more event each needs, for 80% power."""
        if self.rows.margin.size == 0:
            return ()
        spread = float(self.rows.margin[self.rows.cutoff == self.rows.cutoff.max()].std())
        plan = []
        for b in self.names:
            if self.verdicts[b].verdict != "driver":
                continue
            effect = self.findings[b].effect
            n = sample_size_per_arm(effect, spread)
            if not math.isfinite(n):
                continue
            plan.append(
                PlannedTest(
                    behaviour=b,
                    label=self.config.label(b),
                    effect=effect,
                    sd=spread,
                    increase=1.0,
                    n_per_arm=math.ceil(n),
                    total=2 * math.ceil(n),
                )
            )
        return tuple(plan)


def advice(finding: Finding, obstacle: str | None, rows: WindowRows, periods: Periods) -> str:
    """Say what would tell where the data cannot."""
    spread = float(rows.margin.std()) if rows.margin.size else 0.0
    needed = sample_size_per_arm(max(finding.smallest, 1e-9), spread) if spread > 0 else math.inf
    experiment = (
        f"a randomised test that raises it by one standard deviation would need about "
        f"{_rounded(needed)} per arm"
        if math.isfinite(needed)
        else "a randomised test would tell"
    )
    if obstacle is not None or finding.within is None:
        return f"{obstacle or 'it does not vary'}; {experiment}"
    low, high = finding.bounds
    half = (high - low) / 2 * finding.association.spread
    factor = (half / finding.smallest) ** 2 if finding.smallest > 0 else math.inf
    if 1 < factor < 20:
        weeks = math.ceil(periods.gain.shape[1] * (factor - 1))
        more = f"about {weeks} more periods of {periods.period_days} days like these would tell"
        return f"{more}; {experiment}"
    return experiment


def abstention(verdicts: dict[str, Verdict], obstacle: str | None) -> str:
    """Say in a sentence why nothing was chosen, and name the other choice."""
    other = "'select: {require: indicator}' makes a metric that foretells margin without such proof"
    if obstacle is not None:
        return f"no behaviour could be verified to move margin: {obstacle}; {other}"
    tally: dict[str, int] = {}
    for verdict in verdicts.values():
        tally[verdict.verdict] = tally.get(verdict.verdict, 0) + 1
    counts = ", ".join(f"{n} {v}" for v, n in sorted(tally.items()))
    return f"no behaviour passed as a driver of margin among {len(verdicts)} ({counts}); {other}"


def no_indicator(indicators: Indicators) -> str | None:
    """Say why no indicator was chosen, if none was."""
    if indicators.choices:
        return None
    return (
        "no behaviour foretells margin stably beyond what past margin, recency and frequency tell; "
        "a longer history or more entities may change that"
    )


def unstable_note(indicators: Indicators | None) -> list[str]:
    """Say of an indicator metric that its weights are equal for want of evidence, if they are."""
    if indicators is None or not indicators.choices or indicators.stable:
        return []
    least, other = indicators.shares
    return [
        "The choice is unstable: of fits on random halves of the entities, one of the chosen "
        f"behaviours comes up in only {least:.0%}, another in {other:.0%}. No weights can be "
        "defended, so all count alike."
    ]


def notes(
    obstacle: str | None,
    left_out: list[str],
    responses: dict[str, PurchaseResponse],
    config: PipelineConfig,
) -> tuple[str, ...]:
    """Sentences on the search as a whole."""
    found = [
        "For estimation the largest 0.2% of amounts per period are cut to the amount at that rank; "
        "effects are reported at the raw mean margin.",
        f"A driver is a leading indicator with evidence from each {config.entity}'s own changes; "
        "only a randomised test proves that raising it raises margin.",
    ]
    found.append(
        "Effects are put at the mean margin of all mature outcome windows; verdicts, choice and "
        "weights rest on the fitted periods alone."
    )
    if config.churn.kind == "event":
        found.append(
            "Churn is an event that ends margin, so effects are those of keeping: among those "
            "still there, who leaves is told from recent events, given how much each likes what "
            "it does, and margin while it stays is taken as given."
        )
    if obstacle is not None:
        found.append(f"No evidence within {config.entity}s: {obstacle}.")
    if left_out:
        found.append(
            f"{', '.join(left_out)} pass as drivers too, and come after the chosen ones by SHAP; "
            "'select: {at_most: N}' takes more."
        )
    undeclared = [
        b
        for b, r in responses.items()
        if r.responds and config.behaviour(b).role not in ("consequence", "mediator")
    ]
    if undeclared:
        found.append(
            f"Suspected of answering to purchases, though not declared so: {', '.join(undeclared)}."
        )
    return tuple(found)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _rounded(n: float) -> str:
    digits = max(0, int(math.log10(max(n, 1))) - 1)
    return f"{int(round(n, -digits)):,}"
