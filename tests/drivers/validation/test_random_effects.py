"""Cochran's Q, tau and partial pooling against hand formulas and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import brentq

from engagement_ml.drivers.multiple_testing import holm
from engagement_ml.drivers.validation.random_effects import heterogeneity, partial_pooling

EFFECTS = np.array([1.0, 2.5, 4.0, 0.5])
VARIANCES = np.array([0.25, 0.5, 1.0, 0.16])


def test_q_is_that_of_the_hand_formula() -> None:
    weight = 1 / VARIANCES
    mean = sum(w * e for w, e in zip(weight, EFFECTS, strict=True)) / sum(weight)
    q = sum(w * (e - mean) ** 2 for w, e in zip(weight, EFFECTS, strict=True))
    test = heterogeneity(EFFECTS, VARIANCES)
    assert test.q == pytest.approx(q)
    assert test.df == 3
    assert test.p_value == pytest.approx(stats.chi2.sf(q, 3))
    assert test.i_squared == pytest.approx((q - 3) / q)


def test_two_estimates_give_the_squared_z_of_their_difference() -> None:
    test = heterogeneity(np.array([12.3, 6.8]), np.array([1.2, 0.9]))
    assert test.q == pytest.approx((12.3 - 6.8) ** 2 / (1.2 + 0.9))


def test_tau_solves_the_equation_of_paule_and_mandel() -> None:
    def excess(tau_squared: float) -> float:
        weight = 1 / (VARIANCES + tau_squared)
        mean = (weight * EFFECTS).sum() / weight.sum()
        return float((weight * (EFFECTS - mean) ** 2).sum()) - 3

    expected = np.sqrt(brentq(excess, 0.0, 100.0))
    assert heterogeneity(EFFECTS, VARIANCES).tau == pytest.approx(expected, rel=1e-6)


def test_equal_estimates_have_no_heterogeneity() -> None:
    test = heterogeneity(np.full(3, 2.0), VARIANCES[:3])
    assert (test.q, test.p_value, test.i_squared, test.tau) == (0.0, 1.0, 0.0, 0.0)
    assert heterogeneity(np.array([2.0]), np.array([1.0])).p_value == 1.0


def test_p_values_are_uniform_under_equal_effects() -> None:
    rng = np.random.default_rng(1)
    errors = rng.standard_normal((2000, 4)) * np.sqrt(VARIANCES)
    p_values = np.array([heterogeneity(3.0 + e, VARIANCES).p_value for e in errors])
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_pooling_is_the_posterior_mean_by_numerical_integration() -> None:
    whole = 1.5

    def likelihood(tau: float) -> float:
        total = VARIANCES + tau**2
        density = np.exp(-((EFFECTS - whole) ** 2) / (2 * total)) / np.sqrt(total)
        return float(density.prod() / (1 + (tau / whole) ** 2))

    norm = quad(likelihood, 0, 100, limit=400)[0]
    for g in range(4):
        kept = quad(lambda t, g=g: likelihood(t) * t**2 / (VARIANCES[g] + t**2), 0, 100, limit=400)
        expected = whole + kept[0] / norm * (EFFECTS[g] - whole)
        pooled = partial_pooling(EFFECTS, VARIANCES, whole, 0.05)
        assert pooled.effects[g] == pytest.approx(expected, rel=0.01)


def test_pooling_lies_between_the_estimate_and_the_whole_and_is_never_less_certain() -> None:
    pooled = partial_pooling(EFFECTS, VARIANCES, 1.5, 0.05)
    assert (np.abs(pooled.effects - 1.5) < np.abs(EFFECTS - 1.5)).all()
    # The least precise estimate keeps least of its deviation.
    assert pooled.kept.argmin() == VARIANCES.argmax()
    assert (pooled.variances > 0.0).all()
    assert (pooled.variances[[1, 2]] < VARIANCES[[1, 2]]).all()


def test_pooling_has_a_smaller_error_than_separate_estimates_and_holds() -> None:
    rng = np.random.default_rng(2)
    separate, pooled_errors, covered = [], [], []
    variances = np.full(6, 0.5)
    for _ in range(400):
        true = 2.0 + 0.5 * rng.standard_normal(6)
        estimate = true + np.sqrt(variances) * rng.standard_normal(6)
        pooled = partial_pooling(estimate, variances, float(estimate.mean()), 0.5 / 6)
        separate.append(((estimate - true) ** 2).mean())
        pooled_errors.append(((pooled.effects - true) ** 2).mean())
        covered.append(np.abs(pooled.effects - true) < 1.96 * np.sqrt(pooled.variances))
    assert np.mean(pooled_errors) < 0.8 * np.mean(separate)
    assert 0.92 < np.mean(covered) < 0.99


def test_pooling_scales_with_the_unit_of_money() -> None:
    pooled = partial_pooling(EFFECTS, VARIANCES, 1.5, 0.05)
    cents = partial_pooling(100 * EFFECTS, 1e4 * VARIANCES, 150.0, 500.0)
    assert cents.effects == pytest.approx(100 * pooled.effects, rel=1e-9)


def test_holm_keeps_the_order_and_is_monotone() -> None:
    # 4 × 0.001, 3 × 0.0024, 2 × 0.020, 1 × 0.040, each at least its predecessor
    assert holm([0.020, 0.001, 0.040, 0.0024]) == pytest.approx([0.040, 0.004, 0.040, 0.0072])
    assert holm([0.9, 0.5]) == [1.0, 1.0]
    assert holm([]) == []
