"""Tables and contexts of measures from plain rows, on a given engine.

``rows`` are mappings; a key that a row lacks is null. Nothing is validated or cleaned: measures see
the tables as ``read_tables`` leaves them (naive UTC timestamps, no null margin).
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import narwhals as nw
import pyarrow as pa

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.config.scorecard import Every
from engagement_ml.engine import Engine, LazyEngine
from engagement_ml.inputs import Tables
from engagement_ml.measures.catalogue import MEASURES, definitions
from engagement_ml.measures.compute import Measured, compute
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.definition import MeasureDefinition
from engagement_ml.measures.periods import Periods
from engagement_ml.windows import DAY, History, Window

Row = Mapping[str, Any]
MOMENTS = {"timestamp", "due", "sent", "signup"}
NUMBERS = {"value", "duration_seconds", "margin", "revenue", "refund", "score", "cost"}
REQUIRED = {
    "events": ("customer_id", "timestamp", "event_type"),
    "transactions": ("customer_id", "timestamp", "margin"),
    "customers": ("customer_id",),
    "surveys": ("customer_id", "timestamp", "survey", "score"),
}
_numbers = itertools.count()


def moment(text: str) -> dt.datetime:
    """Return the moment of ``2024-01-31`` or ``2024-01-31 12:00``."""
    return dt.datetime.fromisoformat(text)


def make_config(settings: Mapping[str, Any] | None = None) -> PipelineConfig:
    """Return a configuration with the given keys."""
    sources = {"events": "events.parquet", "transactions": "transactions.parquet"}
    return parse_config({"name": "shop", "sources": sources, **(settings or {})})


def make_frame(engine: Engine, table: str, rows: Iterable[Row]) -> nw.LazyFrame[Any]:
    """Return rows as a frame of the engine."""
    rows = list(rows)
    names = dict.fromkeys([*REQUIRED[table], *(key for row in rows for key in row)])
    columns = {name: pa.array([row.get(name) for row in rows], type=_type(name)) for name in names}
    frame = engine.read_arrow(pa.table(columns))
    moments = [name for name in columns if name in MOMENTS]
    if isinstance(engine, LazyEngine) and moments:
        # Spark holds moments of Arrow in the time zone of its session.
        frame = engine.typed(frame, dict.fromkeys(moments, "timestamp"), naive=moments)
    return frame


def make_tables(
    engine: Engine,
    events: Iterable[Row] = (),
    transactions: Iterable[Row] = (),
    customers: Iterable[Row] | None = None,
    surveys: Iterable[Row] | None = None,
    history: Window | None = None,
) -> Tables:
    """Return tables; the history is that of their events and transactions unless given."""
    events, transactions = list(events), list(transactions)
    days = [row["timestamp"].date() for row in [*events, *transactions]]
    span = history or Window(min(days), max(days) + DAY)
    counts = dict(sorted(Counter(row["event_type"] for row in events).items()))
    amounts = {
        column: tuple(sorted({r["event_type"] for r in events if r.get(column) is not None}))
        for column in ("value", "duration_seconds")
        if any(column in row for row in events)
    }
    return Tables(
        engine,
        make_frame(engine, "events", events),
        make_frame(engine, "transactions", transactions),
        None if customers is None else make_frame(engine, "customers", customers),
        None if surveys is None else make_frame(engine, "surveys", surveys),
        quality=(),
        history=History(span.start, span.end),
        behaviours=tuple(counts),
        event_counts=counts,
        amounts=amounts,
        sample_key=f"rows {next(_numbers)}",
    )


def make_context(
    engine: Engine,
    *,
    settings: Mapping[str, Any] | None = None,
    every: Every = "month",
    at_most: int = 120,
    groups: Iterable[Row] | None = None,
    history: Window | None = None,
    **tables: Any,
) -> MeasureContext:
    """Return a context; `tables` are the parameters of ``make_tables``."""
    made = make_tables(engine, history=history, **tables)
    periods = Periods.within(made.history, every, at_most)
    frame = None
    if groups is not None:
        rows = list(groups)
        columns = {name: [row.get(name) for row in rows] for name in rows[0]}
        frame = engine.small(columns)
    return MeasureContext(made, make_config(settings), periods, frame)


def measured(
    context: MeasureContext,
    *names: str,
    catalogue: tuple[MeasureDefinition, ...] = MEASURES,
) -> dict[str, Measured]:
    """Return the computed measures; all of the catalogue without names."""
    chosen = definitions(context.config, catalogue)
    wanted = {name: chosen[name] for name in names or chosen}
    return {each.name: each for each in compute(context, wanted)}


def values(result: Measured, dimension: str = "all", group: str = "") -> list[float | None]:
    """Return the values of a measure by period."""
    return [each.value for each in result.estimates[dimension][group]]


def _type(name: str) -> pa.DataType:
    if name in MOMENTS:
        return pa.timestamp("us")
    return pa.float64() if name in NUMBERS else pa.string()
