"""Random assignment: shares, strata, repeatability; and what a list can show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.actions.assignment import (
    Listed,
    assign,
    largest_gains,
    minimum_detectable_lift,
    required_size,
    strata,
)


def listed(n: int, n_behaviours: int = 2, seed: int = 0) -> Listed:
    rng = np.random.default_rng(seed)
    gain = rng.integers(1, 6, n).astype(float)
    names = tuple(f"b{i}" for i in range(n_behaviours))
    ids = np.array([f"c{i:05}" for i in range(n)], dtype=object)
    zeros = np.zeros(n)
    return Listed(names, ids, rng.integers(n_behaviours, size=n), gain, gain, gain, zeros, zeros)


@settings(max_examples=40)
@given(st.integers(2, 200), st.floats(0.0, 0.9), st.integers(1, 4), st.integers(0, 5))
def test_every_stratum_gives_its_share_up_to_one(n, share, n_behaviours, seed):
    one = listed(n, n_behaviours, seed)
    treated = assign(one, share, np.random.default_rng(seed))
    parts = strata(one)
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    for part in parts:
        assert abs((~treated[part]).sum() - share * part.size) < 1
        assert len(set(one.behaviour[part].tolist())) == 1
    np.testing.assert_array_equal(treated, assign(one, share, np.random.default_rng(seed)))


def test_every_customer_has_the_same_chance():
    one = listed(13)
    chance = np.mean([~assign(one, 0.3, np.random.default_rng(s)) for s in range(3000)], axis=0)
    # Five standard errors.
    assert np.abs(chance - 0.3).max() < 5 * np.sqrt(0.3 * 0.7 / 3000)


def test_the_largest_gains_come_first_and_ties_are_drawn():
    one = listed(100)
    few = largest_gains(one, 30, np.random.default_rng(0))
    assert len(few.ids) == 30
    assert few.gain.min() >= np.sort(one.gain)[-30]
    other = largest_gains(one, 30, np.random.default_rng(1))
    assert set(few.ids) != set(other.ids)
    assert sorted(few.gain) == sorted(other.gain)
    assert largest_gains(one, None, np.random.default_rng(0)) is one


def test_the_smallest_lift_is_found_in_four_of_five_simulated_tests():
    rng = np.random.default_rng(0)
    lift = minimum_detectable_lift(10.0, 400, 100)
    found = 0
    for _ in range(2000):
        a, b = rng.normal(lift, 10.0, 400), rng.normal(0.0, 10.0, 100)
        found += (a.mean() - b.mean()) / np.sqrt(100 / 400 + 100 / 100) > 1.96
    assert found / 2000 == pytest.approx(0.8, abs=0.03)
    n = required_size(10.0, lift, 0.2)
    assert n == pytest.approx(500, abs=1)
    assert required_size(10.0, 0.0, 0.2) is required_size(10.0, 1.0, 0.0) is None
