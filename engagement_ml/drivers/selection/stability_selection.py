"""How often the same behaviours would be chosen again from other customers.

The estimates are linear in each entity's influence to first order, so a bootstrap of entities needs
no refit: the profile moves by the sum of (weight − 1) × influence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.decay_profiles import DecayProfile
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.selection.sample_splitting import estimate_on, first_half

N_BOOTSTRAPS = 100


@dataclass(frozen=True)
class Stability:
    """What bootstraps of entities chose.

    Attributes
    ----------
    passes : dict of behaviour to share of bootstraps in which it passed
    frequency : dict of behaviour to share of bootstraps that chose it
    picks : tuple of frozenset of str
        What each bootstrap chose.
    false_bound : float
        Shah and Samworth's (2013, eq. 4 of Meinshausen and Bühlmann 2010) bound on the expected
        number of falsely chosen behaviours at the selection frequency required: q² / ((2π − 1) p).
    """

    passes: dict[str, float]
    frequency: dict[str, float]
    picks: tuple[frozenset[str], ...]
    false_bound: float

    def same(self, selected: Sequence[str]) -> float:
        """Share of bootstraps that chose exactly these."""
        return float(np.mean([p == frozenset(selected) for p in self.picks])) if self.picks else 0.0


def half_strengths(effects: LagEffects, *, seed: int) -> dict[str, tuple[float, float]]:
    """Return each behaviour's z in two random halves of the entities."""
    first = first_half(effects.influence.shape[0], seed)
    return {
        name: (estimate_on(effects, b, first).z, estimate_on(effects, b, ~first).z)
        for b, name in enumerate(effects.behaviours)
    }


def bootstrap_selection(
    effects: LagEffects,
    candidates: Sequence[str],
    importance: dict[str, float],
    costs: dict[str, float],
    *,
    at_most: int,
    least_z: float,
    seed: int,
) -> Stability:
    """Choose again in bootstraps of entities.

    Parameters
    ----------
    effects : LagEffects
    candidates : sequence of str
        Behaviours that a bootstrap may choose: those no role and no answer to purchases rules out.
    importance : dict of behaviour to mean absolute SHAP
        Scaled in each bootstrap with the effect, to order the choice.
    costs : dict of behaviour to cost of serving one event
    at_most : int
    least_z : float
    seed : int
    """
    n = effects.influence.shape[0]
    rng = np.random.default_rng([seed, 2])
    weights = rng.multinomial(n, np.full(n, 1 / n), size=N_BOOTSTRAPS) - 1.0
    chosen_rank: dict[str, FloatArray] = {}
    for name in candidates:
        b = effects.behaviours.index(name)
        own, influence = effects.gain_and_loss_profiles(b)
        fading = DecayProfile.from_covariance(influence.T @ influence, effects.lags)
        if fading is None:
            continue
        whole = fading.effect(own)
        scores = np.zeros(N_BOOTSTRAPS)
        for k, coef in enumerate(own + weights @ influence):
            effect = fading.effect(coef)
            if fading.max_z(coef) >= least_z and effect > costs[name]:
                scores[k] = importance[name] * (effect / whole if whole > 0 else 1.0)
        chosen_rank[name] = scores
    names = list(chosen_rank)
    table = (
        np.array([chosen_rank[name] for name in names]) if names else np.zeros((0, N_BOOTSTRAPS))
    )
    picks = []
    for k in range(N_BOOTSTRAPS):
        order = np.argsort(-table[:, k], kind="stable")[:at_most]
        picks.append(frozenset(names[i] for i in order if table[i, k] > 0))
    frequency = {name: float(np.mean([name in p for p in picks])) for name in candidates}
    q = float(np.mean([len(p) for p in picks])) if picks else 0.0
    required = 0.9
    passes = dict.fromkeys(candidates, 0.0) | {
        name: float((table[i] > 0).mean()) for i, name in enumerate(names)
    }
    return Stability(
        passes=passes,
        frequency=frequency,
        picks=tuple(picks),
        false_bound=q * q / ((2 * required - 1) * max(len(effects.behaviours), 1)),
    )
