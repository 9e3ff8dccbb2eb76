"""Event study: margin before, in and after the period of an event, all behaviours together.

Fixed-effects Poisson on leads, the same period and lags of every behaviour, for gains and for
losses. What precedes an event cannot be its effect, so the leads show how much of the association
comes from something else (pre-trend test). The sums of squares and products of the regressors show
which behaviours move together within customers (`common_factor`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array, LagGroups
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.estimation.lag_model import (
    MIN_AMOUNT_SHARE,
    estimation_sample,
    tenure_dummies,
    winsorise,
)
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods

HORIZONS = (4, 8)
"""Numbers of periods after a behaviour that are compared with as many before it."""


@dataclass(frozen=True)
class EventStudyFit:
    """Coefficients by behaviour and group of leads and lags.

    Attributes
    ----------
    behaviours : tuple of str
    groups : tuple of (first, last)
        Inclusive lags in periods, ascending; leads are negative, and (0, 0) is the same period.
    relative : array (B, G)
        Change of log gains per event.
    relative_influence : array (n, B, G)
    information : array (B · G, B · G)
        Of the gains' fit, see `PoissonFit`.
    coef : array (B, G)
        Change of net margin per period for one more event, in currency.
    influence : array (n, B, G)
    converged : bool
    """

    behaviours: tuple[str, ...]
    groups: LagGroups
    relative: FloatArray
    relative_influence: FloatArray
    information: FloatArray
    coef: FloatArray
    influence: FloatArray
    converged: bool

    @property
    def n_leads(self) -> int:
        """Number of groups of leads."""
        return len(HORIZONS)

    def covariance(self, b: int) -> FloatArray:
        """Return the covariance of a behaviour's net coefficients, shape (G, G)."""
        return self.influence[:, b].T @ self.influence[:, b]


def fit_event_study(
    periods: Periods,
    spans: Spans,
    behaviours: tuple[str, ...],
    *,
    group: Int64Array | None = None,
) -> EventStudyFit:
    """Fit leads, same period and lags of all behaviours together, to gains.

    Parameters
    ----------
    periods : Periods
    spans : Spans
    behaviours : tuple of str
    group : int array (n,), optional
        Entities of a group share period effects.
    """
    design, cells, groups = _design(periods, spans, behaviours)
    shape = (len(behaviours), len(groups))
    size = shape[0] * shape[1]
    gains = fit_poisson(
        winsorise(np.where(cells, periods.gain, 0.0)), design, cells, group, periods.clusters
    )
    level = float(periods.gain[cells].sum()) / max(int(cells.sum()), 1)
    relative = gains.coef[:size].reshape(shape)
    relative_influence = gains.influence[:, :size].reshape(-1, *shape)
    return EventStudyFit(
        behaviours,
        groups,
        relative,
        relative_influence,
        gains.information[:size, :size],
        level * relative,
        level * relative_influence,
        gains.converged,
    )


def net_of_losses(
    fit: EventStudyFit, periods: Periods, spans: Spans, *, group: Int64Array | None = None
) -> EventStudyFit:
    """Return an event study whose net coefficients are those on gains less those on losses."""
    design, cells, _ = _design(periods, spans, fit.behaviours)
    gain_total, loss_total = periods.gain[cells].sum(), periods.loss[cells].sum()
    if loss_total <= MIN_AMOUNT_SHARE * (gain_total + loss_total):
        return fit
    losses = fit_poisson(
        winsorise(np.where(cells, periods.loss, 0.0)), design, cells, group, periods.clusters
    )
    level, size = float(loss_total) / max(int(cells.sum()), 1), fit.coef.size
    return replace(
        fit,
        coef=fit.coef - level * losses.coef[:size].reshape(fit.coef.shape),
        influence=fit.influence - level * losses.influence[:, :size].reshape(fit.influence.shape),
        converged=fit.converged and losses.converged,
    )


