"""Liking, told from what behaviours have in common, and never from what comes later."""

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


def crowd(
    make_periods, seed: int, shares: tuple[float, ...] = LOADINGS
) -> tuple[Periods, np.ndarray]:
    rng = np.random.default_rng(seed)
    likes = rng.standard_normal((N, 1))
    season = np.exp(0.5 * np.sin(np.arange(T) / 4))
    counts = {
        f"b{j}": rng.poisson(
            0.8 * season * np.exp(share * likes + 0.3 * rng.standard_normal((N, 1)))
        )
        for j, share in enumerate(shares)
    }
    return make_periods(counts, np.ones((N, T))), likes[:, 0]


def test_rates_are_those_before_relative_to_the_season(make_periods) -> None:
    periods, _ = crowd(make_periods, 1)
    levels = shrunk_past_rates(periods, np.ones((N, T), bool))
    counts = periods.counts[..., 0].astype(float)
    expected = counts.mean(axis=0)[:20].sum()
    done = counts[:, :20].sum(axis=1)
    weight = levels.weight[0, 20, 0]
    prior = expected * (1 - weight) / weight
    np.testing.assert_allclose(
        levels.log_rate[:, 20, 0], np.log((done + prior) / (expected + prior))
    )
    # Means of a gamma prior and the counts: the guess of a rate is neither too high nor too low.
    late = counts[:, 20:].mean(axis=1) / counts[:, 20:].mean()
    guess = np.exp(levels.log_rate[:, 20, 0])
    assert np.polyfit(guess, late, 1)[0] == pytest.approx(1.0, abs=0.08)
    assert (levels.log_rate[:, 0] == 0).all()


def test_scores_are_best_guesses_of_liking(make_periods) -> None:
    periods, likes = crowd(make_periods, 2)
    at_risk = np.ones((N, T), bool)
    at_risk[:, 0] = False
    scores = affinity_scores(shrunk_past_rates(periods, at_risk), at_risk)
    assert scores.shape == (N, T, 1)
    for t in (4, 12, 29):
        assert abs(np.corrcoef(scores[:, t, 0], likes)[0, 1]) > 0.7
    assert abs(np.corrcoef(scores[:, 29, 0], likes)[0, 1]) > 0.92
    # What is guessed from little is guessed with care, on the scale of what is guessed from much.
    sign = np.sign(np.corrcoef(scores[:, 29, 0], likes)[0, 1])
    slopes = [np.polyfit(sign * scores[:, t, 0], likes, 1)[0] for t in (2, 6, 29)]
    np.testing.assert_allclose(slopes, np.mean(slopes), rtol=0.2)


def test_later_events_change_no_score_before(make_periods) -> None:
    periods, _ = crowd(make_periods, 3)
    levels = shrunk_past_rates(periods, np.ones((N, T), bool))
    later = periods.counts.copy()
    later[:10, 15:] += 1
    changed = make_periods(
        {b: later[..., j] for j, b in enumerate(periods.behaviours)}, np.ones((N, T))
    )
    again = shrunk_past_rates(changed, np.ones((N, T), bool))
    # Only through the mean of everybody can one entity's later events be felt.
    np.testing.assert_allclose(levels.log_rate[:, :15], again.log_rate[:, :15], atol=0.01)


def test_behaviours_with_nothing_in_common_have_no_liking(make_periods) -> None:
    periods, _ = crowd(make_periods, 4, (0.0,) * 6)
    at_risk = np.ones((N, T), bool)
    assert affinity_scores(shrunk_past_rates(periods, at_risk), at_risk).shape == (N, T, 0)


def test_what_two_share_is_not_liking() -> None:
    correlation = np.eye(6)
    correlation[0, 1] = correlation[1, 0] = -0.6
    assert factor_loadings(correlation, 0.3).shape == (6, 0)


def test_two_factors_are_told_from_one() -> None:
    true = np.array([[0.8, 0], [0.7, 0], [0.6, 0], [0.5, 0.5], [0, 0.8], [0, 0.7], [0, 0.6]])
    correlation = true @ true.T
    np.fill_diagonal(correlation, 1.0)
    found = factor_loadings(correlation, 0.3)
    reproduced = found @ found.T
    np.fill_diagonal(reproduced, 1.0)
    assert found.shape == (7, 2)
    np.testing.assert_allclose(reproduced, correlation, atol=0.02)
