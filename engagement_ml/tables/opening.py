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
from engagement_ml.engine.notation import Notation
from engagement_ml.errors import ConfigError, InputError, Report, nearest, stop
from engagement_ml.sources import describe_source, is_csv, open_source, parquet_files, source_folder
from engagement_ml.tables.day_limits import DayLimits
from engagement_ml.tables.ids import FLOATS
from engagement_ml.tables.projection import Projection
from engagement_ml.tables.schema import (
    COLUMNS,
    REQUIRED,
    SourceTable,
    input_columns,
    listed,
    quoted,
)
from engagement_ml.tables.shaped_source import check_projection, shaped, used_projection
from engagement_ml.tables.shaping import spelling
from engagement_ml.tables.zones import check_zones

_GROUPS = re.compile(
    r"(VARCHAR|ENUM|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL|BOOLEAN|UUID|\"NULL\""
    r"|STRING|CATEGORICAL|U?INT[0-9]+|FLOAT[0-9]+|UNKNOWN)(\(.*\))?",
    re.IGNORECASE | re.DOTALL,
)
"""Types of DuckDB and Narwhals whose values can be groups: no moments, bytes, lists or records."""


def open_table(
    engine: DuckDBEngine, config: PipelineConfig, name: str, source: Any, report: Report = stop
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

    Raises
    ------
    InputError
        If the source cannot be opened, or lacks a mapped or a required column.
    ConfigError
        If the customers table lacks a column that ``segments`` names.
    """
    label = describe_source(source, name)
    relation = open_source(engine, source, table=name).to_native()
    present = dict(zip(relation.columns, (str(t) for t in relation.types), strict=True))
    source_columns = map_columns(config, name, label, present, report)
    raw = engine.view(relation.sql_query(), source=label)
    projection = shaped(engine, config, name, label, raw, source_columns, relation)
    types = {c: present[s] for c, s in source_columns.items()}
    if projection is not None:
        types |= {c: projection.types[c] for c in projection.computed}
        source_columns = source_columns | {c: c for c in projection.computed}
    check_columns(config, name, label, types, report)
    used = used_columns(name, source_columns)
    notes: tuple[str, ...] = ()
    if projection is None:
        selected = {column: quoted(source_column) for column, source_column in used.items()}
        query = Projection({}, columns=selected, source=quoted(raw)).sql()
    else:
        projection = used_projection(projection, used, raw, present)
        query, notes = projection.sql(), check_projection(engine, projection, name, label)
    view = engine.view(query, source=label)
    files = parquet_files(source, name)
    table = SourceTable(
        name,
        label,
        view,
        {column: types[column] for column in used},
        used,
        is_csv(source),
        files,
        DayLimits.of(config.history),
        engine.keys_of(files, source_folder(source), source=label),
        Notation.of(config.shape_of(name)),
        projection,
        notes,
    )
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
    present = dict(
        engine.query(f"SELECT column_name, column_type FROM (DESCRIBE {read})", source=table.label)
    )
    if table.projection is not None:
        whole = table.projection.types
        rows = as_whole(read, present, whole, {column: column for column in whole})
        view = engine.view(table.projection.sql(f"({rows})"), source=table.label)
    else:
        rows = as_whole(read, present, table.types, table.source_columns)
        view = engine.view(rows, source=table.label)
    return replace(table, view=view, files=tuple(files))


def as_whole(
    read: str, present: Mapping[str, str], types: Mapping[str, str], names: Mapping[str, str]
) -> str:
    """Return SQL for columns of some files in the types of the whole source."""
    selected = []
    for column, of_type in types.items():
        # Files of a folder may write a name in other cases.
        source_column = find(names[column], present)
        value = "NULL" if source_column is None else quoted(source_column)
        same = source_column is not None and present[source_column] == of_type
        selected.append(f"{value if same else f'CAST({value} AS {of_type})'} AS {quoted(column)}")
    return f"SELECT {', '.join(selected)} FROM ({read})"


def map_columns(
    config: PipelineConfig,
    name: str,
    label: str,
    present: Collection[str],
    report: Report = stop,
) -> dict[str, str]:
    """Return the source's name of each column, by the column's name here.

    Case does not matter, as it does not for the engines: ``Timestamp`` is ``timestamp``. A column
    that has the name of a mapped one, such as ``Margin`` if ``margin`` is mapped, is left out.

    Raises
    ------
    InputError
        If the source lacks a mapped column; given to `report`.
    """
    spelled, mapped = spelling(config, name), {}
    for column, source_column in config.columns.get(name, {}).items():
        found = find(source_column, present)
        if found is None:
            report(
                InputError(
                    f"{label}: column '{source_column}', which "
                    f"'columns: {{{name}: {{{column}: {source_column}}}}}' names, is missing"
                    f"{nearest(source_column, present)}; the columns are {listed(present)}"
                )
            )
            continue
        mapped[spelled.get(fold(column), column)] = found
    given = config.shape_of(name).given
    taken = {fold(c) for c in (*mapped, *mapped.values(), *given)}
    others = (c for c in present if fold(c) not in taken)
    return {spelled.get(fold(column), column): column for column in others} | mapped


def used_columns(name: str, source_columns: Mapping[str, str]) -> dict[str, str]:
    """Return the columns that are read: of customers all, of other tables the input columns.

    What is not read cannot be taken for a helper column of ours.
    """
    return {
        column: source_column
        for column, source_column in source_columns.items()
        if name == "customers" or column in input_columns(name)
    }


def check_columns(
    config: PipelineConfig,
    name: str,
    label: str,
    columns: Mapping[str, str],
    report: Report = stop,
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
    mapped = {fold(column) for column in config.columns.get(name, {})}
    _check_required(name, label, columns, mapped, report)
    for segment in config.segments if name == "customers" else ():
        if segment not in columns:
            report(
                ConfigError(
                    f"key 'segments': {label} has no column '{segment}'"
                    f"{nearest(segment, columns)}; the columns are {listed(columns)}"
                )
            )
        elif segment in COLUMNS["customers"] or not _GROUPS.fullmatch(columns[segment]):
            report(
                ConfigError(
                    f"key 'segments': column '{segment}' of {label} ({columns[segment]}) does not "
                    "divide customers into groups; give a column of text, numbers or booleans"
                )
            )


def _check_required(
    name: str, label: str, columns: Collection[str], mapped: Collection[str], report: Report
) -> None:
    required = [(column, "") for column in REQUIRED[name]]
    if name == "transactions" and "margin" not in columns:
        if "revenue" in columns and "cost" not in columns:
            required.append(("cost", " (required with 'revenue'; or give 'margin')"))
        elif "revenue" not in columns:
            required.append(("margin", " (or 'revenue' with 'cost')"))
    for column, alternative in required:
        if column in columns or column in mapped:
            # A mapped column that is missing has been reported under its name in the source.
            continue
        unused = [each for each in columns if each not in COLUMNS[name]]
        near = get_close_matches(column, unused or list(columns), n=1, cutoff=0.0)[0]
        report(
            InputError(
                f"{label}: column '{column}'{alternative} is missing from table '{name}'; "
                f"the nearest is '{near}': if that is it, write "
                f"'columns: {{{name}: {{{column}: {near}}}}}'; the columns are {listed(columns)}"
            )
        )
