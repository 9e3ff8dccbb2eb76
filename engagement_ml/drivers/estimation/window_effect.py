"""What one event of a behaviour does to the outcome window, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.decay_profiles import DecayProfile
from engagement_ml.drivers.estimation.lag_effects import LagEffects

NORMAL_95 = 1.959964
"""Standard errors on either side of a 95% interval."""

_N_DRAWS = 400
_BLOCK = 4096  # of entities


@dataclass(frozen=True)
class WindowEffect:
    """The effect of one event on the outcome window, in currency, before the cost of serving it.

    Attributes
    ----------
    effect, low, high : float
        With a 95% interval.
    z : float
        Evidence against no effect: the largest of the max_z effects over `TIME_CONSTANTS`, signed.
    profile : array (G,)
        Effect per period by group of lags, fading.
    draws : array (D,)
        Draws of the effect that the interval is taken from.
    """

    effect: float
    low: float
    high: float
    z: float
    profile: FloatArray
    draws: FloatArray


def estimate_window_effect(effects: LagEffects, b: int, *, seed: int = 0) -> WindowEffect:
    """Sum a profile up to the effect of one event on the outcome window.

    The interval is normal around the effect, with the standard deviation of the effects that draws
    around the profile as estimated lead to; draws of the behaviours of one fit belong together.

    Parameters
    ----------
    effects : LagEffects
        Without leads.
    b : int
        The behaviour's place.
    seed : int
    """
    coef, influence = effects.gain_and_loss_profiles(b)
    fading = DecayProfile.from_covariance(influence.T @ influence, effects.lags)
    if fading is None:
        nothing = np.zeros(len(effects.lags.groups))
        return WindowEffect(0.0, -np.inf, np.inf, 0.0, nothing, np.zeros(_N_DRAWS))
    profile = fading.project(coef)
    effect = float(effects.lags.weights @ profile)
    noise = _joint_noise(influence, _averaging(effects, b), seed)
    moved = np.array([fading.effect(coef + e) for e in noise[:, :-1]])
    moved += noise[:, -1] - moved.mean()
    reach = NORMAL_95 * float(moved.std())
    return WindowEffect(
        effect=effect,
        low=effect - reach,
        high=effect + reach,
        z=fading.max_z(coef),
        profile=profile,
        draws=effect + moved,
    )


def add_model_uncertainty(
    found: WindowEffect, own: float, common: float, seed: Sequence[int]
) -> WindowEffect:
    """Return an effect whose interval allows for errors of so much of its size besides.

    Parameters
    ----------
    found : WindowEffect
    own : float
        Standard deviation of an error of this effect alone, as a share of it. Draws get it too.
    common : float
        The same of an error of all effects alike, which is none of their shares and so of no draw.
    seed : sequence of int
        Of this behaviour's draws.
    """
    reach = np.hypot(found.high - found.effect, NORMAL_95 * np.hypot(own, common) * found.effect)
    errors = own * np.random.default_rng(seed).standard_normal(len(found.draws))
    return replace(
        found,
        low=float(found.effect - reach),
        high=float(found.effect + reach),
        draws=found.draws + found.effect * errors,
    )


def _averaging(effects: LagEffects, b: int) -> FloatArray:
    """Each entity's share in the error of behaviour b's effect that averaging makes, shape (n,)."""
    if effects.sampling_influence is None:
        return np.zeros(effects.influence.shape[0])
    return np.asarray(effects.sampling_influence[:, b] @ effects.lags.weights)


def _joint_noise(influence: FloatArray, averaging: FloatArray, seed: int) -> FloatArray:
    """Draw errors of a profile's parts and, last, of the average over entities, (D, P · G + 1).

    Entities' influences times standard normal numbers that depend on draw and entity alone, so
    that the draws of several behaviours belong together.
    """
    own = np.concatenate([influence, averaging[:, None]], axis=1)
    rng = np.random.default_rng([seed, 5])
    noise = np.zeros((_N_DRAWS, own.shape[1]))
    for start in range(0, own.shape[0], _BLOCK):
        block = own[start : start + _BLOCK]
        noise += rng.standard_normal((_N_DRAWS, block.shape[0])) @ block
    return noise
