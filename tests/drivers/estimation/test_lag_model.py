"""Lag model: coverage of intervals, effects in currency, gains and losses."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.estimation.decay_profiles import max_z
from engagement_ml.drivers.estimation.distributed_lags import plan_lags
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.lag_model import (
    estimate_lag_effects,
    estimation_sample,
    tenure_dummies,
    winsorise,
)
from engagement_ml.drivers.estimation.window_effect import (
    WindowEffect,
    add_model_uncertainty,
    estimate_window_effect,
)

LAGS = plan_lags(12, 12)
N_GROUPS = len(LAGS.groups)


@pytest.mark.seldom
def test_max_z_of_noise_rarely_reaches_the_threshold_of_a_driver() -> None:
    noise = np.random.default_rng(1).standard_normal((4000, N_GROUPS))
    z = np.array([max_z(e, np.eye(N_GROUPS), LAGS) for e in noise])
    assert np.mean(np.abs(z) >= 4.0) < 0.001


def profile_effects(coef, error: float, n: int, seed: int) -> LagEffects:
    """Draw influence functions with a known covariance, and an estimate from it."""
    rng = np.random.default_rng(seed)
    influence = error / np.sqrt(n) * rng.standard_normal((n, 1, N_GROUPS))
    estimate = coef + error * rng.standard_normal(N_GROUPS)
    return LagEffects(("x",), LAGS, estimate[None], influence, np.zeros(1))


def test_intervals_cover_a_decaying_effect() -> None:
    true = np.array([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.3, 0.1])
    effect = float(LAGS.weights @ true)
    covered, errors = [], []
    for seed in range(60):
        estimate = estimate_window_effect(profile_effects(true, 0.15, 400, seed), 0)
        covered.append(estimate.low <= effect <= estimate.high)
        errors.append(estimate.effect - effect)
        assert estimate.low <= estimate.high
    assert 0.88 <= np.mean(covered) <= 1.0
    assert abs(np.mean(errors)) < 0.15 * effect


def test_intervals_cover_zero_without_an_effect() -> None:
    covered = []
    for seed in range(60):
        estimate = estimate_window_effect(profile_effects(np.zeros(N_GROUPS), 0.15, 400, seed), 0)
        covered.append(estimate.low <= 0.0 <= estimate.high)
    assert np.mean(covered) >= 0.9


def test_an_unidentified_effect_has_an_infinite_interval() -> None:
    influence = np.random.default_rng(0).standard_normal((50, 1, N_GROUPS))
    influence[..., 2] = 0.0
    estimate = estimate_window_effect(
        LagEffects(("x",), LAGS, np.ones((1, N_GROUPS)), influence, np.zeros(1)), 0
    )
    assert estimate.effect == 0
    assert estimate.z == 0
    assert (estimate.low, estimate.high) == (-np.inf, np.inf)


def test_winsorise_cuts_only_the_largest_and_keeps_zeros() -> None:
    values = np.concatenate([np.zeros(500), np.arange(1.0, 1001.0)])
    cut = winsorise(values, share=0.01)
    limit = np.quantile(np.arange(1.0, 1001.0), 0.99)
    np.testing.assert_array_equal(cut[values <= limit], values[values <= limit])
    assert (cut[values > limit] == limit).all()
    assert not winsorise(np.zeros(5)).any()


def test_estimation_sample(make_periods) -> None:
    nothing = np.zeros((3, 6))
    periods = make_periods({"x": nothing}, nothing, entry=[0, 2, 0], leave=[6, 6, 4])
    expected = [[0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0]]
    np.testing.assert_array_equal(estimation_sample(periods, 2), np.array(expected, dtype=bool))


def test_tenure_dummies_are_disjoint_and_end(make_periods) -> None:
    periods = make_periods({"x": np.zeros((2, 30))}, np.zeros((2, 30)), entry=[0, 5])
    steps = tenure_dummies(periods)
    assert not steps[0].any()
    assert steps[1].sum(axis=-1).tolist() == [0] * 5 + [1] * 16 + [0] * 9


@pytest.mark.parametrize(("share", "lasts"), [(0.15, 4), (0.04, 10)])
def test_known_effect_in_currency(simulate_shop, share: float, lasts: int) -> None:
    """One more event raises a mean gain of 4 per period by a share, for a number of periods."""
    periods = simulate_shop(1, effect=share, n_lags=lasts)
    lags = plan_lags(12, 12)
    effects = estimate_lag_effects(periods, ("driver", "vanity"), lags, burn_in=4)
    driver, vanity = estimate_window_effect(effects, 0), estimate_window_effect(effects, 1)
    met = np.mean([sum(1 for u in range(12) if s + u <= lasts) for s in range(1, 13)])
    assert driver.effect == pytest.approx(4 * share * met, rel=0.3)
    assert driver.z > 8
    assert abs(vanity.z) < 4
    assert vanity.low < 0 < vanity.high
    assert driver.low < driver.effect < driver.high


def test_an_effect_on_returns_is_subtracted(simulate_shop) -> None:
    lags = plan_lags(8, 8)
    by_loss = []
    for loss_effect in (0.0, 1.2):
        periods = simulate_shop(2, effect=0.15, loss_effect=loss_effect, n_lags=4)
        effects = estimate_lag_effects(periods, ("driver", "vanity"), lags, burn_in=3)
        by_loss.append(estimate_window_effect(effects, 0))
    assert by_loss[0].low > 0
    assert by_loss[1].high < 0  # 1.2 of a quarter outweighs 0.15 of the whole


def test_effects_are_in_the_unit_of_margin(simulate_shop, make_periods) -> None:
    periods = simulate_shop(3, effect=0.1, n=400, n_periods=30)
    counts = {b: periods.counts[..., j] for j, b in enumerate(periods.behaviours)}
    cents = make_periods(counts, 100 * periods.gain, loss=100 * periods.loss, orders=periods.orders)
    lags = plan_lags(6, 6)
    euros, in_cents = (
        estimate_lag_effects(p, p.behaviours, lags, burn_in=2) for p in (periods, cents)
    )
    np.testing.assert_allclose(in_cents.coef, 100 * euros.coef, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(in_cents.influence, 100 * euros.influence, rtol=1e-3, atol=1e-5)


def test_leads_come_first_and_the_same_period_is_separate(simulate_shop) -> None:
    periods = simulate_shop(4, effect=0.2, n=500, n_periods=30)
    lags = plan_lags(6, 6)
    with_leads = estimate_lag_effects(periods, ("driver",), lags, burn_in=2, leads=(3, 6))
    assert with_leads.coef.shape == (1, 2 + len(lags.groups))
    assert with_leads.same_period.shape == (1,)
    error = np.sqrt(np.diag(with_leads.covariance(0)))
    # An effect does not precede its cause.
    assert (np.abs(with_leads.coef[0, :2]) < 4 * error[:2]).all()
    assert with_leads.coef[0, 2] > 3 * error[2]


def test_intervals_include_model_uncertainty() -> None:
    estimate = WindowEffect(2.0, 1.0, 3.0, 4.0, np.ones(2), np.array([1.9, 2.1]))
    widened = add_model_uncertainty(estimate, 0.3, 0.4, (0,))
    assert widened.effect == estimate.effect
    assert widened.high - widened.effect == pytest.approx(np.hypot(1.0, 1.959964))
    assert widened.effect - widened.low == pytest.approx(widened.high - widened.effect)
    common = add_model_uncertainty(estimate, 0.0, 0.5, (0,))
    assert common.high == widened.high
    assert (common.draws == estimate.draws).all()
    many = WindowEffect(2.0, 1.0, 3.0, 5.0, np.zeros(2), np.full(20_000, 2.0))
    separate = [add_model_uncertainty(many, 0.3, 0.4, (0, i)).draws for i in range(2)]
    assert np.std(separate[0]) == pytest.approx(0.6, rel=0.03)
    assert abs(np.corrcoef(*separate)[0, 1]) < 0.03
    assert add_model_uncertainty(estimate, 0.0, 0.0, (0,)).low == pytest.approx(estimate.low)
    nothing = WindowEffect(0.0, -np.inf, np.inf, 0.0, np.zeros(2), np.zeros(2))
    unknown = add_model_uncertainty(nothing, 0.1, 0.1, (0,))
    assert (unknown.low, unknown.high) == (-np.inf, np.inf)
