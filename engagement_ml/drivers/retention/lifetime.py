"""Hazard ratio of one event, and its worth over the expected remaining lifetime.

An event changes the hazard of churn l periods later by the share −r_l. With a hazard p that lasts,
it is met with probability ``(1 − p)^(l−1)``, and prevents churn in that period with probability
``p r_l``. A customer who is kept stays for ``(1 − (1 − p)^(H−l+1)) / p`` more periods within a
horizon of H periods. So the expected lifetime changes by

``Σ_l r_l (1 − p)^(l−1) (1 − (1 − p)^(H−l+1))`` periods,

averaged over the hazards of entities at risk. Without a horizon, a hazard that is lower by a share
r in one period brings r periods, whatever the hazard: entities with a high hazard are kept more
often, and for a shorter time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import FloatArray, LagGroups
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.window_effect import (
    WindowEffect,
    add_model_uncertainty,
    estimate_window_effect,
)


@dataclass(frozen=True)
class RetentionEffect:
    """A behaviour's effect on churn, beside its effect within the outcome window.

    Attributes
    ----------
    hazard_ratio, hazard_ratio_low, hazard_ratio_high : float
        Hazard of churn in a period for one more event in the observation window before it, relative
        to the hazard without it, with its 95% interval. A notice period lies between the two.
    lifetime, lifetime_low, lifetime_high : float
        Margin that one more event brings over the expected remaining lifetime up to the horizon, in
        currency, undiscounted and before `cost_per_event`, with its 95% interval.
    """

    hazard_ratio: float
    hazard_ratio_low: float
    hazard_ratio_high: float
    lifetime: float
    lifetime_low: float
    lifetime_high: float


def lifetime_weights(hazard: FloatArray, groups: LagGroups, horizon: int) -> FloatArray:
    """Return periods of lifetime per unit of relative hazard reduction at each lag group, (G,).

    Parameters
    ----------
    hazard : array (N,)
        Hazards per period over which the weights are averaged.
    groups : tuple of (first, last)
        Inclusive lags in periods, from 1.
    horizon : int
        Periods after the event over which lifetime counts.

    Examples
    --------
    >>> lifetime_weights(np.array([0.1]), ((1, 1), (2, 3)), 10_000).round(2).tolist()
    [1.0, 1.71]
    """
    values, frequency = _binned(hazard)
    stay = 1.0 - values
    weights = []
    for first, last in groups:
        lags = np.arange(first, min(last, horizon) + 1)[:, None]
        periods = stay ** (lags - 1) * (1.0 - stay ** (horizon - lags + 1))
        weights.append(float((periods @ frequency).sum()))
    return np.array(weights)


def ratio_weights(groups: LagGroups) -> FloatArray:
    """Return the weight of each lag group in the mean over all lags, (G,)."""
    width = np.array([last - first + 1 for first, last in groups], dtype=np.float64)
    return np.asarray(width / width.sum())


def retention_effects(
    effects: LagEffects,
    hazard: FloatArray,
    margin: float,
    *,
    horizon: int,
    form_error: float = 0.0,
    seed: int = 0,
) -> dict[str, RetentionEffect]:
    """Return each behaviour's hazard ratio and worth over the lifetime.

    Parameters
    ----------
    effects : LagEffects
        In shares of the hazard, as in `ChurnFit`.
    hazard : array (N,)
        Fitted hazards of the cells at risk.
    margin : float
        Margin of a period, in currency.
    horizon : int
        In periods.
    form_error : float
        Relative error of the functional form, added to the intervals.
    seed : int, default 0

    Returns
    -------
    dict of behaviour to RetentionEffect
        Without behaviours whose effect is not identified.
    """
    groups = effects.lags.groups
    by_lifetime = margin * lifetime_weights(hazard, groups, horizon)
    found = {}
    for i, b in enumerate(effects.behaviours):
        share = _weighted(effects, i, ratio_weights(groups), form_error, (seed, 9, i))
        worth = _weighted(effects, i, by_lifetime, form_error, (seed, 9, i))
        if np.isfinite(share.high - share.low):
            found[b] = RetentionEffect(
                hazard_ratio=1.0 - share.effect,
                hazard_ratio_low=max(1.0 - share.high, 0.0),
                hazard_ratio_high=1.0 - share.low,
                lifetime=worth.effect,
                lifetime_low=worth.low,
                lifetime_high=worth.high,
            )
    return found


def _weighted(
    effects: LagEffects, b: int, weights: FloatArray, form_error: float, seed: tuple[int, ...]
) -> WindowEffect:
    """Return behaviour b's profile cumulated with other weights."""
    weighted = replace(effects, lags=Lags(effects.lags.groups, weights))
    estimate = estimate_window_effect(weighted, b, seed=seed[0])
    return add_model_uncertainty(estimate, form_error, 0.0, seed)


def _binned(hazard: FloatArray, n_bins: int = 200) -> tuple[FloatArray, FloatArray]:
    """Return means and shares of bins of equally many hazards."""
    parts = np.array_split(np.sort(hazard), min(n_bins, max(hazard.size, 1)))
    values = np.array([part.mean() for part in parts])
    sizes = np.array([part.size for part in parts], dtype=np.float64)
    return np.clip(values, 1e-12, 1.0), sizes / sizes.sum()
