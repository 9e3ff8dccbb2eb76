"""Values that do not fit their column: found, and named by row."""

from __future__ import annotations

import datetime as dt

from engagement_ml.engine import ZONE, DuckDBEngine
from engagement_ml.errors import InputError
from engagement_ml.tables.schema import INTEGERS, Kind, Opened, quoted
from engagement_ml.windows import DAY

LARGEST = 1e12
EXAMPLE = "2024-05-31 14:30:00"
_Check = tuple[str, str, str]


def check_values(engine: DuckDBEngine, one: Opened) -> None:
    """Raise for the first value that does not fit; one pass over the columns that need it.

    Raises
    ------
    InputError
        Text in a number, an unparsable timestamp, one in the future, some with and some without
        a time zone, an amount that is not finite or beyond 1e12. Names column, row (from 1, the
        header not counted) and value.
    """
    checks = _checks(one)
    if not checks:
        return
    counted = ", ".join(f"count(*) FILTER (WHERE {bad})" for _, bad, _ in checks)
    counts = engine.query(f"SELECT {counted} FROM {quoted(one.view)}", source=one.label)[0]
    for (column, bad, expected), count in zip(checks, counts, strict=True):
        if count:
            row, found = _first_row(engine, one, column, bad)
            more = f" ({count} rows are so)" if count > 1 else ""
            raise InputError(
                f"{one.label}: column '{one.theirs[column]}', row {row}: "
                f"expected {expected}, found {found!r}{more}"
            )
    for column, kind in one.known():
        if kind == "timestamp" and one.is_text(column):
            _check_one_zone(engine, one, column)


def check_types(one: Opened) -> None:
    """Raise where a column's type cannot hold what belongs there; nothing is read.

    Raises
    ------
    InputError
    """
    _checks(one)


def latest() -> dt.datetime:
    """Return the last moment that is not in the future, for clocks of all time zones."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None) + DAY


def _checks(one: Opened) -> list[_Check]:
    return [check for column, kind in one.known() for check in _checks_of(one, column, kind)]


def _checks_of(one: Opened, column: str, kind: Kind) -> list[_Check]:
    if kind == "timestamp":
        return _checks_of_timestamp(one, column)
    if kind in ("number", "finite"):
        return _checks_of_number(one, column, nan_is_null=kind == "number")
    return []


def _checks_of_timestamp(one: Opened, column: str) -> list[_Check]:
    of_type, moment = one.types[column], one.moment(column)
    if not one.is_text(column) and not of_type.startswith(("TIMESTAMP", "DATE")):
        raise InputError(
            f"{one.label}: column '{one.theirs[column]}' holds {of_type}, not timestamps; "
            f"give a timestamp type, or ISO 8601 text such as {EXAMPLE}"
        )
    checks = []
    if one.is_text(column):
        bad = f"{one.sql(column)} IS NOT NULL AND {moment} IS NULL"
        checks.append((column, bad, f"a timestamp such as {EXAMPLE}"))
    checks.append((column, f"{moment} > TIMESTAMP '{latest()}'", "no timestamp in the future"))
    return checks


def _checks_of_number(one: Opened, column: str, *, nan_is_null: bool) -> list[_Check]:
    of_type, number = one.types[column], one.number(column)
    checks = []
    if one.is_text(column):
        bad = f"{one.sql(column)} IS NOT NULL AND {number} IS NULL"
        checks.append((column, bad, "a number"))
    elif of_type not in INTEGERS and not of_type.startswith(
        ("DECIMAL", "FLOAT", "DOUBLE", "BOOLEAN")
    ):
        raise InputError(
            f"{one.label}: column '{one.theirs[column]}' holds {of_type}, not numbers; "
            "give a numeric column"
        )
    wild = f"isinf({number})" if nan_is_null else f"NOT isfinite({number})"
    checks.append((column, wild, "a finite number"))
    large = f"isfinite({number}) AND abs({number}) > {LARGEST}"
    checks.append((column, large, "at most 1e12 in size; give it in a larger unit"))
    return checks


def _check_one_zone(engine: DuckDBEngine, one: Opened, column: str) -> None:
    zoned = f"regexp_matches({one.sql(column)}, '{ZONE}')"
    with_zone, without = engine.query(
        f"SELECT count(*) FILTER (WHERE {zoned}), count(*) FILTER (WHERE NOT {zoned}) "
        f"FROM {quoted(one.view)}",
        source=one.label,
    )[0]
    if with_zone and without:
        rare = with_zone <= without
        row, found = _first_row(engine, one, column, zoned if rare else f"NOT {zoned}")
        has, others = ("a time zone", "have none") if rare else ("no time zone", "have one")
        raise InputError(
            f"{one.label}: column '{one.theirs[column]}', row {row}: {found!r} has {has} and "
            f"others {others}; give all timestamps with a time zone, or all in UTC without"
        )


def _first_row(engine: DuckDBEngine, one: Opened, column: str, bad: str) -> tuple[int, str]:
    row, found = engine.query(
        f"SELECT row_, CAST({quoted(column)} AS VARCHAR) FROM "
        f"(SELECT *, row_number() OVER () AS row_ FROM {quoted(one.view)}) "
        f"WHERE {bad} ORDER BY row_ LIMIT 1",
        source=one.label,
    )[0]
    return int(row), str(found)
