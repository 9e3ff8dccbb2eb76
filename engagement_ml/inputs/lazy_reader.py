"""Reader of all tables on a lazy engine, by Narwhals expressions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import LazyEngine
from engagement_ml.errors import Report, stop
from engagement_ml.inputs.operations import TableOperations
from engagement_ml.inputs.read_result import (
    ReadResult,
    check_two_customers,
    duplicate_customer,
)
from engagement_ml.ledger.lazy import read_events
from engagement_ml.tables.lazy_cleaning import LazyCleanTable, clean, identify
from engagement_ml.tables.lazy_ids import ids_are_integers
from engagement_ml.tables.lazy_opening import (
    LazyTable,
    canonical,
    open_lazy_table,
)
from engagement_ml.tables.lazy_validation import check_values


def read_on_lazy_engine(
    engine: LazyEngine,
    config: PipelineConfig,
    sources: Mapping[str, Any],
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
    identified = OPERATIONS.identified(engine, tables["events"], cleaned)
    events = read_events(engine, identified, integer_ids=integer_ids, end=last.date())
    ledger = events.ledger
    assert ledger is not None
    label = tables["events"].table.label
    ranges = [_id_range(engine, f, label) for f in (ledger, cleaned["transactions"].frame)]
    check_two_customers(label, min(low for low, _ in ranges), max(high for _, high in ranges))
    cleaned["events"] = events
    if "customers" in cleaned:
        _check_unique(engine, tables["customers"], cleaned["customers"], stop)
    return ReadResult(
        label=label,
        frames={name: table.frame for name, table in cleaned.items()},
        quality={name: table.quality for name, table in cleaned.items()},
        counts=events.counts,
        amounts=events.amounts,
        ledger=ledger,
    )


def _clean(engine: LazyEngine, table: LazyTable, integer_ids: bool) -> LazyCleanTable:
    return clean(engine, table, canonical(engine, table, integer_ids=integer_ids))


def _id_range(engine: LazyEngine, frame: nw.LazyFrame[Any], label: str) -> tuple[Any, Any]:
    """Return the smallest and the largest customer_id of a frame."""
    customer = nw.col("customer_id")
    (row,) = engine.rows(frame.select(low=customer.min(), high=customer.max()), source=label)
    return row["low"], row["high"]


def _check_unique(
    engine: LazyEngine, opened: LazyTable, cleaned: LazyCleanTable, report: Report
) -> None:
    counted = cleaned.frame.group_by("customer_id").agg(nw.len().alias("rows_"))
    duplicates = counted.filter(nw.col("rows_") > 1).sort("customer_id").head(1)
    for row in engine.rows(duplicates, source=opened.table.label):
        report(duplicate_customer(opened.table, row["customer_id"], row["rows_"]))


def _validated_events(
    engine: LazyEngine, opened: LazyTable, integer_ids: bool, end: dt.date
) -> LazyCleanTable:
    return read_events(engine, opened, integer_ids=integer_ids, end=end, validated=True)


def _frames(
    engine: LazyEngine, cleaned: LazyCleanTable
) -> tuple[nw.LazyFrame[Any], nw.LazyFrame[Any] | None]:
    return cleaned.frame, cleaned.ledger


OPERATIONS = TableOperations(
    open_lazy_table,
    check_values,
    ids_are_integers,
    _clean,
    _check_unique,
    _validated_events,
    _frames,
    identify,
)
