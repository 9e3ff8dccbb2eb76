"""Responses that bend are told from straight ones; where one more event stops to pay."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.spans import spans_from_config
from engagement_ml.drivers.selection.response_curves import Curve, choose_scale, make_curve
from engagement_ml.drivers.selection.window_rows import window_rows

SPANS = spans_from_config(WindowsConfig())


def drawn(make_periods, seed: int, response, n: int = 2000):
    """Orders at a share of their usual rate, by one behaviour's count in the last 12 periods."""
    rng = np.random.default_rng(seed)
    n_periods = 48
    liking = rng.standard_normal((n, 1))
    wave = np.zeros((n, n_periods))
    for t in range(1, n_periods):
        wave[:, t] = 0.9 * wave[:, t - 1] + 0.35 * rng.standard_normal(n)
    counts = rng.poisson(0.5 * np.exp(0.3 * liking + wave))
    stock = np.zeros((n, n_periods))
    for lag in range(1, 13):
        stock[:, lag:] += counts[:, :-lag]
    orders = rng.poisson(0.35 * np.exp(0.5 * liking - 0.125) * response(stock))
    return make_periods({"x": counts}, 10.0 * orders, orders=orders)


def fitted(periods, effect: float = 1.0) -> tuple[Curve, np.ndarray]:
    counts = window_rows(periods, SPANS).counts[:, 0]
    found = estimate_lag_effects(periods, ("x",), SPANS.lags, burn_in=SPANS.burn_in, nonlinear=True)
    scale = choose_scale(counts, found.response_functions.get("x"), found.lags, SPANS.observation)
    return make_curve(counts, effect, scale), counts


@pytest.mark.parametrize("response", [lambda x: 1 + 0.02 * x, lambda x: np.exp(0.04 * x)])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_straight_response_stays_straight(make_periods, seed: int, response) -> None:
    curve, counts = fitted(drawn(make_periods, seed, response))
    assert curve.kind == "linear"
    assert curve.saturation_point(0.0, float(counts.max())) is None


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_bent_response_is_found(make_periods, seed: int) -> None:
    """Half of all there is to gain comes with the first two events of some seven."""
    curve, counts = fitted(drawn(make_periods, seed, lambda x: 1 + 1.5 * (1 - np.exp(-x / 3))))
    assert curve.kind == "log1p"
    gains = np.diff(curve.amplitude * curve.shape(np.array([0.0, 1.0, 12.0, 13.0])))
    assert gains[2] < 0.4 * gains[0]
    point = curve.saturation_point(0.0, float(counts.max()))
    assert point is not None
    assert point > 3


@pytest.mark.parametrize("scale", [None, 3.0])
def test_one_more_event_is_worth_the_effect_on_average(scale: float | None) -> None:
    counts = np.random.default_rng(0).poisson(4.0, 5000).astype(float)
    curve = make_curve(counts, 2.5, scale)
    more = curve.amplitude * (curve.shape(counts + 1) - curve.shape(counts))
    assert more.mean() == pytest.approx(2.5)
    assert curve.std == pytest.approx(curve.shape(counts).std())


def test_what_was_not_let_free_is_straight() -> None:
    counts = np.arange(10.0)
    assert choose_scale(counts, None, SPANS.lags, SPANS.observation) is None


def bent(amplitude: float, scale: float) -> Curve:
    return Curve("log1p", scale, amplitude, 1.0, 1.0)


def test_saturation_point_by_hand() -> None:
    curve = bent(10.0, 1.0)
    gains = [10 * np.log((2 + x) / (1 + x)) for x in range(40)]
    with_cost = next(x for x, g in enumerate(gains) if g < 2.0)
    without = next(x for x, g in enumerate(gains) if g < gains[0] / 10)
    assert curve.saturation_point(2.0, 30) == with_cost == 4
    assert curve.saturation_point(0.0, 30) == without
    assert curve.saturation_point(0.0, without - 1) is None
    assert curve.saturation_point(100.0, 30) == 0.0


def test_a_straight_response_never_saturates_above_its_cost() -> None:
    curve = Curve("linear", None, 3.0, 1.0, 1.0)
    assert curve.saturation_point(1.0, 50) is None
    assert curve.saturation_point(0.0, 50) is None
    assert curve.saturation_point(4.0, 50) == 0.0


@pytest.mark.parametrize("curve", [bent(2.0, 0.7), Curve("linear", None, 2.0, 1.0, 1.0)])
def test_inverse_undoes_the_shape(curve: Curve) -> None:
    for x in (0.0, 1.0, 17.5):
        assert curve.inverse(float(curve.shape(np.array([x]))[0])) == pytest.approx(x)


def test_nobody_who_does_it_gives_a_straight_line(make_periods) -> None:
    periods = make_periods({"x": np.zeros((60, 40))}, np.ones((60, 40)))
    curve, _ = fitted(periods)
    assert curve.kind == "linear"
    assert curve.std == 0
