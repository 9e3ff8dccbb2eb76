"""What halves and bootstraps of entities say, against fits made again."""

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


def made(effects: dict[str, float], n: int = 600, error: float = 1.0, seed: int = 0) -> LagEffects:
    """Flat profiles of so many standard errors at each lag."""
    rng = np.random.default_rng(seed)
    influence = error / np.sqrt(n) * rng.standard_normal((n, len(effects), N_GROUPS))
    coef = np.array([[z * error] * N_GROUPS for z in effects.values()])
    return LagEffects(tuple(effects), LAGS, coef, influence, np.zeros(len(effects)))


def chosen(effects: LagEffects, importance=None, costs=None, at_most: int = 3) -> Stability:
    names = effects.behaviours
    return bootstrap_selection(
        effects,
        names,
        importance or dict.fromkeys(names, 1.0),
        costs or dict.fromkeys(names, 0.0),
        at_most=at_most,
        min_z=4.0,
        seed=0,
    )


def test_what_is_strong_is_always_chosen_and_noise_never() -> None:
    found = chosen(made({"strong": 10.0, "noise": 0.3, "against": -10.0}))
    assert found.frequency == {"strong": 1.0, "noise": 0.0, "against": 0.0}
    assert found.passes["strong"] == 1.0
    assert found.same(["strong"]) == 1.0
    assert found.same(["strong", "noise"]) == 0.0


def test_what_lies_at_the_threshold_is_chosen_half_the_time() -> None:
    found = chosen(made({"near": 4.0 / np.sqrt(N_GROUPS)}))
    assert 0.3 <= found.passes["near"] <= 0.85


def test_no_bootstrap_chooses_more_than_asked() -> None:
    effects = made({"a": 9.0, "b": 9.0, "c": 9.0})
    found = chosen(effects, importance={"a": 3.0, "b": 2.0, "c": 1.0}, at_most=2)
    assert all(len(pick) == 2 for pick in found.picks)
    assert found.frequency["a"] > 0.95
    assert found.passes == {"a": 1.0, "b": 1.0, "c": 1.0}
    assert sum(found.frequency.values()) == pytest.approx(2.0)


def test_equally_important_ones_take_turns() -> None:
    found = chosen(made({"a": 5.0, "b": 5.0}), at_most=1)
    assert 0.25 < found.frequency["a"] < 0.75


def test_what_costs_more_than_it_brings_is_not_chosen() -> None:
    effects = made({"a": 9.0})
    gross = float(LAGS.weights.sum() * 9.0)
    assert chosen(effects, costs={"a": 0.5 * gross}).frequency["a"] == 1.0
    assert chosen(effects, costs={"a": 1.5 * gross}).frequency["a"] == 0.0


def test_same_seed_same_choices() -> None:
    effects = made({"a": 2.5, "b": 1.5})
    assert chosen(effects).picks == chosen(effects).picks


def test_what_was_not_estimated_is_never_chosen_and_breaks_nothing() -> None:
    effects = made({"a": 10.0, "b": 10.0})
    effects.influence[:, 1, 0] = 0.0
    assert chosen(effects).frequency == {"a": 1.0, "b": 0.0}
    halves = half_strengths(effects, seed=0)
    assert halves["b"] == (0.0, 0.0)
    assert min(halves["a"]) > 4


def test_halves_agree_with_fits_of_their_own(simulate_shop) -> None:
    """First-order halves against the estimates of the half's entities alone."""
    from dataclasses import replace

    periods = simulate_shop(6, effect=0.2, n=1600, n_periods=36)
    whole = estimate_lag_effects(periods, ("driver",), LAGS, burn_in=3)
    zs = half_strengths(whole, seed=0)["driver"]
    first = np.random.default_rng([0, 1]).permutation(1600) < 800
    for z, mine in zip(zs, (first, ~first), strict=True):
        arrays = ("entities", "counts", "gain", "loss", "orders", "entry", "exit")
        half = replace(periods, **{name: getattr(periods, name)[mine] for name in arrays})
        own = estimate_lag_effects(half, ("driver",), LAGS, burn_in=3)
        again = max_z(own.coef[0], own.covariance(0), LAGS)
        assert z == pytest.approx(again, rel=0.2)


def test_halves_share_out_the_evidence() -> None:
    z = 8.0
    halves = half_strengths(made({"a": z / np.sqrt(N_GROUPS)}, n=4000), seed=0)["a"]
    assert np.mean(halves) == pytest.approx(z / np.sqrt(2), rel=0.25)
