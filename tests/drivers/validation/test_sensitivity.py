"""Robustness values and sample sizes, compared with published numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engagement_ml.drivers.validation.sensitivity import robustness_value, sample_size_per_arm


def test_robustness_value_of_the_published_example() -> None:
    """Cinelli and Hazlett (2020), table 1: exposure to violence in Darfur, t 4.18, 783 degrees."""
    assert robustness_value(4.18, 783) == pytest.approx(0.139, abs=5e-4)


@pytest.mark.parametrize(("t", "dof"), [(4.18, 783), (2.0, 50), (30.0, 1e6), (0.3, 10)])
def test_a_confounder_of_that_strength_explains_the_estimate_away(t: float, dof: float) -> None:
    """The bias at equal partial R² of both: ``|t| / sqrt(dof) = sqrt(R · R / (1 − R))``."""
    share = robustness_value(t, dof)
    bias = math.sqrt(share * share / (1 - share))
    assert bias == pytest.approx(abs(t) / math.sqrt(dof), rel=1e-9)


def test_robustness_grows_with_t_and_falls_with_the_degrees_of_freedom() -> None:
    values = [robustness_value(t, 500) for t in np.linspace(0, 40, 30)]
    assert values[0] == 0
    assert (np.diff(values) > 0).all()
    assert robustness_value(5, 100) > robustness_value(5, 1000)
    assert robustness_value(-5, 100) == robustness_value(5, 100)
    assert 0 <= robustness_value(1e6, 2) <= 1


@pytest.mark.parametrize(("t", "dof"), [(float("nan"), 10), (float("inf"), 10), (3.0, 0)])
def test_undefined_robustness_values_are_zero(t: float, dof: float) -> None:
    assert robustness_value(t, dof) == 0.0


@pytest.mark.parametrize(
    ("d", "power", "n"), [(0.2, 0.8, 393), (0.5, 0.8, 64), (0.8, 0.8, 26), (0.5, 0.9, 85)]
)
def test_sample_sizes_of_cohens_table(d: float, power: float, n: int) -> None:
    """Cohen (1988, table 2.4.1): two-sided 5%; his t test needs up to one more than the normal."""
    size = math.ceil(sample_size_per_arm(d, 1.0, power=power))
    assert n - 1 <= size <= n


def test_simulated_tests_have_the_planned_power() -> None:
    effect, std = 2.0, 7.0
    n = math.ceil(sample_size_per_arm(effect, std))
    rng = np.random.default_rng(0)
    control = rng.normal(0.0, std, (3000, n)).mean(axis=1)
    treated = rng.normal(effect, std, (3000, n)).mean(axis=1)
    rejected = np.abs(treated - control) > 1.96 * std * math.sqrt(2 / n)
    assert rejected.mean() == pytest.approx(0.8, abs=0.03)


def test_no_sample_size_detects_a_zero_effect() -> None:
    assert sample_size_per_arm(0.0, 1.0) == math.inf
    assert sample_size_per_arm(-2.0, 7.0) == sample_size_per_arm(2.0, 7.0)
