"""Which behaviours answer to past purchases, and so must not be credited with them.

What follows a purchase (tracking an order) and what the company sends to those who stopped buying
both go with margin within a customer; as regressors they also take away from what caused the
purchase. They are found by turning the question round: do an entity's own purchases foretell the
behaviour after them, beyond what the behaviour's own past and the season foretell?
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.estimation.lag_model import estimation_sample, winsorise
from engagement_ml.features.period_panel import Periods

PURCHASE_LAGS = ((1, 1), (2, 3), (4, 7), (8, 12))
"""Groups of periods since a purchase, in which a behaviour may answer to it."""

MIN_INCREASE, MIN_DECREASE = 0.08, -0.2
"""Changes of a behaviour's log rate for one within-entity standard deviation more purchases that
count as an answer. A behaviour that itself moves purchases shows a weak negative one of its own:
its past is in them, and entity effects turn that against its present."""

_OWN_LAGS = ((1, 1), (2, 4), (5, 12))
_LEAST_Z = 4.0


@dataclass(frozen=True)
class PurchaseResponse:
    """How a behaviour answers to its own entity's past purchases.

    Attributes
    ----------
    behaviour : str
    strength : float
        Change of the behaviour's log rate for one within-entity standard deviation more purchases,
        at the group of lags where it is most significant.
    z : float
        Its z, clustered by entity.
    lag : (int, int)
        That group of lags, in periods.
    same_period : float
        The same for purchases in the same period.
    """

    behaviour: str
    strength: float
    z: float
    lag: tuple[int, int]
    same_period: float

    @property
    def responds(self) -> bool:
        """Whether the answer is both significant and large enough to matter."""
        material = self.strength >= MIN_INCREASE or self.strength <= MIN_DECREASE
        return material and abs(self.z) >= _LEAST_Z


def estimate_purchase_responses(
    periods: Periods,
    behaviours: tuple[str, ...],
    *,
    burn_in: int,
    group: Int64Array | None = None,
) -> dict[str, PurchaseResponse]:
    """Regress each behaviour on its entity's past purchases and its own past.

    Poisson with entity and period effects, as for margin.

    Parameters
    ----------
    periods : Periods
    behaviours : tuple of str
    burn_in : int
    group : int array (n,), optional
        Entities of a group share period effects.

    Returns
    -------
    dict of behaviour to PurchaseResponse
    """
    cells = estimation_sample(periods, burn_in)
    groups = ((0, 0), *PURCHASE_LAGS)
    past = lagged_purchases(periods, groups)
    spread = within_std(past, cells)
    found = {}
    for behaviour in behaviours:
        counts = periods.counts[..., [periods.behaviours.index(behaviour)]]
        own = lagged_sums(counts, _OWN_LAGS, periods.entry)[:, :, 0, :]
        y = winsorise(counts[..., 0].astype(np.float64))
        fit = fit_poisson(y, np.concatenate([past, own], axis=2), cells, group)
        strength = fit.coef[: len(groups)] * spread
        error = np.sqrt(np.diag(fit.covariance)[: len(groups)]) * spread
        z = np.divide(strength, error, out=np.zeros_like(strength), where=error > 0)
        k = 1 + int(np.abs(z[1:]).argmax())
        found[behaviour] = PurchaseResponse(
            behaviour, float(strength[k]), float(z[k]), groups[k], float(strength[0])
        )
    return found


def lagged_purchases(periods: Periods, groups: tuple[tuple[int, int], ...]) -> Float32Array:
    """Sum orders over each group of lags, shape (n, T, G).

    Of periods before transactions are known, an entity's usual number stands in: it says nothing
    within the entity.
    """
    orders = winsorise(periods.orders.astype(np.float64))
    known = periods.paid_from
    if known:
        there = np.clip(periods.exit - np.maximum(periods.entry, known), 1, None)
        orders[:, :known] = (orders[:, known:].sum(axis=1) / there)[:, None]
    return lagged_sums(orders[..., None], groups, periods.entry)[:, :, 0, :]


def within_std(x: Float32Array, cells: BoolArray) -> FloatArray:
    """Return each regressor's standard deviation around its entity's own mean, shape (P,)."""
    weight = cells[..., None]
    n = np.maximum(cells.sum(axis=1), 1)[:, None]
    mean = (x * weight).sum(axis=1) / n
    square = ((x - mean[:, None, :]) ** 2 * weight).sum(axis=(0, 1))
    return np.asarray(np.sqrt(square / max(int(cells.sum()), 1)), dtype=np.float64)
