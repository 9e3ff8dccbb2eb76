"""Sample splitting without a refit: effects on part of the customers, from influence functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray
from engagement_ml.drivers.estimation.decay_profiles import DecayProfile
from engagement_ml.drivers.estimation.lag_effects import LagEffects


@dataclass(frozen=True)
class Half:
    """A behaviour's effect on part of the customers.

    Attributes
    ----------
    effect : float
        Of one event on the outcome window, in currency.
    z : float
    """

    effect: float
    z: float


def first_half(n: int, seed: int) -> BoolArray:
    """Return a random half of n customers, shape (n,)."""
    return np.asarray(np.random.default_rng([seed, 1]).permutation(n) < n // 2)


def estimate_on(effects: LagEffects, b: int, part: BoolArray) -> Half:
    """Estimate behaviour b's effect on part of the customers, without a refit.

    To first order, the coefficients of a part are those of all, plus the part's influence divided
    by its share, minus the influence of all. The effect is 0 if the part does not identify a lag.

    Parameters
    ----------
    effects : LagEffects
    b : int
    part : bool array (n,)
    """
    coef, influence = effects.gain_and_loss_profiles(b)
    of_part = influence[part]
    share = max(float(part.mean()), 1e-9)
    fading = DecayProfile.from_covariance(of_part.T @ of_part / share**2, effects.lags)
    if fading is None:
        return Half(0.0, 0.0)
    moved = coef + of_part.sum(axis=0) / share - influence.sum(axis=0)
    return Half(fading.effect(moved), fading.max_z(moved))
