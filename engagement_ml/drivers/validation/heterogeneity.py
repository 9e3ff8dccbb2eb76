"""Heterogeneity: effects of drivers and harmful behaviours in each segment."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.evidence import SegmentRow
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.features.period_panel import Periods


def compare_segments(
    study: Study, findings: Mapping[str, Finding], verdicts: Mapping[str, Verdict]
) -> tuple[SegmentRow, ...]:
    """Estimate the effects of drivers and harmful behaviours in every segment.

    Parameters
    ----------
    study : Study
    findings : mapping of behaviour to Finding
    verdicts : mapping of behaviour to Verdict
        Of the behaviours that no randomised test settles.
    """
    acting = {
        b: findings[b].effect for b, v in verdicts.items() if v.verdict in ("driver", "harmful")
    }
    if not acting or not study.periods.segments:
        return ()
    together = tuple(
        b for b in study.behaviours if not findings[b].purchase_response.responds or b in acting
    )
    rolling = study.rolling_counts(together)
    return effects_by_segment(study.periods, rolling, acting, study.thresholds)


def effects_by_segment(
    periods: Periods,
    rolling: RollingCounts,
    effects: Mapping[str, float],
    thresholds: Thresholds = THRESHOLDS,
) -> tuple[SegmentRow, ...]:
    """Estimate each behaviour's effect in each segment.

    The rolling-count model is fitted to each segment's customers. Its coefficients are put on the
    scale of the main estimate by the ratio of that to the same model's over all customers.

    Parameters
    ----------
    periods : Periods
    rolling : RollingCounts
    effects : mapping of behaviour to effect per event over all customers
    thresholds : Thresholds
    """
    if not effects or not periods.segments:
        return ()
    coef, _ = rolling.fit_coefficients(rolling.counts)
    level = rolling.mean_gain()
    overall = {b: float(coef[rolling.behaviours.index(b)] * level) for b in effects}
    rows = []
    for column, labels in periods.segments.items():
        values = [v for v in sorted(set(labels.tolist())) if v != ""]
        for value in values[: thresholds.max_segment_values]:
            members = labels == value
            n = int(members.sum())
            if n < thresholds.min_segment:
                continue
            own, error = rolling.fit_coefficients(rolling.counts, members)
            for behaviour, effect in effects.items():
                b = rolling.behaviours.index(behaviour)
                if overall[behaviour] == 0 or not np.isfinite(error[b]) or error[b] <= 0:
                    continue
                scale = effect / overall[behaviour] * rolling.mean_gain(members)
                low, high = sorted(
                    ((own[b] - 1.96 * error[b]) * scale, (own[b] + 1.96 * error[b]) * scale)
                )
                estimate = (float(own[b] * scale), float(low), float(high))
                agrees = _agrees(estimate, effect)
                rows.append(SegmentRow(column, value, behaviour, *estimate, n, agrees))
    return tuple(rows)


def _agrees(estimate: tuple[float, float, float], overall: float) -> bool:
    """Return whether a segment's effect has the overall sign and may reach half its size."""
    effect, _, high = estimate
    if overall > 0:
        return high >= 0.5 * overall and effect > 0
    return effect < 0
