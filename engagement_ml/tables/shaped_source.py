"""Projection of a source on DuckDB: types of computed columns, text that does not fit, notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import InputError
from engagement_ml.expressions.dialects import DuckDBDialect
from engagement_ml.expressions.types import duckdb_type
from engagement_ml.tables.projection import Projection
from engagement_ml.tables.schema import quoted
from engagement_ml.tables.shaping import project, where_note
from engagement_ml.tables.unrolling import (
    check_amounts,
    latest_moment,
    span_counts,
    spans_of,
    unroll_note,
    unrolled,
)
from engagement_ml.tables.validation import value_message


def shaped(
    engine: DuckDBEngine,
    config: PipelineConfig,
    name: str,
    label: str,
    raw: str,
    source_columns: Mapping[str, str],
    relation: Any,
) -> Projection | None:
    """Return the projection of a source with the types of its computed columns.

    Parameters
    ----------
    engine : DuckDBEngine
    config : PipelineConfig
    name, label : str
        Names of the table, and of its source in messages.
    raw : str
        Name of a view of the source.
    source_columns : mapping of str to str
        The columns that are only renamed.
    relation : DuckDBPyRelation
        The source.
    """

    def types() -> dict[str, Any]:
        of_types = zip(relation.columns, map(duckdb_type, relation.types), strict=True)
        return dict(of_types)

    projection = project(config, name, label, types, DuckDBDialect())
    if projection is None or not projection.computed:
        return projection
    selected = ", ".join(f"{sql} AS {quoted(c)}" for c, sql in projection.computed.items())
    described = f"DESCRIBE SELECT {selected} FROM {quoted(raw)}"
    rows = engine.query(f"SELECT column_name, column_type FROM ({described})", source=label)
    return replace(projection, types=dict(rows))


def used_projection(
    projection: Projection, values: Mapping[str, str], raw: str, types: Mapping[str, str]
) -> Projection:
    """Return a projection over a view of the source; `values` are SQL of the columns to read."""
    columns = {column: projection.computed.get(column, sql) for column, sql in values.items()}
    return replace(projection, columns=columns, source=quoted(raw), types=types)


def check_projection(
    engine: DuckDBEngine, projection: Projection, name: str, label: str
) -> tuple[str, ...]:
    """Check the text that expressions read, and return a note on the rows that are left out.

    Raises
    ------
    InputError
        If text does not fit; the message names the column, the row and the value. If no row is
        to be read.
    """
    where, conditions = projection.where, projection.conditions()
    if where is None and not conditions:
        return ()
    condition = where or "true"
    counted = [
        "count(*)",
        f"count(*) FILTER (WHERE {condition})",
        f"count(*) FILTER (WHERE ({condition}) IS NULL)",
        *(f"count(*) FILTER (WHERE {bad})" for bad in conditions),
    ]
    query = f"SELECT {', '.join(counted)} FROM {projection.source}"
    read, kept, unknown, *bad_rows = engine.query(query, source=label)[0]
    for check, bad, count in zip(projection.checks, conditions, bad_rows, strict=True):
        if count:
            row, value = engine.query(
                f"SELECT {projection.row}, {check.text} FROM {projection.numbered_source} "
                f"WHERE {bad} ORDER BY 1 LIMIT 1",
                source=label,
            )[0]
            place = f"{label}: column '{check.label}', row {row}"
            used = f"; '{check.key}' reads it, or write TRY_CAST to make such values null"
            raise InputError(value_message(place, check.expected, repr(value), count) + used)
    return () if where is None else (where_note(label, name, read, kept, unknown),)


def unroll_source(
    engine: DuckDBEngine,
    config: PipelineConfig,
    projection: Projection,
    label: str,
    notes: tuple[str, ...],
) -> tuple[Projection, tuple[str, ...]]:
    """Return a projection whose rows are periods if the source has subscriptions, with a note."""
    unroll = config.shape_of("transactions").unroll
    if projection.span is None or unroll is None:
        return projection, notes
    check_amounts(unroll, projection.columns, label)
    dialect = DuckDBDialect()
    counts = span_counts(projection, dialect, latest_moment(config))
    query = f"SELECT {', '.join(counts.values())} FROM {projection.source}"
    counted = dict(zip(counts, engine.query(query, source=label)[0], strict=True))
    spans = spans_of(config, projection, counted, label)
    note = unroll_note(spans, counted, label)
    return unrolled(projection, unroll, spans, dialect), (*notes, note)
