"""Cleaning of one table on DuckDB: canonical types, and rows that cannot be used dropped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import narwhals as nw

from engagement_ml.column_names import free_name
from engagement_ml.engine import DuckDBEngine
from engagement_ml.engine.numbers import not_nan_sql
from engagement_ml.tables.column_types import CODE, INTEGERS, OPEN_ENDED
from engagement_ml.tables.day_limits import MAY_BE_IMPLAUSIBLE, implausible_notes
from engagement_ml.tables.dense_span import DenseSpan, dense_span, rows_by_day
from engagement_ml.tables.dropped import revenue_sql, with_revenue
from engagement_ml.tables.duplicates import DUPLICATE_MARK, ID_HASH, id_hash_sql, mark_duplicates
from engagement_ml.tables.ids import FLOATS, GUARD
from engagement_ml.tables.quality import (
    NO_MARGIN,
    REASON,
    TableQuality,
    TallyColumns,
    amounts_counted,
    amounts_of,
    event_types_with_amounts,
    first_moment,
    last_moment,
    mark_reasons,
    quality_of,
    tally_rows,
)
from engagement_ml.tables.row_tally import rows_by_event_type
from engagement_ml.tables.schema import (
    SourceTable,
    needed,
    quoted,
)
from engagement_ml.tables.stitching import count_stitched, id_value, identified_rows, is_plain_id
from engagement_ml.tables.surveys import missing_sql, scale_sql, survey_sql
from engagement_ml.tables.validation import LARGEST


@dataclass(frozen=True)
class CleanTable:
    """The usable rows of a table, and what was counted of them.

    Attributes
    ----------
    view : str
        Name of the view in the engine.
    quality : TableQuality
    counts : dict of str to int
        Rows per event type; empty for tables without event types.
    amounts : dict of str to tuple of str
        The event types with a non-null ``value`` and ``duration_seconds``.
    dense : DenseSpan or None
        Where the rows are dense; None for tables without timestamps.
    """

    view: str
    quality: TableQuality
    counts: dict[str, int]
    amounts: dict[str, tuple[str, ...]]
    dense: DenseSpan | None


def canonical(
    engine: DuckDBEngine,
    table: SourceTable,
    *,
    integer_ids: bool,
    guarded: bool = False,
    all_ids: bool = False,
) -> str:
    """Create a view with the columns in their canonical types and return its name.

    A CSV file is loaded into the engine once; all other sources are read where they are. A
    `guarded` view raises an error at a number that ``check_values`` would reject, so that values
    are validated while they are read. `all_ids` says that each row is known to have a customer.
    """
    kinds = table.kinds
    parts = []
    for column in table.kept_columns():
        match kinds.get(column):
            case "id" if all_ids and column == "customer_id" and is_plain_id(table):
                sql = quoted(column)
            case "id":
                sql = id_value(table, column, integer_ids=integer_ids, guarded=guarded)
            case "timestamp":
                sql = _timestamp(table, column, guarded)
            case "text" if column == "survey":
                sql = survey_sql(table)
            case "text" if column == "scale":
                sql = scale_sql(table)
            case "text":
                sql = _text(table, column, guarded)
            case "number" | "finite":
                sql = _guarded(table, column) if guarded else _finite(table, column)
            case _:
                sql = _covariate(engine, table, column)
        parts.append(f"{sql} AS {quoted(column)}")
    if _needs_margin(table):
        parts.append(f'{table.number("revenue")} - {table.number("cost")} AS "margin"')
    if table.name == "surveys" and not table.has("scale"):
        parts.append(f'{scale_sql(table)} AS "scale"')
    if table.row_id() is not None:
        parts.append(f"{id_hash_sql(table)} AS {ID_HASH}")
    query = f"SELECT {', '.join(parts)} FROM {identified_rows(table, guarded=guarded)}"
    return (engine.table if table.csv else engine.view)(query, source=table.label)


def clean(engine: DuckDBEngine, table: SourceTable, source: str) -> CleanTable:
    """Drop rows that cannot be used, count them by reason, and fingerprint the others.

    Dropped are rows with a null in a required column, transactions without a margin, events or
    transactions that repeat their id, and rows of days that are not plausible. Transactions far
    from all others are dropped, too.

    Parameters
    ----------
    engine : DuckDBEngine
    table : SourceTable
    source : str
        Name of the view that ``canonical`` created.

    Raises
    ------
    NotEnoughDataError
        If no row is left.
    """
    columns = [column for column, _ in table.base().column_kinds()]
    if _needs_margin(table):
        columns.append("margin")
    required = needed(table.name)
    reasons = missing_sql(table)
    if (row_id := table.row_id()) is not None:
        told_apart = [*columns, *(c for c, _ in table.column_kinds() if c not in columns)]
        with_duplicates = mark_duplicates(engine, table, source, told_apart)
        if with_duplicates != source:
            reasons.append((f"repeated {row_id}", quoted(DUPLICATE_MARK)))
        source = with_duplicates
    limits, dense = table.limits, None
    if "timestamp" in required:
        dense = _dense(engine, table, source)
        limits = limits.within(dense) if table.name == "transactions" else limits
        reasons += [(each.name, each.sql('"timestamp"')) for each in limits.reasons]
    reason = free_name(REASON, table.types)
    marked = mark_reasons(quoted(source), reasons, reason)
    counted = _tally_columns(engine, table, columns, source)
    tallies = tally_rows(engine, marked, counted, source=table.label, reason=reason)
    notes = _implausible(engine, table)
    if table.identities is not None:
        notes += count_stitched(engine, table).notes()
    quality = quality_of(table, tallies, [name for name, _ in reasons], columns, limits, notes)
    if table.has("revenue") and any(d.reason == NO_MARGIN for d in quality.dropped):
        lost = f"{reason} = {required.index('margin')}"
        sums = engine.query(revenue_sql(f"({marked})", lost), source=table.label)[0]
        quality = with_revenue(quality, *(float(each or 0) for each in sums))
    view = engine.view(
        f"SELECT {input_columns(table)} FROM ({marked}) WHERE {reason} IS NULL", source=table.label
    )
    return CleanTable(
        view,
        quality,
        rows_by_event_type(tallies),
        event_types_with_amounts(table, tallies),
        dense,
    )


def input_columns(table: SourceTable) -> str:
    """Return SQL for a table's columns in their order, without helper columns."""
    made = ["margin"] if _needs_margin(table) else []
    made += ["scale"] if table.name == "surveys" and not table.has("scale") else []
    return ", ".join(quoted(c) for c in (*table.kept_columns(), *made))


