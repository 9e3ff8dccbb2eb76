"""Checks of events: quiet in quiet weeks, loud after faults."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.lifecycle.monitoring.common_movement import medians_of_others
from engagement_ml.lifecycle.monitoring.event_types import event_type_rows
from engagement_ml.lifecycle.monitoring.events import check_events
from engagement_ml.lifecycle.monitoring.limits import limit
from engagement_ml.lifecycle.monitoring.logging_faults import LoggingShares, logging_rows
from engagement_ml.lifecycle.monitoring.shapes import WindowShapes, shape_rows
from engagement_ml.lifecycle.monitoring.volumes import check_volumes
from engagement_ml.lifecycle.monitoring.weekly import WEEK, WeeklyTotals

FIRST = dt.date(2023, 1, 2)
N = 80


def totals(events: np.ndarray, active: np.ndarray) -> WeeklyTotals:
    starts = tuple(FIRST + week * WEEK for week in range(len(events)))
    names = tuple(f"type_{place}" for place in range(events.shape[2]))
    return WeeklyTotals(starts, names, events.astype(float), active.astype(float))


@pytest.fixture(scope="module")
def quiet() -> WeeklyTotals:
    """Five types, growing, with a yearly season, of old and of new customers."""
    rng = np.random.default_rng(3)
    week = np.arange(N)
    level = np.exp(0.01 * week + 0.3 * np.cos(2 * np.pi * week / 52))
    active = np.column_stack([30 * level, 30 * level, 60 * level, 900 * level])
    rates = np.array([0.2, 0.5, 1.0, 2.0, 4.0]) * np.exp(0.04 * rng.standard_normal((N, 1, 5)))
    return totals(rng.poisson(active[:, :, None] * rates), rng.poisson(active))


def changed(quiet: WeeklyTotals, factor: float, kind: int | slice, weeks: int = 1) -> WeeklyTotals:
    events = quiet.events.copy()
    events[-weeks:, :, kind] = np.round(events[-weeks:, :, kind] * factor)
    return totals(events, quiet.active)


def alarms(given: WeeklyTotals) -> set[str]:
    rows, _ = check_volumes(given, 0.03)
    return {row.subject for row in rows if row.status == "alarm"}


def test_a_quiet_week_has_a_row_per_volume_and_no_alarm(quiet):
    rows, forecast = check_volumes(quiet, 0.03)
    assert [row.subject for row in rows] == [
        *quiet.event_types,
        "all events",
        "active customers",
    ]
    assert {row.status for row in rows} == {"ok"}
    assert all(row.low <= row.value <= row.high for row in rows)
    assert forecast.expected[-1] == pytest.approx(forecast.counts[-1], rel=0.2)


@pytest.mark.parametrize("factor", [0.5, 2.0, 0.0])
def test_a_fault_of_one_type_is_an_alarm_of_that_type_alone(quiet, factor):
    found = alarms(changed(quiet, factor, 1))
    assert "type_1" in found
    assert not found & {"type_0", "type_2", "type_3", "type_4"}


def test_a_doubling_of_all_types_is_an_alarm_of_all_events(quiet):
    assert "all events" in alarms(changed(quiet, 2.0, slice(None)))


def test_a_wave_of_sign_ups_is_no_alarm_of_a_behaviour(quiet):
    events, active = quiet.events.copy(), quiet.active.copy()
    events[-1, 0] *= 8
    active[-1, 0] *= 8
    assert not alarms(totals(events, active)) & set(quiet.event_types)


def test_a_change_below_the_smallest_one_is_no_alarm(quiet):
    given = changed(quiet, 0.5, 1)
    rows, _ = check_volumes(given, 0.03, smallest_change=0.7)
    assert not [row for row in rows if row.status == "alarm"]


def test_a_short_history_says_what_it_lacks(quiet):
    rows, _ = check_volumes(quiet.until(20), 0.03)
    assert [row.status for row in rows] == ["unknown"]
    assert "20 weeks" in rows[0].sentence


@given(seed=st.integers(0, 10**6), size=st.integers(20, 150))
def test_the_limit_lies_beyond_the_conformal_quantile(seed, size):
    history = np.random.default_rng(seed).exponential(size=size)
    found = limit(history, 0.05, 1)
    assert found is not None
    assert (history > found).sum() <= 0.05 * (size + 1)
    assert limit(history, 0.01, 1) >= found


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=9))
def test_the_median_of_others_leaves_the_value_itself_out(values):
    given = np.array(values)
    found = medians_of_others(given, np.ones(len(given)))
    expected = [np.median(np.delete(given, place)) for place in range(len(given))]
    assert found == pytest.approx(expected)


def test_a_vanished_type_is_an_alarm_and_later_a_warning(quiet):
    for silent, status in ((1, "alarm"), (2, "alarm"), (12, "warning")):
        rows = event_type_rows(changed(quiet, 0.0, 2, silent), 0.006)
        assert [(row.subject, row.status) for row in rows] == [("type_2", status)]


def test_a_rare_or_monthly_type_may_be_silent():
    counts = np.full((N, 4, 2), 10.0)
    counts[:, 1:] = 0
    counts[:, 0, 0] = np.random.default_rng(0).poisson(0.7, N)
    counts[:, 0, 1] = np.where(np.arange(N) % 4 == 0, 40, 0)
    counts[-2:, 0, 0] = 0
    rows = event_type_rows(totals(counts, np.full((N, 4), 50.0)), 0.006)
    assert {row.status for row in rows} <= {"ok"}


def test_new_types_are_warnings_and_an_alarm_if_they_take_over(quiet):
    week = int(quiet.events[-1].sum())
    few = event_type_rows(quiet, 0.006, known=["type_0", "gone"], new_counts={"new": 50, "odd": 2})
    assert [(row.subject, row.status) for row in few] == [("gone", "warning"), ("new", "warning")]
    many = event_type_rows(quiet, 0.006, new_counts={"new": week})
    assert [row.status for row in many] == ["warning", "alarm"]


def logged(last: float, usual: float = 0.01, kind: str = "identical_rows") -> LoggingShares:
    shares = np.append(usual * np.linspace(0.5, 1.5, 20), last)
    starts = tuple(FIRST + week * WEEK for week in range(21))
    return LoggingShares(starts, {(kind, "visit"): np.full(21, 400.0)}, {(kind, "visit"): shares})


@pytest.mark.parametrize(
    ("kind", "last", "status"),
    [
        ("identical_rows", 0.02, "ok"),
        ("identical_rows", 0.5, "alarm"),
        ("repeated_ids", 0.5, "alarm"),
        ("few_customers", 0.1, "ok"),
        ("few_customers", 0.6, "alarm"),
        ("same_second", 0.6, "alarm"),
    ],
)
def test_faults_of_logging_are_shares_beyond_the_usual_ones(kind, last, status):
    (row,) = logging_rows(logged(last, kind=kind))
    assert row.status == status


def test_days_without_times_are_no_fault():
    """Identical rows are usual where timestamps are dates; twice as many rows are not."""
    assert [row.status for row in logging_rows(logged(0.42, usual=0.4))] == ["ok"]
    assert [row.status for row in logging_rows(logged(0.95, usual=0.4))] == ["alarm"]


def test_a_new_shape_is_an_alarm_and_ordinary_change_is_none():
    rng = np.random.default_rng(0)
    ends = tuple(FIRST + 4 * place * WEEK for place in range(25))
    usual = rng.multinomial(2000, [0.4, 0.3, 0.2, 0.1, 0.0], 25).astype(float)
    (row,) = shape_rows(WindowShapes(ends, {"score": usual}), 0.0075)
    assert row.status == "ok"
    usual[-1] = [200, 300, 400, 500, 600]
    (row,) = shape_rows(WindowShapes(ends, {"score": usual}), 0.0075)
    assert row.status == "alarm"
    (row,) = shape_rows(WindowShapes(ends[:4], {"score": usual[:4]}), 0.0075)
    assert row.status == "unknown"


def test_an_abstained_metric_is_said_and_history_is_kept_for_charts(quiet):
    result = check_events(quiet, logged(0.01), None, 0.05)
    assert "abstained" in result.notes[0]
    series = result.details["volumes"]["series"]["type_1"]
    assert len(series["events"]) == len(series["expected"]) == 52
