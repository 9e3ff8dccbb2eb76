"""Windows: half-open, with mature outcomes and the last cutoffs held out."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.config import WindowsConfig
from engagement_ml.errors import ConfigError, NotEnoughDataError
from engagement_ml.windows import DAY, History, history_of, plan_windows

START = dt.date(2023, 12, 1)
configs = st.builds(
    WindowsConfig,
    observation_days=st.integers(1, 100),
    outcome_days=st.integers(1, 100),
    gap_days=st.integers(0, 20),
    every_days=st.integers(1, 50),
)


@given(config=configs, more=st.integers(0, 400))
def test_windows_stay_within_history_and_apart(config: WindowsConfig, more: int) -> None:
    needed = config.observation_days + config.gap_days + config.outcome_days
    history = History(START, START + (needed + more) * DAY)
    windows = plan_windows(history, config)
    assert windows.train
    assert list(windows.cutoffs) == sorted(set(windows.cutoffs))
    assert not set(windows.train) & set(windows.test)
    for cutoff in windows.cutoffs:
        observation, outcome = windows.observation(cutoff), windows.outcome(cutoff)
        assert history.start <= observation.start
        assert observation.end == cutoff
        assert observation.days == config.observation_days
        assert outcome.start == cutoff + config.gap_days * DAY
        assert outcome.days == config.outcome_days
        assert outcome.end <= history.end
    # Outcomes of training end before outcomes of testing begin.
    assert max(windows.outcome(c).end for c in windows.train) <= windows.fit_until
    assert all(windows.outcome(c).start >= windows.fit_until for c in windows.test)
    # The last cutoff is the last possible cutoff.
    assert windows.outcome(windows.cutoffs[-1]).end == history.end


@given(config=configs, more=st.integers(0, 400))
def test_cutoffs_are_evenly_spaced(config: WindowsConfig, more: int) -> None:
    needed = config.observation_days + config.gap_days + config.outcome_days
    windows = plan_windows(History(START, START + (needed + more) * DAY), config)
    for part in (windows.train, windows.test):
        steps = {later - earlier for earlier, later in pairwise(part)}
        assert steps <= {config.every_days * DAY}


def test_test_cutoffs_contain_two_disjoint_windows() -> None:
    history = History(dt.date(2023, 1, 1), dt.date(2024, 2, 25))
    windows = plan_windows(history, WindowsConfig())
    assert windows.test[-1] - windows.test[0] >= 84 * DAY
    assert windows.fit_until == windows.test[0]


@pytest.mark.parametrize(("days", "span"), [(503, 84), (504, 168), (900, 168)])
def test_long_histories_hold_out_two_cutoffs_without_a_shared_window(days: int, span: int) -> None:
    windows = plan_windows(History(START, START + days * DAY), WindowsConfig())
    assert (windows.test[-1] - windows.test[0]).days == span
    assert windows.outcome(windows.train[-1]).end <= windows.fit_until
    assert windows.days_for_test_pair == 504
    if span == 168:
        assert (windows.fit_until - START).days >= 252
        first, last = windows.test[0], windows.test[-1]
        assert windows.outcome(first).end <= windows.observation(last).start


def test_exact_cutoffs_are_held_out_in_pairs_if_enough_remains_to_fit() -> None:
    def plan(*days: int) -> tuple[int, ...]:
        config = WindowsConfig(
            observation_days=20, outcome_days=10, cutoffs=tuple(START + d * DAY for d in days)
        )
        windows = plan_windows(History(START, START + 200 * DAY), config)
        return tuple((c - START).days for c in windows.test)

    assert plan(20, 45, 50, 75) == (45, 50, 75)
    # 1.5 × 30 days must remain for fitting: too few precede cutoff 44, and only one cutoff to train
    # on precedes 50, which shows no change.
    assert plan(20, 44, 50, 74) == (74,)
    assert plan(20, 25, 44, 50, 74) == (50, 74)


def test_short_histories_hold_out_less() -> None:
    config = WindowsConfig(observation_days=28, outcome_days=28, every_days=28)

    def parts(days: int) -> tuple[int, int]:
        windows = plan_windows(History(START, START + days * DAY), config)
        return len(windows.train), len(windows.test)

    assert parts(56) == (1, 0)
    assert parts(83) == (1, 0)
    assert parts(84) == (1, 1)
    assert parts(112) == (2, 1)
    assert parts(140) == (2, 2)


def test_windows_need_events_before_and_transactions_after_a_cutoff() -> None:
    """A single cross-section: behaviour first, then margin."""
    config = WindowsConfig(observation_days=28, outcome_days=28, every_days=7)
    paid_from = START + 28 * DAY
    history = history_of(START, paid_from, START + 56 * DAY, config)
    assert history == History(START, START + 56 * DAY, paid_from)
    assert plan_windows(history, config).cutoffs == (paid_from,)
    # An isolated early event does not extend the history; late first events shorten it.
    early = history_of(START - 900 * DAY, paid_from, START + 56 * DAY, config)
    assert early.start == START
    late = history_of(paid_from, START, START + 98 * DAY, config)
    assert late == History(paid_from, START + 98 * DAY)
    with pytest.raises(NotEnoughDataError, match=r"covers 55 days .* need 56"):
        plan_windows(history_of(START, paid_from + DAY, START + 56 * DAY, config), config)


def test_the_error_for_a_short_history_names_the_days_needed() -> None:
    history = History(START, START + 167 * DAY)
    with pytest.raises(NotEnoughDataError) as caught:
        plan_windows(history, WindowsConfig())
    assert str(caught.value).startswith(
        "the data covers 167 days (2023-12-01 to 2024-05-15), and one observation, gap and "
        "outcome window need 168 (84 + 0 + 84)"
    )


def test_exact_cutoffs_outside_the_history_are_an_error() -> None:
    history = History(START, START + 60 * DAY)
    first, last = START + 20 * DAY, START + 50 * DAY

    def plan(*cutoffs: dt.date) -> tuple[dt.date, ...]:
        config = WindowsConfig(observation_days=20, outcome_days=10, cutoffs=cutoffs)
        return plan_windows(history, config).cutoffs

    assert plan(last, first, first) == (first, last)
    for refused in (first - DAY, last + DAY):
        with pytest.raises(ConfigError, match=f"{refused} is not usable: .* between {first} and"):
            plan(refused)


def test_a_leap_day_counts_as_a_day() -> None:
    windows = plan_windows(
        History(dt.date(2024, 2, 1), dt.date(2024, 3, 31)),
        WindowsConfig(observation_days=29, outcome_days=30),
    )
    assert windows.cutoffs == (dt.date(2024, 3, 1),)
    assert windows.observation(windows.cutoffs[0]).start == dt.date(2024, 2, 1)
