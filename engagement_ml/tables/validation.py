"""Validation of one table on DuckDB: values that do not fit their column, named by row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from engagement_ml.engine import DuckDBEngine
from engagement_ml.engine.moments import ABBREVIATION, MOMENT, SHORT_YEAR, ZONE
from engagement_ml.errors import InputError, Report, stop
from engagement_ml.tables import surveys
from engagement_ml.tables.by_chance import leave_out_hint
from engagement_ml.tables.column_types import OPEN_ENDED
from engagement_ml.tables.epoch_hints import format_hint
from engagement_ml.tables.ids import EXACT, FLOATS, inexact_message
from engagement_ml.tables.schema import ANONYMOUS, Kind, SourceTable, quoted
from engagement_ml.windows import DAY

LARGEST = 1e12
"""Largest absolute amount: sums in whole millionths of the currency must fit into 64 bits."""
EXAMPLE = "2024-05-31 14:30:00"
FINITE = "a finite number"
FUTURE = "no timestamp in the future"
LATER = "to drop later rows, set 'history: {latest: DATE}'"
NUMBER = "a number"
POSITIVE = "an amount of 0 or more: what of the row's revenue was paid back"
NOT_TOO_LARGE = "at most 1e12 in size; give it in a larger unit"
TIMESTAMP = f"a timestamp such as {EXAMPLE}"
LONG_YEAR = f"a year of four digits first, as in {EXAMPLE}"
ZONE_NAME = "a time zone as an offset or a name, such as +02:00 or Europe/Berlin"


class _Check(NamedTuple):
    """A column, the SQL condition of values that do not fit, and the expected value.

    The condition may also read the columns `others`.
    """

    column: str
    bad: str
    expected: str
    others: tuple[str, ...] = ()


def check_values(engine: DuckDBEngine, table: SourceTable, report: Report = stop) -> None:
    """Check all values, in one pass over the columns that need it.

    Parameters
    ----------
    engine : DuckDBEngine
    table : SourceTable
    report : callable, optional
        Called with one problem for each column and kind of value that does not fit; by default,
        the first is raised.

    Raises
    ------
    InputError
        If text stands in a numeric column, a timestamp cannot be parsed or lies in the future,
        only some timestamps have a time zone, or an amount is not finite or beyond 1e12. The
        message names the column, the row (1-based, header not counted) and the value.
    """
    check_types(table, report)
    checks = _checks(table)
    if not checks:
        return
    counts = _counts(engine, table, checks)
    if sum(count > 0 for count in counts) > 1:
        checks = _exclusive(checks)
        counts = _counts(engine, table, checks)
    for check, count in zip(checks, counts, strict=True):
        if count:
            row, value = _first_row(engine, table, check.column, check.bad, check.others)
            place = f"{column_label(table, check.column)}, row {row}"
            message = value_message(place, check.expected, repr(value), count)
            hint = time_hint(table, check.expected, value) or leave_out_hint(table, check.column)
            report(InputError(message + hint))
    unfit = {check.column for check, count in zip(checks, counts, strict=True) if count}
    for column, kind in table.column_kinds():
        if kind != "timestamp" or not table.is_text(column) or table.notation.format:
            continue
        # Text that is no timestamp would pass for one without a zone.
        if column not in unfit:
            _check_one_zone(engine, table, column, report)
    if "scale" not in unfit and table.has("scale"):
        _check_one_scale(engine, table, report)


def check_extra(engine: DuckDBEngine, table: SourceTable, report: Report = stop) -> None:
    """Check the values of the columns of `EXTRA` alone; parameters as of ``check_values``."""
    check_values(engine, table.without(table.base().types), report)


def check_types(table: SourceTable, report: Report = stop) -> None:
    """Check that the columns' types fit their values; nothing is read.

    Raises
    ------
    InputError
        If a column of timestamps or of numbers has another type.
    """
    for column, kind in table.column_kinds():
        if not table.fits(column):
            report(InputError(type_message(table, column, table.types[column], kind)))


def latest() -> dt.datetime:
    """Return the last moment that is not in the future in any time zone, naive UTC."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None) + DAY


