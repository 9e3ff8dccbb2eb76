"""Within-customer links from points to margin: in the training periods, and in recent ones.

Fixed-effects Poisson regression of gains on points, one coefficient per behaviour (or one for the
score), with customer and period effects: season, growth and what moves a segment at once cannot
change a link. The recent fit keeps the customer effects over as many periods as the training had,
and lets the links differ before the recent window and in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import PoissonFit, fit_poisson
from engagement_ml.drivers.estimation.lag_model import (
    estimation_sample,
    tenure_dummies,
    winsorise,
)
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods
from engagement_ml.metric import EngagementMetric

SHORT_MEMORY = 3
"""A behaviour may act within this fraction of the observation window only."""


@dataclass(frozen=True)
class LinkEstimate:
    """A link in the training periods and in the recent window.

    Attributes
    ----------
    subject : str
        A behaviour, or ``score``.
    trained, recent : float
        Change of the log of expected margin for full points.
    trained_error, difference_error : float
        Standard errors, clustered by customer, of `trained` and of ``recent - trained``.
    converged : bool
        Whether both fits converged.
    """

    subject: str
    trained: float
    recent: float
    trained_error: float
    difference_error: float
    converged: bool


@dataclass(frozen=True)
class LinkWindows:
    """Places of periods: training is ``[first, fitted)``, the recent window ``[recent, end)``."""

    first: int
    fitted: int
    recent: int
    end: int

    @property
    def span(self) -> int:
        """First period of the recent fit: as long as the training, if the record allows it."""
        length = max(self.fitted - self.first, self.end - self.recent)
        return max(self.first, min(self.recent, self.end - length))


@dataclass(frozen=True)
class _Data:
    """What all fits share: gains, cells, controls and groups."""

    gain: FloatArray
    cells: BoolArray
    controls: Float32Array
    group: Int64Array | None
    active: BoolArray
    grace: int

    def fit(self, x: Float32Array, start: int, end: int) -> PoissonFit:
        """Fit periods from `start` to `end`, of customers who have not left.

        Customers who left do nothing and pay nothing, for good: that looks like a link. So a
        customer's cells end some periods after the last activity that is known at `end`.
        """
        active = self.active[:, :end]
        last = np.where(active.any(axis=1), end - 1 - active[:, ::-1].argmax(axis=1), -1)
        here = np.arange(start, end) <= last[:, None] + self.grace
        design = np.concatenate([x, self.controls], axis=2)[:, start:end]
        cells = self.cells[:, start:end] & here
        return fit_poisson(self.gain[:, start:end], design, cells, self.group)


def estimate_links(
    periods: Periods,
    metric: EngagementMetric,
    spans: Spans,
    windows: LinkWindows,
    group: Int64Array | None = None,
) -> list[LinkEstimate]:
    """Estimate the link of each behaviour, given the others, and of the score.

    Parameters
    ----------
    periods : Periods
        The whole history, training included, of all behaviours: any of them shows that a customer
        has not left.
    metric : EngagementMetric
        Not abstained; behaviours without a column in `periods` count as no events.
    spans : Spans
    windows : LinkWindows
    group : int array (n,), optional
        Customers of a group share period effects.
    """
    names = [b.behaviour for b in metric.behaviours]
    present = [name for name in names if name in periods.behaviours]
    counts = periods.counts[..., [periods.behaviours.index(b) for b in present]]
    short = max(1, spans.observation // SHORT_MEMORY)
    sums = lagged_sums(counts, ((0, 0), (1, spans.observation), (1, short)), periods.entry)
    cells = estimation_sample(periods, spans.observation)
    data = _Data(
        gain=winsorise(np.where(cells, periods.gain, 0.0)),
        cells=cells,
        controls=np.concatenate([sums[..., 0], tenure_dummies(periods)], axis=2),
        group=group,
        active=periods.counts.any(axis=2) | (periods.gain > 0) | (periods.loss > 0),
        grace=short,
    )
    transforms = {b.behaviour: b.transform for b in metric.behaviours}
    long_points = np.stack(
        [transforms[b](sums[:, :, i, 1]) for i, b in enumerate(present)], axis=2
    ).astype(np.float32)
    weights = np.array([b.weight / 100 for b in metric.behaviours if b.behaviour in present])
    score = (long_points @ weights.astype(np.float32))[..., None]
    estimates = _compare(data, score, ["score"], windows)
    points = _better_memory(data, long_points, np.log1p(sums[..., 2]), windows)
    return _compare(data, points, present, windows) + estimates


def _better_memory(
    data: _Data, long: Float32Array, short: Float32Array, windows: LinkWindows
) -> Float32Array:
    """Return for each behaviour the memory with the larger z in training, which alone decides."""
    n_behaviours = long.shape[2]
    z = []
    for x in (long, short):
        fit = data.fit(x, windows.first, windows.fitted)
        error = np.sqrt((fit.influence[:, :n_behaviours] ** 2).sum(axis=0))
        z.append(fit.coef[:n_behaviours] / np.where(error > 0, error, np.inf))
    return np.where(z[1] > z[0], short, long)


def _compare(
    data: _Data, x: Float32Array, subjects: list[str], windows: LinkWindows
) -> list[LinkEstimate]:
    k = x.shape[2]
    trained = data.fit(x, windows.first, windows.fitted)
    recent_period = np.arange(x.shape[1]) >= windows.recent
    before = x * ~recent_period[:, None]
    # The links before the recent window are free, so that only the recent ones are compared.
    both = np.concatenate([x * recent_period[:, None], before], axis=2)
    if windows.span == windows.recent:
        both = x
    recent = data.fit(both, windows.span, windows.end)
    difference = recent.influence[:, :k] - trained.influence[:, :k]
    return [
        LinkEstimate(
            subject=subject,
            trained=float(trained.coef[i]),
            recent=float(recent.coef[i]),
            trained_error=float(np.sqrt((trained.influence[:, i] ** 2).sum())),
            difference_error=float(np.sqrt((difference[:, i] ** 2).sum())),
            converged=trained.converged and recent.converged,
        )
        for i, subject in enumerate(subjects)
    ]
