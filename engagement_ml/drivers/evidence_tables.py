"""Rows and curves of the evidence: what the record, the report and tracking hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from engagement_ml.drivers.decision import Selection
from engagement_ml.drivers.estimation.event_study import EventStudyFit
from engagement_ml.drivers.estimation.turning import Turning
from engagement_ml.drivers.estimation.window_effect import NORMAL_95
from engagement_ml.drivers.evidence import DriverRow, EventStudy, NaiveRow
from engagement_ml.drivers.experiment_rows import PlannedTest
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.response_evidence import ResponseCurve
from engagement_ml.drivers.retention.lifetime import RetentionEffect
from engagement_ml.drivers.selection.response_curves import Curve
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.turning_tables import turning_curve
from engagement_ml.drivers.validation.sensitivity import robustness_value, sample_size_per_arm

_CURVE_POINTS = 41


@dataclass(frozen=True)
class EvidenceTables:
    """Lays out findings, verdicts and selection.

    Parameters
    ----------
    study : Study
    findings, verdicts : mapping of behaviour
        Randomised tests considered.
    reasons : mapping of behaviour to str
        The sentence behind each verdict.
    importance, naive : mapping of behaviour to mean absolute SHAP
        Of within-customer change, and of margin on counts.
    selection : Selection
    retention : mapping of behaviour to RetentionEffect
        Effects on churn, if an event ends margin and no randomised test settles the behaviour.
    """

    study: Study
    findings: Mapping[str, Finding]
    verdicts: Mapping[str, Verdict]
    reasons: Mapping[str, str]
    importance: Mapping[str, float]
    naive: Mapping[str, float]
    selection: Selection
    retention: Mapping[str, RetentionEffect] = field(default_factory=dict)

    def driver_rows(self) -> tuple[DriverRow, ...]:
        """Return a row per behaviour, the selected first, then by SHAP."""
        indicators, names = self.selection.indicators, self.study.behaviours
        if indicators is None:
            shap, frequency = self.importance, self.selection.stability.passes
        else:
            shap = {b: indicators.importance.get(b, 0.0) for b in names}
            frequency = indicators.frequency
        by_shap = sorted(names, key=lambda b: (-shap[b], b))
        naive_rank = {row.behaviour: row.rank for row in self.naive_ranking()}
        order = sorted(names, key=lambda b: (b not in self.selection.selected, by_shap.index(b)))
        return tuple(
            self._row(b, shap[b], by_shap.index(b) + 1, naive_rank[b], frequency.get(b, 0.0))
            for b in order
        )

    def _row(self, b: str, shap: float, rank: int, naive_rank: int, frequency: float) -> DriverRow:
        finding, behaviour = self.findings[b], self.study.config.behaviour(b)
        # the effect of what follows purchases is not identified
        follows = self.verdicts[b].verdict == "consequence"
        within = None if follows else finding.within
        turning = self._turning(b)
        cost = finding.cost
        gross = math.nan if within is None else within.effect
        low, high = (math.nan, math.nan) if within is None else finding.bounds
        n_cells = int(self.study.cells.sum())
        row = DriverRow(
            behaviour=b,
            verdict=self.verdicts[b].verdict,
            selected=b in self.selection.selected,
            shap_rank=rank,
            mean_abs_shap=shap,
            effect=_finite(gross - cost),
            effect_low=_finite(low),
            effect_high=_finite(high),
            selection_frequency=frequency,
            saturation_point=self._saturation_point(b, self._max_count(b)),
            reason=self.reasons[b],
            label=self.study.config.label(b),
            role=behaviour.role,
            stage=behaviour.stage,
            effect_gross=_finite(gross),
            cost_per_event=behaviour.cost_per_event,
            effect_per_sd=_finite((gross - cost) * finding.association.std),
            z=None if within is None else within.z,
            robustness_value=None if within is None else robustness_value(within.z, n_cells),
            naive_effect=finding.association.slope,
            naive_rank=naive_rank,
            spearman=finding.association.spearman,
            log_rate_after_purchases=finding.purchase_response.strength,
            optimum=None if turning is None else turning.optimum,
            optimum_low=None if turning is None else turning.optimum_low,
            optimum_high=None if turning is None else turning.optimum_high,
            break_even=None if turning is None else turning.break_even,
            converged=finding.converged,
            rule=self.verdicts[b].rule,
            unit=self.study.config.currency,
        )
        return with_retention(row, self.retention.get(b))

    def naive_ranking(self) -> tuple[NaiveRow, ...]:
        """Return the ranking by mean absolute SHAP of a model of margin on counts."""
        order = sorted(self.study.behaviours, key=lambda b: (-self.naive[b], b))
        return tuple(NaiveRow(b, self.naive[b], i + 1) for i, b in enumerate(order))

    def response_curves(self) -> dict[str, ResponseCurve]:
        """Return each response curve in currency, with its 95% band."""
        curves = {b: self._response(b, curve) for b, curve in self.selection.curves.items()}
        turning = {b: t for b in self.findings if (t := self._turning(b)) is not None}
        return curves | {b: turning_curve(t, self.study.counts(b)) for b, t in turning.items()}

    def _turning(self, b: str) -> Turning | None:
        """Return the turn, None for what follows purchases: its response is not identified."""
        follows = self.verdicts[b].verdict == "consequence"
        return None if follows else self.findings[b].turning

    def _response(self, b: str, curve: Curve) -> ResponseCurve:
        counts, limit = self.study.counts(b), max(1.0, self._max_count(b))
        x = np.linspace(0.0, limit, _CURVE_POINTS)
        effect = curve.amplitude * curve.shape(x)
        low = high = effect
        within = self.findings[b].within
        if within is not None and within.effect != 0:
            low, high = (effect * (bound / within.effect) for bound in (within.low, within.high))
        positive = counts[counts > 0]
        return ResponseCurve(
            x=tuple(x.tolist()),
            effect=tuple(effect.tolist()),
            low=tuple(np.minimum(low, high).tolist()),
            high=tuple(np.maximum(low, high).tolist()),
            saturation_point=self._saturation_point(b, limit),
            typical=float(np.median(positive)) if positive.size else 0.0,
            p90=float(np.quantile(positive, 0.9)) if positive.size else 0.0,
            kind=curve.kind,
        )

    def event_studies(self, fit: EventStudyFit | None) -> dict[str, EventStudy]:
        """Return the leads and lags of every behaviour with evidence of an effect."""
        if fit is None or not fit.converged:
            return {}
        least, findings = self.study.thresholds.min_z, self.findings
        periods = tuple(round((first + last) / 2) for first, last in fit.groups)
        studies = {}
        for i, b in enumerate(fit.behaviours):
            if abs(findings[b].uncorrected_z) < least:
                continue
            coef, half = fit.coef[i], NORMAL_95 * np.sqrt(np.diag(fit.covariance(i)))
            studies[b] = EventStudy(
                periods,
                tuple(coef.tolist()),
                tuple((coef - half).tolist()),
                tuple((coef + half).tolist()),
            )
        return studies

    def _saturation_point(self, b: str, limit: float) -> float | None:
        turning = self._turning(b)
        if turning is not None:
            return turning.optimum
        curve = self.selection.curves.get(b)
        if curve is None or curve.amplitude <= 0:
            return None
        return curve.saturation_point(self.study.cost(b), limit)

    def _max_count(self, behaviour: str) -> float:
        """Return the 99.5th percentile of the count, the largest that curves are drawn to."""
        counts = self.study.counts(behaviour)
        return float(np.quantile(counts, 0.995)) if counts.size else 1.0

    def experiment_plan(self) -> tuple[PlannedTest, ...]:
        """Return customers that a randomised test of one more event needs, for 80% power."""
        rows = self.study.rows
        if rows.margin.size == 0:
            return ()
        std = float(rows.margin[rows.cutoff == rows.cutoff.max()].std())
        plan = []
        for b in self.study.behaviours:
            if self.verdicts[b].verdict != "driver":
                continue
            effect = self.findings[b].effect
            n = sample_size_per_arm(effect, std)
            if math.isfinite(n):
                per_arm, label = math.ceil(n), self.study.config.label(b)
                plan.append(PlannedTest(b, label, effect, std, 1.0, per_arm, 2 * per_arm))
        return tuple(plan)


def with_retention(row: DriverRow, effect: RetentionEffect | None) -> DriverRow:
    """Return the row with a hazard ratio and a worth over the lifetime, net of cost, if any."""
    if effect is None or row.verdict == "consequence":
        return row
    return replace(
        row,
        hazard_ratio=effect.hazard_ratio,
        hazard_ratio_low=effect.hazard_ratio_low,
        hazard_ratio_high=effect.hazard_ratio_high,
        lifetime_effect=effect.lifetime - row.cost_per_event,
        lifetime_effect_low=effect.lifetime_low - row.cost_per_event,
        lifetime_effect_high=effect.lifetime_high - row.cost_per_event,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
