"""Mapping of a source's columns to those of an input table."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engagement_ml.column_names import find, fold
from engagement_ml.config import PipelineConfig
from engagement_ml.errors import ConfigError, InputError, Report, nearest, stop
from engagement_ml.tables.records import FieldsOf, TypeT, mapped_fields, missing_field
from engagement_ml.tables.required import check_required
from engagement_ml.tables.schema import (
    ANONYMOUS,
    COLUMNS,
    EXTRA,
    REQUIRED,
    SESSION_COLUMNS,
    input_columns,
    listed,
)
from engagement_ml.tables.shaping import spelling
from engagement_ml.yaml_line import yaml_line

_GROUPS = re.compile(
    r"(VARCHAR|ENUM|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL|BOOLEAN|UUID|\"NULL\""
    r"|STRING|CATEGORICAL|U?INT[0-9]+|FLOAT[0-9]+|UNKNOWN)(\(.*\))?",
    re.IGNORECASE | re.DOTALL,
)
"""Types of DuckDB and Narwhals whose values can be groups: no moments, bytes, lists or records."""


def map_columns(
    config: PipelineConfig,
    name: str,
    label: str,
    columns: Mapping[str, TypeT],
    fields_of: FieldsOf[TypeT],
    report: Report = stop,
    *,
    identified: bool = False,
) -> dict[str, str]:
    """Return the source's name of each column, by the column's name here.

    Case does not matter, as it does not for the engines: ``Timestamp`` is ``timestamp``. A column
    that has the name of a mapped one, such as ``Margin`` if ``margin`` is mapped, is left out, and
    so is a column that is mapped to null. A mapped name may be a field of a record, such as
    ``ecommerce.revenue``. Events of which all are anonymous get a ``customer_id`` that the source
    lacks if they are `identified`.

    Raises
    ------
    InputError
        If the source lacks a mapped column, or one that is to be left out; given to `report`.
    ConfigError
        If a column without which no row can be used is to be left out; given to `report`.
    """
    spelled = spelling(config, name)
    mapping = config.columns.get(name, {})
    present = {**columns, **mapped_fields(mapping, columns, fields_of)}
    mapped: dict[str, str] = {}
    left_out = []
    for column, source_column in mapping.items():
        wanted = column if source_column is None else source_column
        found = find(wanted, present)
        if found is None:
            where = missing_field(wanted, columns, fields_of)
            near = f"{nearest(wanted, columns)}; the columns are {listed(columns)}"
            report(
                InputError(
                    f"{label}: column '{wanted}', which "
                    f"'{yaml_line('columns', {name: {column: source_column}})}' names, is missing"
                    f"{near if where is None else where}"
                )
            )
            continue
        known = spelled.get(fold(column), column)
        if source_column is not None:
            mapped[known] = found
        elif known in REQUIRED[name]:
            report(
                ConfigError(
                    f"key 'columns.{name}.{column}': the table needs this column, so it cannot be "
                    "null; give its name in the source"
                )
            )
        else:
            left_out.append(found)
    shape = config.shape_of(name)
    given = (*shape.given, *(() if shape.unroll is None else ("timestamp",)))
    taken = {fold(c) for c in (*mapped, *mapped.values(), *given, *left_out)}
    others = (c for c in present if fold(c) not in taken)
    found_columns = {spelled.get(fold(column), column): column for column in others} | mapped
    anonymous = name == "events" and identified and ANONYMOUS in found_columns
    return {**({"customer_id": "customer_id"} if anonymous else {}), **found_columns}


def used_columns(
    name: str,
    source_columns: Mapping[str, str],
    *,
    identified: bool = False,
    extra: bool = False,
) -> dict[str, str]:
    """Return the columns that are read: of customers all, of other tables the input columns.

    What is not read cannot be taken for a helper column of ours. Of the columns of `EXTRA`, only
    those of sessions are read unless `extra` is true.
    """
    read = {c for c in input_columns(name) if identified or c != ANONYMOUS}
    read -= set() if extra else EXTRA.get(name, {}).keys() - {*SESSION_COLUMNS}
    return {c: s for c, s in source_columns.items() if name == "customers" or c in read}


def check_columns(
    config: PipelineConfig,
    name: str,
    label: str,
    columns: Mapping[str, str],
    report: Report = stop,
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
    mapping = config.columns.get(name, {})
    check_required(name, label, columns, mapping, report, identified=identified)
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