def column_label(table: SourceTable, column: str) -> str:
    """Return the beginning of a message about a column: the source and its column name."""
    return f"{table.label}: column '{table.source_columns[column]}'"


def value_message(place: str, expected: str, value: str, rows: int) -> str:
    """Return the message about a value that does not fit; `value` is in quotes."""
    more = f" ({rows} such rows)" if rows > 1 else ""
    hint = f"; {LATER}" if expected == FUTURE else ""
    return f"{place}: expected {expected}, found {value}{more}{hint}"


def time_hint(table: SourceTable, expected: str, value: object) -> str:
    """Return what to write in the configuration if digits were found instead of a timestamp."""
    return format_hint(value, table.name) if expected == TIMESTAMP else ""


def type_message(table: SourceTable, column: str, of_type: object, kind: Kind) -> str:
    """Return the message about a column whose type does not fit its kind."""
    holds = f"{column_label(table, column)} holds {of_type}"
    out = leave_out_hint(table, column)
    if kind == "timestamp":
        hint = format_hint(table.examples.get(column), table.name)
        accepted = f"give a timestamp type, or ISO 8601 text such as {EXAMPLE}"
        return f"{holds}, not timestamps; {accepted}{hint or out}"
    if kind in ("id", "text"):
        return f"{holds}, not text; map a field of it or another column{out}"
    return f"{holds}, not numbers; give a numeric column{out}"


def zone_message(place: str, value: str, *, has_zone: bool) -> str:
    """Return the message about a timestamp with a time zone among others without, or reverse."""
    has, others = ("a time zone", "have none") if has_zone else ("no time zone", "have one")
    return (
        f"{place}: {value} has {has} and others {others}; give all timestamps with a time zone, "
        "or all in UTC without"
    )


def _checks(table: SourceTable) -> list[_Check]:
    return [
        check
        for column, kind in (*table.column_kinds(), *_anonymous(table))
        if table.fits(column)
        for check in _column_checks(table, column, kind)
    ] + [
        _Check(*check, tuple(c for c in ("survey", "scale", "score") if table.has(c)))
        for check in surveys.checks_sql(table)
        if table.fits("score")
    ]


def _counts(engine: DuckDBEngine, table: SourceTable, checks: Sequence[_Check]) -> tuple[int, ...]:
    counted = ", ".join(f"count(*) FILTER (WHERE {check.bad})" for check in checks)
    return engine.query(f"SELECT {counted} FROM {quoted(table.view)}", source=table.label)[0]


def _exclusive(checks: Sequence[_Check]) -> list[_Check]:
    """Return the checks without the values that an earlier check of the column has found."""
    return [
        check._replace(
            bad=" AND ".join(
                [f"({check.bad})"]
                + [
                    f"NOT coalesce({earlier.bad}, false)"
                    for earlier in checks[:i]
                    if earlier.column == check.column
                ]
            )
        )
        for i, check in enumerate(checks)
    ]


def _anonymous(table: SourceTable) -> list[tuple[str, Kind]]:
    return [(ANONYMOUS, "id")] if table.name == "events" and table.has(ANONYMOUS) else []


def _column_checks(table: SourceTable, column: str, kind: Kind) -> list[_Check]:
    if kind == "id":
        return _id_checks(table, column)
    if kind == "timestamp":
        return _timestamp_checks(table, column)
    if kind in ("number", "finite"):
        return _number_checks(table, column, kind)
    return []


def _id_checks(table: SourceTable, column: str) -> list[_Check]:
    of_type = table.types[column]
    if of_type not in FLOATS:
        return []
    bad = f"abs({table.id(column)}) > {EXACT[of_type]}"
    return [_Check(column, bad, inexact_message(of_type))]