def _design(
    periods: Periods, spans: Spans, behaviours: tuple[str, ...]
) -> tuple[Float32Array, BoolArray, LagGroups]:
    """Return leads, same period and lags of all behaviours with controls, cells and groups."""
    columns = [periods.behaviours.index(b) for b in behaviours]
    leads = tuple((-last, -first - 1) for first, last in pairwise((0, *HORIZONS)))
    groups = (*leads[::-1], (0, 0), *spans.lags.groups)
    sums = lagged_sums(periods.counts[..., columns], groups, periods.entry)
    flat = sums.reshape(*sums.shape[:2], -1)
    design = np.concatenate([flat, tenure_dummies(periods)], axis=2)
    return design, estimation_sample(periods, spans.burn_in), groups


@dataclass(frozen=True)
class LeadTest:
    """Comparison of margin after an event with margin before it, over each of `HORIZONS`.

    Attributes
    ----------
    z_difference : float
        z of the mean coefficient after the event less the one before, over the horizon where it is
        largest.
    z_sum : float
        z of the mean coefficient after the event plus the one before, over that horizon.
    ratios : tuple of float
        Mean coefficient before the event as a multiple of the one after it, by horizon.
    before_z : tuple of float
        z of the mean coefficient before the event.
    excess_z : tuple of float
        z of the mean after the event less twice the size of the mean before it, with the sign of
        the former: an equivalence test of the leads.
    """

    z_difference: float
    z_sum: float
    ratios: tuple[float, ...]
    before_z: tuple[float, ...]
    excess_z: tuple[float, ...]

    def exceeds(self, least: float) -> bool:
        """Return whether the excess, in the direction of what follows, reaches a z everywhere."""
        sign = 1.0 if self.z_difference + self.z_sum >= 0 else -1.0
        return all(sign * z >= least for z in self.excess_z)


def lead_test(
    coef: FloatArray, covariance: FloatArray, groups: LagGroups, horizons: tuple[int, ...]
) -> LeadTest:
    """Compare the mean coefficients after and before an event.

    Parameters
    ----------
    coef : array (G,)
    covariance : array (G, G)
    groups : tuple of (first, last)
        Of `coef`; groups of leads end with the horizons.
    horizons : tuple of int
        Numbers of periods on either side.

    Examples
    --------
    >>> groups = ((-4, -1), (0, 0), (1, 4))
    >>> test = lead_test(np.array([1.0, 3.0, 4.0]), np.eye(3), groups, (4,))
    >>> test.ratios, round(test.excess_z[0], 2)
    ((0.25,), 0.89)
    """
    looks = [_look(coef, covariance, groups, horizon) for horizon in horizons]
    largest = max(looks, key=lambda look: abs(look[0]))
    return LeadTest(
        largest[0],
        largest[1],
        tuple(look[2] for look in looks),
        tuple(look[3] for look in looks),
        tuple(look[4] for look in looks),
    )


def _look(
    coef: FloatArray, covariance: FloatArray, groups: LagGroups, horizon: int
) -> tuple[float, float, float, float, float]:
    """Return z of the difference and of the sum, the ratio, z before, and z of the excess."""
    after = _mean_weights(groups, 1, horizon)
    before = _mean_weights(groups, -horizon, -1)

    def z(contrast: FloatArray) -> float:
        error = float(np.sqrt(contrast @ covariance @ contrast))
        return float(contrast @ coef) / error if error > 0 else 0.0

    follows, precedes = float(after @ coef), float(before @ coef)
    ratio = precedes / follows if follows else np.inf
    same_side = 1.0 if follows * precedes >= 0 else -1.0
    excess = z(after - 2.0 * same_side * before)
    return z(after - before), z(after + before), ratio, z(before), excess


def _mean_weights(groups: LagGroups, first: int, last: int) -> FloatArray:
    """Return weights of the mean per period over groups within a range, the nearest if none is."""
    width = np.array([b - a + 1 if first <= a and b <= last else 0.0 for a, b in groups])
    if not width.any():
        side = 1 if first > 0 else -1
        width[min(range(len(groups)), key=lambda g: abs(groups[g][0] - side))] = 1.0
    return np.asarray(width / width.sum())


def lead_tests(fit: EventStudyFit) -> dict[str, LeadTest]:
    """Return the lead test of every behaviour."""
    return {
        b: lead_test(fit.coef[i], fit.covariance(i), fit.groups, HORIZONS)
        for i, b in enumerate(fit.behaviours)
    }
