"""Computed and constant columns of a table, and the rows to read, as SQL over its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engagement_ml.column_names import find, fold
from engagement_ml.config import PipelineConfig, UnrollConfig
from engagement_ml.engine.notation import Notation
from engagement_ml.errors import ConfigError, InputError, nearest
from engagement_ml.expressions.columns import named_column
from engagement_ml.expressions.compiler import compile_condition, compile_value
from engagement_ml.expressions.dialects import Dialect
from engagement_ml.expressions.types import ColumnType
from engagement_ml.expressions.values import Scope, Value, to_moment
from engagement_ml.formatting import quantity
from engagement_ml.tables.projection import Projection
from engagement_ml.tables.schema import input_columns, listed


def project(
    config: PipelineConfig,
    name: str,
    label: str,
    columns: Callable[[], Mapping[str, ColumnType]],
    dialect: Dialect,
) -> Projection | None:
    """Return the projection of a table; None if no row or column is computed.

    Parameters
    ----------
    config : PipelineConfig
    name : str
        Name of the input table.
    label : str
        Name of the source in messages.
    columns : callable
        Returns the types of the source's columns.
    dialect : Dialect

    Raises
    ------
    ConfigError
        If an expression cannot be used, or gives a column that the table does not have.
    InputError
        If an expression names a column that the source lacks.
    """
    shape = config.shape_of(name)
    if shape.where is None and not shape.given and shape.unroll is None:
        return None
    check_given(config, name)
    notation, checks, types = Notation.of(shape), [], columns()
    where = None
    if shape.where is not None:
        scope = Scope(dialect, types, notation, f"shape.{name}.where", label)
        where = compile_condition(shape.where, scope)
        checks += scope.checks
    always = len(checks)
    computed = {}
    for column, expression in shape.values.items():
        scope = Scope(dialect, types, notation, f"shape.{name}.values.{column}", label)
        value = compile_value(expression, scope)
        if value.kind == "null":
            raise scope.error("is always null; remove it")
        computed[column] = _result(dialect, value)
        checks += scope.checks
    for column, constant in shape.constants.items():
        computed[column] = _constant(dialect, constant)
    span = None
    if shape.unroll is not None:
        scope = Scope(dialect, types, notation, f"shape.{name}.unroll", label)
        span = _span(scope, shape.unroll)
        checks += scope.checks
        computed["timestamp"] = dialect.instant(span[0])
    spelled = spelling(config, name)
    renamed = {spelled.get(fold(column), column): sql for column, sql in computed.items()}
    return Projection(renamed, where=where, checks=tuple(checks), always=always, span=span)


def _span(scope: Scope, unroll: UnrollConfig) -> tuple[str, str]:
    """Return SQL of the start and the end of a subscription."""
    start = to_moment(scope, named_column(scope, unroll.start))
    null = Value("NULL", "null", "NULL")
    end = null if unroll.end is None else named_column(scope, unroll.end)
    return start.sql, to_moment(scope, end).sql


def check_given(config: PipelineConfig, name: str) -> None:
    """Check that computed and constant columns are columns that are read.

    Raises
    ------
    ConfigError
        If one is not; covariates of customers may have any name.
    """
    if name == "customers":
        return
    known = input_columns(name)
    for column, key in config.shape_of(name).given.items():
        if find(column, known) is None:
            raise ConfigError(
                f"key 'shape.{name}.{key}.{column}': '{column}' is no column of '{name}'"
                f"{nearest(column, known)}; its columns are {listed(known)}"
            )


def spelling(config: PipelineConfig, name: str) -> dict[str, str]:
    """Return how the columns that are read are written here, by their folded names."""
    segments = config.segments if name == "customers" else ()
    return {fold(c): c for c in (*segments, *input_columns(name))}


def where_note(label: str, name: str, read: int, kept: int, unknown: int) -> str:
    """Return the note about rows that are not read.

    Raises
    ------
    InputError
        If no row is read.
    """
    key = f"'shape.{name}.where'"
    if read and not kept:
        raise InputError(
            f"{label}: none of the {read} rows fulfils {key}; compare it with the values of the "
            "columns that it names"
        )
    missing = f", {unknown:,} of them for want of a value" if unknown else ""
    return f"{label}: {key} left out {read - kept:,} of {quantity(read, 'row')}{missing}."


def _result(dialect: Dialect, value: Value) -> str:
    """Return SQL of a column; its times name their zone, so that they are not shifted again."""
    if value.kind == "moment" and value.origin != "column":
        return dialect.instant(value.sql)
    return value.sql


def _constant(dialect: Dialect, constant: str | float | bool) -> str:
    if isinstance(constant, bool):
        return "true" if constant else "false"
    if isinstance(constant, int):
        return f"CAST({constant} AS BIGINT)"
    if isinstance(constant, float):
        return f"CAST('{constant!r}' AS DOUBLE)"
    return dialect.literal(constant)