def _timestamp_checks(table: SourceTable, column: str) -> list[_Check]:
    moment = table.moment(column)
    checks = []
    if table.is_numeric_moment(column) or (table.is_text(column) and table.notation.format):
        bad = f"{quoted(column)} IS NOT NULL AND {moment} IS NULL"
        if table.is_text(column):
            bad = f"{table.sql(column)} IS NOT NULL AND {moment} IS NULL"
        elif table.types[column] in FLOATS:
            bad = f"(isfinite({quoted(column)}) OR isinf({quoted(column)})) AND {moment} IS NULL"
        checks.append(_Check(column, bad, table.notation.expected))
    elif table.is_text(column):
        text = table.sql(column)
        no_moment = f"NOT regexp_matches({text}, '{MOMENT}')"
        abbreviated = f"{no_moment} AND regexp_matches({text}, '{ABBREVIATION}')"
        bad = f"{text} IS NOT NULL AND ({moment} IS NULL OR {no_moment})"
        checks += [
            _Check(column, f"regexp_matches({text}, '{SHORT_YEAR}')", LONG_YEAR),
            _Check(column, abbreviated, ZONE_NAME),
            _Check(column, bad, TIMESTAMP),
        ]
    else:
        checks.append(_Check(column, f"NOT isfinite({moment})", TIMESTAMP))
    if table.limits.latest is None and column not in OPEN_ENDED:
        checks.append(_Check(column, f"{moment} > TIMESTAMP '{latest()}'", FUTURE))
    return checks


def _number_checks(table: SourceTable, column: str, kind: Kind) -> list[_Check]:
    number = table.number(column)
    checks = []
    if table.is_text(column):
        bad = f"{table.sql(column)} IS NOT NULL AND {number} IS NULL"
        checks.append(_Check(column, bad, NUMBER))
    not_finite = f"isinf({number})" if kind == "number" else f"NOT isfinite({number})"
    too_large = f"isfinite({number}) AND abs({number}) > {LARGEST}"
    return [
        *checks,
        _Check(column, not_finite, FINITE),
        _Check(column, too_large, NOT_TOO_LARGE),
        *([_Check(column, f"{number} < 0", POSITIVE)] if column == "refund" else []),
    ]


def _check_one_zone(engine: DuckDBEngine, table: SourceTable, column: str, report: Report) -> None:
    zoned = f"regexp_matches({table.sql(column)}, '{ZONE}')"
    with_zone, without = engine.query(
        f"SELECT count(*) FILTER (WHERE {zoned}), count(*) FILTER (WHERE NOT {zoned}) "
        f"FROM {quoted(table.view)}",
        source=table.label,
    )[0]
    if with_zone and without:
        has_zone = with_zone <= without
        row, value = _first_row(engine, table, column, zoned if has_zone else f"NOT {zoned}")
        place = f"{column_label(table, column)}, row {row}"
        report(InputError(zone_message(place, repr(value), has_zone=has_zone)))


def _check_one_scale(engine: DuckDBEngine, table: SourceTable, report: Report) -> None:
    survey, scale = surveys.survey_sql(table), surveys.scale_sql(table)
    rows = engine.query(
        f"SELECT {survey}, {scale}, count(*) FROM {quoted(table.view)} "
        f"WHERE {scale} IS NOT NULL AND {survey} IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 3, 2",
        source=table.label,
    )
    for name, found in groupby(rows, key=lambda row: row[0]):
        scales = {each: int(count) for _, each, count in found}
        if len(scales) > 1:
            text = name.replace("'", "''")
            rarest = f"{survey} = '{text}' AND {scale} = '{next(iter(scales))}'"
            row, _ = _first_row(engine, table, "scale", rarest, ("survey",))
            report(surveys.one_scale_error(column_label(table, "scale"), name, scales, row))


def _first_row(
    engine: DuckDBEngine, table: SourceTable, column: str, bad: str, others: tuple[str, ...] = ()
) -> tuple[int, str]:
    row, value = engine.query(
        f"SELECT row_, CAST({quoted(column)} AS VARCHAR) FROM "
        f"({table.numbered(*dict.fromkeys((column, *others)))}) "
        f"WHERE {bad} ORDER BY row_ LIMIT 1",
        source=table.label,
    )[0]
    return int(row), str(value)
