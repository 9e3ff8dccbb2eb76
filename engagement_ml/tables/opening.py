"""Opening of one table on DuckDB: column mapping and checks of required columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from engagement_ml.column_names import find, fold
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import DuckDBEngine
from engagement_ml.engine.files import parquet_sql
from engagement_ml.errors import ConfigError, InputError, nearest
from engagement_ml.sources import describe_source, is_csv, open_source, parquet_files, source_folder
from engagement_ml.tables.day_limits import DayLimits
from engagement_ml.tables.ids import FLOATS
from engagement_ml.tables.records import (
    FieldsOf,
    TypeT,
    duckdb_fields,
    field_sql,
    mapped_fields,
    missing_field,
)
from engagement_ml.tables.schema import (
    ANONYMOUS,
    COLUMNS,
    REQUIRED,
    SESSION_COLUMNS,
    SourceTable,
    listed,
    quoted,
)
from engagement_ml.tables.zones import check_zones

NO_CUSTOMER = "INTEGER"
"""Type of ``customer_id`` if all events are anonymous: it keeps ids integers."""
_GROUPS = re.compile(
    r"(VARCHAR|ENUM|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL|BOOLEAN|UUID|\"NULL\""
    r"|STRING|CATEGORICAL|U?INT[0-9]+|FLOAT[0-9]+|UNKNOWN)(\(.*\))?",
    re.IGNORECASE | re.DOTALL,
)
"""Types of DuckDB and Narwhals whose values can be groups: no moments, bytes, lists or records."""


def open_table(
    engine: DuckDBEngine,
    config: PipelineConfig,
    name: str,
    source: Any,
    *,
    identified: bool = False,
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
    identified : bool, default False
        Whether there are identities, so that events may have an ``anonymous_id``.

    Raises
    ------
    InputError
        If the source cannot be opened, or lacks a mapped or a required column.
    ConfigError
        If the customers table lacks a column that ``segments`` names.
    """
    label = describe_source(source, name)
    relation = open_source(engine, source, table=name).to_native()
    columns = dict(zip(relation.columns, relation.types, strict=True))
    source_columns = map_columns(config, name, label, columns, duckdb_fields, identified=identified)
    fields = mapped_fields(config.columns.get(name, {}), columns, duckdb_fields)
    present = {column: str(of_type) for column, of_type in (columns | fields).items()}
    given = {c: present.get(s, NO_CUSTOMER) for c, s in source_columns.items()}
    check_columns(config, name, label, given, identified=identified)
    used = used_columns(name, source_columns, identified=identified)
    no_customer = f"CAST(NULL AS {NO_CUSTOMER})"
    selected = ", ".join(
        f"{field_sql(source_column, columns)[0] or no_customer} AS {quoted(column)}"
        for column, source_column in used.items()
    )
    raw = engine.view(relation.sql_query(), source=label)
    view = engine.view(f"SELECT {selected} FROM {quoted(raw)}", source=label)
    types = {column: given[column] for column in used}
    files = parquet_files(source, name)
    keys = engine.keys_of(files, source_folder(source), source=label)
    limits = DayLimits.of(config.history)
    table = SourceTable(name, label, view, types, used, is_csv(source, name), files, limits, keys)
    unused = [c for c in types if is_optional(name, c) and _is_all_null(engine, table, c)]
    table = without_columns(table, unused)
    for column, kind in table.column_kinds():
        if kind == "timestamp" and "TIME ZONE" in table.types[column]:
            check_zones(files, used[column])
    return table


def is_optional(name: str, column: str) -> bool:
    """Return whether a table can do without an input column."""
    return column in COLUMNS[name] and column not in REQUIRED[name]


def without_columns(table: SourceTable, columns: Collection[str]) -> SourceTable:
    """Return a table as if it lacked some columns."""
    if not columns:
        return table
    types, names = (
        {c: value for c, value in mapping.items() if c not in columns}
        for mapping in (table.types, table.source_columns)
    )
    return replace(table, types=types, source_columns=names)


def _is_all_null(engine: DuckDBEngine, table: SourceTable, column: str) -> bool:
    """Return whether a column of another type than its kind's has no value, as an empty export."""
    if table.fits(column):
        return False
    value = quoted(column)
    given = f"{value} IS NOT NULL"
    if table.types[column] in FLOATS:
        given += f" AND NOT isnan({value})"
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
    selected = []
    for column, of_type in table.types.items():
        # Files of a folder may write a name in other cases.
        value, found = field_sql(table.source_columns[column], present)
        same = found == of_type
        sql = value if same else f"CAST({value or 'NULL'} AS {of_type})"
        selected.append(f"{sql} AS {quoted(column)}")
    view = engine.view(f"SELECT {', '.join(selected)} FROM {quoted(rows)}", source=table.label)
    return replace(table, view=view, files=tuple(files))


