"""Columns in expressions: plain ones, fields of records, and values of key-value lists."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engagement_ml.column_names import find
from engagement_ml.errors import InputError, nearest
from engagement_ml.expressions.types import ColumnType
from engagement_ml.expressions.values import Scope, Value, to_text

_SHOWN = 12


def column_value(scope: Scope, tree: Any) -> Value:
    """Return a column, or a field of a record; ``a.b`` may also be the name of a column.

    Raises
    ------
    InputError
        If the source has no such column.
    """
    names = name_parts(tree)
    for n in range(len(names), 0, -1):
        found = find(".".join(names[:n]), scope.columns)
        if found is not None:
            return _field(scope, found, names[n:], ".".join(names))
    raise missing(scope, names[0])


def name_parts(tree: Any) -> list[str]:
    """Return the parts of a dotted name, from left to right."""
    from sqlglot import exp

    if isinstance(tree, exp.Identifier):
        return [str(tree.this)]
    if isinstance(tree, exp.Dot):
        return [*name_parts(tree.this), *name_parts(tree.expression)]
    return [part.name for part in tree.parts]


def missing(scope: Scope, name: str) -> InputError:
    """Return the error about a column that the source lacks."""
    columns = list(scope.columns)
    more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
    return InputError(
        f"{scope.label}: column '{name}', which '{scope.key}' uses, is missing"
        f"{nearest(name, columns)}; the columns are {', '.join(columns[:_SHOWN])}{more}"
    )


def parameter(scope: Scope, arguments: list[Value], label: str) -> Value:
    """Return one value of a list of key-value records, as text.

    Each record has ``key`` and ``value``; the value is plain, or a record of which one field is
    given, as in GA4's exports. A map works as well.
    """
    if len(arguments) != 2 or not isinstance(arguments[1].literal, str):
        raise scope.error(
            f"{label}: give a column and a key, as in parameter(event_params, 'ga_session_id')"
        )
    holder, key = arguments[0], str(arguments[1].literal)
    of_type, dialect = holder.of_type, scope.dialect
    if of_type is not None and of_type.kind == "map" and of_type.item is not None:
        value = Value(dialect.map_value(holder.sql, key), "map", label, of_type=of_type.item)
        return _given_field(scope, value, label)
    record = of_type.item if of_type is not None and of_type.kind == "list" else None
    if record is None or {"key", "value"} - set(record.fields):
        raise scope.error(
            f"{holder.label} is no list of records with 'key' and 'value', and no map"
        )
    found = dialect.field(dialect.first_with_key(holder.sql, key), "value")
    return _given_field(scope, Value(found, "record", label, of_type=record.fields["value"]), label)


def _given_field(scope: Scope, value: Value, label: str) -> Value:
    """Return a value as text, or of a record the first field that is given."""
    of_type = value.of_type
    assert of_type is not None
    if of_type.kind != "record":
        plain = typed_value(scope, value.sql, of_type, label)
        return replace(to_text(scope, plain), origin="computed", decimal=False)
    texts = []
    for name, field_type in of_type.fields.items():
        if field_type.kind in ("text", "integer", "number", "boolean"):
            field = typed_value(scope, scope.dialect.field(value.sql, name), field_type, label)
            texts.append(to_text(scope, field).sql)
    if not texts:
        raise scope.error(f"{label} holds no text or number")
    return Value(f"coalesce({', '.join(texts)})", "text", label, decimal=False)


def _field(scope: Scope, column: str, path: list[str], label: str) -> Value:
    sql, of_type = scope.dialect.quoted(column), scope.columns[column]
    for name in path:
        field = find(name, of_type.fields)
        if field is None:
            raise InputError(
                f"{scope.label}: column '{column}', which '{scope.key}' uses, has no field "
                f"'{name}'{nearest(name, of_type.fields)}"
            )
        sql, of_type = scope.dialect.field(sql, field), of_type.fields[field]
    value = typed_value(scope, sql, of_type, label)
    naive = not path and column in getattr(scope.dialect, "naive", ())
    return replace(value, origin="column", naive=naive)


def typed_value(scope: Scope, sql: str, of_type: ColumnType, label: str) -> Value:
    """Return SQL of a type as a value; empty text and NaN are null."""
    if of_type.kind == "text":
        sql = f"nullif(CAST({sql} AS {scope.dialect.text}), '')"
    elif of_type.kind == "number":
        sql = f"nullif(CAST({sql} AS DOUBLE), CAST('NaN' AS DOUBLE))"
    return Value(sql, of_type.kind, label, of_type=of_type)
