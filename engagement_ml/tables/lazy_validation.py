"""Validation of one table on a lazy engine: values that do not fit, named without row numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw

from engagement_ml.engine import LazyEngine
from engagement_ml.engine.moments import ABBREVIATION, MOMENT, SHORT_YEAR, ZONE
from engagement_ml.errors import InputError, Report, stop
from engagement_ml.tables import surveys
from engagement_ml.tables.by_chance import leave_out_hint
from engagement_ml.tables.column_types import OPEN_ENDED
from engagement_ml.tables.ids import EXACT, inexact_message
from engagement_ml.tables.lazy_opening import LazyTable
from engagement_ml.tables.schema import ANONYMOUS, Kind
from engagement_ml.tables.validation import (
    FINITE,
    FUTURE,
    LARGEST,
    LONG_YEAR,
    NOT_TOO_LARGE,
    NUMBER,
    POSITIVE,
    TIMESTAMP,
    ZONE_NAME,
    column_label,
    latest,
    time_hint,
    type_message,
    value_message,
    zone_message,
)

_TEXTS: dict[str, Any] = {"survey": "text", "scale": "text"}


@dataclass(frozen=True)
class _Check:
    """A column, the condition of values that do not fit, and the expected value.

    The condition may also read the columns `others`.
    """

    column: str
    bad: nw.Expr
    expected: str
    others: tuple[str, ...] = ()


def check_values(
    engine: LazyEngine, opened: LazyTable, report: Report = stop, *, future: bool = True
) -> None:
    """Check all values, in one pass over the columns that need it.

    Parameters
    ----------
    engine : LazyEngine
    opened : LazyTable
    report : callable, optional
        Called with one problem for each column and kind of value that does not fit; by default,
        the first is raised.
    future : bool, default True
        Whether columns of a timestamp type are also checked for timestamps in the future.

    Raises
    ------
    InputError
        If text stands in a numeric column, a timestamp cannot be parsed or lies in the future,
        only some timestamps have a time zone, or an amount is not finite or beyond 1e12. The
        message names the column and the smallest value that does not fit.
    """
    _check_types(opened, report)
    checks = _exclusive(_checks(opened, future))
    if not checks:
        return
    columns = list(dict.fromkeys(c for each in checks for c in (each.column, *each.others)))
    iso = opened.table.notation.format is None
    zoned = [
        c for c in columns if opened.kinds().get(c) == "timestamp" and opened.is_text(c) and iso
    ]
    written = opened.frame.select(
        *columns, *(nw.col(c).cast(nw.String).alias(_written(c)) for c in columns)
    )
    # Ids are checked as the numbers that they are.
    kinds = {c: kind for c, kind in opened.kinds().items() if c in columns and kind != "id"}
    conditions = [(c.column, c.bad) for c in checks]
    conditions += [(c, with_zone if has else ~with_zone)
                   for c in zoned for has in (True, False)
                   for with_zone in [nw.col(_written(c)).str.contains(ZONE)]]  # fmt: skip
    counted = opened.typed(engine, written, kinds).select(
        part for i, (column, bad) in enumerate(conditions) for part in _count(i, column, bad)
    )
    (counts,) = engine.rows(counted, source=opened.table.label)
    for i, check in enumerate(checks):
        if counts[f"n_{i}"]:
            value, rows = counts[f"value_{i}"], counts[f"n_{i}"]
            report(value_error(opened, check.column, check.expected, value, rows))
    unfit = {check.column for i, check in enumerate(checks) if counts[f"n_{i}"]}
    for place, column in enumerate(zoned):
        if column in unfit:
            # Text that is no timestamp would pass for one without a zone.
            continue
        _check_one_zone(opened, column, counts, len(checks) + 2 * place, report)
    if "scale" not in unfit and opened.table.has("scale"):
        _check_one_scale(engine, opened, report)


def value_error(
    opened: LazyTable, column: str, expected: str, value: object, rows: int
) -> InputError:
    """Return the error about a value that does not fit its column."""
    place = column_label(opened.table, column)
    message = value_message(place, expected, f"'{value}'", rows)
    hint = time_hint(opened.table, expected, value) or leave_out_hint(opened.table, column)
    return InputError(message + hint)


def _check_types(opened: LazyTable, report: Report) -> None:
    for column, kind in opened.table.kinds.items():
        if column in opened.schema and not opened.fits(column):
            report(InputError(type_message(opened.table, column, opened.schema[column], kind)))


def _exclusive(checks: Sequence[_Check]) -> list[_Check]:
    """Return the checks without the values that an earlier check of the column finds."""
    exclusive = []
    for i, check in enumerate(checks):
        earlier = [other.bad for other in checks[:i] if other.column == check.column]
        bad = check.bad
        for other in earlier:
            bad = bad & ~other.fill_null(False)
        exclusive.append(replace(check, bad=bad))
    return exclusive


def _checks(opened: LazyTable, future: bool) -> list[_Check]:
    return [
        check
        for column, kind in (*opened.table.kinds.items(), (ANONYMOUS, "id"))
        if column in opened.schema and opened.fits(column)
        for check in _column_checks(opened, column, kind, future)
    ] + [
        _Check(*check, tuple(c for c in ("survey", "scale", "score") if c in opened.schema))
        for check in surveys.checks_of(opened.table)
        if opened.fits("score")
    ]


def _column_checks(opened: LazyTable, column: str, kind: Kind, future: bool) -> list[_Check]:
    value, written = nw.col(column), nw.col(_written(column))
    text = opened.is_text(column)
    if kind == "id":
        return _id_checks(opened, column)
    unreadable = ~written.is_null() & (written != "") & value.is_null()
    if kind == "timestamp":
        notation, limits = opened.table.notation, opened.table.limits
        no_moment = (written != "") & ~written.str.contains(MOMENT)
        unparsable = (
            [
                _Check(column, written.str.contains(SHORT_YEAR), LONG_YEAR),
                _Check(column, no_moment & written.str.contains(ABBREVIATION), ZONE_NAME),
                _Check(column, unreadable | no_moment, TIMESTAMP),
            ]
            if text
            else []
        )
        if notation.format is not None and (text or opened.is_numeric_moment(column)):
            unparsable = [_Check(column, unreadable & (written != "NaN"), notation.expected)]
        if limits.latest is not None or not (unparsable or future) or column in OPEN_ENDED:
            return unparsable
        return [*unparsable, _Check(column, value.dt.date() > latest().date(), FUTURE)]
    if kind not in ("number", "finite"):
        return []
    negative = [_Check(column, value < 0, POSITIVE)] if column == "refund" else []
    if opened.schema[column].is_integer():
        return negative
    not_finite = ~value.is_finite()
    if kind == "number":
        not_finite = not_finite & ~value.is_nan()
    too_large = value.is_finite() & (value.abs() > LARGEST)
    checks = [_Check(column, not_finite, FINITE), _Check(column, too_large, NOT_TOO_LARGE)]
    return [*([_Check(column, unreadable, NUMBER)] if text else []), *checks, *negative]


def _id_checks(opened: LazyTable, column: str) -> list[_Check]:
    of_type = opened.schema[column]
    if not of_type.is_float():
        return []
    name = "FLOAT" if of_type == nw.Float32 else "DOUBLE"
    value = nw.col(column)
    bad = ~value.is_nan() & (value.abs() > EXACT[name])
    return [_Check(column, bad, inexact_message(name))]


def _check_one_zone(
    opened: LazyTable, column: str, counts: dict[str, Any], place: int, report: Report
) -> None:
    with_zone, without = counts[f"n_{place}"], counts[f"n_{place + 1}"]
    if with_zone and without:
        has_zone = with_zone <= without
        value = counts[f"value_{place if has_zone else place + 1}"]
        label = column_label(opened.table, column)
        report(InputError(zone_message(label, f"'{value}'", has_zone=has_zone)))


def _check_one_scale(engine: LazyEngine, opened: LazyTable, report: Report) -> None:
    typed = opened.typed(engine, opened.frame.select("survey", "scale"), _TEXTS)
    named = surveys.with_scale(opened.table, typed).filter(
        ~nw.col("scale").is_null(), ~nw.col("survey").is_null()
    )
    counted = named.group_by("survey", "scale").agg(rows=nw.len())
    found: dict[str, dict[str, int]] = {}
    for row in engine.rows(counted, source=opened.table.label):
        found.setdefault(row["survey"], {})[row["scale"]] = int(row["rows"])
    for survey, scales in sorted(found.items()):
        if len(scales) > 1:
            report(surveys.one_scale_error(column_label(opened.table, "scale"), survey, scales))


def _count(place: int, column: str, bad: nw.Expr) -> tuple[nw.Expr, nw.Expr]:
    """Return the number of values that do not fit, and the smallest of them as text."""
    return (
        nw.when(bad).then(nw.lit(1)).sum().alias(f"n_{place}"),
        nw.when(bad).then(nw.col(_written(column))).min().alias(f"value_{place}"),
    )


def _written(column: str) -> str:
    return f"{column}_written_"