def _dense(engine: DuckDBEngine, table: SourceTable, source: str) -> DenseSpan | None:
    day, earliest = nw.col("timestamp").dt.date(), table.limits.first
    counted = rows_by_day(engine, engine.scan(source), day, nw.len(), earliest, source=table.label)
    return dense_span(table.limits.kept(counted))


def _timestamp(table: SourceTable, column: str, guarded: bool) -> str:
    """Return SQL for a moment; an implausible optional one is null, as no row needs it."""
    moment = table.moment(column)
    if guarded and table.is_numeric_moment(column):
        value = quoted(column)
        given = f"{value} IS NOT NULL"
        if table.types[column] in FLOATS:
            given = not_nan_sql(value)
        moment = f"CASE WHEN {moment} IS NULL AND {given} THEN error('{GUARD}') ELSE {moment} END"
    if column == "timestamp":
        return moment
    if column in OPEN_ENDED:
        # What is promised, or the end of a link, may lie beyond the last day of the history.
        return moment
    return f"CASE WHEN {table.limits.usable_sql(moment)} THEN {moment} END"


def _implausible(engine: DuckDBEngine, table: SourceTable) -> list[str]:
    notes = []
    for column in (c for c in MAY_BE_IMPLAUSIBLE if table.kinds.get(c) and table.has(c)):
        implausible = f"NOT ({table.limits.usable_sql(table.moment(column))})"
        query = f"SELECT count(*) FROM {quoted(table.view)} WHERE {implausible}"
        n = engine.query(query, source=table.label)[0][0]
        notes += implausible_notes(table.limits, table.name, column, n)
    return notes


def _needs_margin(table: SourceTable) -> bool:
    return table.name == "transactions" and not table.has("margin")


def _tally_columns(
    engine: DuckDBEngine, table: SourceTable, columns: list[str], source: str
) -> TallyColumns:
    moment = '"timestamp"' if "timestamp" in columns else "CAST(NULL AS TIMESTAMP)"
    return TallyColumns(
        event_type="event_type" if table.name == "events" else "NULL",
        rows="count(*)",
        first=first_moment(moment),
        last=last_moment(moment),
        hashed=_hashed(engine, table, columns, source),
        amounts=amounts_counted(amounts_of(table)),
    )


def _finite(table: SourceTable, column: str) -> str:
    return f"CASE WHEN isfinite({table.number(column)}) THEN {table.number(column)} END"


def _text(table: SourceTable, column: str, guarded: bool) -> str:
    plain = quoted(column)
    if guarded and column == "event_type":
        # The ledger drops empty text later; an unchanged column is grouped faster.
        return plain if table.types[column] == "VARCHAR" else f"CAST({plain} AS VARCHAR)"
    return f"nullif(CAST({plain} AS VARCHAR), '')"


def _guarded(table: SourceTable, column: str) -> str:
    number = table.number(column)
    # DuckDB would fold plain comparisons by a file's min and max, which ignore NaN.
    small = f"CASE WHEN abs({number}) <= {LARGEST} THEN {number} ELSE error('{GUARD}') END"
    return (
        f"CASE WHEN isfinite({number}) THEN {small} WHEN isinf({number}) THEN error('{GUARD}') END"
    )


def _covariate(engine: DuckDBEngine, table: SourceTable, column: str) -> str:
    """Return SQL for any other column; in a customers CSV file, all-numeric text is a number."""
    if table.name != "customers" or not table.csv or not table.is_text(column):
        return quoted(column)
    values, numbers, codes = engine.query(
        f"SELECT count({table.sql(column)}), count({table.number(column)}), "
        f"count(*) FILTER (WHERE regexp_matches({table.sql(column)}, '{CODE}')) "
        f"FROM {quoted(table.view)}",
        source=table.label,
    )[0]
    is_number = values and values == numbers and not codes
    return table.number(column) if is_number else table.sql(column)


def _hashed(
    engine: DuckDBEngine, table: SourceTable, columns: Iterable[str], source: str
) -> list[str]:
    """Return SQL of the values that identify a row, in types that every file format shares."""
    if table.name != "customers":
        return [quoted(column) for column in sorted(columns)]
    types = dict(
        engine.query(f"SELECT column_name, column_type FROM (DESCRIBE {quoted(source)})",
                     source=table.label)
    )  # fmt: skip
    numeric = (*INTEGERS, "FLOAT", "DOUBLE")
    return [
        quoted(c)
        if c in columns
        else f"CAST({quoted(c)} AS {'DOUBLE' if t in numeric else 'VARCHAR'})"
        for c, t in sorted(types.items())
    ]
