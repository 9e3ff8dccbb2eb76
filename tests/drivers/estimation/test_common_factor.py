"""Hidden causes that vary in time: event study, lead tests and the correction by common factors."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.common_factor import (
    FactorBias,
    corrected_z,
    factor_biases,
)
from engagement_ml.drivers.estimation.decay_profiles import max_z
from engagement_ml.drivers.estimation.event_study import (
    fit_event_study,
    lead_test,
    lead_tests,
    net_of_losses,
)
from engagement_ml.drivers.estimation.factor_analysis import (
    MIN_LEFT,
    group_loadings,
    left_given_one,
)
from engagement_ml.drivers.estimation.shared_movement import (
    Prediction,
    correlated_groups,
    mutual_prediction,
    within_correlation,
)
from engagement_ml.drivers.estimation.spans import spans_from_config

SPANS = spans_from_config(WindowsConfig(observation_days=56, outcome_days=56))
CARRIERS = ("search", "price_page", "compare", "mail_open")


def _panel(make_periods, *, acts: bool, seed: int = 1, n_carriers: int = 4):
    """Simulate a hidden interest that moves orders and browsing, and a driver that acts alone."""
    rng = np.random.default_rng(seed)
    n, n_periods = 1500, 50
    interest = np.zeros((n, n_periods + 1))
    for t in range(1, n_periods + 1):
        interest[:, t] = 0.85 * interest[:, t - 1] + 0.4 * rng.standard_normal(n)
    affinity = 0.5 * rng.standard_normal((n, 1))
    counts = {
        name: rng.poisson(0.8 * np.exp(affinity + 0.7 * interest[:, 1:]))
        for name in CARRIERS[:n_carriers]
    }
    counts["tutorial"] = rng.poisson(0.4 * np.exp(0.5 * affinity), (n, n_periods))
    counts["video"] = rng.poisson(0.6 * np.exp(0.5 * affinity), (n, n_periods))
    stock = np.zeros((n, n_periods))
    for t in range(1, n_periods):
        stock[:, t] = 0.6 * stock[:, t - 1] + counts["tutorial"][:, t - 1]
    rate = 0.5 * np.exp(affinity + 0.5 * interest[:, :-1]) * (1 + (0.35 if acts else 0.0) * stock)
    orders = rng.poisson(rate)
    return make_periods(counts, 10.0 * orders, orders=orders)


@pytest.fixture(scope="module")
def acting(make_periods):
    periods = _panel(make_periods, acts=True)
    return fit_event_study(periods, SPANS, periods.behaviours)


def _with_sequence(make_periods, *, interest: bool):
    """Two behaviours and their sequence, beside four that share a hidden interest, or nothing."""
    rng = np.random.default_rng(4)
    n, n_periods = 1500, 50
    state = np.zeros((n, n_periods))
    for t in range(1, n_periods):
        state[:, t] = 0.8 * state[:, t - 1] + 0.6 * rng.standard_normal(n)
    moved = 0.8 * state if interest else np.zeros((n, n_periods))
    counts = {name: rng.poisson(0.8 * np.exp(moved)) for name in CARRIERS[:4]}
    guided = rng.poisson(0.4 * np.exp(moved))
    counts["demo"] = rng.poisson(0.4 * np.exp(moved)) + guided
    counts["trial"] = rng.poisson(0.4 * np.exp(moved)) + guided
    # Of some pairs the trial comes first.
    counts["demo then trial"] = rng.binomial(guided, 0.6)
    orders = rng.poisson(0.5 * np.exp(0.5 * state if interest else moved))
    periods = make_periods(counts, 10.0 * orders, orders=orders)
    return fit_event_study(periods, SPANS, periods.behaviours)


COMPOSED = {"demo then trial": ("demo", "trial")}


def test_a_sequence_and_its_members_are_no_hidden_cause(make_periods) -> None:
    fit = _with_sequence(make_periods, interest=False)
    assert "demo then trial" in factor_biases(fit, SPANS.lags, 0.5)
    assert factor_biases(fit, SPANS.lags, 0.5, COMPOSED) == {}


def test_a_hidden_interest_is_taken_off_a_sequence_as_well(make_periods) -> None:
    fit = _with_sequence(make_periods, interest=True)
    biases = factor_biases(fit, SPANS.lags, 0.5, COMPOSED)
    assert set(biases) == set(fit.behaviours)
    assert biases["demo then trial"].loading > 0.3
    assert all(abs(bias.z) < 4 for bias in biases.values())


def _z(fit, b: int) -> float:
    influence = fit.relative_influence[:, b, fit.n_leads + 1 :]
    return max_z(fit.relative[b, fit.n_leads + 1 :], influence.T @ influence, SPANS.lags)


def test_a_hidden_interest_is_taken_off_and_a_driver_stays(acting) -> None:
    biases = factor_biases(acting, SPANS.lags, 0.5)
    before = {b: _z(acting, i) for i, b in enumerate(acting.behaviours)}
    assert set(biases) == set(CARRIERS)
    assert max(before[b] for b in CARRIERS) > 5
    assert max(corrected_z(biases, b, before[b]) for b in CARRIERS) < 3
    assert before["tutorial"] > 10
    assert corrected_z(biases, "tutorial", before["tutorial"]) == before["tutorial"]


def test_nothing_is_left_if_nothing_acts(make_periods) -> None:
    periods = _panel(make_periods, acts=False, seed=2)
    fit = fit_event_study(periods, SPANS, periods.behaviours)
    biases = factor_biases(fit, SPANS.lags, 0.5)
    left = [corrected_z(biases, b, _z(fit, i)) for i, b in enumerate(fit.behaviours)]
    assert max(np.abs(left)) < 4


def test_a_chain_of_behaviours_is_no_hidden_cause(make_periods) -> None:
    """Reading leads to visits and to wish lists; only the first of them predicts the others."""
    rng = np.random.default_rng(6)
    n, n_periods = 1500, 50
    reading = rng.poisson(0.5, (n, n_periods))
    later = np.pad(reading, ((0, 0), (1, 0)))[:, :-1]
    counts = {
        "reading": reading,
        "visit": rng.poisson(0.2 + 0.6 * later),
        "wishlist": rng.poisson(0.2 + 0.6 * later),
    }
    orders = rng.poisson(0.3 * (1 + 0.4 * later))
    periods = make_periods(counts, 10.0 * orders, orders=orders)
    fit = fit_event_study(periods, SPANS, periods.behaviours)
    assert within_correlation(fit.information, fit.groups, 3).min() > 0.2
    assert factor_biases(fit, SPANS.lags, 0.5) == {}


def test_two_behaviours_do_not_identify_a_hidden_cause(make_periods) -> None:
    periods = _panel(make_periods, acts=True, n_carriers=2)
    fit = fit_event_study(periods, SPANS, periods.behaviours)
    assert within_correlation(fit.information, fit.groups, 4)[0, 1] > 0.2
    assert factor_biases(fit, SPANS.lags, 0.5) == {}


def test_margin_before_a_behaviour_shows_the_hidden_interest(acting) -> None:
    tests = lead_tests(acting)
    assert min(tests["tutorial"].excess_z) > 2
    assert all(abs(ratio) < 0.4 for ratio in tests["tutorial"].ratios)
    assert max(max(tests[b].before_z) for b in CARRIERS) > 3


def test_losses_in_proportion_to_gains_lower_the_net_coefficients(make_periods) -> None:
    periods = _panel(make_periods, acts=True)
    counts = {b: periods.counts[..., i] for i, b in enumerate(periods.behaviours)}
    losing = make_periods(counts, periods.gain, loss=0.4 * periods.gain, orders=periods.orders)
    gains = fit_event_study(losing, SPANS, losing.behaviours)
    net = net_of_losses(gains, losing, SPANS)
    np.testing.assert_allclose(net.coef, 0.6 * gains.coef, rtol=1e-3, atol=1e-6)
    assert net_of_losses(gains, periods, SPANS).coef is gains.coef


def test_the_lead_test_compares_means_per_period() -> None:
    groups = ((-8, -5), (-4, -1), (0, 0), (1, 1), (2, 4), (5, 8))
    coef = np.array([0.0, 2.0, 9.0, 8.0, 4.0, 1.0])
    test = lead_test(coef, np.eye(6), groups, (4, 8))
    assert test.ratios == pytest.approx((2.0 / 5.0, 1.0 / 3.0))
    after = np.array([0, 0, 0, 0.25, 0.75, 0])
    assert test.excess_z[0] == pytest.approx((5.0 - 4.0) / np.sqrt(after @ after + 4.0))


def both_ways(covariance: np.ndarray, past=1.0, now=1.0) -> Prediction:
    ones = np.ones(len(covariance))
    return Prediction.of(covariance, past * ones, now * ones)


def test_groups_need_three_linked_behaviours_and_shared_loadings() -> None:
    correlation = np.eye(5)
    correlation[0, 1] = correlation[1, 0] = 0.4
    assert correlated_groups(correlation, both_ways(correlation)) == []
    correlation[1, 2] = correlation[2, 1] = 0.06
    assert correlated_groups(correlation, both_ways(correlation)) == [[0, 1, 2]]
    assert correlated_groups(correlation, both_ways(0.2 * correlation)) == []
    # A clear correlation links, unless one certainly leads to the other.
    correlation[1, 2] = correlation[2, 1] = 0.11
    uneven = 0.04 * np.ones((5, 5)) - 0.03 * np.tri(5)
    assert correlated_groups(correlation, both_ways(uneven)) == [[0, 1, 2]]
    chain = 0.1 * np.ones((5, 5)) - 0.08 * np.tri(5)
    assert correlated_groups(correlation, both_ways(chain)) == []
    # Behaviour 1 alone links the others: no factor that three of them carry.
    assert group_loadings(correlation[:3, :3]).shape[1] == 0


def test_how_far_two_ways_differ_by_chance_is_read_from_unrelated_pairs() -> None:
    """A difference that is large among quiet pairs is chance among noisy ones."""
    rng = np.random.default_rng(0)
    correlation = np.eye(12)
    correlation[0, 1] = correlation[1, 0] = 0.2
    for noise, certain in ((0.005, True), (0.05, False)):
        covariance = noise * rng.standard_normal((12, 12))
        covariance[0, 1], covariance[1, 0] = 0.06, 0.01
        assert both_ways(covariance).one_way(correlation)[0, 1] == certain


def test_a_hidden_state_is_symmetric_whatever_the_noise_of_its_behaviours() -> None:
    """Rates differ tenfold, and so do correlations of past and present; covariances do not."""
    shared = np.full((3, 3), 0.02)
    past, now = np.array([0.3, 3.0, 1.0]), np.array([0.2, 1.0, 0.5])
    prediction = Prediction.of(shared, past, now)
    np.testing.assert_allclose(prediction.symmetry, 1.0)
    ahead = shared / np.outer(past, now)
    assert prediction.weaker[0, 1] == pytest.approx(min(ahead[0, 1], ahead[1, 0]))
    still = Prediction.of(shared, np.array([0.0, 3.0, 1.0]), now)
    assert still.weaker[0, 1] == 0.0  # what never varies predicts nothing


GROUPS = ((-4, -1), (0, 0), (1, 1), (2, 4))


def moments(series: np.ndarray) -> np.ndarray:
    """Return products of leads, same period and lags of weekly series, shape (n, T, B)."""
    n_weeks = series.shape[1]
    sums = []
    for b in range(series.shape[2]):
        for first, last in GROUPS:
            shifted = [series[:, 8 - lag : n_weeks - 8 - lag, b] for lag in range(first, last + 1)]
            sums.append(np.sum(shifted, axis=0).ravel())
    columns = np.array(sums)
    columns -= columns.mean(axis=1, keepdims=True)
    return columns @ columns.T


@pytest.mark.parametrize("hidden", [True, False])
def test_a_behaviour_that_the_others_follow_is_no_hidden_cause(hidden: bool) -> None:
    """Both move three behaviours together for weeks; a parent is on record, a wave is not."""
    rng = np.random.default_rng(5)
    wave = np.zeros((800, 60))
    for t in range(1, 60):
        wave[:, t] = 0.8 * wave[:, t - 1] + 0.6 * rng.standard_normal(800)
    parent = rng.poisson(np.exp(0.5 * wave)).astype(float)
    cause = np.exp(0.7 * wave) if hidden else parent
    children = rng.poisson(0.5 * cause[..., None] * np.ones(2)).astype(float)
    information = moments(np.concatenate([parent[..., None], children], axis=2))
    left = left_given_one(information, GROUPS, [0, 1, 2])
    assert (left.min() > MIN_LEFT) == hidden
    assert hidden or left.argmin() == 0
    correlation = within_correlation(information, GROUPS, 3)
    prediction = mutual_prediction(information, GROUPS, 3)
    assert correlated_groups(correlation, prediction) == [[0, 1, 2]], "both look alike before"


def test_two_factors_are_separated_by_simple_structure() -> None:
    first = np.array([0.7, 0.6, 0.7, 0.1, 0.0, 0.1])
    second = np.array([0.0, 0.1, 0.1, 0.6, 0.7, 0.7])
    correlation = np.outer(first, first) + np.outer(second, second)
    np.fill_diagonal(correlation, 1.0)
    loadings = group_loadings(correlation)
    assert loadings.shape == (6, 2)
    order = np.argsort(-np.abs(loadings[0]))
    np.testing.assert_allclose(loadings[:, order], np.stack([first, second], axis=1), atol=0.05)


def test_a_correction_never_strengthens_an_effect() -> None:
    bias = {"search": FactorBias(0.5, (), 12.0, -0.5), "video": FactorBias(0.5, (), -1.0, 1.2)}
    assert corrected_z(bias, "search", 8.0) == 8.0
    assert corrected_z(bias, "video", 8.0) == 0.0
    assert corrected_z(bias, "other", 8.0) == 8.0
