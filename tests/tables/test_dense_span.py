"""Where rows are dense: strays at both ends are left out, and nothing else."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.tables.dense_span import dense_span

DAY = dt.timedelta(days=1)
START = dt.date(2024, 1, 1)
YEAR = {START + i * DAY: 5 for i in range(360)}


def test_strays_at_both_ends_are_left_out() -> None:
    strays = {dt.date(1999, 1, 1): 1, dt.date(2012, 6, 1): 2, dt.date(2026, 10, 1): 3}
    span = dense_span({**YEAR, **strays})
    assert span is not None
    assert (span.first, span.last) == (START, max(YEAR))
    assert (span.before, span.after) == (3, 3)
    assert (span.second, span.second_last) == (None, None)


def test_many_rows_beyond_a_gap_are_part_of_the_history() -> None:
    season = {dt.date(2023, 1, 1) + i * DAY: 5 for i in range(30)}
    span = dense_span({**YEAR, **season})
    assert span is not None
    assert (span.first, span.before) == (dt.date(2023, 1, 1), 0)


def test_a_day_apart_that_is_no_stray_is_named() -> None:
    rows = {START + i * DAY: 1 for i in range(20)} | {START + 60 * DAY: 1}
    span = dense_span(rows)
    assert span is not None
    assert (span.last, span.after) == (START + 60 * DAY, 0)
    assert (span.second, span.second_last) == (None, START + 19 * DAY)


def test_no_rows_have_no_span() -> None:
    assert dense_span({}) is None
    only = dense_span({START: 3})
    assert only is not None
    assert (only.first, only.last, only.second, only.second_last) == (START, START, None, None)


@given(
    gaps=st.lists(st.integers(1, 900), min_size=1, max_size=30),
    counts=st.lists(st.integers(1, 400), min_size=31, max_size=31),
)
def test_rows_are_conserved_and_few_are_left_out(gaps: list[int], counts: list[int]) -> None:
    days = [START]
    for gap in gaps:
        days.append(days[-1] + gap * DAY)
    rows = dict(zip(days, counts, strict=False))
    span = dense_span(rows)
    assert span is not None
    inside = sum(n for day, n in rows.items() if span.first <= day <= span.last)
    assert inside + span.before + span.after == sum(rows.values())
    assert span.before + span.after <= 0.02 * sum(rows.values())
    if max(gaps) <= 28:
        assert (span.first, span.last) == (days[0], days[-1])
