"""Latent affinity: common factors of past rates, without later events."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.retention.latent_affinity import (
    affinity_scores,
    factor_loadings,
    shrunk_past_rates,
)
from engagement_ml.features.period_panel import Periods

N, T = 3000, 30
LOADINGS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.0)


def simulate(
    make_periods, seed: int, shares: tuple[float, ...] = LOADINGS
) -> tuple[Periods, np.ndarray]:
    rng = np.random.default_rng(seed)
    affinity = rng.standard_normal((N, 1))
    season = np.exp(0.5 * np.sin(np.arange(T) / 4))
    counts = {
        f"b{j}": rng.poisson(
            0.8 * season * np.exp(share * affinity + 0.3 * rng.standard_normal((N, 1)))
        )
        for j, share in enumerate(shares)
    }
    return make_periods(counts, np.ones((N, T))), affinity[:, 0]


def test_rates_are_relative_to_the_season_and_shrunk(make_periods) -> None:
    periods, _ = simulate(make_periods, 1)
    rates = shrunk_past_rates(periods, np.ones((N, T), bool))
    counts = periods.counts[..., 0].astype(float)
    expected = counts.mean(axis=0)[:20].sum()
    done = counts[:, :20].sum(axis=1)
    weight = rates.weight[0, 20, 0]
    prior = expected * (1 - weight) / weight
    np.testing.assert_allclose(
        rates.log_rate[:, 20, 0], np.log((done + prior) / (expected + prior))
    )
    # Posterior means are calibrated: a regression of later rates on them has slope 1.
    late = counts[:, 20:].mean(axis=1) / counts[:, 20:].mean()
    posterior_mean = np.exp(rates.log_rate[:, 20, 0])
    assert np.polyfit(posterior_mean, late, 1)[0] == pytest.approx(1.0, abs=0.08)
    assert (rates.log_rate[:, 0] == 0).all()


def test_scores_are_calibrated_predictors_of_affinity(make_periods) -> None:
    periods, affinity = simulate(make_periods, 2)
    at_risk = np.ones((N, T), bool)
    at_risk[:, 0] = False
    scores = affinity_scores(shrunk_past_rates(periods, at_risk), at_risk)
    assert scores.shape == (N, T, 1)
    for t in (4, 12, 29):
        assert abs(np.corrcoef(scores[:, t, 0], affinity)[0, 1]) > 0.7
    assert abs(np.corrcoef(scores[:, 29, 0], affinity)[0, 1]) > 0.92
    # Scores from a short past are shrunk, so that the slope is the same for all lengths.
    sign = np.sign(np.corrcoef(scores[:, 29, 0], affinity)[0, 1])
    slopes = [np.polyfit(sign * scores[:, t, 0], affinity, 1)[0] for t in (2, 6, 29)]
    np.testing.assert_allclose(slopes, np.mean(slopes), rtol=0.2)


def test_later_events_do_not_change_earlier_rates(make_periods) -> None:
    periods, _ = simulate(make_periods, 3)
    rates = shrunk_past_rates(periods, np.ones((N, T), bool))
    later = periods.counts.copy()
    later[:10, 15:] += 1
    changed = make_periods(
        {b: later[..., j] for j, b in enumerate(periods.behaviours)}, np.ones((N, T))
    )
    changed_rates = shrunk_past_rates(changed, np.ones((N, T), bool))
    # Later events of an entity only enter the season, the mean over all entities.
    np.testing.assert_allclose(rates.log_rate[:, :15], changed_rates.log_rate[:, :15], atol=0.01)


def test_independent_behaviours_have_no_common_factor(make_periods) -> None:
    periods, _ = simulate(make_periods, 4, (0.0,) * 6)
    at_risk = np.ones((N, T), bool)
    assert affinity_scores(shrunk_past_rates(periods, at_risk), at_risk).shape == (N, T, 0)


def test_a_factor_of_two_behaviours_is_not_affinity() -> None:
    correlation = np.eye(6)
    correlation[0, 1] = correlation[1, 0] = -0.6
    assert factor_loadings(correlation, 0.3).shape == (6, 0)


def test_two_factors_are_distinguished_from_one() -> None:
    true = np.array([[0.8, 0], [0.7, 0], [0.6, 0], [0.5, 0.5], [0, 0.8], [0, 0.7], [0, 0.6]])
    correlation = true @ true.T
    np.fill_diagonal(correlation, 1.0)
    loadings = factor_loadings(correlation, 0.3)
    reproduced = loadings @ loadings.T
    np.fill_diagonal(reproduced, 1.0)
    assert loadings.shape == (7, 2)
    np.testing.assert_allclose(reproduced, correlation, atol=0.02)
