"""Spark SQL for operations that Narwhals lacks, and facts about files that Spark needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engagement_ml.engine.base import Kind
from engagement_ml.engine.files import NULL, key_pattern
from engagement_ml.engine.moments import MOMENT, ZONE, spark_text

_FLOATS = ("double", "float")
_INTEGERS = ("byte", "short", "integer", "long")


def quoted(name: str) -> str:
    """Return a name as a quoted Spark SQL identifier."""
    return "`" + name.replace("`", "``") + "`"


def typed(name: str, of_type: str, kind: Kind) -> str:
    """Return SQL that casts a column to its kind; values that do not fit become null."""
    column = quoted(name)
    text = f"nullif(CAST({column} AS STRING), '')"
    match kind:
        case "timestamp":
            return _timestamp(column, text, of_type)
        case "number":
            return f"try_cast({text if of_type == 'string' else column} AS DOUBLE)"
        case "integer":
            return _integer(column, of_type)
        case "id" if of_type in _FLOATS:
            # pandas stores integers as floats if some are missing.
            return f"coalesce(CAST({_integer(column, of_type)} AS STRING), {text})"
        case _:
            return text


def micros(name: str) -> str:
    """Return SQL for the microseconds since 1970 of a timestamp without a time zone."""
    column = quoted(name)
    return (
        f"(unix_date(CAST({column} AS DATE)) * 86400000000L + hour({column}) * 3600000000L "
        f"+ minute({column}) * 60000000L + CAST(extract(SECOND FROM {column}) * 1000000 AS BIGINT))"
    )


def hashed(columns: Sequence[str]) -> str:
    """Return SQL for a hash of a row's columns that depends on the position of nulls."""
    values = ", ".join(f"isnull({quoted(c)}), {quoted(c)}" for c in columns)
    return f"xxhash64({values})"


def permanent_random_number(name: str, seed: int) -> str:
    """Return SQL for the first 13 hexadecimal digits of the MD5 of ``"<seed> <value>"``, int64."""
    text = f"concat('{seed} ', CAST({quoted(name)} AS STRING))"
    return f"CAST(conv(left(md5({text}), 13), 16, 10) AS BIGINT)"


def key_value(key: str, of_type: str) -> str:
    """Return SQL for the value of a ``key=value`` folder in the path of a row's file."""
    # In a Spark literal a backslash escapes; the path is encoded as a URL, and so is the value.
    pattern = key_pattern(key).replace("\\", "\\\\").replace("'", "\\'")
    value = f"url_decode(url_decode(regexp_extract(_metadata.file_path, '{pattern}', 1)))"
    spark_type = "STRING" if of_type == "VARCHAR" else of_type
    return f"CAST(nullif({value}, '{NULL}') AS {spark_type}) AS {quoted(key)}"


def nanoseconds(file: Path) -> list[str]:
    """Return the columns of a Parquet file that hold timestamps in nanoseconds."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return [
        field.name
        for field in pq.read_schema(file)
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns"
    ]


def from_nanoseconds(names: Sequence[str], nanos: Sequence[str]) -> list[str]:
    """Return SQL for all columns; nanoseconds since 1970 (`nanos`) become timestamps."""
    return [
        f"timestamp_micros({quoted(name)} DIV 1000) AS {quoted(name)}"
        if name in nanos
        else quoted(name)
        for name in names
    ]


def plain_arrow(table: Any) -> Any:
    """Return an Arrow table in types that Spark accepts; naive timestamps are read as UTC."""
    import pyarrow as pa

    def plain(of_type: Any) -> Any:
        if pa.types.is_dictionary(of_type):
            return plain(of_type.value_type)
        if pa.types.is_large_string(of_type) or pa.types.is_string_view(of_type):
            return pa.string()
        if pa.types.is_timestamp(of_type):
            return pa.timestamp("us", "UTC")
        return pa.string() if pa.types.is_null(of_type) else of_type

    schema = pa.schema([pa.field(field.name, plain(field.type)) for field in table.schema])
    return table.cast(schema, safe=False)


def _timestamp(column: str, text: str, of_type: str) -> str:
    match of_type:
        case "string":
            plain = spark_text(text)
            return (
                f"CASE WHEN NOT {text} RLIKE '{MOMENT}' THEN NULL WHEN {text} RLIKE '{ZONE}' "
                f"THEN {_utc(f'try_cast({plain} AS TIMESTAMP)')} "
                f"ELSE try_cast({plain} AS TIMESTAMP_NTZ) END"
            )
        case "timestamp":
            return _utc(column)
        case _:
            return f"CAST({column} AS TIMESTAMP_NTZ)"


def _utc(moment: str) -> str:
    # A cast would use the session's time zone, in which an hour occurs twice in autumn.
    seconds = f"CAST(unix_micros({moment}) AS DECIMAL(20, 0)) / 1000000"
    return f"(TIMESTAMP_NTZ'1970-01-01' + make_dt_interval(0, 0, 0, {seconds}))"


def _integer(column: str, of_type: str) -> str:
    if of_type in _INTEGERS:
        return f"CAST({column} AS BIGINT)"
    if of_type in _FLOATS:
        whole = f"{column} = floor({column}) AND abs({column}) <= 9007199254740992"
        return f"CASE WHEN {whole} THEN CAST({column} AS BIGINT) END"
    if of_type == "string":
        number = f"try_cast({column} AS BIGINT)"
        return f"CASE WHEN CAST({number} AS STRING) = {column} THEN {number} END"
    return "CAST(NULL AS BIGINT)"
