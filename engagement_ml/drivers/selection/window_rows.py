"""Window counts and margins at regular cutoffs, from the period panel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import FloatArray, Int64Array
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods


@dataclass(frozen=True)
class WindowRows:
    """One row per customer and cutoff, for customers present at the cutoff.

    Attributes
    ----------
    entity : array (R,)
        Index of the customer in the periods.
    cutoff : array (R,)
        The period that the cutoff starts.
    counts : array (R, B)
        Events in the observation window.
    margin : array (R,)
        Margin of the outcome window.
    past_margin : array (R,)
        Margin of the observation window.
    clusters : array (n,) or None
        Cluster of each customer of the periods, by its index.
    """

    entity: Int64Array
    cutoff: Int64Array
    counts: FloatArray
    margin: FloatArray
    past_margin: FloatArray
    clusters: Int64Array | None = None

    @property
    def unit(self) -> Int64Array:
        """What halves are drawn of: the number of each row's customer or cluster, shape (R,)."""
        units = self.entity if self.clusters is None else self.clusters[self.entity]
        return np.asarray(np.unique(units, return_inverse=True)[1], dtype=np.int64)


def window_rows(periods: Periods, spans: Spans, *, with_outcome: bool = True) -> WindowRows:
    """Sum counts and margins at every cutoff with a whole observation and outcome window.

    Cutoffs are a third of the observation window apart.

    Parameters
    ----------
    periods : Periods
    spans : Spans
    with_outcome : bool, default True
        False includes cutoffs up to the end of the periods; margin is then 0.
    """
    n_periods = periods.gain.shape[1]
    step = max(1, spans.observation // 3)
    ahead = spans.gap + spans.outcome if with_outcome else 0
    first = max(spans.observation, periods.paid_from - spans.gap) if ahead else spans.observation
    cutoffs = np.arange(n_periods - ahead, first - 1, -step)[::-1]
    counts = _cumulated(periods.counts)
    margin = _cumulated((periods.gain - periods.loss)[..., None])
    parts = []
    for c in cutoffs:
        present = np.nonzero((periods.entry < c) & (periods.exit > min(c, n_periods - 1)))[0]
        start, stop = (c + spans.gap, c + ahead) if with_outcome else (c, c)
        parts.append(
            (
                present,
                np.full(present.size, c),
                counts[present, c] - counts[present, c - spans.observation],
                (margin[present, stop] - margin[present, start])[:, 0],
                (margin[present, c] - margin[present, c - spans.observation])[:, 0],
            )
        )
    if not parts:
        width = periods.counts.shape[2]
        no_index, no_amount = np.zeros(0, dtype=np.int64), np.zeros(0)
        return WindowRows(
            no_index, no_index, np.zeros((0, width)), no_amount, no_amount, periods.clusters
        )
    entity, cutoff, each, paid, past = (np.concatenate(c) for c in zip(*parts, strict=True))
    return WindowRows(entity, cutoff, each, paid, past, periods.clusters)


def _cumulated(values: npt.NDArray[np.floating]) -> FloatArray:
    n, n_periods, width = values.shape
    total = np.zeros((n, n_periods + 1, width))
    np.cumsum(values, axis=1, out=total[:, 1:], dtype=np.float64)
    return total
