"""Projection of a source on a lazy engine: computed columns, rows to read, text that must fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals as nw

from engagement_ml.column_names import free_name
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import LazyEngine
from engagement_ml.errors import InputError
from engagement_ml.expressions.dialects import SparkDialect
from engagement_ml.expressions.types import spark_type
from engagement_ml.sources import naive_in_frame
from engagement_ml.tables.projection import Projection
from engagement_ml.tables.shaping import project, where_note
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
    """

    frame: nw.LazyFrame[Any]
    computed: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


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
    columns |= {computed[column]: sql for column, sql in projection.computed.items()}
    return ShapedFrame(engine.project(frame, columns, projection.where), computed, notes)


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
