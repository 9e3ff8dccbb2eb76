"""What one more event does to margin by keeping the entity: the hazard of a churn event.

Churn happens once, so an entity's own change cannot be told from its end. Instead events of the
same entity are compared by their age: what is stable about an entity (how much it likes the brand)
shows alike in events of any age, so its share in each coefficient is that of the oldest events;
what an event does fades. The effect is the coefficient of recent events less that of the oldest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engagement_ml.drivers.design import Lags, lagged_sums
from engagement_ml.drivers.effects import LagEffects, tenure_steps, usable_cells
from engagement_ml.drivers.windowed import Spans
from engagement_ml.features.periods import Periods

Floats = npt.NDArray[np.float64]

_ITERATIONS = 25
_RIDGE = 1e-6


def survival_lags(spans: Spans) -> Lags:
    """Weigh each lag by the margin at stake: the periods of the outcome window still to come.

    An event s periods before the cutoff changes the hazard in outcome period u, at lag
    s + gap + u, and with it the margin of the Q − u − 1/2 periods left. The oldest group of lags is
    what the others are compared with, and has no weight.
    """
    lags = spans.lags
    stake = np.zeros(lags.longest + 1)
    left = spans.outcome - np.arange(spans.outcome) - 0.5
    for s in range(1, spans.observation + 1):
        start = s + spans.gap
        stake[start : start + spans.outcome] += left / spans.observation
    weights = np.array([stake[a : b + 1].sum() for a, b in lags.groups[:-1]])
    return Lags(lags.groups[:-1], weights)


def left_in(periods: Periods) -> npt.NDArray[np.bool_]:
    """Mark the period in which each entity that churned did so, shape (n, T)."""
    n_periods = periods.gain.shape[1]
    t = np.arange(n_periods)[None, :]
    last = (t == periods.exit[:, None] - 1) & (periods.exit < n_periods)[:, None]
    return np.asarray(last, dtype=np.bool_)


def estimate_survival_effects(
    periods: Periods, behaviours: tuple[str, ...], spans: Spans
) -> LagEffects:
    """Fit the hazard of churning on lagged counts and put it in currency.

    A pooled Poisson regression of churning in a period, among those still there, with effects of
    the period and of tenure (Holford 1980); a coefficient b at lag l is worth ``−b`` times the mean
    hazard times the mean margin per period.

    Parameters
    ----------
    periods : Periods
    behaviours : tuple of str
    spans : Spans

    Returns
    -------
    LagEffects
        On the lags of `survival_lags`.
    """
    lags = survival_lags(spans)
    columns = [periods.behaviours.index(b) for b in behaviours]
    sums = lagged_sums(periods.counts[..., columns], spans.lags.groups, periods.entry)
    n, n_periods, n_behaviours, n_groups = sums.shape
    x = sums.reshape(n, n_periods, -1)
    cells = usable_cells(periods, spans.observation)
    churned = left_in(periods) & cells
    steps = np.concatenate([x, tenure_steps(periods)], axis=2)
    coef, influence = _pooled_poisson(churned, steps, cells)
    size = n_behaviours * n_groups
    shape = (n_behaviours, n_groups)
    coef, influence = coef[:size].reshape(shape), influence[:, :size].reshape(n, *shape)
    hazard = churned.sum() / max(int(cells.sum()), 1)
    margin = float((periods.gain - periods.loss)[cells].sum()) / max(int(cells.sum()), 1)
    level = -hazard * margin
    return LagEffects(
        behaviours,
        lags,
        level * (coef[:, :-1] - coef[:, -1:]),
        level * (influence[..., :-1] - influence[..., -1:]),
        np.zeros(n_behaviours),
    )


def _pooled_poisson(
    event: npt.NDArray[np.bool_], x: npt.NDArray[np.float32], cells: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Fit with period effects; return coefficients and each entity's influence on them."""
    happens = np.asarray(event.any(axis=0))
    cells = np.asarray(cells & happens, dtype=np.bool_)
    entity, period = np.nonzero(cells)
    y = event[cells].astype(np.float64)
    dummies = np.eye(cells.shape[1], dtype=np.float64)[:, happens][period]
    raw = x[cells].astype(np.float64)
    spread = raw.std(axis=0) if raw.size else np.ones(x.shape[2])
    spread = np.where(spread > 0, spread, 1.0)
    design = np.concatenate([(raw - raw.mean(axis=0)) / spread, dummies], axis=1)
    width = x.shape[2]
    beta = np.zeros(design.shape[1])
    beta[width:] = np.log(max(float(y.mean()), 1e-12)) if y.size else 0.0
    hessian = np.eye(design.shape[1])
    mean = np.zeros_like(y)
    for _ in range(_ITERATIONS):
        mean = np.exp(np.clip(design @ beta, -30.0, 5.0))
        hessian = (design * mean[:, None]).T @ design
        hessian[np.diag_indices_from(hessian)] += _RIDGE * max(float(y.sum()), 1.0)
        step = np.linalg.solve(hessian, design.T @ (y - mean))
        beta = beta + step * min(1.0, 3.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-5:
            break
    rows = (design * (y - mean)[:, None]) @ np.linalg.inv(hessian)[:, :width]
    influence = np.zeros((x.shape[0], width))
    np.add.at(influence, entity, rows / spread)
    return beta[:width] / spread, influence
