"""How customers score: the distribution of the metric, its trend, and segments."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from engagement_ml._typing import AnyArray, FloatArray

N_BINS = 11
"""Exactly 0, then tens."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST_VALUES = 30
"""Values of a segment column that are kept, those with the most customers first."""
MIN_FOR_INTERVAL = 20
"""Customers from which on a mean score has an interval."""
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class CutoffScore:
    """Scores at one cutoff; `quantiles` are those of 5, 25, 50, 75 and 95 percent.

    The 95% interval of the mean is None with fewer than `MIN_FOR_INTERVAL` customers.
    """

    cutoff: str
    n_entities: int
    mean: float
    mean_low: float | None
    mean_high: float | None
    share_at_zero: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True)
class SegmentScore:
    """Mean score of one segment at the last cutoff, with its 95% interval.

    Mean and share are None for a segment that has no customers there any more; the interval is None
    with fewer than `MIN_FOR_INTERVAL` customers. `value` is empty where customers have none.
    """

    segment: str
    value: str
    n_entities: int
    mean: float | None
    mean_low: float | None
    mean_high: float | None
    share_at_zero: float | None


@dataclass(frozen=True)
class Standing:
    """Scores of all customers of the run.

    Attributes
    ----------
    bins : tuple of int
        Customers at the last cutoff by score: exactly 0, then above 0 to 10, 10 to 20, … 90 to 100.
    cutoffs : tuple of CutoffScore
        In their order.
    segments : tuple of SegmentScore
        At most `MOST_VALUES` of each column, those with the most customers first.
    left_out : dict of str to int
        Values of each column beyond these.
    """

    bins: tuple[int, ...]
    cutoffs: tuple[CutoffScore, ...]
    segments: tuple[SegmentScore, ...] = ()
    left_out: Mapping[str, int] | None = None


def standing(
    scores: FloatArray, cutoffs: Iterable[Any], segments: Mapping[str, Iterable[Any]]
) -> Standing | None:
    """Return how customers score at each cutoff, and by segment at the last one.

    Parameters
    ----------
    scores : array (n,)
        From 0 to 100, a row for each customer and cutoff.
    cutoffs : iterable (n,)
        The date of each row, as ISO 8601 text.
    segments : mapping of column to iterable (n,)
        The segment of each row, as text; empty for none.

    Returns
    -------
    Standing or None
        None without rows.

    Examples
    --------
    >>> found = standing(np.array([0.0, 0.0, 30.0, 100.0]), ["2024-01-01"] * 4, {})
    >>> found.bins, found.cutoffs[0].share_at_zero, found.cutoffs[0].mean
    ((2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1), 0.5, 32.5)
    """
    if scores.size == 0:
        return None
    dates = np.asarray(list(cutoffs))
    last = dates == np.unique(dates)[-1]
    rows: list[SegmentScore] = []
    left_out = {}
    for column, values in segments.items():
        found = _by_segment(column, np.asarray(list(values), dtype=object), scores, last)
        rows += found[:MOST_VALUES]
        if len(found) > MOST_VALUES:
            left_out[column] = len(found) - MOST_VALUES
    return Standing(
        _bins(scores[last]),
        tuple(_at(str(date), scores[dates == date]) for date in np.unique(dates)),
        tuple(rows),
        left_out,
    )


def _bins(scores: FloatArray) -> tuple[int, ...]:
    # The upper limit belongs to a bin, so that 100 is in the last one and 0 has its own.
    tens = np.clip(np.ceil(scores / 10), 1, N_BINS - 1)
    places = np.where(scores == 0, 0, tens).astype(int)
    return tuple(int(n) for n in np.bincount(places, minlength=N_BINS))


def _at(cutoff: str, scores: FloatArray) -> CutoffScore:
    quantiles = np.quantile(scores, QUANTILES)
    return CutoffScore(
        cutoff,
        int(scores.size),
        *_mean(scores),
        float(np.mean(scores == 0)),
        tuple(round(float(q), 4) for q in quantiles),
    )


def _mean(scores: FloatArray) -> tuple[float, float | None, float | None]:
    """Return the mean with its normal interval; a customer has one row at a cutoff."""
    mean = float(scores.mean())
    if scores.size < MIN_FOR_INTERVAL:
        return round(mean, 4), None, None
    half = _Z * float(scores.std(ddof=1)) / math.sqrt(scores.size)
    return round(mean, 4), round(max(mean - half, 0.0), 4), round(min(mean + half, 100.0), 4)


def _by_segment(
    column: str, values: AnyArray, scores: FloatArray, last: AnyArray
) -> list[SegmentScore]:
    """Return the values of a column, those with the most customers first."""
    rows = []
    for value in sorted(set(values), key=str):
        own = scores[last & (values == value)]
        if own.size == 0:
            rows.append(SegmentScore(column, str(value), 0, None, None, None, None))
            continue
        at_zero = float(np.mean(own == 0))
        rows.append(SegmentScore(column, str(value), int(own.size), *_mean(own), at_zero))
    return sorted(rows, key=lambda row: -row.n_entities)
