"""Row tallies: they are additive, and read back as they were written."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.errors import NotEnoughDataError
from engagement_ml.tables.quality import Dropped, event_types_with_amounts, quality_of
from engagement_ml.tables.row_tally import RowTally, add_tallies, rows_by_event_type
from engagement_ml.tables.schema import SourceTable

MOMENTS = st.none() | st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2025, 1, 1))
TALLIES = st.lists(
    st.builds(
        RowTally,
        reason=st.sampled_from([None, 0, 1]),
        event_type=st.sampled_from(["visit", "like"]),
        rows=st.integers(1, 9),
        first=MOMENTS,
        last=MOMENTS,
        hash_sum=st.integers(0, 2**70),
        hash_xor=st.integers(0, 2**64 - 1),
        amounts=st.tuples(st.integers(0, 3)),
    ),
    max_size=8,
)
COLUMNS = ("customer_id", "timestamp", "event_type", "value")
TABLE = SourceTable(
    "events", "events.csv", "view", dict.fromkeys(COLUMNS, "VARCHAR"), {c: c for c in COLUMNS}, True
)


@given(TALLIES)
def test_tallies_read_back_as_written(tallies: list[RowTally]) -> None:
    written = json.loads(json.dumps([tally.plain() for tally in tallies]))
    assert [RowTally.read(plain) for plain in written] == tallies


@given(TALLIES, st.integers(0, 8))
def test_tallies_are_additive(tallies: list[RowTally], cut: int) -> None:
    parts = [*add_tallies(tallies[:cut]), *add_tallies(tallies[cut:])]
    assert add_tallies(parts) == add_tallies(tallies)
    assert sum(tally.rows for tally in add_tallies(tallies)) == sum(t.rows for t in tallies)


def test_quality_counts_rows_by_reason() -> None:
    day = dt.datetime(2024, 1, 2)
    tallies = [
        RowTally(None, "visit", 5, day, day + dt.timedelta(hours=1), 7, 1, (2,)),
        RowTally(None, "like", 1, day, day, 8, 2, (0,)),
        RowTally(1, "visit", 3, None, None, 9, 3, (0,)),
    ]
    quality = quality_of(TABLE, tallies, ["null customer_id", "null timestamp"], COLUMNS)
    assert (quality.rows_read, quality.rows_kept) == (9, 6)
    assert quality.dropped == (Dropped("null timestamp", 3),)
    assert (quality.first, quality.last) == (day, day + dt.timedelta(hours=1))
    assert rows_by_event_type(tallies) == {"visit": 5, "like": 1}
    assert event_types_with_amounts(TABLE, tallies) == {"value": ("visit",)}
    reverse = quality_of(TABLE, tallies[::-1], ["null customer_id", "null timestamp"], COLUMNS)
    assert reverse.fingerprint == quality.fingerprint
    with pytest.raises(NotEnoughDataError, match=r"none of the 3 rows .* \(3 null timestamp\)"):
        quality_of(TABLE, tallies[2:], ["null customer_id", "null timestamp"], COLUMNS)
