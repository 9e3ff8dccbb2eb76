"""Measurement of predictions in cutoff groups, on the data and on every bootstrap sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.errors import InputError
from engagement_ml.evaluation import weighted_measures
from engagement_ml.evaluation.bootstrap import Interval, Resamples, average, interval, rounded
from engagement_ml.evaluation.cutoff_groups import MIN_ENTITIES, CutoffGroup
from engagement_ml.evaluation.measures import Measure
from engagement_ml.evaluation.prepared import (
    Key,
    PreparedGroup,
    WeightedColumn,
    WeightedPrediction,
)

Replicates = dict[tuple[Key, str], FloatArray]
"""By prediction and measure, the estimate on the data and its bootstrap replicates."""


@dataclass(frozen=True)
class Measurement:
    """What is measured, and on which bootstrap samples.

    Attributes
    ----------
    measures : tuple of Measure
    resamples : Resamples
    """

    measures: tuple[Measure, ...]
    resamples: Resamples

    def of_part(self, part: str) -> tuple[Measure, ...]:
        """Return the measures of one part of ``evaluation.json``, in their order."""
        return tuple(measure for measure in self.measures if measure.part == part)

    def replicates(
        self,
        part: str,
        groups: Sequence[CutoffGroup],
        outcome: FloatArray,
        predictions: Mapping[Key, FloatArray],
    ) -> Replicates[Key]:
        """Measure every prediction with the measures of one part; see `measure_groups`."""
        return measure_groups(groups, outcome, predictions, self.resamples, self.of_part(part))


def measure_groups(
    groups: Sequence[CutoffGroup],
    outcome: FloatArray,
    predictions: Mapping[Key, FloatArray],
    resamples: Resamples,
    measures: Sequence[Measure],
) -> Replicates[Key]:
    """Measure every prediction in each cutoff group and average, for every bootstrap sample.

    Parameters
    ----------
    groups : sequence of CutoffGroup
        Groups with fewer than ten entities are left out.
    outcome : array of shape (n_rows,)
    predictions : mapping of key to array of shape (n_rows,)
    resamples : Resamples
    measures : sequence of Measure

    Returns
    -------
    dict of (key, measure name) to array of shape (resamples.n + 1,)
        The first value is the estimate on the data as they are. A group in which a measure is not
        defined takes no part in the average. Empty without groups.

    Raises
    ------
    InputError
        If a measure does not return one value per bootstrap sample.
    """
    prepared = [PreparedGroup.of(g, outcome, predictions) for g in groups if g.is_measurable]
    if not prepared:
        return {}
    chunks: dict[tuple[Key, str], list[FloatArray]] = {}
    for weights in resamples.chunks():
        by_group = [_measure(group, weights[group.entities], measures) for group in prepared]
        for key in by_group[0]:
            mean = average(np.stack([measured[key] for measured in by_group]))
            chunks.setdefault(key, []).append(mean)
    replicates = {key: np.concatenate(parts) for key, parts in chunks.items()}
    return _relative(replicates, predictions, measures)


def _measure(
    group: PreparedGroup[Key], weights: FloatArray, measures: Sequence[Measure]
) -> Replicates[Key]:
    observed = WeightedColumn(group.outcome, weights)
    measured: Replicates[Key] = {}
    for key, column in group.predictions.items():
        sample = WeightedPrediction(WeightedColumn(column, weights), observed)
        for measure in measures:
            values = np.asarray(measure.compute(sample), dtype=np.float64)
            if values.shape != weights.shape[1:]:
                raise InputError(
                    f"measure '{measure.name}': expected {weights.shape[1]} values, one per "
                    f"bootstrap sample, found shape {values.shape}"
                )
            measured[key, measure.name] = values
    return measured


def _relative(
    replicates: Replicates[Key], predictions: Mapping[Key, FloatArray], measures: Sequence[Measure]
) -> Replicates[Key]:
    """Divide relative measures by the value of the prediction that they are relative to."""
    for measure in measures:
        if measure.relative_to is None:
            continue
        reference = cast("Key", measure.relative_to)
        whole = replicates.get((reference, measure.name))
        for key in predictions:
            value = replicates.pop((key, measure.name))
            if whole is not None:
                positive = whole > 0
                share = value / np.where(positive, whole, 1.0)
                replicates[key, measure.name] = np.where(positive, share, np.nan)
    return replicates


def intervals_of(
    replicates: Replicates[Key],
    key: Key,
    measures: Sequence[Measure],
    *,
    label: str,
    notes: list[str],
) -> dict[str, Interval | None]:
    """Return the interval of each measure of one prediction, by the measure's name.

    Parameters
    ----------
    replicates : dict
        As `measure_groups` returns it.
    key
        The prediction.
    measures : sequence of Measure
    label : str
        How notes call the prediction.
    notes : list of str
        A note is added for each measure that is not defined.
    """
    intervals: dict[str, Interval | None] = {}
    for measure in measures:
        values = replicates.get((key, measure.name))
        intervals[measure.name] = interval(values) if values is not None else None
        if intervals[measure.name] is None:
            reason = (
                measure.undefined_because
                if replicates
                else f"no test cutoff has {MIN_ENTITIES} customers to measure"
            )
            notes.append(f"{label}: {measure.name} is not measured, as {reason}")
    return intervals


def calibration(prediction: FloatArray, observed: FloatArray) -> list[dict[str, Any]]:
    """Return mean prediction and mean outcome in each decile of the prediction.

    Rows with equal predictions share a decile; deciles that stay empty for that reason are left
    out.

    Examples
    --------
    >>> calibration(np.repeat([1.0, 3.0], 5), np.repeat([2.0, 3.0], 5))[0]
    {'decile': 3, 'predicted': 1.0, 'observed': 2.0, 'n': 5}
    """
    decile = weighted_measures.deciles(prediction)
    return [
        {
            "decile": int(number),
            "predicted": rounded(prediction[decile == number].mean()),
            "observed": rounded(observed[decile == number].mean()),
            "n": int((decile == number).sum()),
        }
        for number in np.unique(decile)
    ]
