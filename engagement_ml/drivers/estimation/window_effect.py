"""Window effect: the cumulative effect of one event on the outcome window, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.decay_profiles import DecayProfile
from engagement_ml.drivers.estimation.lag_effects import LagEffects

NORMAL_95 = 1.959964
"""Standard errors on either side of a 95% interval of a normal distribution."""

N_DRAWS = 400
"""Number of simulation draws behind an interval."""

DRAWS_STREAM = 5
"""Random stream of the draws, next to the configured seed."""

PROFILE_STREAM = 6
"""Random stream of the profiles that draws take."""

BLOCK_ENTITIES = 4096
"""Number of entities whose random numbers are held at once."""


@dataclass(frozen=True)
class WindowEffect:
    """Cumulative effect of one event on the outcome window, in currency.

    The cost of serving the event is not subtracted.

    Attributes
    ----------
    effect, low, high : float
        Estimate and bounds of its 95% interval.
    z : float
        Test statistic against no effect: `DecayProfile.max_z`.
    profile : array (G,)
        Effect per period by group of lags, projected on decaying profiles.
    draws : array (D,)
        Simulation draws of the effect, from which the interval is computed.
    misfit : float
        Share of the lag profile's evidence that no profile of the family explains; 0 if the misfit
        is within what chance explains.
    """

    effect: float
    low: float
    high: float
    z: float
    profile: FloatArray
    draws: FloatArray
    misfit: float = 0.0


def estimate_window_effect(effects: LagEffects, b: int, *, seed: int = 0) -> WindowEffect:
    """Cumulate the lag profile of a behaviour into the effect of one event on the outcome window.

    The interval is the estimate ± 1.96 standard deviations of draws from the posterior: a profile
    of the family with its probability, and its size plus a normal error (Krinsky and Robb 1986).
    Draws of the behaviours of one fit share the random numbers of their errors, so that their joint
    distribution is right.

    Parameters
    ----------
    effects : LagEffects
        Without leads.
    b : int
        Position of the behaviour.
    seed : int

    Returns
    -------
    WindowEffect
        Effect 0 with an infinite interval if some lag is not identified.
    """
    coef, influence = effects.gain_and_loss_profiles(b)
    decay = DecayProfile.from_covariance(influence.T @ influence, effects.lags)
    if decay is None:
        profile = np.zeros(len(effects.lags.groups))
        return WindowEffect(0.0, -np.inf, np.inf, 0.0, profile, np.zeros(N_DRAWS))
    profile = decay.project(coef)
    effect = float(effects.lags.weights @ profile)
    errors = _joint_errors(influence, _sampling_influence(effects, b), seed)
    rng = np.random.default_rng([seed, PROFILE_STREAM, b])
    deviations = decay.draws(coef, errors[:, :-1], rng) - effect + errors[:, -1]
    half_width = NORMAL_95 * float(np.sqrt(np.mean(deviations**2)))
    return WindowEffect(
        effect=effect,
        low=effect - half_width,
        high=effect + half_width,
        z=decay.max_z(coef),
        profile=profile,
        draws=effect + deviations,
        misfit=decay.misfit(coef),
    )


def correct_for_bias(estimate: WindowEffect, z: float, share: float, error: float) -> WindowEffect:
    """Take a bias off an effect, and add the uncertainty of that to its interval.

    Parameters
    ----------
    estimate : WindowEffect
    z : float
        z after the correction.
    share : float
        The bias as a share of the effect.
    error : float
        Standard error of the bias, as a share of it.
    """
    bias = share * estimate.effect
    effect = estimate.effect - bias
    half_width = float(np.hypot((estimate.high - estimate.low) / 2, NORMAL_95 * error * abs(bias)))
    return replace(
        estimate,
        effect=effect,
        low=effect - half_width,
        high=effect + half_width,
        z=z,
        profile=estimate.profile * (1.0 - share),
        draws=estimate.draws - bias,
    )


def add_model_uncertainty(
    estimate: WindowEffect, own_share: float, common_share: float, seed: Sequence[int]
) -> WindowEffect:
    """Widen the interval by relative model errors.

    Parameters
    ----------
    estimate : WindowEffect
    own_share : float
        Standard deviation of an error of this effect alone, as a share of it. Draws include it.
    common_share : float
        The same of an error that all effects have in common. It does not change their shares, so
        draws do not include it.
    seed : sequence of int
        Of the draws of this behaviour.

    Returns
    -------
    WindowEffect
        With the same estimate and z.
    """
    relative = np.hypot(own_share, common_share)
    half_width = np.hypot(estimate.high - estimate.effect, NORMAL_95 * relative * estimate.effect)
    errors = own_share * np.random.default_rng(seed).standard_normal(len(estimate.draws))
    return replace(
        estimate,
        low=float(estimate.effect - half_width),
        high=float(estimate.effect + half_width),
        draws=estimate.draws + estimate.effect * errors,
    )


def _sampling_influence(effects: LagEffects, b: int) -> FloatArray:
    """Return each entity's sampling influence on behaviour b's window effect, shape (n,)."""
    if effects.sampling_influence is None:
        return np.zeros(effects.influence.shape[0])
    return np.asarray(effects.sampling_influence[:, b] @ effects.lags.weights)


def _joint_errors(influence: FloatArray, sampling: FloatArray, seed: int) -> FloatArray:
    """Draw errors of the profile's parts and, last, of the average over entities, (D, P · G + 1).

    Multiplier bootstrap: the influence functions times standard normal numbers that depend on draw
    and entity alone, so that the draws of several behaviours belong together.
    """
    columns = np.concatenate([influence, sampling[:, None]], axis=1)
    rng = np.random.default_rng([seed, DRAWS_STREAM])
    errors = np.zeros((N_DRAWS, columns.shape[1]))
    for start in range(0, columns.shape[0], BLOCK_ENTITIES):
        block = columns[start : start + BLOCK_ENTITIES]
        errors += rng.standard_normal((N_DRAWS, block.shape[0])) @ block
    return errors
