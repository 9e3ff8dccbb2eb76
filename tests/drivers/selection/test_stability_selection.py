"""Stability selection: first-order bootstrap and half-sample estimates, compared with refits."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.estimation.decay_profiles import max_z
from engagement_ml.drivers.estimation.distributed_lags import plan_lags
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.selection.stability_selection import (
    Stability,
    bootstrap_selection,
    half_strengths,
)

LAGS = plan_lags(6, 6)
N_GROUPS = len(LAGS.groups)


def lag_effects(
    effects: dict[str, float], n: int = 600, error: float = 1.0, seed: int = 0
) -> LagEffects:
    """Build flat lag profiles with the given z statistic at each lag."""
    rng = np.random.default_rng(seed)
    influence = error / np.sqrt(n) * rng.standard_normal((n, len(effects), N_GROUPS))
    coef = np.array([[z * error] * N_GROUPS for z in effects.values()])
    return LagEffects(tuple(effects), LAGS, coef, influence, np.zeros(len(effects)))


def select(effects: LagEffects, stds=None, costs=None, at_most: int = 3) -> Stability:
    names = effects.behaviours
    return bootstrap_selection(
        effects,
        names,
        stds or dict.fromkeys(names, 1.0),
        costs or dict.fromkeys(names, 0.0),
        at_most=at_most,
        min_z=4.0,
        seed=0,
    )


def test_strong_effects_are_always_selected_and_noise_never() -> None:
    stability = select(lag_effects({"strong": 10.0, "noise": 0.3, "against": -10.0}))
    assert stability.frequency == {"strong": 1.0, "noise": 0.0, "against": 0.0}
    assert stability.passes["strong"] == 1.0
    assert stability.same(["strong"]) == 1.0
    assert stability.same(["strong", "noise"]) == 0.0


def test_an_effect_at_the_threshold_passes_about_half_the_time() -> None:
    stability = select(lag_effects({"near": 4.0 / np.sqrt(N_GROUPS)}))
    assert 0.3 <= stability.passes["near"] <= 0.85


def test_a_bootstrap_selects_at_most_the_configured_number() -> None:
    effects = lag_effects({"a": 9.0, "b": 9.0, "c": 9.0})
    stability = select(effects, stds={"a": 3.0, "b": 2.0, "c": 1.0}, at_most=2)
    assert all(len(pick) == 2 for pick in stability.picks)
    assert stability.frequency["a"] > 0.95
    assert stability.passes == {"a": 1.0, "b": 1.0, "c": 1.0}
    assert sum(stability.frequency.values()) == pytest.approx(2.0)


def test_equally_important_behaviours_are_selected_equally_often() -> None:
    stability = select(lag_effects({"a": 5.0, "b": 5.0}), at_most=1)
    assert 0.25 < stability.frequency["a"] < 0.75


def test_behaviours_with_a_cost_above_their_effect_are_not_selected() -> None:
    effects = lag_effects({"a": 9.0})
    gross = float(LAGS.weights.sum() * 9.0)
    assert select(effects, costs={"a": 0.5 * gross}).frequency["a"] == 1.0
    assert select(effects, costs={"a": 1.5 * gross}).frequency["a"] == 0.0


def test_a_seed_reproduces_the_selection() -> None:
    effects = lag_effects({"a": 2.5, "b": 1.5})
    assert select(effects).picks == select(effects).picks


def test_behaviours_without_an_estimate_are_never_selected() -> None:
    effects = lag_effects({"a": 10.0, "b": 10.0})
    effects.influence[:, 1, 0] = 0.0
    assert select(effects).frequency == {"a": 1.0, "b": 0.0}
    halves = half_strengths(effects, seed=0)
    assert halves["b"] == (0.0, 0.0)
    assert min(halves["a"]) > 4


def test_first_order_half_estimates_agree_with_refits(simulate_shop) -> None:
    """First-order estimates on half of the customers agree with fits on that half only."""
    from dataclasses import replace

    periods = simulate_shop(6, effect=0.2, n=1600, n_periods=36)
    whole = estimate_lag_effects(periods, ("driver",), LAGS, burn_in=3)
    zs = half_strengths(whole, seed=0)["driver"]
    first = np.random.default_rng([0, 1]).permutation(1600) < 800
    for z, in_half in zip(zs, (first, ~first), strict=True):
        arrays = ("entities", "counts", "gain", "loss", "orders", "entry", "exit")
        half = replace(periods, **{name: getattr(periods, name)[in_half] for name in arrays})
        refitted = estimate_lag_effects(half, ("driver",), LAGS, burn_in=3)
        refitted_z = max_z(refitted.coef[0], refitted.covariance(0), LAGS)
        assert z == pytest.approx(refitted_z, rel=0.2)


def test_half_samples_have_z_statistics_smaller_by_the_root_of_two() -> None:
    z = 8.0
    halves = half_strengths(lag_effects({"a": z / np.sqrt(N_GROUPS)}, n=4000), seed=0)["a"]
    assert np.mean(halves) == pytest.approx(z / np.sqrt(2), rel=0.25)
