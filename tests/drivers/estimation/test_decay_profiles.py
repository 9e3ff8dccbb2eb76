"""Decay profiles: averages over profiles, their intervals, and the test of no effect."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.drivers.estimation.decay_profiles import (
    RIDGE,
    TIME_CONSTANTS,
    DecayProfile,
    exponential_profiles,
    max_z,
    precision_root,
)
from engagement_ml.drivers.estimation.distributed_lags import plan_lags
from engagement_ml.drivers.estimation.profile_average import ProfileAverage
from engagement_ml.drivers.estimation.profile_family import profile_family

LAGS = plan_lags(12, 12)
N_GROUPS = len(LAGS.groups)


def random_root(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    wild = rng.standard_normal((N_GROUPS, N_GROUPS))
    return np.linalg.cholesky(wild @ wild.T + 0.3 * np.eye(N_GROUPS)).T


def average(root: np.ndarray, *, with_none: bool = False) -> ProfileAverage:
    return ProfileAverage.from_root(root, profile_family(LAGS), with_none=with_none)


def fading(time_constant: float) -> np.ndarray:
    lag = np.arange(LAGS.longest)
    shape = np.exp(-lag / time_constant)
    return np.array([shape[a - 1 : b].mean() for a, b in LAGS.groups])


coefficients = st.lists(st.floats(-5, 5), min_size=N_GROUPS, max_size=N_GROUPS).map(np.array)


@settings(max_examples=60, deadline=None)
@given(coefficients, st.integers(0, 1000), st.floats(0.01, 100))
def test_the_average_is_odd_and_proportional_to_currency(coef, seed: int, unit: float) -> None:
    root = random_root(seed)
    once = average(root).project(coef)
    np.testing.assert_allclose(average(root).project(-coef), -once, atol=1e-9)
    np.testing.assert_allclose(average(root / unit).project(unit * coef), unit * once, atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(coefficients, st.integers(0, 1000))
def test_probabilities_sum_to_one_and_misfits_are_distances(coef, seed: int) -> None:
    root = random_root(seed)
    each = average(root)
    weight, sizes = each.probabilities(coef)
    assert weight.sum() == pytest.approx(1.0)
    smallest, total = each.smallest_misfit(coef)
    assert total == pytest.approx(max(float(((root @ coef) ** 2).sum()), 1e-300))
    fitted = np.einsum("mk,mkg->mg", sizes, each.profiles)
    distance = (((coef - fitted) @ root.T) ** 2).sum(axis=1)
    same_sign = ~(each.is_pair & (sizes[:, 0] * sizes[:, 1] < 0))
    assert smallest == pytest.approx(distance[same_sign].min(), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("time_constant", [1.0, 3.0, 8.0])
@pytest.mark.parametrize("z", [12.0, 60.0])
def test_intervals_cover_effects_with_any_memory(time_constant: float, z: float) -> None:
    """The length of the memory is estimated; its uncertainty is part of the interval."""
    rng = np.random.default_rng(3)
    true = fading(time_constant)
    wild = np.eye(N_GROUPS) / np.sqrt([b - a + 1 for a, b in LAGS.groups])
    wild = wild + 0.1 * rng.standard_normal((N_GROUPS, N_GROUPS))
    covariance = wild @ wild.T
    covariance *= (true @ np.linalg.solve(covariance, true)) / z**2
    decay = DecayProfile.from_covariance(covariance, LAGS)
    assert decay is not None
    root, size = np.linalg.cholesky(covariance), true @ LAGS.weights
    covered, ratios = [], []
    for _ in range(200):
        coef = true + root @ rng.standard_normal(N_GROUPS)
        effect = decay.effect(coef)
        errors = rng.standard_normal((200, N_GROUPS)) @ root.T
        std = np.sqrt(np.mean((decay.draws(coef, errors, rng) - effect) ** 2))
        covered.append(abs(effect - size) < 1.96 * std)
        ratios.append(effect / size)
    assert 0.88 <= np.mean(covered) <= 1.0
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(
    "true",
    [
        [1.0] * 7 + [0.0],
        [3, 1, 0.5, 0.2, 0, 0, 0, 0],
        [-1, -0.8, -0.64, -0.51, -0.37, -0.23, -0.12, -0.03],
        [0.6, 1.0, 0.9, 0.7, 0.4, 0.15, 0.03, 0],
    ],
)
def test_profiles_of_many_shapes_are_recovered_from_noise(true) -> None:
    true = np.array(true, dtype=float)
    noise = 0.05 * np.random.default_rng(0).standard_normal((300, N_GROUPS))
    estimate = average(np.eye(N_GROUPS) / 0.05).project(true + noise)
    sums, size = estimate @ LAGS.weights, float(true @ LAGS.weights)
    assert sums.mean() == pytest.approx(size, rel=0.1)
    # The restriction lowers the variance of the cumulative effect.
    assert sums.std() <= (noise @ LAGS.weights).std()


def test_two_profiles_add_up_to_a_quick_and_a_slow_effect() -> None:
    true = fading(0.4) + 0.3 * fading(12.0)
    root = np.eye(N_GROUPS) / 0.01
    estimate = average(root).project(true)
    assert estimate @ LAGS.weights == pytest.approx(true @ LAGS.weights, rel=0.05)
    _, total = average(root).smallest_misfit(true)
    assert average(root).smallest_misfit(true)[0] < 0.01 * total


@pytest.mark.parametrize("length", [2, 4])
def test_a_short_constant_effect_adds_up_with_a_slow_one(length: int) -> None:
    """As where an order leads to further orders: full for some weeks, then a long tail."""
    quick = np.array([min(b, length) - a + 1 if a <= length else 0 for a, b in LAGS.groups])
    quick = np.maximum(quick, 0) / [b - a + 1 for a, b in LAGS.groups]
    true = quick + 0.2 * fading(12.0)
    noise = 0.02 * np.random.default_rng(1).standard_normal((200, N_GROUPS))
    estimate = average(np.eye(N_GROUPS) / 0.02).project(true + noise) @ LAGS.weights
    assert estimate.mean() == pytest.approx(true @ LAGS.weights, rel=0.1)


def test_preparation_of_a_purchase_has_the_timing_of_no_effect() -> None:
    """Positive up to a month, then negative: no sum of fading profiles fits."""
    covariance = 0.01 * np.eye(N_GROUPS)
    decay = DecayProfile.from_covariance(covariance, LAGS)
    assert decay is not None
    assert decay.misfit(np.array([1.0, 1.0, 1.0, 1.0, -0.8, -0.1, 0.0, 0.0])) > 0.1
    for time_constant in (1.0, 4.0, 10.0):
        assert decay.misfit(fading(time_constant)) == 0.0


def test_exponential_profiles_start_at_one_and_decay() -> None:
    shapes = exponential_profiles(LAGS)
    assert shapes.shape == (len(TIME_CONSTANTS), N_GROUPS)
    np.testing.assert_allclose(shapes[:, 0], 1.0)
    assert (np.diff(shapes, axis=1) <= 0).all()
    assert (shapes[-1, :-1] == 1.0).all()
    assert shapes[-1, -1] == 0.0


def test_max_z_is_the_largest_over_the_exponential_profiles() -> None:
    """Compared with the generalised least squares z of each profile, solved directly."""
    root = random_root(5)
    covariance = np.linalg.inv(root.T @ root)
    coef = np.array([1.0, 0.8, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
    zs = []
    weight = np.linalg.inv(covariance + RIDGE * np.diag(np.diag(covariance)))
    for shape in exponential_profiles(LAGS):
        contrast = weight @ shape
        zs.append(contrast @ coef / np.sqrt(contrast @ covariance @ contrast))
    assert max_z(coef, covariance, LAGS) == pytest.approx(max(zs, key=abs))


def test_a_root_reproduces_the_precision() -> None:
    root = random_root(2)
    covariance = np.linalg.inv(root.T @ root)
    again = precision_root(covariance)
    np.testing.assert_allclose(again.T @ again, root.T @ root, rtol=1e-6)


def test_effects_on_losses_need_evidence_of_their_own() -> None:
    """Noise in few losses must not move the net effect; a clear effect on losses must."""
    gains = fading(3.0)
    covariance = np.diag(np.r_[np.full(N_GROUPS, 1e-4), np.full(N_GROUPS, 1e-2)])
    decay = DecayProfile.from_covariance(covariance, LAGS)
    assert decay is not None
    rng = np.random.default_rng(0)
    noisy = [
        decay.effect(np.r_[gains, 0.1 * rng.standard_normal(N_GROUPS)]) / (gains @ LAGS.weights)
        for _ in range(100)
    ]
    assert np.mean(noisy) == pytest.approx(1.0, abs=0.1)
    assert np.std(noisy) < 0.5 * 0.1 * np.linalg.norm(LAGS.weights) / (gains @ LAGS.weights)
    losses = -2.0 * fading(5.0)
    net = decay.effect(np.r_[gains, losses])
    assert net == pytest.approx((gains + losses) @ LAGS.weights, rel=0.1)


@pytest.mark.parametrize("lost", [0.0, 1.0])
def test_losses_that_are_not_identified_are_pooled_with_gains(lost: float) -> None:
    """Losses of two entities cannot identify eight lags: their covariance is singular."""
    rng = np.random.default_rng(2)
    influence = rng.standard_normal((300, 2 * N_GROUPS))
    influence[2:, N_GROUPS:] = 0.0
    influence[:, N_GROUPS:] *= lost
    coef = rng.standard_normal(2 * N_GROUPS)
    decay = DecayProfile.from_covariance(influence.T @ influence, LAGS)
    summed = influence[:, :N_GROUPS] + influence[:, N_GROUPS:]
    together = DecayProfile.from_covariance(summed.T @ summed, LAGS)
    assert decay is not None
    assert together is not None
    net = coef[:N_GROUPS] + coef[N_GROUPS:]
    assert decay.effect(coef) == pytest.approx(together.effect(net))
    assert decay.max_z(coef) == pytest.approx(together.max_z(net))
