"""Effects by segment, on the scale of the effect over all customers, with all their errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.drivers.estimation.decay_profiles import DecayProfile
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.window_effect import NORMAL_95, WindowEffect
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.validation.segment_level import SegmentLevels
from engagement_ml.drivers.validation.segment_model import SegmentEstimate, SegmentModel
from engagement_ml.drivers.validation.segment_scale import segment_scale
from engagement_ml.formatting import listed, number

OTHER = "other"
"""Name of the customers whose value few others share."""

UNKNOWN = "unknown"
"""Name of the customers without a value."""


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
    influences = whole_influence(main, wholes)
    columns, notes = [], []
    cells, levels = model.cells.sum(axis=1), SegmentLevels.of(study)
    for segment, labels in study.periods.segments.items():
        pooled, values, note = pool_small(segment, labels, study.thresholds.min_segment)
        notes += note
        estimates: dict[str, dict[str, SegmentEstimate]] = {b: {} for b in wholes}
        for value in values:
            members = pooled == value
            level = None if levels is None else levels.relative(members)
            for b, estimate in model.estimate(members).items():
                estimates[b][value] = estimate if level is None else _on_level(estimate, *level)
        missing = [v for v in values if all(v not in found for found in estimates.values())]
        if missing:
            notes.append(f"The effects of segment {segment} {listed(missing)} are not identified.")
        for b, found in estimates.items():
            if len(found) < 2:
                continue
            in_segment = {v: pooled == v for v in found}
            columns.append(
                _on_whole_scale(
                    ColumnEffects(
                        segment=segment,
                        behaviour=b,
                        values=tuple(found),
                        n=tuple(int(m.sum()) for m in in_segment.values()),
                        effects=np.array([each.effect for each in found.values()]),
                        own_variances=np.zeros(len(found)),
                        variances=np.zeros(len(found)),
                        whole=wholes[b],
                        cost=costs[b],
                    ),
                    np.stack([each.influence for each in found.values()]),
                    np.array([float(cells[m].sum()) for m in in_segment.values()]),
                    influences[b],
                    study,
                )
            )
    return columns, tuple(notes)


def _on_level(estimate: SegmentEstimate, level: float, influence: FloatArray) -> SegmentEstimate:
    """Put a segment's effect on its own level of margin over all mature outcome windows."""
    return SegmentEstimate(
        effect=level * estimate.effect,
        influence=level * estimate.influence + estimate.effect * influence,
    )


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
    enough = n_other >= min_segment
    together = f"pooled as '{OTHER}'" if enough else "left out of the comparison of effects"
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

    ``effect_g = whole + k (e_g − ē)``, with ē the mean over customers: the segments' mean is the
    whole effect. The errors follow by the delta method from the influence functions of the segments
    and of the whole, which are those of the same customers.
    """
    weights = weights / weights.sum()
    whole, mean = raw.whole.effect, float(weights @ raw.effects)
    mean_influence = weights @ influence
    form, level_error = study.thresholds.form_error, study.level_error
    # What the interval of the whole holds beyond form, level and the influence functions.
    reported = ((raw.whole.high - raw.whole.low) / 2 / NORMAL_95) ** 2
    sampling = max(reported - (form**2 + level_error**2) * whole**2, 0.0)
    linearised = float(whole_influence @ whole_influence)
    if linearised > sampling > 0:
        whole_influence = whole_influence * np.sqrt(sampling / linearised)
    remaining = max(sampling - linearised, 0.0)
    scale = segment_scale(study.level, whole, mean, whole_influence, mean_influence, remaining)
    deviations = raw.effects - mean
    effects = whole + scale.k * deviations
    # Errors of ē, of the segment and of k are those of the same customers.
    joint = (
        whole_influence
        + scale.k * (influence - mean_influence)
        + deviations[:, None] * scale.influence
    )
    shared = (1.0 + deviations * scale.by_whole) ** 2 * remaining
    shared += deviations**2 * scale.variance + (level_error * effects) ** 2
    return replace(
        raw,
        effects=effects - raw.cost,
        own_variances=scale.k**2 * (influence**2).sum(axis=1) + (form * whole) ** 2,
        variances=(joint**2).sum(axis=1) + shared + (form * effects) ** 2,
    )


def whole_influence(main: LagEffects, behaviours: Iterable[str]) -> dict[str, FloatArray]:
    """Return each customer's influence on the window effects over all customers, shape (n,).

    The projection on decaying profiles is linearised by central differences over one standard
    error of each coefficient, which evens out its kinks.
    """
    influences = {}
    for b in behaviours:
        i = main.behaviours.index(b)
        coef, influence = main.gain_and_loss_profiles(i)
        covariance = influence.T @ influence
        decay = DecayProfile.from_covariance(covariance, main.lags)
        influences[b] = np.zeros(len(influence))
        if decay is not None:
            influences[b] = influence @ _gradient(decay, coef, np.sqrt(np.diag(covariance)))
        if main.sampling_influence is not None:
            influences[b] = influences[b] + main.sampling_influence[:, i] @ main.lags.weights
    return influences


def _gradient(decay: DecayProfile, coef: FloatArray, errors: FloatArray) -> FloatArray:
    """Return central differences of the window effect by each lag's coefficient."""
    gradient = np.zeros(coef.size)
    for j, error in enumerate(errors):
        change = np.zeros(coef.size)
        change[j] = error
        difference = decay.effect(coef + change) - decay.effect(coef - change)
        gradient[j] = difference / (2.0 * error) if error > 0 else 0.0
    return gradient
