"""Tables as no export should be: strategies for hypothesis."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
from hypothesis import strategies as st

EVENTS: dict[str, list[Any]] = {
    "customer_id": ["ann", "bob", "ann", "bob", "cat", "ann"],
    "timestamp": [f"2024-0{month}-1{month}" for month in (1, 1, 2, 2, 3, 3)],
    "event_type": ["visit", "call", "visit", "visit", "visit", "call"],
}
TRANSACTIONS: dict[str, list[Any]] = {
    "customer_id": ["ann", "bob", "cat", "ann", "bob", "ann"],
    "timestamp": [f"2024-0{month}-2{month}" for month in (1, 1, 2, 2, 3, 3)],
    "margin": ["1.5", "2", "-1", "4", "3.25", "7"],
}
CUSTOMERS: dict[str, list[Any]] = {"customer_id": ["ann", "bob", "cat"], "plan": ["a", "b", "a"]}
BASE = {"events": EVENTS, "transactions": TRANSACTIONS, "customers": CUSTOMERS}
OPTIONAL = {
    "events": ["event_id", "value", "duration_seconds", "session_id", "direction"],
    "transactions": ["revenue", "cost", "transaction_id", "currency"],
    "customers": ["signup", "age"],
}
ODD_NAMES = [
    "", " ", "a b", "select", 'say "x"', "it's", "größe", "row_", "reason_", "n", "Timestamp",
    "CUSTOMER_ID", "a.b", "a`b", "x\ny", "{a: b}", "cutoff", "day", "🛒", "customer_id ", "%s",
]  # fmt: skip
TEXTS = st.text(max_size=6) | st.sampled_from(
    ["null", "NaN", "inf", "-0", "1e400", "1_000", "0x1F", "2024-02-30", "24:00", "2024-13-01",
     "9" * 30, "1.23E+12", "true", "'; --", "\x00", "=1+1", "2024-01-01T00:00:00+99:00",
     "2024-01-01 00:00 Mars/Base", "10000-01-01", "0001-01-01", "1969-12-31"]
)  # fmt: skip
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "small": st.integers(0, 3),
    "huge": st.integers(2**63, 2**64 - 1) | st.just(2**90),
    "float": st.floats(width=64),
    "boolean": st.booleans(),
    "moment": st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)),
    "recent": st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2024, 4, 1)),
    "zoned": st.datetimes(
        dt.datetime(1950, 1, 1), dt.datetime(2200, 1, 1),
        timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=-5, minutes=-30))]),
    ),
    "date": st.dates(),
    "time": st.times(),
    "span": st.timedeltas(dt.timedelta(-1000), dt.timedelta(1000)),
    "decimal": st.decimals(allow_nan=False, allow_infinity=False, places=2,
                           min_value=Decimal(-(10**9)), max_value=Decimal(10**9)),
    "bytes": st.binary(max_size=4),
    "list": st.lists(st.integers(0, 3), max_size=2),
    "record": st.fixed_dictionaries({"a": st.integers(0, 3)}),
    "complex": st.complex_numbers(max_magnitude=9),
    "nothing": st.none(),
}  # fmt: skip
FRAME_KINDS = ["object", "inferred", "string", "category", "sparse"]


@st.composite
def columns(draw: Any, n: int) -> list[Any]:
    """Return `n` values, of one kind or of two, some of them missing."""
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=2))
    values = st.one_of(*(VALUES[kind] for kind in kinds), *([st.none()] * draw(st.booleans())))
    return draw(st.lists(values, min_size=n, max_size=n))


@st.composite
def tables(draw: Any, name: str) -> dict[str, list[Any]]:
    """Return a table's columns: a usable table, spoiled."""
    table = {column: list(values) for column, values in BASE[name].items()}
    rows = draw(st.sampled_from([6, 6, 6, 2, 1, 0])) if name != "customers" else 3
    n = min(rows, len(table["customer_id"]))
    table = {column: values[:n] for column, values in table.items()}
    if "timestamp" in table and draw(st.booleans()):
        table["timestamp"] = [dt.datetime.fromisoformat(text) for text in table["timestamp"]]
    for column in draw(st.lists(st.sampled_from([*table, *OPTIONAL[name]]), max_size=2)):
        table[column] = draw(columns(n))
    for extra in draw(st.lists(st.sampled_from(ODD_NAMES), max_size=2)):
        table[extra] = draw(columns(n))
    if draw(st.integers(0, 9)) == 0:
        del table[draw(st.sampled_from(sorted(table)))]
    return table


@st.composite
def sources(draw: Any, spoiled: int = 1) -> dict[str, dict[str, list[Any]]]:
    """Return columns by table, one or more tables spoiled."""
    names = draw(st.lists(st.sampled_from(sorted(BASE)), min_size=spoiled, max_size=2, unique=True))
    given = {name: draw(tables(name)) for name in names}
    return {"events": EVENTS, "transactions": TRANSACTIONS, **given}


@st.composite
def csv_files(draw: Any, name: str) -> bytes:
    """Return the bytes of a CSV file: a usable one, spoiled, or none at all."""
    if draw(st.integers(0, 4)) == 0:
        return bytes(draw(st.binary(max_size=40)))
    table = draw(tables(name))
    cells = [list(table), *zip(*table.values(), strict=True)]
    rows = [[str("" if cell is None else cell) for cell in row] for row in cells]
    quote = draw(st.sampled_from(["", '"']))
    separator = draw(st.sampled_from([",", ",", ";", "\t", "|"]))
    lines = [separator.join(f"{quote}{cell}{quote}" for cell in row) for row in rows]
    if draw(st.booleans()) and len(lines) > 1:
        place = draw(st.integers(0, len(lines) - 1))
        lines[place] = draw(st.sampled_from(["", ",", '"', lines[place][:3], lines[place] + ",x"]))
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines)
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "latin-1", "utf-16"]))
    return text.encode(encoding, errors="replace")


def _sparse(values: pd.Series) -> pd.Series:
    # pandas makes sparse columns of zoned moments, and warns when it reads them.
    zoned = any(getattr(value, "tzinfo", None) is not None for value in values)
    return values if zoned else pd.Series(pd.arrays.SparseArray(values))


def pandas_frame(table: dict[str, list[Any]], kind: str) -> pd.DataFrame:
    """Return a pandas frame with one of several dtypes for the same values."""
    frame = pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in table.items()})
    if kind == "inferred":
        return frame.infer_objects().convert_dtypes()
    makers: dict[str, Callable[[pd.Series], Any]] = {
        "string": lambda values: values.astype("string"),
        "category": lambda values: values.astype("category"),
        "sparse": _sparse,
    }
    for name in frame.columns if kind in makers else ():
        try:
            frame[name] = makers[kind](frame[name])
        except (TypeError, ValueError, UnicodeError):
            continue
    return frame


def polars_frame(table: dict[str, list[Any]]) -> pl.DataFrame | None:
    """Return a Polars frame; None if Polars has no type for the values."""
    try:
        return pl.DataFrame(table, strict=False)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return None
    except BaseException as error:  # Polars panics in Rust
        if type(error).__name__ == "PanicException":
            return None
        raise
