"""Links of an indicator: the rank correlation between customers of points and later margin.

An indicator predicts margin and need not move it, so that this is the link to follow: Spearman's
correlation at every cutoff, averaged over the cutoffs of the training periods and of recent ones.
A season or growth that all customers share does not change ranks.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import rankdata

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.selection.window_rows import WindowRows, window_rows
from engagement_ml.features.period_panel import Periods
from engagement_ml.lifecycle.monitoring.link_estimates import LinkEstimate, LinkWindows
from engagement_ml.metric import EngagementMetric


def estimate_rank_links(
    periods: Periods, metric: EngagementMetric, spans: Spans, windows: LinkWindows
) -> list[LinkEstimate]:
    """Return the rank correlation of each behaviour, and of the score, in training and recently.

    Parameters
    ----------
    periods : Periods
        The whole history, training included.
    metric : EngagementMetric
        Not abstained; behaviours without a column in `periods` count as no events.
    spans : Spans
    windows : LinkWindows

    Returns
    -------
    list of LinkEstimate
        Errors are clustered by customer. ``converged`` is False if there is no cutoff in training.
    """
    rows = window_rows(periods, spans)
    outcome_start = rows.cutoff + spans.gap
    trained = outcome_start + spans.outcome <= windows.fitted
    recent = outcome_start >= windows.recent
    points: dict[str, FloatArray] = {}
    score = np.zeros(len(rows.margin))
    for b in metric.behaviours:
        if b.behaviour in periods.behaviours:
            counts = rows.counts[:, periods.behaviours.index(b.behaviour)]
            points[b.behaviour] = b.transform(counts)
            score += b.weight * points[b.behaviour]
    return _estimates({**points, "score": score}, rows, trained, recent, len(periods.entities))


def _estimates(
    values: Mapping[str, FloatArray],
    rows: WindowRows,
    trained: BoolArray,
    recent: BoolArray,
    n: int,
) -> list[LinkEstimate]:
    estimates = []
    for subject, column in values.items():
        before, before_influence = _mean_correlation(column, rows, trained, n)
        after, after_influence = _mean_correlation(column, rows, recent, n)
        difference = after_influence - before_influence
        estimates.append(
            LinkEstimate(
                subject=subject,
                trained=before,
                recent=after,
                trained_error=float(np.sqrt((before_influence**2).sum())),
                difference_error=float(np.sqrt((difference**2).sum())),
                converged=bool(trained.any() and recent.any()),
            )
        )
    return estimates


def _mean_correlation(
    values: FloatArray, rows: WindowRows, used: BoolArray, n: int
) -> tuple[float, FloatArray]:
    """Return Spearman's correlation, averaged over cutoffs, and each customer's influence (n,)."""
    correlations: list[float] = []
    influence = np.zeros(n)
    for cutoff in np.unique(rows.cutoff[used]):
        at = np.flatnonzero(used & (rows.cutoff == cutoff))
        u, v = _standard_ranks(values[at]), _standard_ranks(rows.margin[at])
        r = float(np.mean(u * v))
        correlations.append(r)
        influence[rows.entity[at]] += (u * v - r * (u**2 + v**2) / 2) / len(at)
    count = max(len(correlations), 1)
    return sum(correlations) / count, influence / count


def _standard_ranks(values: FloatArray) -> FloatArray:
    """Return ranks with mean 0 and standard deviation 1; zeros if all values are the same."""
    ranks = rankdata(values)
    ranks = ranks - ranks.mean()
    std = float(ranks.std())
    return np.asarray(ranks / std if std > 0 else np.zeros(len(ranks)))
