"""Opening of one table on DuckDB: column mapping and checks of required columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import ConfigError, InputError, nearest
from engagement_ml.sources import describe_source, is_csv, open_source, parquet_files
from engagement_ml.sources.kinds import quoted_text
from engagement_ml.tables.schema import COLUMNS, REQUIRED, SourceTable, listed, quoted

_GROUPS = re.compile(
    r"(VARCHAR|ENUM|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL|BOOLEAN|UUID|\"NULL\""
    r"|STRING|CATEGORICAL|U?INT[0-9]+|FLOAT[0-9]+|UNKNOWN)(\(.*\))?",
    re.IGNORECASE | re.DOTALL,
)
"""Types of DuckDB and Narwhals whose values can be groups: no moments, bytes, lists or records."""


def open_table(engine: DuckDBEngine, config: PipelineConfig, name: str, source: Any) -> SourceTable:
    """Open a source and rename its columns as the configuration maps them.

    Parameters
    ----------
    engine : DuckDBEngine
    config : PipelineConfig
        Its ``columns`` map column names, its ``segments`` name columns of customers.
    name : str
        Name of the input table.
    source : path or frame

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
    source_columns = map_columns(config, name, label, present)
    selected = ", ".join(
        f"{quoted(source_column)} AS {quoted(column)}"
        for column, source_column in source_columns.items()
    )
    raw = engine.view(relation.sql_query(), source=label)
    view = engine.view(f"SELECT {selected} FROM {quoted(raw)}", source=label)
    types = {column: present[source_column] for column, source_column in source_columns.items()}
    files = parquet_files(source, name)
    table = SourceTable(name, label, view, types, source_columns, is_csv(source), files)
    check_columns(table, config)
    return table


def open_files(engine: DuckDBEngine, table: SourceTable, files: Sequence[Path]) -> SourceTable:
    """Open some files of a source with the columns and types of the whole source.

    A column that these files lack is null.
    """
    listed_files = ", ".join(quoted_text(file) for file in files)
    read = f"SELECT * FROM read_parquet([{listed_files}], union_by_name = true)"
    present = dict(
        engine.query(f"SELECT column_name, column_type FROM (DESCRIBE {read})", source=table.label)
    )
    selected = []
    for column, of_type in table.types.items():
        source_column = table.source_columns[column]
        value = quoted(source_column) if source_column in present else "NULL"
        same = present.get(source_column) == of_type
        selected.append(f"{value if same else f'CAST({value} AS {of_type})'} AS {quoted(column)}")
    view = engine.view(f"SELECT {', '.join(selected)} FROM ({read})", source=table.label)
    return replace(table, view=view, files=tuple(files))


def map_columns(
    config: PipelineConfig, name: str, label: str, present: Collection[str]
) -> dict[str, str]:
    """Return the source's name of each column, by the column's name here.

    Raises
    ------
    InputError
        If the source lacks a mapped column.
    """
    mapping = config.columns.get(name, {})
    for column, source_column in mapping.items():
        if source_column not in present:
            raise InputError(
                f"{label}: column '{source_column}', which "
                f"'columns: {{{name}: {{{column}: {source_column}}}}}' names, is missing"
                f"{nearest(source_column, present)}; the columns are {listed(present)}"
            )
    mapped = set(mapping) | set(mapping.values())
    return {column: column for column in present if column not in mapped} | dict(mapping)


def check_columns(table: SourceTable, config: PipelineConfig) -> None:
    """Check that the table has its required columns and those that ``segments`` names.

    Raises
    ------
    InputError
        If a required column is missing.
    ConfigError
        If a segment's column is missing from the customers table.
    """
    _check_required(table)
    _check_segments(table, config)


def _check_required(table: SourceTable) -> None:
    required = [(column, "") for column in REQUIRED[table.name]]
    if table.name == "transactions" and not table.has("margin"):
        if table.has("revenue") and not table.has("cost"):
            required.append(("cost", " (required with 'revenue'; or give 'margin')"))
        elif not table.has("revenue"):
            required.append(("margin", " (or 'revenue' with 'cost')"))
    for column, alternative in required:
        if table.has(column):
            continue
        unused = [name for name in table.types if name not in COLUMNS[table.name]]
        near = get_close_matches(column, unused or list(table.types), n=1, cutoff=0.0)[0]
        raise InputError(
            f"{table.label}: column '{column}'{alternative} is missing from table '{table.name}'; "
            f"the nearest is '{near}': if that is it, write "
            f"'columns: {{{table.name}: {{{column}: {near}}}}}'; "
            f"the columns are {listed(table.types)}"
        )


def _check_segments(table: SourceTable, config: PipelineConfig) -> None:
    if table.name != "customers":
        return
    for segment in config.segments:
        if not table.has(segment):
            raise ConfigError(
                f"key 'segments': {table.label} has no column '{segment}'"
                f"{nearest(segment, table.types)}; the columns are {listed(table.types)}"
            )
        if segment in COLUMNS["customers"] or not _GROUPS.fullmatch(table.types[segment]):
            raise ConfigError(
                f"key 'segments': column '{segment}' of {table.label} ({table.types[segment]}) "
                "does not divide customers into groups; give a column of text, numbers or booleans"
            )
