"""Reader of all tables on DuckDB, in SQL: the fastest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import Report, stop
from engagement_ml.inputs.operations import TableOperations
from engagement_ml.inputs.read_result import (
    ReadResult,
    check_two_customers,
    duplicate_customer,
)
from engagement_ml.ledger.cache.partitions import OnPart
from engagement_ml.ledger.events import CleanEvents, read_events, read_sessions
from engagement_ml.ledger.sessions import SessionRule
from engagement_ml.tables.cleaning import CleanTable, canonical, clean
from engagement_ml.tables.opening import open_table
from engagement_ml.tables.schema import SourceTable, quoted
from engagement_ml.tables.stitching import identify, ids_are_integers
from engagement_ml.tables.validation import check_values


def read_on_duckdb(
    engine: DuckDBEngine,
    config: PipelineConfig,
    sources: Mapping[str, Any],
    on_part: OnPart | None,
    *,
    extra: bool = False,
) -> ReadResult:
    """Open, validate and aggregate the tables; parameters as in ``read_tables``.

    Raises
    ------
    InputError, ConfigError, NotEnoughDataError
        See ``read_tables``.
    """
    tables = OPERATIONS.open_tables(engine, config, sources, extra=extra)
    integer_ids, cleaned = OPERATIONS.clean_tables(engine, tables, skip=("events",))
    last = cleaned["transactions"].quality.last
    assert last is not None
    end = last.date()
    folder = None if config.engine.keep is None else Path(config.engine.keep)
    identified = OPERATIONS.identified(engine, tables["events"], cleaned)
    events = read_events(
        engine, identified, integer_ids=integer_ids, end=end, keep=folder, on_part=on_part
    )
    label = tables["events"].label
    _check_two_customers(engine, label, cleaned["transactions"].view, events.ledger)
    cleaned["events"] = events
    if "customers" in tables:
        _check_unique(engine, tables["customers"], cleaned["customers"], stop)
    rule = SessionRule.of(config)
    return ReadResult(
        label=label,
        frames={name: engine.scan(table.view) for name, table in cleaned.items()},
        quality={name: table.quality for name, table in cleaned.items()},
        counts=events.counts,
        amounts=events.amounts,
        ledger=engine.scan(events.ledger),
        partitions=events.partitions,
        sessions=None
        if rule is None
        else read_sessions(engine, events, rule, keep=folder, on_part=on_part),
    )


def _clean(engine: DuckDBEngine, table: SourceTable, integer_ids: bool) -> CleanTable:
    return clean(engine, table, canonical(engine, table, integer_ids=integer_ids))


def _check_two_customers(engine: DuckDBEngine, label: str, transactions: str, ledger: str) -> None:
    smallest, largest = _id_range(engine, label, transactions)
    if smallest == largest:
        # The ledger is larger, and most often need not be read.
        smallest, largest = _id_range(engine, label, transactions, ledger)
    check_two_customers(label, smallest, largest)


def _id_range(engine: DuckDBEngine, label: str, *views: str) -> tuple[Any, Any]:
    """Return the smallest and the largest customer_id of views."""
    union = " UNION ALL ".join(
        f'SELECT min("customer_id") AS low, max("customer_id") AS high FROM {quoted(name)}'
        for name in views
    )
    low, high = engine.query(f"SELECT min(low), max(high) FROM ({union})", source=label)[0]
    return low, high


def _check_unique(
    engine: DuckDBEngine, table: SourceTable, cleaned: CleanTable, report: Report
) -> None:
    rows = engine.query(
        f'SELECT "customer_id", count(*) FROM {quoted(cleaned.view)} GROUP BY 1 '
        "HAVING count(*) > 1 ORDER BY 1 LIMIT 1",
        source=table.label,
    )
    for customer, count in rows:
        report(duplicate_customer(table, customer, count))


def _validated_events(
    engine: DuckDBEngine, table: SourceTable, integer_ids: bool, end: dt.date
) -> CleanTable:
    return read_events(engine, table, integer_ids=integer_ids, end=end, validated=True)


def _frames(
    engine: DuckDBEngine, cleaned: CleanTable
) -> tuple[nw.LazyFrame[Any], nw.LazyFrame[Any] | None]:
    ledger = engine.scan(cleaned.ledger) if isinstance(cleaned, CleanEvents) else None
    return engine.scan(cleaned.view), ledger


OPERATIONS = TableOperations(
    open_table,
    check_values,
    ids_are_integers,
    _clean,
    _check_unique,
    _validated_events,
    _frames,
    identify,
)
