"""Fields of records: columns that are named by a path, such as ``ecommerce.revenue``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import narwhals as nw

from engagement_ml.column_names import find, fold
from engagement_ml.errors import nearest
from engagement_ml.tables.schema import listed, quoted

TypeT = TypeVar("TypeT")
FieldsOf = Callable[[TypeT], Iterable[tuple[str, TypeT]]]
"""Returns the names and types of the fields of a type; nothing if it is no record."""


def find_field(
    path: str, columns: Mapping[str, TypeT], fields_of: FieldsOf[TypeT]
) -> tuple[tuple[str, ...], TypeT] | None:
    """Return the names on the way to a field, as the source writes them, and the field's type.

    Names are compared as those of columns are. A column with a dot in its name comes first.

    Parameters
    ----------
    path : str
        Name of a column, or names of a column and of fields with dots between them.
    columns : mapping of str to type
        Types of the columns.
    fields_of : callable

    Examples
    --------
    >>> types = {"Shop": {"order.id": {}, "total": {}}}
    >>> find_field("shop.order.id", types, lambda record: record.items())
    (('Shop', 'order.id'), {})
    >>> find_field("shop.rebate", types, lambda record: record.items()) is None
    True
    """
    if (name := find(path, columns)) is not None:
        return (name,), columns[name]
    for name, of_type in columns.items():
        if fold(path).startswith(fold(name) + "."):
            found = find_field(path[len(name) + 1 :], dict(fields_of(of_type)), fields_of)
            if found is not None:
                return (name, *found[0]), found[1]
    return None


def mapped_fields(
    mapping: Mapping[str, str | None], columns: Mapping[str, TypeT], fields_of: FieldsOf[TypeT]
) -> dict[str, TypeT]:
    """Return the type of each mapped path that is a field of a record and no column."""
    found = {
        path: field[1]
        for path in mapping.values()
        if path is not None and (field := find_field(path, columns, fields_of)) is not None
    }
    return {path: of_type for path, of_type in found.items() if find(path, columns) is None}


def missing_field(
    path: str, columns: Mapping[str, TypeT], fields_of: FieldsOf[TypeT]
) -> str | None:
    """Return what is wrong with a path that begins with a column; None for any other path."""
    for name, of_type in columns.items():
        if not fold(path).startswith(fold(name) + "."):
            continue
        paths = [f"{name}.{rest}" for rest in _paths(of_type, fields_of)]
        if not paths:
            return f"; column '{name}' is no record but {of_type}"
        return f"{nearest(path, paths)}; the fields of '{name}' are {listed(paths)}"
    return None


def _paths(of_type: TypeT, fields_of: FieldsOf[TypeT]) -> Iterator[str]:
    for name, inner in fields_of(of_type):
        below = [f"{name}.{rest}" for rest in _paths(inner, fields_of)]
        yield from below or [name]


def duckdb_fields(of_type: Any) -> list[tuple[str, Any]]:
    """Return the fields of a DuckDB type."""
    return list(of_type.children) if of_type.id == "struct" else []


def narwhals_fields(of_type: Any) -> list[tuple[str, Any]]:
    """Return the fields of a Narwhals type."""
    fields = of_type.fields if isinstance(of_type, nw.Struct) else ()
    return [(field.name, field.dtype) for field in fields]


def arrow_fields(of_type: Any) -> list[tuple[str, Any]]:
    """Return the fields of an Arrow type."""
    import pyarrow as pa

    return [(field.name, field.type) for field in of_type] if pa.types.is_struct(of_type) else []


def field_sql(path: str, columns: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return DuckDB SQL and the type of a column or field; None and None if there is none.

    Parameters
    ----------
    path : str
    columns : mapping of str to DuckDBPyType
    """
    found = find_field(path, columns, duckdb_fields)
    if found is None:
        return None, None
    (column, *names), of_type = found
    sql = quoted(column)
    for name in names:
        text = name.replace("'", "''")
        sql = f"struct_extract({sql}, '{text}')"
    return sql, str(of_type)
