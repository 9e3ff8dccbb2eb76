"""Types of a source's columns that expressions distinguish, the same for every engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "text", "integer", "number", "boolean", "moment", "record", "list", "map", "other", "null"
]
_DUCKDB: tuple[tuple[str, Kind], ...] = (
    (r"VARCHAR|ENUM.*|UUID|JSON", "text"),
    (r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?", "integer"),
    (r"FLOAT|DOUBLE|DECIMAL\(.*\)", "number"),
    (r"BOOLEAN", "boolean"),
    (r"DATE|TIMESTAMP[A-Z_ ]*", "moment"),
    (r"\"NULL\"", "null"),
)
_SPARK: dict[str, Kind] = {
    "string": "text",
    "char": "text",
    "varchar": "text",
    "byte": "integer",
    "short": "integer",
    "integer": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "decimal": "number",
    "boolean": "boolean",
    "date": "moment",
    "timestamp": "moment",
    "timestamp_ntz": "moment",
    "void": "null",
}


@dataclass(frozen=True)
class ColumnType:
    """Type of a column, or of a part of a nested one.

    Attributes
    ----------
    kind : str
    name : str
        The engine's name of the type.
    fields : mapping of str to ColumnType
        Fields of a record.
    item : ColumnType or None
        Elements of a list, or values of a map.
    """

    kind: Kind
    name: str
    fields: Mapping[str, ColumnType] = field(default_factory=dict)
    item: ColumnType | None = None


def duckdb_type(of_type: Any) -> ColumnType:
    """Return the type of a DuckDB column."""
    name = str(of_type)
    if of_type.id == "struct":
        fields = {key: duckdb_type(child) for key, child in of_type.children}
        return ColumnType("record", name, fields)
    if of_type.id in ("list", "array"):
        return ColumnType("list", name, item=duckdb_type(of_type.children[0][1]))
    if of_type.id == "map":
        return ColumnType("map", name, item=duckdb_type(of_type.children[1][1]))
    kind = next((kind for pattern, kind in _DUCKDB if re.fullmatch(pattern, name, re.S)), "other")
    return ColumnType(kind, name)


def spark_type(of_type: Any) -> ColumnType:
    """Return the type of a Spark column."""
    name = of_type.typeName()
    if name == "struct":
        fields = {each.name: spark_type(each.dataType) for each in of_type.fields}
        return ColumnType("record", name, fields)
    if name == "array":
        return ColumnType("list", name, item=spark_type(of_type.elementType))
    if name == "map":
        return ColumnType("map", name, item=spark_type(of_type.valueType))
    return ColumnType(_SPARK.get(name.split("(")[0], "other"), name.split("(")[0])
