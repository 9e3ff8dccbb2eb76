"""Turning responses: known truth, responses that do not turn, units, intervals and segments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engagement_ml.drivers.estimation.decay_profiles import DecayProfile
from engagement_ml.drivers.estimation.load_response import load_kernel, past_load
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.estimation.turning_effect import EffectSettings, turning_effect
from engagement_ml.drivers.estimation.turning_response import TurningSearch
from engagement_ml.drivers.estimation.turning_segments import cochran_q, turning_by_segment
from engagement_ml.drivers.thresholds import THRESHOLDS

SPANS = Spans(period_days=7, observation=12, outcome=12, gap=0)
MEMORY, PRICE = 4, 20.0


def hump(load):
    """Best at a load of 4, used up at 8."""
    return np.maximum(1 + 0.10 * load - 0.0125 * load**2, 0.02)


def wide_hump(load):
    """Best at a load of 8."""
    return np.maximum(1 + 0.10 * load - 0.00625 * load**2, 0.02)


def true_load(mails):
    """Sum the kernel over the past in a loop, with half of the same week."""
    load = 0.5 * mails.astype(float)
    for lag, share in enumerate((1.0, 1.0, 1.0, 0.5), 1):
        load[:, lag:] += share * mails[:, :-lag]
    return load


def simulate(make_periods, response, seed, *, n=2500, n_weeks=50, rate=0.8, interest=0.0):
    """Simulate weekly shops whose order rate is multiplied by a response to the load."""
    rng = np.random.default_rng([seed, 11])
    wave = np.zeros((n, n_weeks))
    for t in range(1, n_weeks):
        wave[:, t] = 0.85 * wave[:, t - 1] + 0.5 * rng.standard_normal(n)
    own = 0.6 * rng.standard_normal((n, 1))
    hidden = interest * wave[rng.permutation(n)]
    mails = rng.poisson(rate * np.exp(0.5 * wave + own + hidden - 0.4))
    pages = rng.poisson(0.8 * np.exp(0.8 * own + hidden))
    load = true_load(mails)
    base = 0.5 * np.exp(0.4 * rng.standard_normal((n, 1)) + hidden)
    orders = rng.poisson(base * response(load))
    periods = make_periods({"mail": mails, "page": pages}, PRICE * orders, orders=orders)
    gain = PRICE * base * (response(load + 1) - response(load))
    half = PRICE * base * (response(load + 0.5) - response(load))
    weights = np.arange(1, MEMORY + 1) / 12
    truth = weights[:-1].sum() * gain[:, 12:].mean() + weights[-1] * half[:, 12:].mean()
    return periods, float(truth)


def search(periods, group=None):
    return TurningSearch(periods, SPANS, ("mail", "page"), group)


def settings(periods):
    return EffectSettings(SPANS.lags, float(periods.gain[:, 4:].mean()), 0.0)


@pytest.fixture(scope="module")
def turned(make_periods):
    periods, truth = simulate(make_periods, hump, 1)
    found = search(periods)
    test = found.test("mail")
    return periods, truth, found, test


def test_a_hump_is_found_with_its_memory_and_optimum(turned):
    periods, _truth, found, test = turned
    assert found.screen() == ("mail",)
    assert test.passed
    assert test.memory == MEMORY
    turning = turning_effect(found, test, settings(periods)).turning
    assert turning.optimum == pytest.approx(12.0, rel=0.2)
    assert turning.optimum_low <= 12.0 <= turning.optimum_high
    assert turning.break_even == pytest.approx(24.0, rel=0.2)
    assert turning.rising_z > 4
    assert turning.falling_z < -4


def test_the_average_effect_is_the_truth_within_its_error(turned):
    periods, truth, found, test = turned
    effect = turning_effect(found, test, settings(periods))
    weights = SPANS.lags.weights
    std = np.hypot(np.linalg.norm(effect.influence @ weights), effect.form_std)
    assert abs(weights @ effect.coef - truth) < 3 * std
    assert std < 0.15


def test_the_slope_of_the_curve_at_no_load_is_that_of_the_truth(turned):
    periods, _, found, test = turned
    turning = turning_effect(found, test, settings(periods)).turning
    x, effect = np.array(turning.x), np.array(turning.effect)
    # 2 periods of mean margin without any load, 1 + 0.1 z − 0.0125 z² of it at z = x / 3
    base = effect.max() / (hump(np.array([4.0]))[0] - 1)
    inside = x <= 24
    assert np.abs(effect - base * (hump(x / 3) - 1))[inside].max() < 0.25 * effect.max()


def test_currency_is_only_a_unit(turned):
    periods, _, found, test = turned
    scaled = replace(periods, gain=100 * periods.gain)
    other = search(scaled)
    again = other.test("mail")
    first = turning_effect(found, test, settings(periods))
    second = turning_effect(other, again, settings(scaled))
    assert second.turning.optimum == pytest.approx(first.turning.optimum, rel=1e-3)
    assert second.coef == pytest.approx(100 * first.coef, rel=1e-3)
    assert again.passed


@pytest.mark.parametrize(
    "response",
    [
        np.ones_like,
        lambda load: 1 + 0.08 * load,
        lambda load: 1 + 0.8 * (1 - np.exp(-load / 3)),
        lambda load: 1 + 0.4 * (load >= 2),
        lambda load: np.exp(-0.05 * load),
    ],
    ids=["nothing", "linear", "saturating", "step", "harmful"],
)
def test_what_does_not_turn_is_not_called_turning(make_periods, response):
    periods, _ = simulate(make_periods, response, 3, n=2000)
    assert not any(test.passed for test in search(periods).run().values())


def test_hidden_interest_does_not_turn(make_periods):
    periods, _ = simulate(make_periods, np.ones_like, 4, interest=0.5)
    assert not any(test.passed for test in search(periods).run().values())


def test_a_hump_before_the_events_is_no_turn(make_periods):
    # margin answers to the messages that are still to come, as with a common cause
    periods, _ = simulate(make_periods, hump, 5, n=2000)
    turned_round = replace(
        periods, counts=periods.counts[:, ::-1].copy(), gain=periods.gain[:, ::-1].copy()
    )
    assert not any(test.passed for test in search(turned_round).run().values())


def test_segments_have_their_own_optimum_if_they_differ(make_periods):
    first, _ = simulate(make_periods, hump, 6, n=1500)
    second, _ = simulate(make_periods, wide_hump, 7, n=1500, rate=1.2)
    joined = make_periods(
        {
            b: np.concatenate([first.counts[..., i], second.counts[..., i]])
            for i, b in enumerate(first.behaviours)
        },
        np.concatenate([first.gain, second.gain]),
        segments={"plan": np.array(["basic"] * 1500 + ["plus"] * 1500, dtype=object)},
    )
    found = search(joined)
    test = found.test("mail")
    rows = turning_by_segment(found, test, joined.segments, THRESHOLDS)
    optima = {row.value: row.optimum for row in rows}
    assert optima["basic"] == pytest.approx(12.0, rel=0.25)
    assert optima["plus"] == pytest.approx(24.0, rel=0.25)
    at_random = {"plan": np.random.default_rng(0).permutation(joined.segments["plan"])}
    assert turning_by_segment(found, test, at_random, THRESHOLDS) == ()


def test_cochran_q_has_its_level():
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((400, 3, 2))
    p_values = [cochran_q(list(each), [np.eye(2)] * 3) for each in draws]
    assert 0.02 < np.mean(np.array(p_values) < 0.05) < 0.09


def test_the_load_is_the_kernel_over_the_past(make_periods):
    mails = np.random.default_rng(1).poisson(1.0, (3, 20))
    periods = make_periods({"mail": mails}, np.ones((3, 20)))
    load = past_load(mails.astype(float), MEMORY, periods)
    assert load[:, MEMORY:] == pytest.approx(true_load(mails)[:, MEMORY:])
    assert load_kernel(1, 3).tolist() == [0.5, 0.0, 0.0]


def test_a_known_shape_is_not_projected():
    shape = np.array([1.0, 1.0, 1.0, 0.75, 0, 0, 0, 0])
    influence = np.outer(np.random.default_rng(2).standard_normal(50), shape)
    decay = DecayProfile.from_covariance(influence.T @ influence, SPANS.lags)
    coef = -0.3 * shape
    assert decay.project(coef) == pytest.approx(coef)
    std = np.linalg.norm(influence @ SPANS.lags.weights)
    assert decay.max_z(coef) == pytest.approx(SPANS.lags.weights @ coef / std)
