"""Response curves: linear or saturating, and the saturation point."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.spans import spans_from_config
from engagement_ml.drivers.estimation.turning import Turning
from engagement_ml.drivers.selection.response_curves import (
    Curve,
    choose_scale,
    make_curve,
    rising_scale,
)
from engagement_ml.drivers.selection.window_rows import window_rows

SPANS = spans_from_config(WindowsConfig())


def simulate(make_periods, seed: int, response, n: int = 2000):
    """Simulate orders whose rate responds to one behaviour's count in the last 12 periods."""
    rng = np.random.default_rng(seed)
    n_periods = 48
    affinity = rng.standard_normal((n, 1))
    wave = np.zeros((n, n_periods))
    for t in range(1, n_periods):
        wave[:, t] = 0.9 * wave[:, t - 1] + 0.35 * rng.standard_normal(n)
    counts = rng.poisson(0.5 * np.exp(0.3 * affinity + wave))
    stock = np.zeros((n, n_periods))
    for lag in range(1, 13):
        stock[:, lag:] += counts[:, :-lag]
    orders = rng.poisson(0.35 * np.exp(0.5 * affinity - 0.125) * response(stock))
    return make_periods({"x": counts}, 10.0 * orders, orders=orders)


def fit_curve(periods, effect: float = 1.0) -> tuple[Curve, np.ndarray]:
    counts = window_rows(periods, SPANS).counts[:, 0]
    effects = estimate_lag_effects(
        periods, ("x",), SPANS.lags, burn_in=SPANS.burn_in, nonlinear=True
    )
    scale = choose_scale(
        counts, effects.response_functions.get("x"), effects.lags, SPANS.observation
    )
    return make_curve(counts, effect, scale), counts


@pytest.mark.parametrize("response", [lambda x: 1 + 0.02 * x, lambda x: np.exp(0.04 * x)])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_linear_response_is_estimated_as_linear(make_periods, seed: int, response) -> None:
    curve, counts = fit_curve(simulate(make_periods, seed, response))
    assert curve.kind == "linear"
    assert curve.saturation_point(0.0, float(counts.max())) is None


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_saturating_response_is_estimated_as_log1p(make_periods, seed: int) -> None:
    """The first two of about seven events bring half of the attainable gain."""
    curve, counts = fit_curve(
        simulate(make_periods, seed, lambda x: 1 + 1.5 * (1 - np.exp(-x / 3)))
    )
    assert curve.kind == "log1p"
    gains = np.diff(curve.amplitude * curve.shape(np.array([0.0, 1.0, 12.0, 13.0])))
    assert gains[2] < 0.4 * gains[0]
    point = curve.saturation_point(0.0, float(counts.max()))
    assert point is not None
    assert point > 3


@pytest.mark.parametrize("scale", [None, 3.0])
def test_the_mean_marginal_gain_equals_the_effect(scale: float | None) -> None:
    counts = np.random.default_rng(0).poisson(4.0, 5000).astype(float)
    curve = make_curve(counts, 2.5, scale)
    marginal_gain = curve.amplitude * (curve.shape(counts + 1) - curve.shape(counts))
    assert marginal_gain.mean() == pytest.approx(2.5)
    assert curve.std == pytest.approx(curve.shape(counts).std())


def test_without_a_nonlinear_fit_the_curve_is_linear() -> None:
    counts = np.arange(10.0)
    assert choose_scale(counts, None, SPANS.lags, SPANS.observation) is None


def log_curve(amplitude: float, scale: float) -> Curve:
    return Curve("log1p", scale, amplitude, 1.0, 1.0)


def test_the_saturation_point_agrees_with_a_search_over_counts() -> None:
    curve = log_curve(10.0, 1.0)
    gains = [10 * np.log((2 + x) / (1 + x)) for x in range(40)]
    with_cost = next(x for x, g in enumerate(gains) if g < 2.0)
    without = next(x for x, g in enumerate(gains) if g < gains[0] / 10)
    assert curve.saturation_point(2.0, 30) == with_cost == 4
    assert curve.saturation_point(0.0, 30) == without
    assert curve.saturation_point(0.0, without - 1) is None
    assert curve.saturation_point(100.0, 30) == 0.0


def test_a_linear_response_has_no_saturation_point_unless_the_cost_exceeds_it() -> None:
    curve = Curve("linear", None, 3.0, 1.0, 1.0)
    assert curve.saturation_point(1.0, 50) is None
    assert curve.saturation_point(0.0, 50) is None
    assert curve.saturation_point(4.0, 50) == 0.0


@pytest.mark.parametrize("curve", [log_curve(2.0, 0.7), Curve("linear", None, 2.0, 1.0, 1.0)])
def test_inverse_undoes_the_shape(curve: Curve) -> None:
    for x in (0.0, 1.0, 17.5):
        assert curve.inverse(float(curve.shape(np.array([x]))[0])) == pytest.approx(x)


def test_a_behaviour_without_events_has_a_linear_curve(make_periods) -> None:
    periods = make_periods({"x": np.zeros((60, 40))}, np.ones((60, 40)))
    curve, _ = fit_curve(periods)
    assert curve.kind == "linear"
    assert curve.std == 0


def test_the_rising_part_of_a_turn_is_followed_closely():
    x = np.linspace(0.0, 24.0, 41)
    effect = 0.1 * x - 0.1 * x**2 / 24
    turning = Turning(4, 12.0, 11.0, 13.0, 24.0, tuple(x), tuple(effect), tuple(effect),
                      tuple(effect), -9.0, 8.0, -7.0)  # fmt: skip
    scale = rising_scale(turning)
    rising = x[x <= 12.0]
    shape = np.log1p(rising / scale)
    target = np.interp(rising, x, effect)
    error = target - shape * (shape @ target) / (shape @ shape)
    straight = target - rising * (rising @ target) / (rising @ rising)
    assert (error**2).sum() < 0.3 * (straight**2).sum()
    line = Turning(4, 12.0, 11.0, 13.0, None, (0.0, 12.0), (0.0, 5.0), (0.0, 5.0), (0.0, 5.0),
                   -9.0, 8.0, -7.0)  # fmt: skip
    assert rising_scale(line) is None
