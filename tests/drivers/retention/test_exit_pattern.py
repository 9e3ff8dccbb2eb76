"""Notice periods and common declines: found where they are, and no driver where nothing acts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engagement_ml.drivers.retention.churn_effects import fit_churn_effects
from engagement_ml.drivers.retention.common_state import CommonState
from engagement_ml.drivers.retention.exit_pattern import (
    exit_pattern,
    has_common_state,
    notice_length,
)
from engagement_ml.drivers.retention.exit_profile import PROFILE_LAGS, ExitProfile, study_exits
from engagement_ml.drivers.retention.hazard_design import hazard_lags
from engagement_ml.drivers.retention.notice_lags import MIDDLE
from engagement_ml.drivers.thresholds import THRESHOLDS

MIN_Z = THRESHOLDS.min_z


def strongest(estimates, behaviours: str = "abcdefgh") -> float:
    return max(abs(estimates.within[b].z) for b in behaviours)


@pytest.mark.parametrize("seed", [1, *(pytest.param(s, marks=pytest.mark.seldom) for s in (2, 3))])
def test_notice_is_found_and_makes_no_driver(estimated, seed: int) -> None:
    estimates = estimated("notice", acts=False, seed=seed)
    pattern = estimates.retention.pattern
    assert pattern.kind == "notice"
    assert 4 <= pattern.notice <= 8, "decisions are made 2 to 6 weeks before"
    assert strongest(estimates) < MIN_Z
    assert len(estimates.retention.notice_only) >= 6


def test_without_the_notice_gap_all_would_be_drivers(estimated) -> None:
    """The simulation does have the trap that the gap avoids."""
    estimates = estimated("notice", acts=False, seed=1, notice_days=0)
    assert sum(abs(w.z) >= MIN_Z for w in estimates.within.values()) >= 6
    assert estimates.retention.pattern.kind == "configured"


def test_configured_notice_is_rounded_up_to_whole_periods(estimated) -> None:
    estimates = estimated("notice", acts=False, seed=1, notice_days=40)
    assert estimates.retention.pattern.notice == 6
    assert estimates.main.lags.groups[0] == (7, 7)
    assert strongest(estimates) < MIN_Z


def test_drivers_are_found_beyond_the_notice_period(estimated) -> None:
    estimates = estimated("notice", acts=True, seed=1, base=0.03)
    assert estimates.retention.pattern.kind == "notice"
    assert min(estimates.within[b].z for b in "ac") >= MIN_Z
    assert strongest(estimates, "bdefgh") < MIN_Z


def test_drivers_without_a_notice_period_keep_their_first_lags(estimated) -> None:
    estimates = estimated("plain", acts=True, seed=1, base=0.02)
    assert (estimates.retention.pattern.kind, estimates.retention.pattern.notice) == ("none", 0)
    assert min(estimates.within[b].z for b in "ac") >= MIN_Z
    assert strongest(estimates, "bdefgh") < MIN_Z


@pytest.mark.parametrize("seed", [1, 2])
def test_a_common_decline_makes_no_driver(estimated, seed: int) -> None:
    estimates = estimated("decline", acts=False, seed=seed)
    assert estimates.retention.pattern.kind == "decline"
    assert estimates.retention.corrected
    assert strongest(estimates) < MIN_Z


def test_the_correction_moves_effects_towards_the_truth(estimated) -> None:
    estimates = estimated("decline", acts=True, seed=1, base=0.02)
    uncorrected, corrected = estimates.retention.fit.effects, estimates.main
    idle, acting = [1, 3, 4, 5, 6, 7], [0, 2]
    assert uncorrected.coef[idle].mean() > 3 * abs(corrected.coef[idle].mean())
    assert min(estimates.within[b].z for b in "ac") >= MIN_Z
    assert corrected.coef[acting].mean() > 3 * abs(corrected.coef[idle].mean())


def test_lags_begin_before_the_notice_period(subscribers) -> None:
    """Events within the notice period cannot change an estimate."""
    periods = subscribers("notice", acts=False, seed=1)
    days = periods.days
    last = days.day >= days.exit[days.entity] - 6 * 7
    leaves = days.exit[days.entity] < periods.counts.shape[1] * 7
    changed = replace(periods, days=replace(days, n=np.where(last & leaves, 50, days.n)))
    from engagement_ml.drivers.estimation.spans import Spans

    spans = Spans(7, 12, 12, 0)
    fits = [
        fit_churn_effects(p, ("a", "b"), spans, undecided=(0.0,) * 6) for p in (periods, changed)
    ]
    churned = fits[0].design.event
    np.testing.assert_array_equal(fits[0].design.sums[churned], fits[1].design.sums[churned])
    assert hazard_lags(spans, 6)[0] == (7, 7)


def test_the_profile_agrees_with_a_loop(subscribers, make_study) -> None:
    """Leavers' mean counts by week, counted event by event."""
    periods = subscribers("notice", acts=False, seed=1)
    profile = study_exits(periods, [0], make_study(periods).spans)
    days, n_days = periods.days, 7 * periods.counts.shape[1]
    first = np.where(periods.entry > 0, periods.entry + 1, 4)
    leavers = np.nonzero((days.exit < n_days - 7) & (days.exit // 7 - 12 >= first))[0]
    mean = {1: 0.0, 7: 0.0}
    for week in mean:
        for i in leavers:
            mine = (days.entity == i) & (days.behaviour == 0)
            ago = days.exit[i] - days.day[mine]
            inside = (ago > (week - 1) * 7) & (ago <= week * 7)
            mean[week] += days.n[mine][inside].sum() / leavers.size
    # Stayers' means differ little between the two weeks.
    ratio = profile.log_ratio[0, 0] - profile.log_ratio[0, 6]
    assert ratio == pytest.approx(np.log(mean[1] / mean[7]), abs=0.1)


def profile_of(common: list[float], n: int = 400, joint: float = 0.1) -> ExitProfile:
    """Return a profile of five behaviours with given log ratios, and standard errors of 0.02."""
    rng = np.random.default_rng(0)
    influence = rng.standard_normal((n, 5, len(PROFILE_LAGS))) * 0.02 / np.sqrt(n)
    return ExitProfile(np.tile(common, (5, 1)), influence, joint, 10.0 if joint else 0.0)


def test_separate_effects_are_no_common_state() -> None:
    fall = [-0.3] * 4 + [0.0] * 5
    assert has_common_state(profile_of(fall), THRESHOLDS)
    assert not has_common_state(profile_of(fall, joint=0.0), THRESHOLDS)
    few = profile_of(fall)
    few.log_ratio[:3] = 0.0  # only two of five behaviours fall
    assert not has_common_state(few, THRESHOLDS)
    deep = profile_of([-0.9] * 4 + [0.0] * 5, joint=0.0)
    assert has_common_state(deep, THRESHOLDS)


def test_notice_ends_where_the_change_does() -> None:
    assert notice_length(profile_of([-0.9] * 3 + [0.0] * 6), THRESHOLDS) == 3
    assert notice_length(profile_of([-0.9] * 8 + [0.0]), THRESHOLDS) == 8
    assert notice_length(profile_of([-0.3] * 9), THRESHOLDS) is None


def test_in_a_notice_period_that_was_found_some_had_not_decided(make_study, subscribers) -> None:
    periods = subscribers("notice", acts=False, seed=1)
    spans, columns = make_study(periods).spans, [0, 1, 2]
    found = exit_pattern(periods, columns, spans, THRESHOLDS)
    assert len(found.undecided) == found.notice > 0
    assert found.undecided[0] == 0.0
    assert all(0.0 <= s <= MIDDLE for s in found.undecided)
    configured = exit_pattern(periods, columns, spans, THRESHOLDS, notice_days=20)
    assert configured.undecided == (0.0, 0.0, 0.0)


@pytest.mark.seldom
def test_undecided_leavers_raise_the_worth_of_an_event(make_study, subscribers) -> None:
    """Lags of the notice period count with the effect of the first lag before it."""
    periods = subscribers("notice", acts=True, seed=1)
    spans, names = make_study(periods).spans, periods.behaviours
    decided, quarter, half = (
        fit_churn_effects(periods, names, spans, undecided=(share,) * 4)
        for share in (0.0, 0.25, 0.5)
    )
    weights = [each.effects.lags.weights for each in (decided, quarter, half)]
    np.testing.assert_allclose(half.effects.coef, decided.effects.coef)
    np.testing.assert_allclose(half.seen_weights, weights[0])
    np.testing.assert_allclose(weights[2][1:], weights[0][1:])
    added = weights[2][0] - weights[0][0]
    assert added == pytest.approx(2 * (weights[1][0] - weights[0][0]))
    # Without a notice period the first lags have about the same weights; the risk set differs.
    first = fit_churn_effects(periods, names, spans).effects.lags.weights[:3].sum()
    assert added == pytest.approx(0.5 * first, rel=0.3)


def test_too_few_leavers_are_not_studied(subscribers, make_study) -> None:
    periods = subscribers("plain", acts=False, seed=1)
    stay = replace(periods, exit=np.full_like(periods.exit, periods.counts.shape[1]))
    study = make_study(periods)
    assert study_exits(stay, [0, 1, 2], study.spans) is None
    pattern = exit_pattern(stay, [0, 1, 2], study.spans, THRESHOLDS)
    assert (pattern.kind, pattern.notice) == ("none", 0)
    assert not pattern.only_in_notice(0, MIN_Z)


def test_common_state_has_the_direction_of_the_best_predictor() -> None:
    """w is proportional to the coefficients of the hidden state on the counts."""
    rng = np.random.default_rng(1)
    hidden = rng.standard_normal(200_000)
    loading = np.array([0.8, 0.5, 0.9, 0.4, 0.6])
    scale = np.array([1.0, 2.0, 0.5, 3.0, 1.0])
    counts = scale * (hidden[:, None] * loading + rng.standard_normal((hidden.size, 5)))
    state = CommonState.from_recent_counts(counts, rng.standard_normal((hidden.size, 2)))
    best = np.linalg.lstsq(counts, hidden, rcond=None)[0]
    ratio = state.direction / best
    assert ratio.std() / ratio.mean() < 0.03
    noise = rng.standard_normal((2000, 5))
    assert CommonState.from_recent_counts(noise[:, :1], noise[:, 1:]) is None
