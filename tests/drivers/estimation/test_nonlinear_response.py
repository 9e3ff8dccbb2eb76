"""Nonlinear responses: effect sizes, response parameters and influence on simulated panels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.distributed_lags import plan_lags
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.response_functions import (
    baseline_level,
    log_rescaling_derivative,
    rescaling_factor,
    saturating_response,
)
from engagement_ml.drivers.estimation.spans import spans_from_config
from engagement_ml.drivers.estimation.window_effect import estimate_window_effect

SPANS = spans_from_config(WindowsConfig())
MEMORY = 12
N_PERIODS = 44


def stock_of(counts: np.ndarray) -> np.ndarray:
    stock = np.zeros(counts.shape)
    for lag in range(1, MEMORY + 1):
        stock[:, lag:] += counts[:, :-lag]
    return stock


def simulate(make_periods, seed: int, mean_of, n: int = 2500):
    """Simulate entities whose size raises their activity; return periods and true effect.

    ``mean_of(base, stock)`` is the expected margin. The true effect is the mean over entities and
    periods of what one more event in stock adds, for each of the lags it stays in stock.
    """
    rng = np.random.default_rng(seed)
    affinity = rng.standard_normal((n, 1))
    wave = np.zeros((n, N_PERIODS))
    for t in range(1, N_PERIODS):
        wave[:, t] = 0.85 * wave[:, t - 1] + 0.4 * rng.standard_normal(n)
    counts = rng.poisson(0.4 * np.exp(0.8 * affinity - 0.3 + wave))
    stock = stock_of(counts)
    base = 3.0 * np.exp(0.7 * affinity - 0.25) * np.ones((1, N_PERIODS))
    gain = rng.poisson(mean_of(base, stock)).astype(float)
    later = slice(SPANS.burn_in, None)
    more = (mean_of(base, stock + 1) - mean_of(base, stock))[:, later].mean()
    within = [min(b, MEMORY) - a + 1 for a, b in SPANS.lags.groups]
    widths = [b - a + 1 for a, b in SPANS.lags.groups]
    share = np.maximum(within, 0) / np.array(widths)
    return make_periods({"x": counts}, gain), float(more * SPANS.lags.weights @ share)


def estimate(periods, nonlinear: bool = True) -> LagEffects:
    return estimate_lag_effects(
        periods, ("x",), SPANS.lags, burn_in=SPANS.burn_in, nonlinear=nonlinear
    )


RESPONSES = {
    "straight": lambda base, stock: base * (1 + 0.05 * stock),
    "multiplying": lambda base, stock: base * np.exp(0.008 * stock),
    "flattening": lambda base, stock: base * (1 + 1.2 * (1 - np.exp(-stock / 6))),
    "the same for all": lambda base, stock: base + 0.15 * stock,
    "lowering": lambda base, stock: base / (1 + 0.05 * stock),
}


@pytest.mark.parametrize("name", RESPONSES)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_average_effect_is_recovered(make_periods, name: str, seed: int) -> None:
    periods, true = simulate(make_periods, seed, RESPONSES[name])
    effects = estimate_window_effect(estimate(periods), 0)
    # A response with an upper limit is not in the family, and its effect is underestimated.
    assert effects.effect == pytest.approx(true, rel=0.2 if name == "flattening" else 0.12)


@pytest.mark.parametrize("name", ["straight", "the same for all"])
def test_a_log_linear_response_underestimates_the_effect(make_periods, name: str) -> None:
    """The most active entities dominate a log-linear response."""
    periods, true = simulate(make_periods, 2, RESPONSES[name])
    log_linear_effect = estimate_window_effect(estimate(periods, nonlinear=False), 0).effect
    nonlinear_effect = estimate_window_effect(estimate(periods), 0).effect
    assert log_linear_effect < 0.8 * true
    assert abs(nonlinear_effect - true) < abs(log_linear_effect - true) / 2


@pytest.mark.parametrize("seed", [0, 1])
def test_curvature_and_elasticity_identify_the_response(make_periods, seed: int) -> None:
    bends = {
        name: estimate(simulate(make_periods, seed, RESPONSES[name])[0]).response_functions["x"]
        for name in ("straight", "flattening", "the same for all")
    }
    assert bends["straight"].curvature == pytest.approx(1.0, abs=0.4)
    assert bends["flattening"].curvature > 1.5
    assert bends["straight"].elasticity < 0.25
    assert bends["the same for all"].elasticity > 0.75


def test_influence_predicts_the_change_if_entities_are_left_out(make_periods) -> None:
    """Each tenth of the entities is left out once."""
    periods, _ = simulate(make_periods, 3, RESPONSES["the same for all"], n=1500)
    whole = estimate(periods)
    error = (whole.influence[:, 0] + whole.sampling_influence[:, 0]) @ SPANS.lags.weights
    fold = np.arange(1500) % 10
    predicted = [-error[fold == k].sum() for k in range(10)]
    observed = [
        SPANS.lags.weights @ (estimate(periods_of(periods, fold != k)).coef[0] - whole.coef[0])
        for k in range(10)
    ]
    assert np.corrcoef(predicted, observed)[0, 1] > 0.8
    assert np.std(observed) == pytest.approx(np.std(predicted), rel=0.5)


def periods_of(periods, keep):
    from dataclasses import replace

    names = ("entities", "counts", "gain", "loss", "orders", "entry", "exit")
    return replace(periods, **{name: getattr(periods, name)[keep] for name in names})


def test_derivatives_of_the_response_match_finite_differences() -> None:
    u = np.linspace(-1, 8, 30).astype(np.float32)
    for kappa in (0.0, 5e-4, 0.4, 1.0, 6.0):
        value, by_curvature, slope = saturating_response(u, kappa)
        step = np.float32(1e-2)
        np.testing.assert_allclose(
            (saturating_response(u + step, kappa)[0] - saturating_response(u - step, kappa)[0])
            / (2 * step),
            slope,
            atol=0.03,
        )
        if kappa > 0.1:
            nudged = (
                saturating_response(u, kappa + 0.01)[0] - saturating_response(u, kappa - 0.01)[0]
            ) / 0.02
            np.testing.assert_allclose(by_curvature, nudged, atol=0.02)
        assert (np.diff(value) >= 0).all()


def test_baseline_level_is_shrunk_and_excludes_the_effect_of_behaviours() -> None:
    rng = np.random.default_rng(4)
    size = rng.lognormal(0, 0.8, (4000, 1))
    index = np.where(rng.random((4000, 1)) < 0.3, 1.0, 0.0) * np.ones((1, 30))
    y = rng.poisson(0.2 * size * np.exp(index)).astype(float)
    risk = np.ones(y.shape, bool)
    level = baseline_level(y, index, np.zeros(y.shape), risk)[:, 0]
    assert np.isfinite(level).all()
    assert np.corrcoef(level, np.log(size[:, 0]))[0, 1] > 0.8
    assert level.std() < np.log(size).std() * 1.1
    assert abs(np.corrcoef(level, index[:, 0])[0, 1]) < 0.1


@pytest.mark.parametrize("seed", [0, 1])
def test_the_solver_finds_strong_saturation_from_a_log_linear_start(
    make_periods, seed: int
) -> None:
    """The response saturates after a few events; the log-linear fit is far from it."""
    rng = np.random.default_rng(seed)
    n, n_periods = 1500, 40
    counts = rng.poisson(np.exp(0.7 * rng.standard_normal((n, 1)) - 0.3), (n, n_periods))
    stock = np.zeros((n, n_periods))
    for lag in range(1, 5):
        stock[:, lag:] += counts[:, :-lag]
    orders = rng.poisson(0.4 * (1 + 2.0 * (1 - np.exp(-stock / 1.5))))
    periods = make_periods({"x": counts}, 10.0 * orders, orders=orders)
    lags = plan_lags(4, 4)
    effects = estimate_lag_effects(periods, ("x",), lags, burn_in=4, nonlinear=True)
    seen = stock[:, 4:]
    gain = 10 * 0.4 * 2.0 * (np.exp(-seen / 1.5) - np.exp(-(seen + 1) / 1.5)).mean()
    assert effects.response_functions["x"].curvature > 2
    near = effects.coef[0, :4]
    assert near.mean() == pytest.approx(gain, rel=0.15)


@given(
    usual=st.floats(0.01, 5.0),
    curvature=st.floats(0.0, 8.0),
    new=st.floats(0.0, 8.0),
)
def test_rescaling_keeps_the_response_at_the_mean_index(
    usual: float, curvature: float, new: float
) -> None:
    assume(abs(new - curvature) > 0)
    factor = rescaling_factor(usual, curvature, new)
    assume(np.isfinite(factor) and usual * factor < 1e6)
    before, after = (
        float(saturating_response(np.array([u], dtype=np.float32), k)[0][0])
        for u, k in ((usual, curvature), (usual * factor, new))
    )
    assert after == pytest.approx(before, rel=2e-3)
    step = 0.01
    slope = np.log(rescaling_factor(usual, new, new + step)) / step
    assert log_rescaling_derivative(usual, new) == pytest.approx(slope, rel=0.1, abs=0.01)
