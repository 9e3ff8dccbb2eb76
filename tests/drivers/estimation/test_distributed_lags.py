"""Lagged sums compared with a loop, lag weights compared with a count of all pairs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.drivers.estimation.distributed_lags import lagged_sums, plan_lags

lengths = st.integers(1, 15)


@st.composite
def panels(draw):
    n, n_periods, width = draw(st.integers(1, 4)), draw(st.integers(1, 9)), draw(st.integers(1, 2))
    seed = draw(st.integers(0, 10_000))
    values = np.random.default_rng(seed).poisson(1.5, (n, n_periods, width)).astype(np.float32)
    entry = np.array([draw(st.integers(0, n_periods)) for _ in range(n)], dtype=np.int32)
    # There are no events before a known entry.
    values[np.arange(n_periods)[None, :] < entry[:, None]] = 0.0
    edges = draw(st.lists(st.integers(-6, 12), min_size=2, max_size=5, unique=True))
    edges.sort()
    groups = tuple((a, b - 1) for a, b in itertools.pairwise(edges))
    return values, groups, entry


def by_loop(values, groups, entry):
    """Sum lag by lag; impute the entity's mean outside the record if it was present."""
    n, n_periods, width = values.shape
    out = np.zeros((n, n_periods, width, len(groups)))
    for i in range(n):
        for b in range(width):
            present = [float(values[i, s, b]) for s in range(n_periods) if s >= entry[i]]
            mean = sum(present) / max(len(present), 1)
            for t in range(n_periods):
                for g, (first, last) in enumerate(groups):
                    for lag in range(first, last + 1):
                        when = t - lag
                        if 0 <= when < n_periods:
                            out[i, t, b, g] += values[i, when, b]
                        elif when >= n_periods or entry[i] == 0:
                            out[i, t, b, g] += mean
    return out


@settings(max_examples=60, deadline=None)
@given(panels())
def test_lagged_sums_agree_with_a_loop(panel) -> None:
    values, groups, entry = panel
    actual = lagged_sums(values, groups, entry)
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, by_loop(values, groups, entry), rtol=1e-5, atol=1e-5)


def test_an_unknown_past_adds_no_variation_within_an_entity() -> None:
    """An entity with constant counts has the same sum in every period."""
    steady = np.full((1, 10, 1), 3.0, dtype=np.float32)
    sums = lagged_sums(steady, ((1, 4), (5, 12)), np.array([0], dtype=np.int32))
    np.testing.assert_allclose(sums[0, :, 0, 0], 12.0)
    np.testing.assert_allclose(sums[0, :, 0, 1], 24.0)


def test_newcomers_have_no_events_before_their_entry() -> None:
    values = np.zeros((1, 6, 1), dtype=np.float32)
    values[0, 2:] = 5.0
    sums = lagged_sums(values, ((1, 3),), np.array([2], dtype=np.int32))
    np.testing.assert_allclose(sums[0, :, 0, 0], [0, 0, 0, 5, 10, 15])


def test_leads_sum_later_periods_only() -> None:
    values = np.zeros((1, 6, 1), dtype=np.float32)
    values[0, 3] = 1.0
    sums = lagged_sums(values, ((-2, -1),), np.array([1], dtype=np.int32))
    first_periods = sums[0, :4, 0, 0]
    np.testing.assert_allclose(first_periods, [0, 1, 1, 0])


def test_without_entry_periods_the_past_is_unknown() -> None:
    values = np.arange(8, dtype=np.float32).reshape(1, 8, 1)
    unknown = lagged_sums(values, ((1, 3),), np.zeros(1, dtype=np.int32))
    np.testing.assert_array_equal(lagged_sums(values, ((1, 3),)), unknown)


def pairs_by_lag(observation: int, outcome: int, gap: int) -> dict[int, float]:
    """Count pairs of event period and outcome period by lag, the event period at random."""
    actual: dict[int, float] = {}
    for before in range(1, observation + 1):
        for after in range(outcome):
            lag = before + gap + after
            actual[lag] = actual.get(lag, 0.0) + 1.0 / observation
    return actual


@settings(max_examples=200, deadline=None)
@given(lengths, lengths, st.integers(0, 8))
def test_weights_count_the_pairs(observation: int, outcome: int, gap: int) -> None:
    lags = plan_lags(observation, outcome, gap)
    pairs = pairs_by_lag(observation, outcome, gap)
    expected = [sum(pairs.get(lag, 0.0) for lag in range(a, b + 1)) for a, b in lags.groups]
    np.testing.assert_allclose(lags.weights, expected)
    assert lags.weights.sum() == pytest.approx(outcome)
    assert lags.longest == max(pairs)


@settings(max_examples=200, deadline=None)
@given(lengths, lengths, st.integers(0, 8))
def test_groups_cover_all_lags_and_split_at_the_observation_window(
    observation: int, outcome: int, gap: int
) -> None:
    groups = plan_lags(observation, outcome, gap).groups
    covered = [lag for a, b in groups for lag in range(a, b + 1)]
    assert covered == list(range(1, observation + gap + outcome))
    # No group mixes lags within the observation window's reach with those beyond it.
    assert all(b <= observation + gap or a > observation + gap for a, b in groups)
    assert groups[0] == (1, 1)


def test_a_constant_effect_adds_up_to_the_outcome_periods_it_reaches() -> None:
    """A constant effect of 1 per period up to lag L adds up to the mean number of periods."""
    lags = plan_lags(4, 3, 1)
    pairs = pairs_by_lag(4, 3, 1)
    reach = 4
    by_hand = sum(
        sum(1.0 for after in range(3) if before + 1 + after <= reach) for before in range(1, 5)
    )
    assert sum(w for lag, w in pairs.items() if lag <= reach) == pytest.approx(by_hand / 4)
    assert lags.weights.sum() == pytest.approx(3.0)
