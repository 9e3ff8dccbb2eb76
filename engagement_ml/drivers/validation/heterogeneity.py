"""Heterogeneity: whether an effect differs between the values of a segment column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.drivers.estimation.window_effect import NORMAL_95
from engagement_ml.drivers.estimators.base import Estimates
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.multiple_testing import holm
from engagement_ml.drivers.segment_evidence import HeterogeneityRow, SegmentRow
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.drivers.validation.acting import behaviours_to_test
from engagement_ml.drivers.validation.random_effects import (
    Heterogeneity,
    heterogeneity,
    partial_pooling,
)
from engagement_ml.drivers.validation.segment_effects import ColumnEffects, effects_by_segment
from engagement_ml.drivers.validation.segment_model import SegmentModel


@dataclass(frozen=True)
class SegmentComparison:
    """Effects in every segment, the tests of their differences, and what was left out.

    Attributes
    ----------
    rows : tuple of SegmentRow
    tests : tuple of HeterogeneityRow
        One per segment column and behaviour.
    notes : tuple of str
        Which values are pooled, and which have no estimate.
    """

    rows: tuple[SegmentRow, ...] = ()
    tests: tuple[HeterogeneityRow, ...] = ()
    notes: tuple[str, ...] = ()


def compare_segments(
    study: Study,
    estimates: Estimates,
    findings: Mapping[str, Finding],
    verdicts: Mapping[str, Verdict],
) -> SegmentComparison:
    """Test whether the effects that matter differ between segments.

    Drivers and harmful behaviours are tested, and for information each behaviour that may act and
    does not follow purchases.

    Parameters
    ----------
    study : Study
    estimates : Estimates
    findings : mapping of behaviour to Finding
    verdicts : mapping of behaviour to Verdict
        Of the behaviours that no randomised test settles.
    """
    main = estimates.main
    if main is None or not study.periods.segments:
        return SegmentComparison()
    tested = behaviours_to_test(main.behaviours, findings, verdicts, study.thresholds)
    if not tested:
        return SegmentComparison()
    model = SegmentModel(
        study.periods, main, tested, burn_in=study.spans.burn_in, group=study.groups
    )
    wholes = {b: w for b in tested if (w := findings[b].within) is not None}
    costs = {b: findings[b].cost for b in tested}
    columns, notes = effects_by_segment(study, model, main, wholes, costs)
    acting = {b for b in tested if verdicts[b].verdict in ("driver", "harmful")}
    rows, tests = compare_columns(columns, acting, study.thresholds)
    return SegmentComparison(rows, tests, notes)


def compare_columns(
    columns: Sequence[ColumnEffects], acting: Iterable[str], thresholds: Thresholds = THRESHOLDS
) -> tuple[tuple[SegmentRow, ...], tuple[HeterogeneityRow, ...]]:
    """Test each behaviour's effects by segment for equality, with Holm's adjustment over all.

    Parameters
    ----------
    columns : sequence of ColumnEffects
    acting : iterable of str
        Drivers and harmful behaviours; the others are shown for information.
    thresholds : Thresholds
        `segment_p_value` is the level of the tests.

    Returns
    -------
    rows : tuple of SegmentRow
    tests : tuple of HeterogeneityRow
    """
    level, acting = thresholds.segment_p_value, frozenset(acting)
    found = [heterogeneity(each.effects, each.own_variances) for each in columns]
    p_values = holm([each.p_value for each in found])
    sign_p_values = _sign_p_values(columns)
    rows: list[SegmentRow] = []
    tests: list[HeterogeneityRow] = []
    for each, test, p_value, signs in zip(columns, found, p_values, sign_p_values, strict=True):
        differs = p_value < level
        other_sign = np.sign(each.effects) != np.sign(each.whole.effect - each.cost)
        opposite = other_sign & (signs < level) & differs
        rows += _segment_rows(each, p_value, differs, level)
        tests.append(_test_row(each, test, p_value, differs, opposite, acting))
    return tuple(rows), tuple(tests)


def _sign_p_values(columns: Sequence[ColumnEffects]) -> list[FloatArray]:
    """Return Holm-adjusted two-sided p-values of no effect, by column and value."""
    normal = NormalDist()
    z = [each.effects / np.sqrt(each.variances) for each in columns]
    flat = holm([2 * normal.cdf(-abs(float(v))) for values in z for v in values])
    ends = np.cumsum([len(values) for values in z])[:-1]
    return [np.asarray(part) for part in np.split(np.array(flat), ends)] if flat else []


def _test_row(
    each: ColumnEffects,
    test: Heterogeneity,
    p_value: float,
    differs: bool,
    opposite: BoolArray,
    acting: frozenset[str],
) -> HeterogeneityRow:
    return HeterogeneityRow(
        segment=each.segment,
        behaviour=each.behaviour,
        q=test.q,
        df=test.df,
        p_value=p_value,
        i_squared=test.i_squared,
        tau=test.tau,
        differs=differs,
        opposite=tuple(v for v, o in zip(each.values, opposite, strict=True) if o),
        informative_only=each.behaviour not in acting,
    )


def _segment_rows(
    each: ColumnEffects, p_value: float, differs: bool, level: float
) -> list[SegmentRow]:
    """Return the rows of one behaviour and column, with partial pooling."""
    whole = each.whole.effect - each.cost
    whole_variance = ((each.whole.high - each.whole.low) / 2 / NORMAL_95) ** 2
    pooled = partial_pooling(each.effects, each.own_variances, whole, whole_variance)
    # The whole's error holds what segments share; an estimate that is kept has its own share of it.
    shared = np.maximum(each.variances - each.own_variances, 0.0)
    pooled_error = np.sqrt(pooled.variances + pooled.kept * shared)
    error = np.sqrt(each.variances)
    critical = NormalDist().inv_cdf(1 - level / 2)
    away = np.abs(each.effects - whole) > critical * np.sqrt(each.own_variances)
    return [
        SegmentRow(
            segment=each.segment,
            value=value,
            behaviour=each.behaviour,
            effect=float(each.effects[g]),
            low=float(each.effects[g] - NORMAL_95 * error[g]),
            high=float(each.effects[g] + NORMAL_95 * error[g]),
            n=each.n[g],
            agrees=not (differs and bool(away[g])),
            pooled_effect=float(pooled.effects[g]),
            pooled_low=float(pooled.effects[g] - NORMAL_95 * pooled_error[g]),
            pooled_high=float(pooled.effects[g] + NORMAL_95 * pooled_error[g]),
            p_value=p_value,
            differs=differs,
        )
        for g, value in enumerate(each.values)
    ]
