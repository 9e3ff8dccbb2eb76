"""Effects on churn by segment, and of pairs of behaviours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np

from engagement_ml.drivers.estimation.window_effect import NORMAL_95, WindowEffect
from engagement_ml.drivers.estimators.base import RetentionEstimates
from engagement_ml.drivers.evidence import PairRow
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.retention.churn_stability import interaction, shares_by_group
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.validation.heterogeneity import SegmentComparison, compare_columns
from engagement_ml.drivers.validation.interactions import PairComparison, holm_adjusted
from engagement_ml.drivers.validation.segment_effects import ColumnEffects
from engagement_ml.formatting import number


def churn_segments(
    study: Study,
    retention: RetentionEstimates,
    findings: Mapping[str, Finding],
    verdicts: Mapping[str, Verdict],
) -> SegmentComparison:
    """Test whether effects on churn of drivers and harmful behaviours differ between segments.

    Parameters
    ----------
    study : Study
    retention : RetentionEstimates
    findings : mapping of behaviour to Finding
    verdicts : mapping of behaviour to Verdict
        Of the behaviours that no randomised test settles.

    Returns
    -------
    SegmentComparison
        An effect is the overall one times the segment's share of it: effects on the hazard at the
        overall cost of churn. Values with few customers have no estimate, and a note counts them.
    """
    wholes = {
        b: within
        for b, v in verdicts.items()
        if v.verdict in ("driver", "harmful") and (within := findings[b].within) is not None
    }
    profiles = {b: within.profile for b, within in wholes.items()}
    columns: list[ColumnEffects] = []
    notes: list[str] = []
    for column, labels in study.periods.segments.items() if profiles else ():
        sizes = {v: int((labels == v).sum()) for v in sorted(set(labels.tolist()))}
        values = [v for v, n in sizes.items() if v != "" and n >= study.thresholds.min_segment]
        if len(values) < len(sizes):
            few = sum(n for v, n in sizes.items() if v not in values)
            notes.append(f"Effects on churn by {column} leave out {number(few)} with rare values.")
        group = np.full(labels.size, -1)
        for k, value in enumerate(values):
            group[labels == value] = k
        by_row = group[retention.fit.design.entity]
        shares = shares_by_group(retention.fit, profiles, by_row, len(values)) if values else {}
        for b, each in shares.items():
            estimates = [each.over([k]) for k in range(len(values))]
            if all(np.isfinite(error) for _, error in estimates):
                sized = [(v, sizes[v]) for v in values]
                columns.append(_column(column, b, sized, estimates, wholes[b], findings[b].cost))
    rows, tests = compare_columns(columns, wholes, study.thresholds)
    return SegmentComparison(rows, tests, tuple(notes))


def _column(
    column: str,
    behaviour: str,
    sizes: Sequence[tuple[str, int]],
    shares: Sequence[tuple[float, float]],
    whole: WindowEffect,
    cost: float,
) -> ColumnEffects:
    """Return effects by value: shares of the whole effect, with their errors and that of it."""
    share, error = np.array(shares).T
    whole_error = (whole.high - whole.low) / 2 / NORMAL_95
    own = (whole.effect * error) ** 2
    return ColumnEffects(
        segment=column,
        behaviour=behaviour,
        values=tuple(value for value, _ in sizes),
        n=tuple(n for _, n in sizes),
        effects=whole.effect * share - cost,
        own_variances=own,
        variances=own + (share * whole_error) ** 2,
        whole=whole,
        cost=cost,
    )


def churn_pairs(
    study: Study,
    retention: RetentionEstimates,
    verdicts: Mapping[str, Verdict],
    importance: Mapping[str, float],
) -> PairComparison:
    """Test whether two drivers of retention bring more, or less, together than separately.

    Parameters
    ----------
    study : Study
    retention : RetentionEstimates
    verdicts : mapping of behaviour to Verdict
        Of the behaviours that no randomised test settles.
    importance : mapping of behaviour to mean absolute SHAP

    Returns
    -------
    PairComparison
        `effect` in currency over the outcome window, for one standard deviation more of both;
        `p_value` is adjusted for the number of pairs (Holm 1979).
    """
    ranked = sorted(verdicts, key=lambda b: (-importance[b], b))
    drivers = [b for b in ranked if verdicts[b].verdict == "driver"]
    drivers = drivers[: study.thresholds.max_pair_behaviours]
    value = float(retention.fit.effects.lags.weights.sum())
    rows = []
    for i, first in enumerate(drivers):
        for second in drivers[i + 1 :]:
            difference, error = interaction(retention.fit, first, second)
            std = study.associations[first].std * study.associations[second].std
            z = difference / error if error > 0 else 0.0
            rows.append(
                PairRow(
                    first=first,
                    second=second,
                    effect=difference * value * std,
                    low=(difference - NORMAL_95 * error) * value * std,
                    high=(difference + NORMAL_95 * error) * value * std,
                    p_value=2 * NormalDist().cdf(-abs(z)),
                    verdict="",
                )
            )
    return PairComparison(holm_adjusted(rows, study.thresholds.pair_p_value))
