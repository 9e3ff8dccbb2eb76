"""What keeps entities, where churn is an event: lags at stake, and a small simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.drivers.effects import summarise
from engagement_ml.drivers.survival import estimate_survival_effects, left_in, survival_lags
from engagement_ml.drivers.windowed import Spans

SPANS = Spans(7, 8, 8, 0)


@settings(max_examples=80, deadline=None)
@given(st.integers(2, 14), st.integers(2, 14), st.integers(0, 5))
def test_weights_are_the_periods_still_to_come(observation: int, outcome: int, gap: int) -> None:
    spans = Spans(7, observation, outcome, gap)
    stake: dict[int, float] = {}
    for before in range(1, observation + 1):
        for after in range(outcome):
            lag = before + gap + after
            stake[lag] = stake.get(lag, 0.0) + (outcome - after - 0.5) / observation
    lags = survival_lags(spans)
    expected = [sum(stake.get(lag, 0.0) for lag in range(a, b + 1)) for a, b in lags.groups]
    np.testing.assert_allclose(lags.weights, expected)


def test_the_period_of_leaving(make_periods) -> None:
    periods = make_periods({"x": np.zeros((3, 5))}, np.ones((3, 5)), leave=[5, 3, 1])
    expected = np.zeros((3, 5), dtype=bool)
    expected[1, 2] = expected[2, 0] = True
    np.testing.assert_array_equal(left_in(periods), expected)


@pytest.fixture(scope="module")
def effects(make_periods):
    """4,000 subscribers pay 5 a period; an event halves the chance to leave for four periods.

    `vanity` is what those do who like the service, and who stay for that reason.
    """
    rng = np.random.default_rng(2)
    n, n_periods = 4000, 48
    liking = rng.standard_normal((n, 1))
    counts = {}
    for name, loading in (("keeps", 0.2), ("vanity", 0.7), ("drives_off", 0.0)):
        wave = np.zeros((n, n_periods))
        for t in range(1, n_periods):
            wave[:, t] = 0.8 * wave[:, t - 1] + 0.4 * rng.standard_normal(n)
        counts[name] = rng.poisson(0.4 * np.exp(loading * liking + wave))
    log_hazard = np.log(0.03) - 0.5 * liking + np.zeros((n, n_periods))
    for name, effect in (("keeps", -0.5), ("drives_off", 0.35)):
        for lag in range(1, 5):
            log_hazard[:, lag:] += effect * counts[name][:, :-lag]
    leaves = rng.random((n, n_periods)) < np.minimum(np.exp(log_hazard), 0.9)
    leaves[:, :2] = False
    leave = np.where(leaves.any(axis=1), leaves.argmax(axis=1) + 1, n_periods)
    there = np.arange(n_periods) < leave[:, None]
    gone = {name: c * there for name, c in counts.items()}
    periods = make_periods(gone, 5.0 * there, leave=leave)
    return estimate_survival_effects(periods, periods.behaviours, SPANS)


def test_what_keeps_them_and_what_drives_them_off(effects) -> None:
    keeps, vanity, drives_off = (summarise(effects, b) for b in range(3))
    assert keeps.z > 5
    assert keeps.low > 0
    assert drives_off.z < -5
    assert drives_off.high < 0
    assert abs(vanity.z) < 4
    assert abs(vanity.effect) < 0.3 * keeps.effect


def test_effects_fade_as_the_truth_does(effects) -> None:
    profile = summarise(effects, 0).profile
    lags = effects.lags.groups
    recent = [p for p, (_, last) in zip(profile, lags, strict=True) if last <= 4]
    later = [p for p, (first, _) in zip(profile, lags, strict=True) if first > 4]
    assert min(recent) > 2 * max(later)
