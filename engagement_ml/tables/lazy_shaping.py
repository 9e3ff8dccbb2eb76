"""Projection of a source on a lazy engine: computed columns, rows to read, text that must fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import narwhals as nw

from engagement_ml.column_names import free_name
from engagement_ml.config import PipelineConfig, UnrollConfig
from engagement_ml.engine import LazyEngine
from engagement_ml.errors import InputError
from engagement_ml.expressions.dialects import SparkDialect
from engagement_ml.expressions.types import spark_type
from engagement_ml.sources import naive_in_frame
from engagement_ml.tables.projection import Projection
from engagement_ml.tables.shaping import project, where_note
from engagement_ml.tables.unrolling import (
    MONEY,
    NUMBER,
    latest_moment,
    span_counts,
    spans_of,
    unroll_note,
)
from engagement_ml.tables.validation import value_message


@dataclass(frozen=True)
class ShapedFrame:
    """The rows to read of a source, with computed columns beside its own.

    Attributes
    ----------
    frame : LazyFrame
    computed : mapping of str to str
        Name in `frame` of each computed column.
    notes : tuple of str
    number : str or None
        Name in `frame` of the number of a period, if rows are unrolled.
    """

    frame: nw.LazyFrame[Any]
    computed: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    number: str | None = None


def shaped_frame(
    engine: LazyEngine,
    config: PipelineConfig,
    name: str,
    label: str,
    frame: nw.LazyFrame[Any],
    naive: Collection[str],
) -> ShapedFrame:
    """Return the rows to read with their computed columns.

    Raises
    ------
    InputError
        If text that an expression reads does not fit, or no row is to be read.
    ConfigError
        If an expression cannot be used.
    """

    def types() -> dict[str, Any]:
        return {each.name: spark_type(each.dataType) for each in frame.to_native().schema.fields}

    dialect = SparkDialect(naive)
    projection = project(config, name, label, types, dialect)
    if projection is None:
        return ShapedFrame(frame)
    notes = _check(engine, projection, name, label, frame)
    names = frame.collect_schema().names()
    computed = {column: free_name(f"{column}_given_", names) for column in projection.computed}
    columns = {each: dialect.quoted(each) for each in names}
    if projection.span is not None:
        return _unrolled(engine, config, projection, label, frame, computed, notes)
    columns |= {computed[column]: sql for column, sql in projection.computed.items()}
    return ShapedFrame(engine.project(frame, columns, projection.where), computed, notes)


def once_per_subscription(
    renamed: nw.LazyFrame[Any], number: str, unroll: UnrollConfig
) -> nw.LazyFrame[Any]:
    """Return unrolled rows: money that is not per period only in the first one, and own ids.

    `number` is the column of the number of a period, which is dropped.
    """
    types = renamed.collect_schema()
    names, first = types.names(), nw.col(number) == 0
    zeros = {c: nw.lit("0" if types[c] == nw.String else 0) for c in MONEY if c in names}
    frame = renamed.with_columns(
        nw.when(first).then(nw.col(c)).otherwise(zero).alias(c)
        for c, zero in zeros.items()
        if c not in unroll.amount
    )
    if "transaction_id" in names:
        # Periods of a subscription are no repetitions.
        parts = [nw.col(c).cast(nw.String) for c in ("transaction_id", number)]
        frame = frame.with_columns(transaction_id=nw.concat_str(parts, separator="/"))
    return frame.drop(number)


def _unrolled(
    engine: LazyEngine,
    config: PipelineConfig,
    projection: Projection,
    label: str,
    frame: nw.LazyFrame[Any],
    computed: dict[str, str],
    notes: tuple[str, ...],
) -> ShapedFrame:
    """Return one row per period that has begun."""
    dialect, names = SparkDialect(), frame.collect_schema().names()
    counts = span_counts(projection, dialect, latest_moment(config))
    (counted,) = engine.rows(engine.project(frame, counts), source=label)
    spans = spans_of(config, projection, counted, label)
    start, end, number = (free_name(name, names) for name in ("start_", "end_", NUMBER))
    columns = {each: dialect.quoted(each) for each in names}
    values = {computed[column]: sql for column, sql in projection.computed.items()}
    moments = dict(zip((start, end), projection.span or (), strict=True))
    rows = engine.project(frame, columns | values | moments, projection.where)
    kept = {each: dialect.quoted(each) for each in (*columns, *values, start)}
    inner = replace(spans, start=dialect.quoted(start), end=dialect.quoted(end))
    periods = engine.project(rows, kept | {number: f"explode({inner.numbers(dialect)})"})
    begins = dialect.period_start(inner.start, dialect.quoted(number), spans.every)
    final = {each: dialect.quoted(each) for each in (*columns, *values, number)}
    final[computed["timestamp"]] = dialect.instant(begins)
    note = unroll_note(spans, counted, label)
    return ShapedFrame(engine.project(periods, final), computed, (*notes, note), number)


def naive_columns(source: Any, files: Sequence[Path]) -> frozenset[str]:
    """Return the columns of moments that name no zone in a source."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not files:
        return naive_in_frame(source)
    return frozenset(
        each.name
        for each in pq.read_schema(files[0])
        if pa.types.is_timestamp(each.type) and each.type.tz is None
    )


def _check(
    engine: LazyEngine,
    projection: Projection,
    name: str,
    label: str,
    frame: nw.LazyFrame[Any],
) -> tuple[str, ...]:
    """Check the text that expressions read, and return a note on the rows that are left out."""
    where, conditions = projection.where, projection.conditions()
    if where is None and not conditions:
        return ()
    condition = where or "true"
    counted = {
        "read": "count(*)",
        "kept": f"count_if({condition})",
        "unknown": f"count_if(({condition}) IS NULL)",
    }
    for i, (check, bad) in enumerate(zip(projection.checks, conditions, strict=True)):
        counted[f"n_{i}"] = f"count_if({bad})"
        counted[f"value_{i}"] = f"min(CASE WHEN {bad} THEN {check.text} END)"
    (row,) = engine.rows(engine.project(frame, counted), source=label)
    for i, check in enumerate(projection.checks):
        if row[f"n_{i}"]:
            place, value = f"{label}: column '{check.label}'", f"'{row[f'value_{i}']}'"
            used = f"; '{check.key}' reads it, or write TRY_CAST to make such values null"
            message = value_message(place, check.expected, value, row[f"n_{i}"])
            raise InputError(message + used)
    if where is None:
        return ()
    return (where_note(label, name, row["read"], row["kept"], row["unknown"]),)