def map_columns(
    config: PipelineConfig,
    name: str,
    label: str,
    columns: Mapping[str, TypeT],
    fields_of: FieldsOf[TypeT],
    *,
    identified: bool = False,
) -> dict[str, str]:
    """Return the source's name of each column, by the column's name here.

    Case does not matter, as it does not for the engines: ``Timestamp`` is ``timestamp``. A column
    that has the name of a mapped one, such as ``Margin`` if ``margin`` is mapped, is left out. A
    mapped name may be a field of a record, such as ``ecommerce.revenue``. Events of which all are
    anonymous get a ``customer_id`` that the source lacks if they are `identified`.

    Raises
    ------
    InputError
        If the source lacks a mapped column.
    """
    segments = config.segments if name == "customers" else ()
    spelling = {fold(c): c for c in (*segments, *input_columns(name, identified))}
    mapping = config.columns.get(name, {})
    present = {**columns, **mapped_fields(mapping, columns, fields_of)}
    mapped = {}
    for column, source_column in mapping.items():
        found = find(source_column, present)
        if found is None:
            where = missing_field(source_column, columns, fields_of)
            near = f"{nearest(source_column, columns)}; the columns are {listed(columns)}"
            raise InputError(
                f"{label}: column '{source_column}', which "
                f"'columns: {{{name}: {{{column}: {source_column}}}}}' names, is missing"
                f"{near if where is None else where}"
            )
        mapped[spelling.get(fold(column), column)] = found
    taken = {fold(c) for c in (*mapped, *mapped.values())}
    others = (c for c in present if fold(c) not in taken)
    found_columns = {spelling.get(fold(column), column): column for column in others} | mapped
    anonymous = name == "events" and identified and ANONYMOUS in found_columns
    return {**({"customer_id": "customer_id"} if anonymous else {}), **found_columns}


def input_columns(name: str, identified: bool) -> tuple[str, ...]:
    """Return the columns of an input table that are read."""
    if name != "events":
        return tuple(COLUMNS[name])
    return (*COLUMNS[name], *SESSION_COLUMNS, *([ANONYMOUS] if identified else []))


def used_columns(
    name: str, source_columns: Mapping[str, str], *, identified: bool = False
) -> dict[str, str]:
    """Return the columns that are read: of customers all, of other tables the input columns.

    What is not read cannot be taken for a helper column of ours.
    """
    return {
        column: source_column
        for column, source_column in source_columns.items()
        if name == "customers" or column in input_columns(name, identified)
    }


def check_columns(
    config: PipelineConfig,
    name: str,
    label: str,
    columns: Mapping[str, str],
    *,
    identified: bool = False,
) -> None:
    """Check that a table has its required columns and those that ``segments`` names.

    `columns` are the types of all columns by name.

    Raises
    ------
    InputError
        If a required column is missing.
    ConfigError
        If a segment's column is missing from the customers table.
    """
    _check_required(name, label, columns, identified)
    for segment in config.segments if name == "customers" else ():
        if segment not in columns:
            raise ConfigError(
                f"key 'segments': {label} has no column '{segment}'"
                f"{nearest(segment, columns)}; the columns are {listed(columns)}"
            )
        if segment in COLUMNS["customers"] or not _GROUPS.fullmatch(columns[segment]):
            raise ConfigError(
                f"key 'segments': column '{segment}' of {label} ({columns[segment]}) "
                "does not divide customers into groups; give a column of text, numbers or booleans"
            )


def _check_required(name: str, label: str, columns: Collection[str], identified: bool) -> None:
    required = [(column, "") for column in REQUIRED[name]]
    if name == "events" and identified:
        required.insert(0, (ANONYMOUS, " (required with 'identities')"))
    if name == "transactions" and "margin" not in columns:
        if "revenue" in columns and "cost" not in columns:
            required.append(("cost", " (required with 'revenue'; or give 'margin')"))
        elif "revenue" not in columns:
            required.append(("margin", " (or 'revenue' with 'cost')"))
    for column, alternative in required:
        if column in columns:
            continue
        unused = [each for each in columns if each not in COLUMNS[name]]
        near = get_close_matches(column, unused or list(columns), n=1, cutoff=0.0)[0]
        raise InputError(
            f"{label}: column '{column}'{alternative} is missing from table '{name}'; "
            f"the nearest is '{near}': if that is it, write "
            f"'columns: {{{name}: {{{column}: {near}}}}}'; the columns are {listed(columns)}"
        )
