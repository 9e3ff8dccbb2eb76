"""Opening of one table on DuckDB: its rows under the names of our columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import DuckDBEngine
from engagement_ml.engine.files import parquet_sql
from engagement_ml.engine.moments import has_zone
from engagement_ml.engine.notation import Notation
from engagement_ml.engine.numbers import not_nan_sql
from engagement_ml.errors import Report, stop
from engagement_ml.sources import describe_source, is_csv, open_source, parquet_files, source_folder
from engagement_ml.tables.column_mapping import check_columns, map_columns, used_columns
from engagement_ml.tables.day_limits import DayLimits
from engagement_ml.tables.ids import FLOATS
from engagement_ml.tables.projection import Projection
from engagement_ml.tables.records import (
    duckdb_fields,
    field_sql,
    mapped_fields,
)
from engagement_ml.tables.schema import (
    REQUIRED,
    SourceTable,
    quoted,
)
from engagement_ml.tables.shaped_source import (
    check_projection,
    shaped,
    unroll_source,
    used_projection,
)
from engagement_ml.tables.zones import check_zones

NO_CUSTOMER = "INTEGER"
"""Type of ``customer_id`` if all events are anonymous: it keeps ids integers."""


def open_table(
    engine: DuckDBEngine,
    config: PipelineConfig,
    name: str,
    source: Any,
    report: Report = stop,
    *,
    identified: bool = False,
    extra: bool = False,
) -> SourceTable:
    """Open a source and rename its columns as the configuration maps them.

    Parameters
    ----------
    engine : DuckDBEngine
    config : PipelineConfig
        Its ``columns`` map column names, its ``segments`` name columns of customers.
    name : str
        Name of the input table.
    source : path or frame
    report : callable, optional
        Called with each missing column; by default, the first is raised.
    identified : bool, default False
        Whether there are identities, so that events may have an ``anonymous_id``.
    extra : bool, default False
        Whether the columns of `EXTRA` are read.

    Raises
    ------
    InputError
        If the source cannot be opened, or lacks a mapped or a required column.
    ConfigError
        If the customers table lacks a column that ``segments`` names.
    """
    label = describe_source(source, name)
    relation = open_source(
        engine, source, table=name, encoding=config.shape_of(name).encoding
    ).to_native()
    columns = dict(zip(relation.columns, relation.types, strict=True))
    source_columns = map_columns(
        config, name, label, columns, duckdb_fields, report, identified=identified
    )
    fields = mapped_fields(config.columns.get(name, {}), columns, duckdb_fields)
    present = {column: str(of_type) for column, of_type in (columns | fields).items()}
    raw = engine.view(relation.sql_query(), source=label)
    projection = shaped(engine, config, name, label, raw, source_columns, relation)
    types = {c: present.get(s, NO_CUSTOMER) for c, s in source_columns.items()}
    if projection is not None:
        types |= {c: projection.types[c] for c in projection.computed}
        source_columns = source_columns | {c: c for c in projection.computed}
    check_columns(config, name, label, types, report, identified=identified)
    used = used_columns(name, source_columns, identified=identified, extra=extra)
    no_customer = f"CAST(NULL AS {NO_CUSTOMER})"
    values = {column: field_sql(s, columns)[0] or no_customer for column, s in used.items()}
    notes: tuple[str, ...] = ()
    if projection is None:
        query = Projection({}, columns=values, source=quoted(raw)).sql()
    else:
        of_columns = {column: present[column] for column in columns}
        projection = used_projection(projection, values, raw, of_columns)
        notes = check_projection(engine, projection, name, label)
        projection, notes = unroll_source(engine, config, projection, label, notes)
        query = projection.sql()
    view = engine.view(query, source=label)
    if projection is not None and projection.unnest is not None:
        described = f"SELECT column_name, column_type FROM (DESCRIBE {quoted(view)})"
        types = dict(engine.query(described, source=label))
    files = parquet_files(source, name)
    table = SourceTable(
        name,
        label,
        view,
        {column: types[column] for column in used},
        used,
        is_csv(source, name),
        files,
        DayLimits.of(config.history),
        engine.keys_of(files, source_folder(source), source=label),
        Notation.of(config.shape_of(name)),
        projection,
        notes,
        extra=extra,
    )
    unused = [c for c in optional_columns(table) if _is_all_null(engine, table, c)]
    table = table.without(unused)
    kinds = table.column_kinds()
    for column, kind in kinds:
        if kind == "timestamp" and has_zone(table.types[column]):
            check_zones(files, used[column])
    misfits = [c for c, kind in kinds if kind == "timestamp" and not table.fits(c)]
    examples = {column: _example(engine, table, column) for column in misfits}
    return replace(table, examples=examples) if examples else table


def _example(engine: DuckDBEngine, table: SourceTable, column: str) -> object:
    value = quoted(column)
    query = f"SELECT {value} FROM {quoted(table.view)} WHERE {value} IS NOT NULL LIMIT 1"
    rows = engine.query(query, source=table.label)
    return rows[0][0] if rows else None


def optional_columns(table: SourceTable) -> list[str]:
    """Return the input columns that a table has and could do without."""
    return [c for c, _ in table.column_kinds() if c not in REQUIRED[table.name]]


def _is_all_null(engine: DuckDBEngine, table: SourceTable, column: str) -> bool:
    """Return whether a column of another type than its kind's has no value, as an empty export."""
    if table.fits(column):
        return False
    value = quoted(column)
    given = f"{value} IS NOT NULL"
    if table.types[column] in FLOATS:
        given += f" AND {not_nan_sql(value)}"
    query = f"SELECT 1 FROM {quoted(table.view)} WHERE {given} LIMIT 1"
    return not engine.query(query, source=table.label)


def open_files(engine: DuckDBEngine, table: SourceTable, files: Sequence[Path]) -> SourceTable:
    """Open some files of a source with the columns and types of the whole source.

    A column that these files lack is null.
    """
    read = parquet_sql(files, table.keys)
    rows = engine.view(read, source=table.label)
    relation = engine.scan(rows).to_native()
    present = dict(zip(relation.columns, relation.types, strict=True))
    if table.projection is not None:
        whole = table.projection.types
        selected = as_whole(rows, present, whole, {column: column for column in whole})
        view = engine.view(table.projection.sql(f"({selected})"), source=table.label)
    else:
        selected = as_whole(rows, present, table.types, table.source_columns)
        view = engine.view(selected, source=table.label)
    return replace(table, view=view, files=tuple(files))


def as_whole(
    view: str, present: Mapping[str, Any], types: Mapping[str, str], names: Mapping[str, str]
) -> str:
    """Return SQL for columns of a view of some files in the types of the whole source."""
    selected = []
    for column, of_type in types.items():
        # Files of a folder may write a name in other cases.
        value, found = field_sql(names[column], present)
        sql = value if found == of_type else f"CAST({value or 'NULL'} AS {of_type})"
        selected.append(f"{sql} AS {quoted(column)}")
    return f"SELECT {', '.join(selected)} FROM {quoted(view)}"
