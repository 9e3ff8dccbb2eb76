"""Effects on churn: simulations with outcomes truth, and independent slow computations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.estimation.window_effect import estimate_window_effect
from engagement_ml.drivers.retention.churn_cost import churn_outcomes_at_cutoffs
from engagement_ml.drivers.retention.churn_effects import fit_churn_effects
from engagement_ml.drivers.retention.discrete_hazard import fit_hazard, logistic, score_test_z
from engagement_ml.drivers.retention.hazard_design import build_hazard_design, hazard_lags
from engagement_ml.drivers.retention.recent_counts import recent_counts
from engagement_ml.drivers.retention.risk_set import churn_indicator, risk_set
from engagement_ml.features.period_panel import Days, Periods

SPANS = Spans(7, 8, 8, 0)
FEE, LASTS = 5.0, 4
KEEPS, DRIVES_OFF = 0.6, -0.5
LOADINGS = {"keeps": 0.3, "drives_off": 0.2, "v1": 0.6, "v2": 0.7, "v3": 0.8, "v4": 0.9, "still": 0}


def test_churn_indicator_marks_the_period_of_churn(make_periods) -> None:
    periods = make_periods({"x": np.zeros((3, 5))}, np.ones((3, 5)), leave=[5, 3, 1])
    expected = np.zeros((3, 5), dtype=bool)
    expected[1, 2] = expected[2, 0] = True
    np.testing.assert_array_equal(churn_indicator(periods), expected)


def test_risk_set_has_a_past_and_a_known_outcome(make_periods) -> None:
    periods = make_periods(
        {"x": np.zeros((2, 9))}, np.ones((2, 9)), entry=np.array([0, 3]), leave=[9, 6]
    )
    at_risk = risk_set(periods, SPANS)
    assert np.nonzero(at_risk[0])[0].tolist() == [2, 3, 4, 5, 6, 7]
    assert np.nonzero(at_risk[1])[0].tolist() == [4, 5]


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 14), st.integers(0, 5))
def test_lag_groups_cover_the_window_once(observation: int, gap: int) -> None:
    groups = hazard_lags(Spans(7, observation, 4, gap))
    covered = [lag for a, b in groups for lag in range(a, b + 1)]
    assert covered == list(range(1, observation + gap + 1))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 11))
def test_recent_counts_exclude_later_events(make_periods, seed: int, t: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(1.0, (4, 12)).astype(np.float32)
    entry = rng.integers(0, 4, 4)
    changed = counts.copy()
    changed[:, t:] += rng.poisson(5.0, (4, 12 - t))
    every, none = np.ones((4, 12), dtype=bool), np.zeros((4, 12), dtype=bool)
    sums = [
        recent_counts(
            make_periods({"x": x}, np.ones((4, 12)), entry=entry),
            [0],
            hazard_lags(SPANS),
            every,
            none,
        ).reshape(4, 12, 1, -1)
        for x in (counts, changed)
    ]
    np.testing.assert_array_equal(sums[0][:, : t + 1], sums[1][:, : t + 1])
    newcomer = entry > 0
    for g, (a, b) in enumerate(hazard_lags(SPANS)):
        plain = counts[:, max(t - b, 0) : max(t - a + 1, 0)].sum(axis=1)
        np.testing.assert_allclose(sums[0][newcomer, t, 0, g], plain[newcomer])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_recent_counts_end_before_the_day_of_churn(make_periods, seed: int, into: int) -> None:
    """Compared with sums over the days before; one entity churns in period 6."""
    rng = np.random.default_rng(seed)
    by_day = rng.poisson(0.7, (3, 70))
    churns = 6 * 7 + into
    by_day[0, churns + 1 :] = 0
    entity, day = np.nonzero(by_day)
    periods = replace(
        make_periods(
            {"x": by_day.reshape(3, 10, 7).sum(axis=2)}, np.ones((3, 10)), leave=[7, 10, 10]
        ),
        entry=np.array([0, 1, 2], dtype=np.int32),
        days=Days(
            *(a.astype(np.int32) for a in (entity, day, np.zeros(day.size))),
            by_day[entity, day].astype(np.float32),
            np.array([churns, 70, 70], dtype=np.int32),
        ),
    )
    cells = np.zeros((3, 10), dtype=bool)
    cells[:, 6] = True
    groups = hazard_lags(SPANS)
    sums = recent_counts(periods, [0], groups, cells, churn_indicator(periods))
    # Entities that stay get the only churn day of the period as their reference day.
    for i, known_from in enumerate((0, 7, 14)):
        for g, (first, last) in enumerate(groups):
            start, stop = churns - 7 * last, churns - 7 * (first - 1)
            days = [d for d in range(start, stop) if d >= 0]
            expected = by_day[i, days].sum()
            if known_from == 0:
                expected += by_day[i, :churns].mean() * (stop - start - len(days))
            assert sums[i, 0, g] == pytest.approx(expected, rel=1e-5)


def test_the_days_before_churn_within_a_period_count(make_periods) -> None:
    """Events of the last seven days lower the hazard; churn is on the sixth day of a period.

    By whole periods, nearly all of these days lie in the period of churn, which is not used.
    """
    rng = np.random.default_rng(3)
    n, n_periods = 4000, 30
    by_day = rng.poisson(0.15, (n, n_periods * 7))
    before = np.concatenate([np.zeros((n, 1)), np.cumsum(by_day, axis=1)], axis=1)
    decides = 7 * np.arange(1, n_periods) + 5
    recent = before[:, decides] - before[:, decides - 7]
    churns = rng.random(recent.shape) < logistic(-2.5 - 0.8 * (recent - 1.05))
    when = np.where(churns.any(axis=1), decides[churns.argmax(axis=1)], n_periods * 7)
    by_day *= np.arange(n_periods * 7) < when[:, None]
    entity, day = np.nonzero(by_day)
    whole = make_periods(
        {"x": by_day.reshape(n, n_periods, 7).sum(axis=2)},
        np.ones((n, n_periods)) * (np.arange(n_periods) * 7 < when[:, None]),
        leave=np.minimum(when // 7 + 1, n_periods),
    )
    days = Days(
        *(a.astype(np.int32) for a in (entity, day, np.zeros(day.size))),
        by_day[entity, day].astype(np.float32),
        when.astype(np.int32),
    )
    last = [
        build_hazard_design(periods, [0], SPANS).fit()[0].coef[0]
        for periods in (whole, replace(whole, days=days))
    ]
    assert last[1] == pytest.approx(-0.8, abs=0.12)
    assert abs(last[0]) < 0.4


def subscribers(
    make_periods, keeps: float, drives_off: float, affinity_effect: float, seed: int
) -> tuple[Periods, np.ndarray]:
    """Simulate 5,000 subscribers; an event changes the log odds of churn for four periods.

    The behaviours v1 to v4 are correlated with affinity, which lowers churn. Also return the log
    odds of churn, (n, T), without censoring.
    """
    rng = np.random.default_rng(seed)
    n, n_periods = 5000, 40
    affinity = rng.standard_normal((n, 1))
    counts = {}
    for name, loading in LOADINGS.items():
        wave = np.zeros((n, n_periods))
        for t in range(1, n_periods):
            wave[:, t] = 0.8 * wave[:, t - 1] + 0.4 * rng.standard_normal(n)
        own = 0.4 * rng.standard_normal((n, 1))
        counts[name] = rng.poisson(0.5 * np.exp(loading * affinity + own + wave - 0.5))
    entry = np.where(rng.random(n) < 0.6, rng.integers(0, 20, n), 0)
    t = np.arange(n_periods)
    counts = {name: c * (t >= entry[:, None]) for name, c in counts.items()}
    log_odds = np.log(0.05) - affinity_effect * affinity + np.zeros((n, n_periods))
    for name, effect in (("keeps", -keeps), ("drives_off", -drives_off)):
        for lag in range(1, LASTS + 1):
            log_odds[:, lag:] += effect * (counts[name][:, :-lag] - 0.5)
    churns = (rng.random((n, n_periods)) < logistic(log_odds)) & (t > entry[:, None])
    leave = np.where(churns.any(axis=1), churns.argmax(axis=1) + 1, n_periods)
    present = (t >= entry[:, None]) & (t < leave[:, None])
    gain = FEE * (present & ~churns)
    observed = {name: c * present for name, c in counts.items()}
    return make_periods(observed, gain, entry=entry, leave=leave), log_odds


@pytest.fixture(scope="module")
def simulation(make_periods) -> tuple[Periods, np.ndarray]:
    return subscribers(make_periods, KEEPS, DRIVES_OFF, 0.6, seed=2)


@pytest.fixture(scope="module")
def acting(simulation) -> Periods:
    return simulation[0]


@pytest.fixture(scope="module")
def effects(acting):
    return fit_churn_effects(acting, acting.behaviours, SPANS).effects


def true_effect(periods: Periods, log_odds: np.ndarray, strength: float) -> float:
    """Intervene: one more event in a random period of the window, in closed form."""
    changes = []
    for c in range(periods.gain.shape[1] - SPANS.outcome, SPANS.observation - 1, -2):
        present = (periods.entry < c) & (periods.exit > c)
        ahead = log_odds[present, c : c + SPANS.outcome]
        span = np.minimum(c - periods.entry[present], SPANS.observation)
        usual = FEE * np.cumprod(1 - logistic(ahead), axis=1).sum(axis=1)
        change = np.zeros(int(present.sum()))
        for s in range(1, SPANS.observation + 1):
            felt = np.arange(SPANS.outcome) + s <= LASTS
            more = FEE * np.cumprod(1 - logistic(ahead - strength * felt), axis=1).sum(axis=1)
            change += np.where(s <= span, (more - usual) / span, 0.0)
        changes.append(change)
    return float(np.concatenate(changes).mean())


def test_effects_on_churn_are_recovered_with_their_sign(effects, simulation) -> None:
    estimates = {b: estimate_window_effect(effects, i) for i, b in enumerate(effects.behaviours)}
    assert estimates["keeps"].z > 8
    assert estimates["drives_off"].z < -8
    for name, strength in (("keeps", KEEPS), ("drives_off", DRIVES_OFF)):
        assert estimates[name].effect == pytest.approx(true_effect(*simulation, strength), rel=0.2)
    for name in ("v1", "v2", "v3", "v4", "still"):
        assert abs(estimates[name].z) < 4
        assert abs(estimates[name].effect) < 0.15 * estimates["keeps"].effect


def test_effects_decay_as_simulated(effects) -> None:
    profile = estimate_window_effect(effects, effects.behaviours.index("keeps")).profile
    recent = [p for p, (_, b) in zip(profile, effects.lags.groups, strict=True) if b <= 4]
    later = [p for p, (a, _) in zip(profile, effects.lags.groups, strict=True) if a > 4]
    assert min(recent) > 3 * max(later)


def test_affinity_alone_is_not_an_effect_of_events(make_periods) -> None:
    periods, _ = subscribers(make_periods, 0.0, 0.0, 1.0, seed=5)
    effects = fit_churn_effects(periods, periods.behaviours, SPANS).effects
    estimates = [estimate_window_effect(effects, b) for b in range(len(effects.behaviours))]
    assert max(abs(w.z) for w in estimates) < 4
    # Raw counts, without control for affinity, are confounded.
    design = build_hazard_design(periods, [2, 3, 4, 5], SPANS)
    counts = design.sums.reshape(len(design.entity), 4, -1).sum(axis=2)
    naive = fit_hazard(design.churned[design.cells], counts, design.entity, len(periods.entry))
    assert np.abs(naive.coef / naive.std_error).max() > 8


def test_a_behaviours_long_run_rate_is_not_its_effect(make_periods) -> None:
    periods, _ = subscribers(make_periods, KEEPS, 0.0, 0.6, seed=7)
    alone = fit_churn_effects(periods, ("v4",), SPANS).effects
    assert abs(estimate_window_effect(alone, 0).z) < 4


def test_effects_are_averaged_over_the_given_outcomes(effects, acting) -> None:
    outcomes = churn_outcomes_at_cutoffs(
        acting, churn_indicator(acting) & risk_set(acting, SPANS), SPANS
    )
    again = fit_churn_effects(acting, acting.behaviours, SPANS, outcomes).effects
    np.testing.assert_allclose(again.lags.weights, effects.lags.weights)
    fewer = replace(outcomes, churned=outcomes.churned * 0.5)
    half = fit_churn_effects(acting, acting.behaviours, SPANS, fewer).effects
    np.testing.assert_allclose(half.lags.weights, 0.5 * effects.lags.weights)


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(1)
    n, times, width = 300, 12, 4
    x = rng.gamma(1.0, 1.0, (n * times, width)).astype(np.float32)
    entity = np.repeat(np.arange(n), times)
    frailty = 0.5 * rng.standard_normal(n)[entity]
    event = rng.random(n * times) < logistic(x @ np.array([0.4, -0.6, 0.0, 0.2]) - 1.5 + frailty)
    return event, x, entity, n


def test_the_fit_agrees_with_scikit_learn(small) -> None:
    from sklearn.linear_model import LogisticRegression

    event, x, entity, n = small
    fit = fit_hazard(event, x, entity, n)
    other = LogisticRegression(C=1e6, tol=1e-10, max_iter=2000).fit(x, event)
    np.testing.assert_allclose(fit.coef, other.coef_[0], atol=2e-4)
    np.testing.assert_allclose(fit.probability, other.predict_proba(x)[:, 1], atol=2e-4)


def test_influence_predicts_the_change_if_an_entity_is_left_out(small) -> None:
    event, x, entity, n = small
    fit = fit_hazard(event, x, entity, n)
    without = []
    for i in range(60):
        kept = entity != i
        without.append(fit.coef - fit_hazard(event[kept], x[kept], entity[kept], n).coef)
    np.testing.assert_allclose(fit.influence[:60], without, atol=0.1 * np.abs(without).max())
    assert np.corrcoef(fit.influence[:60].ravel(), np.ravel(without))[0, 1] > 0.995


def test_the_score_test_agrees_with_a_fit_of_the_added_column(small) -> None:
    event, x, entity, n = small
    base = fit_hazard(event, x[:, :2], entity, n)
    estimates = score_test_z(event, x[:, :2], base, x[:, 2:])
    for j, z in enumerate(estimates):
        more = fit_hazard(event, x[:, [0, 1, 2 + j]], entity, n)
        assert z == pytest.approx(more.coef[2] / more.std_error[2], rel=0.05, abs=0.05)


def test_a_collinear_column_adds_nothing(small) -> None:
    event, x, entity, n = small
    fit = fit_hazard(event, x, entity, n)
    assert score_test_z(event, x, fit, x[:, :1] + x[:, 1:2]).tolist() == [0.0]
