"""Choosing on one half of the entities and weighing on the other, as a check of doing both on all.

Who is chosen because luck made it large is weighed too much on the same entities. On entities that
the choice did not see, luck is another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray
from engagement_ml.drivers.estimation.decay_profiles import DecayProfile
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.evidence import CheckRow, Choice

_POINTS = 10.0


@dataclass(frozen=True)
class Half:
    """A behaviour's effect on some of the entities.

    Attributes
    ----------
    effect : float
        Of one event on the outcome window, in currency.
    z : float
    """

    effect: float
    z: float


def first_half(n: int, seed: int) -> BoolArray:
    """Return a random half of n entities."""
    return np.asarray(np.random.default_rng([seed, 1]).permutation(n) < n // 2)


def estimate_on(effects: LagEffects, b: int, mine: BoolArray) -> Half:
    """Estimate behaviour b's effect on some entities, without a refit.

    Their profile is the estimate moved by their own influence, as many times as they are a part of
    all, less that of all. No effect where they say nothing of some lag.
    """
    coef, influence = effects.gain_and_loss_profiles(b)
    own = influence[mine]
    share = max(float(mine.mean()), 1e-9)
    fading = DecayProfile.from_covariance(own.T @ own / share**2, effects.lags)
    if fading is None:
        return Half(0.0, 0.0)
    moved = coef + own.sum(axis=0) / share - influence.sum(axis=0)
    return Half(fading.effect(moved), fading.max_z(moved))


def split_check(
    effects: LagEffects,
    candidates: Sequence[str],
    choices: Sequence[Choice],
    importance: Mapping[str, float],
    spreads: Mapping[str, float],
    costs: Mapping[str, float],
    *,
    at_most: int,
    least_z: float,
    seed: int,
    entity: str,
) -> CheckRow:
    """Choose on one half, weigh on the other, and compare with the metric.

    Parameters
    ----------
    effects : LagEffects
    candidates : sequence of str
        Behaviours that passed every other test.
    choices : sequence of Choice
        The metric's.
    importance, spreads, costs : mapping by behaviour
        Mean absolute SHAP, standard deviation of the window count, cost of serving one event.
    at_most : int
    least_z : float
        Asked of all entities; half of them are asked for ``least_z / √2``.
    seed : int
    entity : str

    Returns
    -------
    dict
        A row of the checks; it passes where the same behaviours are chosen, and all weights of the
        other half lie within 10 points of the metric's.
    """
    mine = first_half(effects.influence.shape[0], seed)
    place = {name: b for b, name in enumerate(effects.behaviours)}
    known = [name for name in candidates if name in place]
    passing = []
    for name in known:
        half = estimate_on(effects, place[name], mine)
        if half.z >= least_z / np.sqrt(2.0) and half.effect > costs[name]:
            passing.append(name)
    chosen = sorted(passing, key=lambda name: (-importance[name], name))[:at_most]
    worth = {
        name: max(estimate_on(effects, place[name], ~mine).effect - costs[name], 0.0)
        * spreads[name]
        for name in chosen
    }
    total = sum(worth.values())
    weights = {name: 100.0 * w / total for name, w in worth.items()} if total > 0 else {}
    metric = {choice.behaviour: choice.weight for choice in choices}
    apart = max((abs(weights.get(b, 0.0) - w) for b, w in metric.items()), default=0.0)
    told = ", ".join(f"{name} {weight:.0f}" for name, weight in weights.items()) or "nothing"
    return CheckRow(
        name="choosing and weighing apart",
        question=f"Chosen on one half of the {entity}s and weighed on the other?",
        result=f"{told}; at most {apart:.0f} points from the metric's weights",
        passed=set(weights) == set(metric) and apart <= _POINTS,
    )
