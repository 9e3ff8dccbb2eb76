"""Inspection of all input tables: every problem is reported, and what can be read is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.errors import EngagementError, Report
from engagement_ml.inputs.engine_operations import operations_of
from engagement_ml.inputs.money import money_notes
from engagement_ml.inputs.names import behaviours_of, check_configured_names
from engagement_ml.inputs.operations import TableOperations
from engagement_ml.inputs.read_result import ReadResult, check_two_customers
from engagement_ml.inputs.reading import meeting_tables, sources_of, tables_of
from engagement_ml.inputs.tables import Tables
from engagement_ml.tables.lazy_opening import LazyTable
from engagement_ml.tables.quality import TableQuality
from engagement_ml.tables.schema import SourceTable, needed

Opened = SourceTable | LazyTable
LAST_DAY = dt.date(9999, 12, 30)
"""Last day of events if no transaction limits it."""


class Rows:
    """Which rows of the tables are inspected: all.

    Attributes
    ----------
    lacking : callable or None
        Called with what a sample of rows lacks, and other rows may have; None if all are read.
    """

    lacking: Report | None = None

    def opened(self, engine: Engine, table: Any) -> Any:
        """Return an opened table, or a sample of its rows."""
        return table

    def quality(self, quality: TableQuality) -> TableQuality:
        """Return what was counted of the rows, for the whole table as far as that is known."""
        return quality


@dataclass(frozen=True)
class Inspection:
    """What could be read of the input tables.

    Attributes
    ----------
    sources : mapping of str to SourceTable
        The tables that could be opened, with their columns.
    quality : mapping of str to TableQuality
        Of the tables whose rows could be read.
    counts : mapping of str to int
        Usable events per event type.
    tables : Tables or None
        None if events or transactions could not be read.
    values_fit : bool
        Whether every value that was read fits its column.
    """

    sources: Mapping[str, SourceTable]
    quality: Mapping[str, TableQuality]
    counts: Mapping[str, int]
    tables: Tables | None = None
    values_fit: bool = False


def inspect_tables(
    engine: Engine,
    config: PipelineConfig,
    frames: Mapping[str, Any] | None,
    report: Report,
    rows: Rows | None = None,
) -> Inspection:
    """Read the tables as ``read_tables`` does, and report every problem instead of the first.

    Values that do not fit are reported and then count as null, so that what concerns other
    columns, other tables or several tables is found in the same run.

    Parameters
    ----------
    engine : Engine
    config : PipelineConfig
    frames : mapping of str to path or frame, optional
        Replace the paths in ``config.sources``, by table name.
    report : callable
        Called with each problem.
    rows : Rows, optional
        Which rows are inspected; by default all.
    """
    operations = operations_of(engine)
    rows = rows or Rows()
    opened: dict[str, Any] = {}
    given = sources_of(config, frames or {}, report)
    identified = "identities" in given
    for name, source in given.items():
        with reported(report):
            table = operations.open(engine, config, name, source, report, identified=identified)
            opened[name] = rows.opened(engine, table)
    sources = {name: source_of(table) for name, table in opened.items()}
    unfit: list[EngagementError] = []
    for table in opened.values():
        with reported(unfit.append):
            operations.check(engine, table, unfit.append)
    for problem in unfit:
        report(problem)
    cleaned = _cleaned(engine, operations, opened, rows, report)
    quality = {name: rows.quality(table.quality) for name, table in cleaned.items()}
    if not cleaned:
        return Inspection(sources, quality, {})
    result = _result(engine, operations, opened, cleaned, quality)
    tables = None
    with reported(report):
        if "events" in cleaned and "transactions" in cleaned:
            _report_one_customer(engine, result, report)
            named = _named(engine, opened, result, unfit)
            tables = tables_of(engine, config, named, report, rows.lacking)
        elif "events" in cleaned:
            result = _named(engine, opened, result, unfit)
            counts = result.counts
            check_configured_names(config, result.label, sources, counts, report, rows.lacking)
            behaviours_of(config, result.counts, result.label, report)
        elif "transactions" in cleaned:
            paid = result.frames["transactions"]
            money_notes(engine, config, paid, quality["transactions"], report)
    return Inspection(sources, quality, result.counts, tables, not unfit)


@contextmanager
def reported(report: Report) -> Iterator[None]:
    """Report the error of a block instead of raising it."""
    try:
        yield
    except EngagementError as problem:
        report(problem)


def source_of(opened: Opened) -> SourceTable:
    """Return the source behind an opened table of any engine."""
    return opened.table if isinstance(opened, LazyTable) else opened


def _cleaned(
    engine: Engine,
    operations: TableOperations[Any, Any, Any],
    opened: Mapping[str, Any],
    rows: Rows,
    report: Report,
) -> dict[str, Any]:
    """Clean each table that has its columns in types that fit; events last, and by day."""
    whole = {name: table for name, table in opened.items() if _is_whole(table)}
    cleaned: dict[str, Any] = {}
    integer_ids = False
    with reported(report):
        integer_ids = all(operations.ids_are_integers(engine, table) for table in whole.values())
    for name, table in whole.items():
        if name != "events":
            with reported(report):
                cleaned[name] = operations.clean(engine, table, integer_ids)
    if "customers" in cleaned:
        with reported(report):
            operations.check_unique(engine, whole["customers"], cleaned["customers"], report)
    if "events" in whole:
        paid = cleaned.get("transactions")
        last = None if paid is None else rows.quality(paid.quality).last
        end = LAST_DAY if last is None else last.date()
        with reported(report):
            identified = operations.identified(engine, whole["events"], cleaned)
            events = operations.events(engine, identified, integer_ids, end)
            cleaned = {"events": events, **cleaned}
    return cleaned


def _is_whole(opened: Opened) -> bool:
    """Return whether a table has the columns that its rows need, in types that can be read."""
    table = source_of(opened)
    columns = {column for column in needed(table.name) if not table.has(column)}
    if columns == {"margin"} and table.has("revenue") and table.has("cost"):
        columns = set()
    return not columns and all(opened.fits(column) for column, _ in table.column_kinds())


def _result(
    engine: Engine,
    operations: TableOperations[Any, Any, Any],
    opened: Mapping[str, Any],
    cleaned: Mapping[str, Any],
    quality: Mapping[str, TableQuality],
) -> ReadResult:
    frames = {name: operations.frames(engine, table) for name, table in cleaned.items()}
    events = cleaned.get("events")
    ledger: nw.LazyFrame[Any] | None = None if events is None else frames["events"][1]
    return ReadResult(
        label=source_of(opened["events"]).label if "events" in opened else "events",
        frames={name: frame for name, (frame, _) in frames.items()},
        quality=quality,
        counts={} if events is None else events.counts,
        amounts={} if events is None else events.amounts,
        ledger=next(iter(frames.values()))[0] if ledger is None else ledger,
    )


def _named(
    engine: Engine, opened: Mapping[str, Any], result: ReadResult, unfit: Sequence[EngagementError]
) -> ReadResult:
    """Return the result with the event types of all rows, if some rows have values that do not fit.

    An event type is there, even if none of its rows can be used as it is.
    """
    if not unfit:
        return result
    table = opened["events"]
    frame = table.frame if isinstance(table, LazyTable) else engine.embedded().scan(table.view)
    written = frame.select(nw.col("event_type").cast(nw.String)).group_by("event_type")
    rows = engine.rows(written.agg(n=nw.len()), source=result.label)
    counts = {row["event_type"]: int(row["n"]) for row in rows if row["event_type"]}
    return replace(result, counts=counts)


def _report_one_customer(engine: Engine, result: ReadResult, report: Report) -> None:
    ids = [table.frame.select("customer_id") for table in meeting_tables(result)[:2]]
    customer = nw.col("customer_id")
    limits = nw.concat(ids).select(low=customer.min(), high=customer.max())
    (row,) = engine.rows(limits, source=result.label)
    with reported(report):
        check_two_customers(result.label, row["low"], row["high"])
