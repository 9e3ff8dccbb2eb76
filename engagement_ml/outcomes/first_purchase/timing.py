"""The timing of events before a first purchase: how long preparation is, and whose timing it is.

Prospects who have decided to buy do several things before the purchase. So behaviours that rise
together in the last days before it are preparation, and the days in which they do are no evidence.
An event that comes when other behaviours, or earlier events of its own kind, already predict a
purchase is part of the same decision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.retention.discrete_hazard import fit_hazard
from engagement_ml.outcomes.first_purchase.effects import FirstPurchaseFit
from engagement_ml.outcomes.first_purchase.limits import Limits
from engagement_ml.outcomes.first_purchase.rows import RiskRows

MAX_SHARE_LEFT = 0.25
"""Share of the largest common rise below which preparation has not begun."""

MIN_RISE = 0.1
"""Common rise, as a log ratio, that is preparation at all."""


@dataclass(frozen=True)
class Rise:
    """How far the chance to buy, as other behaviours predict it, has risen before an event.

    Attributes
    ----------
    value, error : float
        Log hazard ratio of days with the event against all days, and its standard error.
    """

    value: float
    error: float

    @property
    def z(self) -> float:
        """The rise in standard errors."""
        return self.value / self.error if self.error > 0 else 0.0


def preparation_days(rows: RiskRows, limits: Limits) -> int:
    """Return the days before a purchase that are preparation.

    Buyers are compared with prospects who did not buy, weighted by their odds to buy given what is
    known before all lags. The common rise is the median over behaviours. It counts beyond that of
    the last lags, which interest that comes and goes slowly shows as well. If it is not gone within
    the longest preparation, it is interest and no preparation: `effects.without_common_state`
    allows for it.

    Parameters
    ----------
    rows : RiskRows
        With the lags of the longest preparation.

    limits : Limits
    """
    x = np.concatenate([rows.levels, rows.controls], axis=1)
    probability = fit_hazard(rows.event, x, rows.entity, rows.n_entities).probability
    stays = np.where(rows.event, 0.0, probability / np.maximum(1.0 - probability, 1e-9))
    buying = rows.counts[rows.event].mean(axis=0, dtype=np.float64)
    staying = np.einsum("n,nbg->bg", stays, rows.counts) / max(float(stays.sum()), 1e-300)
    both = (buying > 0) & (staying > 0)
    rise = np.where(both, np.log(np.where(both, buying / np.maximum(staying, 1e-300), 1.0)), 0.0)
    common = np.median(rise, axis=0)
    excess = common - common[-1]
    largest = float(excess.max())
    if largest < MIN_RISE:
        return limits.preparation_days[0]
    for g, days in enumerate(limits.preparation_days):
        # the group after this preparation
        if excess[g + 2] <= MAX_SHARE_LEFT * largest:
            return days
    return limits.preparation_days[0]


def rises_before(fit: FirstPurchaseFit, n_behaviours: int) -> list[tuple[Rise, Rise]]:
    """Return the rises of the chance to buy before events of each behaviour.

    The chance is that which recent events predict, at all lags, beyond the controls: in the first
    value those of the other behaviours, in the second those of all. A behaviour that comes in
    bursts, as preparation does, rises before itself.

    Parameters
    ----------
    fit : FirstPurchaseFit
        With all lags of all behaviours.
    n_behaviours : int
    """
    rows, of_term = fit.rows, np.array(fit.terms.behaviour)
    quiet = ~rows.event
    terms = fit.x[quiet, : of_term.size].astype(np.float64)
    by_behaviour = np.stack(
        [
            terms[:, of_term == b] @ fit.fit.coef[: of_term.size][of_term == b]
            for b in range(n_behaviours)
        ],
        axis=1,
    )
    controls = fit.x[quiet, of_term.size :].astype(np.float64)
    x = np.concatenate([controls, np.ones((len(controls), 1))], axis=1)
    residual = by_behaviour - x @ (np.linalg.pinv(x.T @ x) @ (x.T @ by_behaviour))
    whole, events = residual.sum(axis=1), rows.same_day[quiet]
    return [
        (
            _rise(whole - residual[:, b], events[:, b], rows.entity[quiet], rows.n_entities),
            _rise(whole, events[:, b], rows.entity[quiet], rows.n_entities),
        )
        for b in range(n_behaviours)
    ]


def _rise(
    predicted: FloatArray, n_events: Float32Array, entity: Int64Array, n_entities: int
) -> Rise:
    """Return the mean over events, with its standard error clustered by prospect."""
    events = n_events.astype(np.float64)
    total = float(events.sum())
    if total <= 0:
        return Rise(0.0, np.inf)
    value = float(events @ predicted) / total
    by_entity = np.bincount(entity, events * (predicted - value), minlength=n_entities)
    return Rise(value, float(np.linalg.norm(by_entity)) / total)
