"""Times and numbers as text: what each format and decimal mark reads, on every engine."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.config.formats import check_format
from engagement_ml.engine import open_duckdb
from engagement_ml.engine.duckdb_moments import moment_sql
from engagement_ml.engine.notation import Notation, number_sql

NOON = dt.datetime(2024, 5, 31, 14, 30)
TIMES: dict[str, dict[str, dt.datetime | None]] = {
    "%d.%m.%Y %H:%M": {
        "31.05.2024 14:30": NOON,
        " 31.5.2024 14:30 ": NOON,
        "31.05.24 14:30": None,
        "31.05.2024": None,
        "31.02.2024 14:30": None,
        "31.05.2024 24:30": None,
        "31x05.2024 14:30": None,
    },
    "%m/%d/%y %I:%M:%S %p": {
        "5/31/24 2:30:00 PM": NOON,
        "05/31/69 12:00:01 am": dt.datetime(1969, 5, 31, 0, 0, 1),
        "05/31/68 12:00:00 pm": dt.datetime(2068, 5, 31, 12),
        "05/31/24 13:00:00 PM": None,
    },
    "%Y%m%d%H%M%S": {"20240531143000": NOON, "2024531143000": None},
    "%d %b %Y, %H:%M": {"31 May 2024, 14:30": NOON, "31 mai 2024, 14:30": None},
    "%a %d. %B %Y": {
        "Fri 31. may 2024": dt.datetime(2024, 5, 31),
        "Fri 31. Mayo 2024": None,
        "Xyz 31. May 2024": None,
    },
    "%Y-%m-%dT%H:%M:%S.%f%z": {
        "2024-05-31T16:30:00.000+0200": NOON,
        "2024-05-31T16:30:00.0+02:00": NOON,
        "2024-05-31T14:30:00.123456789Z": NOON.replace(microsecond=123456),
        "2024-05-31T09:30:00.000000-05": NOON,
        "2024-05-31T14:30:00.0": None,
    },
    "%d.%m.%Y o'clock 100%% %H": {"31.05.2024 o'clock 100% 14": NOON.replace(minute=0)},
    "epoch ms": {
        "1717165800000": NOON,
        "1717165800000.0": NOON,
        "-1": dt.datetime(1969, 12, 31, 23, 59, 59, 999_000),
        "99999999999999999": None,
        "soon": None,
    },
    "epoch ns": {
        "1717165800000000999": NOON,
        "-1": dt.datetime(1969, 12, 31, 23, 59, 59, 999_999),
    },
}  # fmt: skip
"""Texts by their format, and the moment that each is; None if it is none."""
NUMBERS: dict[str | None, dict[str, float | None]] = {
    ",": {"1.234,50": 1234.5, "1 234 567,5": 1234567.5, "-1,5": -1.5, "1234": 1234.0, "1.5": None,
          "12.34": None, "1,2,3": None, "1.234": 1234.0, "1\u00a0234,5": 1234.5, "1,": 1.0,
          "12 €": None},
    ".": {"1,234.50": 1234.5, "1,234,567": 1234567.0, "1,5": None, "-.5": -0.5, "1 234.5": 1234.5},
    None: {"1.5": 1.5, "1e3": 1000.0, "1,5": None, "1d": None, "nan": None, "": None, "0x1": None},
}  # fmt: skip
"""Texts by their decimal mark, and the number that each is."""


@pytest.mark.parametrize("written", TIMES)
def test_a_format_reads_its_times_and_nothing_else(written: str) -> None:
    check_format(written)
    with open_duckdb(threads=1) as engine:
        frame = engine.small({"t": list(TIMES[written])}).to_native()
        found = frame.project(moment_sql('"t"', "VARCHAR", Notation(format=written))).fetchall()
    assert [row[0] for row in found] == list(TIMES[written].values())


@pytest.mark.parametrize("decimal", NUMBERS)
def test_a_decimal_mark_reads_its_numbers_and_nothing_else(decimal: str | None) -> None:
    with open_duckdb(threads=1) as engine:
        frame = engine.small({"t": list(NUMBERS[decimal])}).to_native()
        found = frame.project(number_sql('"t"', decimal)).fetchall()
    assert [row[0] for row in found] == list(NUMBERS[decimal].values())


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(
            st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2068, 12, 31)),
            st.sampled_from(
                [
                    "%d.%m.%Y %H:%M:%S",
                    "%m/%d/%y %I:%M:%S %p",
                    "%Y%m%d%H%M%S",
                    "%d %b %Y %H:%M:%S",
                    "%S.%M.%H %Y/%m/%d",
                ]
            ),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_what_is_written_in_a_format_is_read_back(cases: list[tuple[dt.datetime, str]]) -> None:
    moments = [(moment.replace(microsecond=0), written) for moment, written in cases]
    parts = [
        moment_sql(f"'{moment.strftime(written)}'", "VARCHAR", Notation(format=written))
        for moment, written in moments
    ]
    with open_duckdb(threads=1) as engine:
        (row,) = engine.query(f"SELECT {', '.join(parts)}", source="test")
    assert list(row) == [moment for moment, _ in moments]
