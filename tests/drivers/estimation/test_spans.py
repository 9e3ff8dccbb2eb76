"""Windows in periods, and window rows compared with a loop."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.spans import (
    Spans,
    payment_cycle_profile,
    period_days,
    spans_from_config,
    tenure_weighted_lags,
)
from engagement_ml.drivers.selection.window_rows import window_rows


@pytest.mark.parametrize(
    ("observation", "outcome", "gap", "expected"),
    [
        (84, 84, 0, Spans(7, 12, 12, 0)),
        (84, 84, 14, Spans(7, 12, 12, 2)),
        (28, 84, 0, Spans(7, 4, 12, 0)),
        (14, 28, 0, Spans(3, 5, 9, 0)),
        (1, 1, 0, Spans(1, 1, 1, 0)),
        (3, 90, 3, Spans(1, 3, 90, 3)),
    ],
)
def test_windows_in_periods(observation: int, outcome: int, gap: int, expected: Spans) -> None:
    config = WindowsConfig(observation_days=observation, outcome_days=outcome, gap_days=gap)
    assert spans_from_config(config) == expected
    assert period_days(config) == expected.period_days


@pytest.mark.parametrize("gap", [0, 2])
def test_window_rows_agree_with_a_loop(make_periods, gap: int) -> None:
    rng = np.random.default_rng(gap)
    n, n_periods = 12, 26
    counts = rng.poisson(2.0, (n, n_periods))
    gain, loss = rng.exponential(5.0, (2, n, n_periods))
    entry = rng.integers(0, 20, n)
    leave = np.where(rng.random(n) < 0.5, n_periods, np.maximum(entry + 1, 18))
    periods = make_periods({"x": counts}, gain, loss=loss, entry=entry, leave=leave)
    spans = Spans(7, observation=6, outcome=5, gap=gap)
    expected = {}
    cutoff = n_periods - gap - 5
    while cutoff >= 6:
        for i in range(n):
            if entry[i] < cutoff < leave[i]:
                margin = (gain - loss)[i]
                expected[i, cutoff] = (
                    counts[i, cutoff - 6 : cutoff].sum(),
                    margin[cutoff + gap : cutoff + gap + 5].sum(),
                    margin[cutoff - 6 : cutoff].sum(),
                )
        cutoff -= 2
    rows = window_rows(periods, spans)
    actual = {
        (int(i), int(c)): values
        for i, c, *values in zip(
            rows.entity, rows.cutoff, rows.counts[:, 0], rows.margin, rows.past_margin, strict=True
        )
    }
    assert actual.keys() == expected.keys()
    for key, values in expected.items():
        assert actual[key] == pytest.approx(values)


def test_a_record_shorter_than_an_outcome_window_gives_no_rows(make_periods) -> None:
    periods = make_periods({"x": np.ones((5, 10))}, np.ones((5, 10)))
    rows = window_rows(periods, Spans(7, 6, 6, 0))
    assert rows.margin.size == 0
    assert rows.counts.shape == (0, 1)
    seen = window_rows(periods, Spans(7, 6, 6, 0), with_outcome=False)
    assert set(seen.cutoff.tolist()) == {6, 8, 10}


def test_cutoffs_in_phase_with_payments_give_a_payment_cycle(make_periods) -> None:
    """All pay in every fourth period, just after each cutoff, so an event affects one payment."""
    n, n_periods = 20, 41
    gain = np.zeros((n, n_periods))
    gain[:, 4::4] = 30.0
    periods = make_periods({"x": np.ones((n, n_periods))}, gain)
    spans = Spans(7, observation=4, outcome=4, gap=0)
    cutoffs = [periods.start + dt.timedelta(weeks=w) for w in (8, 12, 20)]
    level = payment_cycle_profile(periods, spans, cutoffs)
    assert level == pytest.approx([4.0, 0.0, 0.0, 0.0])
    # Each of the lags 1 to 4 applies to a quarter of the events, at four times the mean gain.
    weights = tenure_weighted_lags(spans, level=level).weights
    assert weights == pytest.approx([1.0, 1.0, 1.0, 1.0, 0.0])
    # Cutoffs one period apart have no cycle.
    dense = [periods.start + dt.timedelta(weeks=w) for w in (8, 9, 10)]
    assert payment_cycle_profile(periods, spans, dense) == pytest.approx(np.ones(4))


def test_a_season_is_not_a_payment_cycle(make_periods) -> None:
    t = np.arange(104)
    rng = np.random.default_rng(0)
    gain = rng.poisson(np.tile(20 + 10 * np.sin(2 * np.pi * t / 52), (400, 1)))
    periods = make_periods({"x": np.ones(gain.shape)}, gain)
    cutoffs = [periods.start + dt.timedelta(weeks=4 * k) for k in range(3, 20)]
    level = payment_cycle_profile(periods, Spans(7, 12, 12, 0), cutoffs)
    assert np.abs(level - 1).max() < 0.1
