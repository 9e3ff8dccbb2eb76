"""Heterogeneity: whether an effect differs between the values of a segment column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.window_effect import NORMAL_95, WindowEffect
from engagement_ml.drivers.estimators.base import Estimates
from engagement_ml.drivers.evidence import HeterogeneityRow, SegmentRow
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.drivers.validation.multiple_testing import holm
from engagement_ml.drivers.validation.random_effects import (
    Heterogeneity,
    heterogeneity,
    partial_pooling,
)
from engagement_ml.drivers.validation.segment_model import (
    SegmentEstimate,
    SegmentModel,
    whole_influence,
)
from engagement_ml.formatting import listed, number

OTHER = "other"
"""Name of the customers whose value few others share."""

UNKNOWN = "unknown"
"""Name of the customers without a value."""

SCALE_BOUNDS = (0.5, 2.0)
"""Ratios of the whole effect to the segment model's between which it scales the segments.

Beyond them the two measure too different things, and the segments' deviations keep their size.
"""


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


@dataclass(frozen=True)
class ColumnEffects:
    """A behaviour's effects by value of one segment column, on the scale of the whole effect.

    Attributes
    ----------
    segment, behaviour : str
    values : tuple of str
    n : tuple of int
        Customers with each value.
    effects : array (G,)
        Net of the cost of serving an event, in currency.
    own_variances : array (G,)
        Of errors that differ between segments: sampling and functional form.
    variances : array (G,)
        Of all errors, those shared with the whole effect included.
    whole : WindowEffect
        Before the cost.
    cost : float
    """

    segment: str
    behaviour: str
    values: tuple[str, ...]
    n: tuple[int, ...]
    effects: FloatArray
    own_variances: FloatArray
    variances: FloatArray
    whole: WindowEffect
    cost: float = 0.0


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


def behaviours_to_test(
    candidates: Iterable[str],
    findings: Mapping[str, Finding],
    verdicts: Mapping[str, Verdict],
    thresholds: Thresholds = THRESHOLDS,
) -> tuple[str, ...]:
    """Return the drivers and harmful behaviours, and others that may act.

    Parameters
    ----------
    candidates : iterable of str
        Behaviours of the main estimate.
    findings : mapping of behaviour to Finding
    verdicts : mapping of behaviour to Verdict
        Behaviours without one are left out.
    thresholds : Thresholds
        `may_act_z` is the |z| from which a behaviour may act. One that follows purchases counts
        only with a verdict of its own.
    """
    chosen = []
    for b in candidates:
        finding = findings[b]
        if b not in verdicts or finding.within is None:
            continue
        low, high, effect = finding.within.low, finding.within.high, finding.within.effect
        if not np.isfinite(high - low) or effect == 0.0:
            continue
        may_act = (
            abs(finding.within.z) >= thresholds.may_act_z
            and not finding.purchase_response.responds
            and verdicts[b].verdict != "consequence"
        )
        if may_act or verdicts[b].verdict in ("driver", "harmful"):
            chosen.append(b)
    return tuple(chosen)


def effects_by_segment(
    study: Study,
    model: SegmentModel,
    main: LagEffects,
    wholes: Mapping[str, WindowEffect],
    costs: Mapping[str, float],
) -> tuple[list[ColumnEffects], tuple[str, ...]]:
    """Estimate each behaviour's effect in every segment, on the scale of the whole effect.

    Parameters
    ----------
    study : Study
    model : SegmentModel
    main : LagEffects
    wholes : mapping of behaviour to WindowEffect
        Effects over all customers.
    costs : mapping of behaviour to float
        Cost of serving one event.

    Returns
    -------
    columns : list of ColumnEffects
        Without behaviours that fewer than two segments identify.
    notes : tuple of str
    """
    influences = whole_influence(main, {b: whole.effect for b, whole in wholes.items()})
    columns, notes = [], []
    cells = model.cells.sum(axis=1)
    for segment, labels in study.periods.segments.items():
        pooled, values, note = pool_small(segment, labels, study.thresholds.min_segment)
        notes += note
        estimates: dict[str, dict[str, SegmentEstimate]] = {b: {} for b in wholes}
        for value in values:
            for b, estimate in model.estimate(pooled == value).items():
                estimates[b][value] = estimate
        missing = [v for v in values if all(v not in found for found in estimates.values())]
        if missing:
            notes.append(f"The effects of segment {segment} {listed(missing)} are not identified.")
        for b, found in estimates.items():
            if len(found) < 2:
                continue
            members = {v: pooled == v for v in found}
            columns.append(
                _on_whole_scale(
                    ColumnEffects(
                        segment=segment,
                        behaviour=b,
                        values=tuple(found),
                        n=tuple(int(m.sum()) for m in members.values()),
                        effects=np.array([each.effect for each in found.values()]),
                        own_variances=np.zeros(len(found)),
                        variances=np.zeros(len(found)),
                        whole=wholes[b],
                        cost=costs[b],
                    ),
                    np.stack([each.influence for each in found.values()]),
                    np.array([float(cells[m].sum()) for m in members.values()]),
                    influences[b],
                    study,
                )
            )
    return columns, tuple(notes)


def pool_small(
    segment: str, labels: AnyArray, min_segment: int
) -> tuple[AnyArray, list[str], list[str]]:
    """Pool the values that few customers share.

    Parameters
    ----------
    segment : str
        Name of the column.
    labels : object array (n,)
        Text, ``""`` for null, which becomes "unknown".
    min_segment : int
        Customers that a value needs to stand alone.

    Returns
    -------
    pooled : object array (n,)
    values : list of str
        Those with enough customers, sorted, "other" last.
    notes : list of str
        A sentence if values were pooled.

    Examples
    --------
    >>> labels = np.array(["a"] * 3 + ["b", "c"], dtype=object)
    >>> pool_small("plan", labels, 2)[0].tolist()
    ['a', 'a', 'a', 'other', 'other']
    """
    named = np.where(labels == "", UNKNOWN, labels).astype(object)
    names, code, size = np.unique(named.astype(str), return_inverse=True, return_counts=True)
    small = size < min_segment
    pooled = np.where(small[code.ravel()], OTHER, named).astype(object)
    n_other = int((pooled == OTHER).sum())
    values = [str(v) for v in names[~small] if v != OTHER]
    if n_other >= min_segment:
        values.append(OTHER)
    if not small.any():
        return pooled, values, []
    n_values, n_small = int(small.sum()), int(size[small].sum())
    what = "1 value has" if n_values == 1 else f"{number(n_values)} values have"
    together = (
        f"pooled as '{OTHER}'" if n_other >= min_segment else "left out of the comparison of effects"
    )
    return (
        pooled,
        values,
        [
            f"Segment {segment}: {what} fewer than {number(min_segment)} customers each; these "
            f"{number(n_small)} customers are {together}."
        ],
    )


def _on_whole_scale(
    raw: ColumnEffects,
    influence: FloatArray,
    weights: FloatArray,
    whole_influence: FloatArray,
    study: Study,
) -> ColumnEffects:
    """Put a segment model's effects on the scale of the whole, with all errors.

    ``effect_g = whole + k (e_g − ē)``, with ē the mean over customers and k = whole / ē: the
    segments' mean is the whole effect. The errors follow by the delta method from the influence
    functions of the segments and of the whole, which are those of the same customers.
    """
    weights = weights / weights.sum()
    whole = raw.whole.effect
    mean = float(weights @ raw.effects)
    mean_influence = weights @ influence
    level, (lowest, highest) = study.level, SCALE_BOUNDS
    ratio = whole / mean if mean != 0.0 else 0.0
    proportional = lowest * level <= ratio <= highest * level
    k = ratio if proportional else level
    effects = whole + k * (raw.effects - mean)
    relative = raw.effects / mean if proportional else np.ones(len(raw.effects))
    # Errors that the whole effect reports: sampling, form and level.
    form = study.thresholds.form_error
    reported = ((raw.whole.high - raw.whole.low) / 2 / NORMAL_95) ** 2
    sampling = max(reported - (form**2 + study.level_error**2) * whole**2, 0.0)
    linearised = float(whole_influence @ whole_influence)
    if linearised > sampling > 0:
        whole_influence = whole_influence * np.sqrt(sampling / linearised)
    remaining = max(
        reported - float(whole_influence @ whole_influence) - (form * whole) ** 2, 0.0
    )
    joint = k * influence + relative[:, None] * (whole_influence - k * mean_influence)[None, :]
    sampling_of_joint = (joint**2).sum(axis=1) + relative**2 * remaining
    return replace(
        raw,
        effects=effects - raw.cost,
        own_variances=k**2 * (influence**2).sum(axis=1) + (form * whole) ** 2,
        variances=sampling_of_joint + (form * effects) ** 2,
    )


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
        opposite = differs & (signs < level)
        opposite &= np.sign(each.effects) != np.sign(each.whole.effect - each.cost)
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
    opposite: FloatArray,
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
    pooled, pooled_variance = partial_pooling(each.effects, each.own_variances, whole, whole_variance)
    # Errors shared by all segments do not shrink.
    kept = np.maximum(each.variances - each.own_variances, 0.0)
    share = np.clip((pooled - whole) / np.where(each.effects == whole, np.inf, each.effects - whole), 0, 1)
    pooled_error = np.sqrt(pooled_variance + share * kept)
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
            pooled_effect=float(pooled[g]),
            pooled_low=float(pooled[g] - NORMAL_95 * pooled_error[g]),
            pooled_high=float(pooled[g] + NORMAL_95 * pooled_error[g]),
            p_value=p_value,
            differs=differs,
        )
        for g, value in enumerate(each.values)
    ]
