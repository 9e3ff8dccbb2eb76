"""Reverse causality: fixed-effects Poisson regression of each behaviour on past purchases.

Some behaviours follow purchases, such as tracking an order; others are triggered by their absence,
such as a message to lapsed customers. Both are correlated with margin within a customer, and as
regressors they take credit from the cause of the purchase. The regression reverses the question: do
an entity's purchases predict the behaviour after them, given the behaviour's own past and the
season (Granger causality from purchases to the behaviour)?
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array, LagGroups
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.estimation.lag_model import estimation_sample, winsorise
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.features.period_panel import Periods

PURCHASE_LAGS = ((1, 1), (2, 3), (4, 7), (8, 12))
"""Groups of periods since a purchase at which a behaviour may respond to it."""

OWN_LAGS = ((1, 1), (2, 4), (5, 12))
"""Groups of lags of the behaviour's own past, held constant."""


@dataclass(frozen=True)
class PurchaseResponse:
    """Response of a behaviour to its own entity's past purchases.

    Attributes
    ----------
    behaviour : str
    strength : float
        Change of the behaviour's log rate for one within-entity standard deviation more purchases,
        at the group of lags with the largest |z|.
    z : float
        Its z, with errors clustered by entity.
    lag : (int, int)
        That group of lags, in periods.
    same_period : float
        The change of the log rate for purchases in the same period.
    increase_z : float
        The largest z of an increase, over the groups of lags.
    converged : bool
        Whether the regression converged; if not, the response is unknown.
    certain : bool
        Whether margin shows that the behaviour follows purchases at once, whatever the size.
    """

    behaviour: str
    strength: float
    z: float
    lag: tuple[int, int]
    same_period: float
    thresholds: Thresholds = THRESHOLDS
    increase_z: float = 0.0
    converged: bool = True
    certain: bool = False

    @property
    def follows(self) -> bool:
        """Whether the behaviour certainly increases after purchases, by however little.

        So does a behaviour that a hidden cause moves together with purchases. An increase after a
        clearer decrease makes up for it: customers who need less of it after a purchase.
        """
        return self.increase_z >= self.thresholds.follows_z and self.z > 0

    @property
    def responds(self) -> bool:
        """Whether the response is both significant and large enough to matter.

        The limit is stricter for a decrease: a behaviour that moves purchases shows a weak negative
        response, because its past is in the purchases and entity effects turn that against its
        present (Nickell bias).
        """
        limits = self.thresholds
        if self.certain:
            return True
        increases = self.strength >= limits.follows_increase
        decreases = self.strength <= limits.follows_decrease
        return (increases or decreases) and abs(self.z) >= limits.follows_z


def estimate_purchase_responses(
    periods: Periods,
    behaviours: tuple[str, ...],
    *,
    burn_in: int,
    group: Int64Array | None = None,
    thresholds: Thresholds = THRESHOLDS,
) -> dict[str, PurchaseResponse]:
    """Regress each behaviour on its entity's past purchases and its own past.

    Poisson with entity and period effects, as for margin.

    Parameters
    ----------
    periods : Periods
    behaviours : tuple of str
    burn_in : int
        First periods of the record, used as past only.
    group : int array (n,), optional
        Entities of a group share period effects.
    thresholds : Thresholds
        Limits from which a response counts.

    Returns
    -------
    dict of behaviour to PurchaseResponse
    """
    cells = estimation_sample(periods, burn_in)
    groups = ((0, 0), *PURCHASE_LAGS)
    purchases = lagged_purchases(periods, groups, in_logs=True)
    std = within_std(purchases, cells)
    responses = {}
    for behaviour in behaviours:
        counts = periods.counts[..., [periods.behaviours.index(behaviour)]]
        own_past = lagged_sums(counts, OWN_LAGS, periods.entry)[:, :, 0, :]
        y = winsorise(counts[..., 0].astype(np.float64))
        design = np.concatenate([purchases, own_past], axis=2)
        fit = fit_poisson(y, design, cells, group, periods.clusters)
        strength = fit.coef[: len(groups)] * std
        error = np.sqrt(np.diag(fit.covariance)[: len(groups)]) * std
        z = np.divide(strength, error, out=np.zeros_like(strength), where=error > 0)
        strongest = 1 + int(np.abs(z[1:]).argmax())  # the same period is no evidence
        responses[behaviour] = PurchaseResponse(
            behaviour,
            float(strength[strongest]),
            float(z[strongest]),
            groups[strongest],
            float(strength[0]),
            thresholds,
            increase_z=float(z[1:].max()),
            converged=fit.converged,
        )
    return responses


def lagged_purchases(periods: Periods, groups: LagGroups, *, in_logs: bool = False) -> Float32Array:
    """Sum orders over each group of lags, or the logs of 1 + orders per period, shape (n, T, G).

    Logs measure a response: in plain numbers a few entities with many orders would decide its size,
    as one more order on top of a hundred changes what they do by a hundredth. In periods before
    transactions are on record, the entity's mean is imputed, which entity effects absorb.
    """
    orders = winsorise(periods.orders.astype(np.float64))
    orders = np.log1p(orders) if in_logs else orders
    first = periods.paid_from
    if first:
        n_periods = np.clip(periods.exit - np.maximum(periods.entry, first), 1, None)
        orders[:, :first] = (orders[:, first:].sum(axis=1) / n_periods)[:, None]
    return lagged_sums(orders[..., None], groups, periods.entry)[:, :, 0, :]


def within_std(x: Float32Array, cells: BoolArray) -> FloatArray:
    """Return each regressor's standard deviation around its entity's mean, shape (P,).

    Parameters
    ----------
    x : float32 array (n, T, P)
    cells : bool array (n, T)
        Cells to use.
    """
    weight = cells[..., None]
    n_cells = np.maximum(cells.sum(axis=1), 1)[:, None]
    mean = (x * weight).sum(axis=1) / n_cells
    square = ((x - mean[:, None, :]) ** 2 * weight).sum(axis=(0, 1))
    return np.asarray(np.sqrt(square / max(int(cells.sum()), 1)), dtype=np.float64)
