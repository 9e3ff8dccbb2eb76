"""Stability selection: how often bootstraps of customers select the same behaviours.

Estimates are linear in each customer's influence to first order, so a bootstrap needs no refit: the
coefficients move by the sum of (weight − 1) × influence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.decay_profiles import DecayProfile
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.selection.sample_splitting import estimate_on, first_half

N_BOOTSTRAPS = 100


@dataclass(frozen=True)
class Stability:
    """What bootstraps of customers selected.

    Attributes
    ----------
    passes : mapping of behaviour to share of bootstraps in which it passed
    frequency : mapping of behaviour to share of bootstraps that selected it
    picks : tuple of frozenset of str
        What each bootstrap selected.
    """

    passes: Mapping[str, float]
    frequency: Mapping[str, float]
    picks: tuple[frozenset[str], ...]

    def same(self, selected: Sequence[str]) -> float:
        """Return the share of bootstraps that selected exactly these."""
        return float(np.mean([p == frozenset(selected) for p in self.picks])) if self.picks else 0.0


def half_strengths(effects: LagEffects, *, seed: int) -> dict[str, tuple[float, float]]:
    """Return each behaviour's z in two random halves of the customers."""
    first = first_half(effects.influence.shape[0], seed)
    return {
        name: (estimate_on(effects, b, first).z, estimate_on(effects, b, ~first).z)
        for b, name in enumerate(effects.behaviours)
    }


def bootstrap_selection(
    effects: LagEffects,
    candidates: Sequence[str],
    stds: Mapping[str, float],
    costs: Mapping[str, float],
    *,
    at_most: int,
    min_z: float,
    seed: int,
) -> Stability:
    """Repeat the selection in bootstraps of customers.

    Parameters
    ----------
    effects : LagEffects
    candidates : sequence of str
        Behaviours that a bootstrap may select.
    stds : mapping of behaviour to standard deviation of its window count
        The selection is ordered by the net effect times the standard deviation.
    costs : mapping of behaviour to cost of serving one event
    at_most : int
    min_z : float
    seed : int
    """
    n = effects.influence.shape[0]
    rng = np.random.default_rng([seed, 2])
    weights = rng.multinomial(n, np.full(n, 1 / n), size=N_BOOTSTRAPS) - 1.0
    scores: dict[str, FloatArray] = {}
    for name in candidates:
        coef, influence = effects.gain_and_loss_profiles(effects.behaviours.index(name))
        fading = DecayProfile.from_covariance(influence.T @ influence, effects.lags)
        if fading is None:
            continue
        moved = coef + weights @ influence
        scores[name] = stds[name] * _net_effects(fading, moved, costs[name], min_z)
    names = list(scores)
    table = np.array([scores[name] for name in names]) if names else np.zeros((0, N_BOOTSTRAPS))
    picks = []
    for k in range(N_BOOTSTRAPS):
        order = np.argsort(-table[:, k], kind="stable")[:at_most]
        picks.append(frozenset(names[i] for i in order if table[i, k] > 0))
    return Stability(
        passes=dict.fromkeys(candidates, 0.0)
        | {name: float((table[i] > 0).mean()) for i, name in enumerate(names)},
        frequency={name: float(np.mean([name in p for p in picks])) for name in candidates},
        picks=tuple(picks),
    )


def _net_effects(fading: DecayProfile, moved: FloatArray, cost: float, min_z: float) -> FloatArray:
    """Return a behaviour's net effect in each bootstrap, 0 if it does not pass there."""
    effects = np.zeros(len(moved))
    for k, sample in enumerate(moved):
        effect = fading.effect(sample)
        if fading.max_z(sample) >= min_z and effect > cost:
            effects[k] = effect - cost
    return effects
