"""Values that do not fit their column, found in one pass and named: engines have no row numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.engine import ZONE, LazyEngine
from engagement_ml.errors import InputError
from engagement_ml.tables.lazy_opening import Source
from engagement_ml.tables.schema import COLUMNS
from engagement_ml.tables.validation import EXAMPLE, LARGEST, latest

FUTURE = "no timestamp in the future"


@dataclass(frozen=True)
class _Check:
    """Rows of a column that are `bad`, and what was expected instead."""

    column: str
    bad: nw.Expr
    expected: str


def check_values(engine: LazyEngine, source: Source, *, future: bool = True) -> None:
    """Raise for a value that does not fit; one pass over the columns that need it.

    Parameters
    ----------
    future : bool
        Whether columns of timestamps are looked through for one in the future, too.

    Raises
    ------
    InputError
        Text in a number, an unparsable timestamp, one in the future, some with and some without
        a time zone, an amount that is not finite or beyond 1e12. Names column and value, the
        smallest of those that do not fit.
    """
    _check_types(source)
    checks = _checks(source, future)
    if not checks:
        return
    columns = list(dict.fromkeys(check.column for check in checks))
    zoned = [c for c in columns if source.kinds()[c] == "timestamp" and source.is_text(c)]
    written = source.frame.select(
        *columns, *(nw.col(c).cast(nw.String).alias(_written(c)) for c in columns)
    )
    kinds = {column: kind for column, kind in source.kinds().items() if column in columns}
    told = [(c.column, c.bad) for c in checks]
    told += [(c, with_zone if has else ~with_zone)
             for c in zoned for has in (True, False)
             for with_zone in [nw.col(_written(c)).str.contains(ZONE)]]  # fmt: skip
    counted = engine.typed(written, kinds).select(
        part for i, (column, bad) in enumerate(told) for part in _count(i, column, bad)
    )
    (found,) = engine.rows(counted, source=source.shape.label)
    for i, check in enumerate(checks):
        if found[f"n_{i}"]:
            n = found[f"n_{i}"]
            raise InputError(
                does_not_fit(source, check.column, check.expected, found[f"value_{i}"], n)
            )
    for place, column in enumerate(zoned):
        _check_one_zone(source, column, found, len(checks) + 2 * place)


def does_not_fit(source: Source, column: str, expected: str, value: object, rows: int) -> str:
    """Return what to say of a value that does not fit."""
    more = f" ({rows} rows are so)" if rows > 1 else ""
    own = source.shape.theirs[column]
    return f"{source.shape.label}: column '{own}': expected {expected}, found '{value}'{more}"


def _check_types(source: Source) -> None:
    for column, kind in COLUMNS[source.shape.table].items():
        if column not in source.schema or source.is_text(column):
            continue
        of_type = source.schema[column]
        where = f"{source.shape.label}: column '{source.shape.theirs[column]}' holds {of_type}"
        if kind == "timestamp" and of_type not in (nw.Date, nw.Datetime):
            raise InputError(
                f"{where}, not timestamps; give a timestamp type, or ISO 8601 text such as "
                f"{EXAMPLE}"
            )
        numeric = of_type.is_numeric() or of_type in (nw.Boolean, nw.Decimal)
        if kind in ("number", "finite") and not numeric:
            raise InputError(f"{where}, not numbers; give a numeric column")


def _checks(source: Source, future: bool) -> list[_Check]:
    return [
        check
        for column, kind in COLUMNS[source.shape.table].items()
        if column in source.schema
        for check in _checks_of(source, column, kind, future)
    ]


def _checks_of(source: Source, column: str, kind: str, future: bool) -> list[_Check]:
    value, written = nw.col(column), nw.col(_written(column))
    text = source.is_text(column)
    unread = ~written.is_null() & (written != "") & value.is_null()
    if kind == "timestamp":
        late = _Check(column, value.dt.date() > latest().date(), FUTURE)
        unparsable = _Check(column, unread, f"a timestamp such as {EXAMPLE}")
        return [unparsable, late] if text else [late] if future else []
    if kind not in ("number", "finite") or source.schema[column].is_integer():
        return []
    wild = ~value.is_finite()
    if kind == "number":
        wild = wild & ~value.is_nan()
    large = value.is_finite() & (value.abs() > LARGEST)
    checks = [
        _Check(column, wild, "a finite number"),
        _Check(column, large, "at most 1e12 in size; give it in a larger unit"),
    ]
    return [_Check(column, unread, "a number"), *checks] if text else checks


def _check_one_zone(source: Source, column: str, found: dict[str, Any], place: int) -> None:
    with_zone, without = found[f"n_{place}"], found[f"n_{place + 1}"]
    if with_zone and without:
        rare = with_zone <= without
        value = found[f"value_{place if rare else place + 1}"]
        has, others = ("a time zone", "have none") if rare else ("no time zone", "have one")
        raise InputError(
            f"{source.shape.label}: column '{source.shape.theirs[column]}': '{value}' has {has} "
            f"and others {others}; give all timestamps with a time zone, or all in UTC without"
        )


def _count(place: int, column: str, bad: nw.Expr) -> tuple[nw.Expr, nw.Expr]:
    """Return how many values are bad, and the smallest of them as it is written."""
    return (
        nw.when(bad).then(nw.lit(1)).sum().alias(f"n_{place}"),
        nw.when(bad).then(nw.col(_written(column))).min().alias(f"value_{place}"),
    )


def _written(column: str) -> str:
    return f"{column}_written_"
