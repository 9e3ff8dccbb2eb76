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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray, LagGroups
from engagement_ml.drivers.estimation.decay_profiles import DecayProfile
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.window_effect import NORMAL_95
from engagement_ml.drivers.retention.notice_lags import every_lag, with_undecided

N_DRAWS = 200
"""Number of simulation draws behind an interval."""

DRAWS_STREAM = 9
"""Random stream of the draws, next to the configured seed and the behaviour."""


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
    undecided: Sequence[float] = (),
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
    undecided : sequence of float, default ()
        As for `fit_churn_effects`.
    form_error : float
        Relative error of the functional form, added to the intervals.
    seed : int, default 0

    Returns
    -------
    dict of behaviour to RetentionEffect
        Without behaviours whose effect is not identified.
    """
    groups = effects.lags.groups
    by_lag = lifetime_weights(hazard, every_lag(groups, len(undecided)), horizon)
    by_lifetime = margin * with_undecided(by_lag, undecided)
    weights = np.stack([ratio_weights(groups), by_lifetime], axis=1)
    found = {}
    for i, b in enumerate(effects.behaviours):
        decay = DecayProfile.from_covariance(effects.covariance(i), effects.lags)
        if decay is None:
            continue
        share, worth = decay.project(effects.coef[i]) @ weights
        error = _profile_errors(effects, i, decay, (seed, DRAWS_STREAM, i)) @ weights
        model_error = form_error * np.array([share, worth])
        half_width = NORMAL_95 * np.hypot(error.std(axis=0), model_error)
        found[b] = RetentionEffect(
            hazard_ratio=float(1.0 - share),
            hazard_ratio_low=float(max(1.0 - share - half_width[0], 0.0)),
            hazard_ratio_high=float(1.0 - share + half_width[0]),
            lifetime=float(worth),
            lifetime_low=float(worth - half_width[1]),
            lifetime_high=float(worth + half_width[1]),
        )
    return found


def _profile_errors(
    effects: LagEffects, b: int, decay: DecayProfile, seed: tuple[int, ...]
) -> FloatArray:
    """Draw errors of behaviour b's projected profile (Krinsky and Robb 1986), shape (D, G)."""
    rng = np.random.default_rng(seed)
    size = len(effects.lags.groups)
    samples = rng.multivariate_normal(effects.coef[b], effects.covariance(b), N_DRAWS)
    profiles = np.array([decay.project(sample) for sample in samples])
    return np.asarray(profiles - profiles.mean(axis=0)).reshape(N_DRAWS, size)


def _binned(hazard: FloatArray, n_bins: int = 200) -> tuple[FloatArray, FloatArray]:
    """Return means and shares of bins of equally many hazards."""
    parts = np.array_split(np.sort(hazard), min(n_bins, max(hazard.size, 1)))
    values = np.array([part.mean() for part in parts])
    sizes = np.array([part.size for part in parts], dtype=np.float64)
    return np.clip(values, 1e-12, 1.0), sizes / sizes.sum()
