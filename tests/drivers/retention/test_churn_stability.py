"""Effects on churn by time, segment, shape and pair: known truth is recovered."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.estimation.window_effect import estimate_window_effect
from engagement_ml.drivers.retention.churn_effects import ChurnFit, fit_churn_effects
from engagement_ml.drivers.retention.churn_stability import (
    N_QUARTERS,
    interaction,
    quarters,
    shares_by_group,
    z_long_before,
    z_with_steps,
)
from engagement_ml.drivers.retention.recent_counts import recent_counts
from engagement_ml.drivers.validation.flexible_controls import step_indicators
from engagement_ml.features.period_panel import Periods

SPANS = Spans(7, 4, 4, 0)
N, T = 2500, 40

Effect = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def weekly(
    make_periods, effect: Effect, *, seed: int = 0, base: float = -3.2, rate: float = 0.7
) -> Periods:
    """Simulate churn week by week; the effect is on the logit, from sums of the last four weeks."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson([rate, 0.7, 0.7, 0.7], (N, T, 4)).astype(float)
    # d is done after a: more often where a was done at all
    for t in range(1, T):
        some = counts[:, max(t - 4, 0) : t, 0].sum(axis=1) >= 1
        counts[:, t, 3] = rng.poisson(np.where(some, 1.0, 0.05))
    leave = np.full(N, T)
    for t in range(4, T):
        sums = counts[:, t - 4 : t].sum(axis=1)
        logit = base + effect(sums, np.arange(N), t)
        churns = (leave == T) & (rng.random(N) < 1 / (1 + np.exp(-logit)))
        leave[churns] = t + 1
    present = np.arange(T) < leave[:, None]
    values = {b: counts[..., i] * present for i, b in enumerate("abcd")}
    return make_periods(values, 1.0 * present, leave=leave)


def fit_of(periods: Periods) -> ChurnFit:
    return fit_churn_effects(periods, periods.behaviours, SPANS)


def profile(fit: ChurnFit, b: str) -> np.ndarray:
    return estimate_window_effect(fit.effects, fit.effects.behaviours.index(b)).profile


def steps(counts: np.ndarray) -> np.ndarray:
    return step_indicators(counts[None], np.ones((1, counts.size), dtype=bool))[0]


def test_an_effect_that_ended_has_no_later_share(make_periods) -> None:
    periods = weekly(make_periods, lambda s, i, t: -0.8 * s[:, 0] * (t < 20) - 0.3 * s[:, 1])
    fit = fit_of(periods)
    group = quarters(fit)
    churned = np.bincount(group, fit.design.event)
    assert churned.size == N_QUARTERS
    assert churned.max() < 1.6 * churned.min()
    profiles = {b: profile(fit, b) for b in "ab"}
    shares = shares_by_group(fit, profiles, group, N_QUARTERS)
    late, error = shares["a"].over([2, 3])
    assert late + 2 * error < 1.0
    assert shares["a"].over([0])[0] > 1.0
    for k in range(N_QUARTERS):
        share, error = shares["b"].over([k])
        assert abs(share - 1.0) < 4 * error + 0.2


def test_segments_have_their_own_effects(make_periods) -> None:
    periods = weekly(make_periods, lambda s, i, t: -0.4 * s[:, 0] * (i % 2 == 0))
    fit = fit_of(periods)
    group = (fit.design.entity % 2).astype(np.int64)
    shares = shares_by_group(fit, {"a": profile(fit, "a")}, group, 2)["a"]
    there, nowhere = shares.over([0]), shares.over([1])
    assert there[0] > 1.3
    assert abs(nowhere[0]) < 4 * nowhere[1]
    assert shares.over([0, 1])[1] < min(there[1], nowhere[1])


def test_steps_take_what_saturation_gives(make_periods) -> None:
    """d follows the first a, and a keeps customers whatever its number: d has no effect."""
    periods = weekly(
        make_periods,
        lambda s, i, t: -1.5 * (s[:, 0] >= 1) - 0.3 * s[:, 1],
        base=-1.8,
        rate=0.25,
        seed=1,
    )
    fit = fit_of(periods)
    z = z_with_steps(fit, ["b", "d"], ["a", "b", "d"], steps)
    assert abs(z["d"][1]) < 0.7 * z["d"][0]
    assert z["b"][1] > 0.8 * z["b"][0] > 4


def test_counts_of_long_before_tell_an_effect_that_fades(make_periods) -> None:
    periods = weekly(make_periods, lambda s, i, t: -0.4 * s[:, 0])
    fit = fit_of(periods)
    cells, churned = fit.design.cells, fit.design.churned
    earlier = recent_counts(periods, [0, 1, 2, 3], ((5, 8),), cells, churned)[..., 0]
    before, contrast = z_long_before(fit, earlier, "a")
    assert abs(before) < 3
    assert contrast > 4


@pytest.mark.parametrize(("both", "sign"), [(-0.25, 1), (0.0, 0)])
def test_pairs_are_told_from_effects_that_add_up(make_periods, both: float, sign: int) -> None:
    def effect(s: np.ndarray, i: np.ndarray, t: int) -> np.ndarray:
        # effects that add up in the hazard: the log of a sum
        if both == 0:
            return np.log(np.maximum(1.5 - 0.1 * s[:, 0] - 0.1 * s[:, 1], 0.1))
        return both * (s[:, 0] - 2.8) * (s[:, 1] - 2.8)

    fit = fit_of(weekly(make_periods, effect))
    difference, error = interaction(fit, "a", "b")
    if sign:
        assert difference / error > 4
    else:
        assert abs(difference / error) < 3


def test_lag_profiles_of_nothing_have_no_share(make_periods) -> None:
    fit = fit_of(weekly(make_periods, lambda s, i, t: 0.0 * s[:, 0]))
    group = quarters(fit)
    assert shares_by_group(fit, {"a": np.zeros(3)}, group, N_QUARTERS) == {}
