"""Spark SQL for operations that Narwhals lacks, and facts about files that Spark needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engagement_ml.engine.base import Kind
from engagement_ml.engine.files import NULL, key_pattern
from engagement_ml.engine.moments import MOMENT, ZONE, spark_text
from engagement_ml.engine.notation import PLAIN, Notation, epoch_sql, spark_number_sql
from engagement_ml.engine.spark_formats import format_sql

_FLOATS = ("double", "float")
_INTEGERS = ("byte", "short", "integer", "long")
_FLOOR = "CAST(floor(CAST({a} AS DECIMAL(20, 0)) / {b}) AS BIGINT)"


def quoted(name: str) -> str:
    """Return a name as a quoted Spark SQL identifier."""
    return "`" + name.replace("`", "``") + "`"


def typed(
    name: str, of_type: str, kind: Kind, notation: Notation = PLAIN, *, naive: bool = False
) -> str:
    """Return SQL that casts a column to its kind; values that do not fit become null.

    `naive` says that the source's moments name no zone, though Spark holds them with one.
    """
    column = quoted(name)
    text = f"nullif(CAST({column} AS STRING), '')"
    match kind:
        case "timestamp":
            return timestamp(column, of_type, notation, naive=naive)
        case "number" if notation.decimal and of_type == "string":
            return spark_number_sql(text, notation.decimal)
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
    return micros_of(quoted(name))


def micros_of(column: str) -> str:
    """Return SQL for the microseconds since 1970 of SQL of a timestamp without a time zone."""
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


def timestamp(value: str, of_type: str, notation: Notation = PLAIN, *, naive: bool = False) -> str:
    """Return SQL for a value as naive UTC timestamp; null if it is none.

    Parameters
    ----------
    value : str
        SQL of the value.
    of_type : str
        Spark's name of its type.
    notation : Notation
        How times are written in the source.
    naive : bool
        Whether moments name no zone in the source, though Spark holds them with one.
    """
    text = f"nullif(CAST({value} AS STRING), '')"
    if notation.per_second and of_type in (*_INTEGERS, *_FLOATS, "decimal", "string"):
        return _epoch(value, of_type, notation.per_second)
    if notation.text_format and of_type in ("string", *_INTEGERS):
        return _in_zone(format_sql(text, notation), notation if notation.has_time else PLAIN)
    match of_type:
        case "string":
            plain = spark_text(text)
            local = _in_zone(f"try_cast({plain} AS TIMESTAMP_NTZ)", notation, f"{text} RLIKE ':'")
            return (
                f"CASE WHEN NOT {text} RLIKE '{MOMENT}' THEN NULL WHEN {text} RLIKE '{ZONE}' "
                f"THEN {_utc(f'try_cast({plain} AS TIMESTAMP)')} ELSE {local} END"
            )
        case "timestamp":
            return _in_zone(_utc(value), notation) if naive else _utc(value)
        case "date":
            return f"CAST({value} AS TIMESTAMP_NTZ)"
        case _:
            return _in_zone(f"CAST({value} AS TIMESTAMP_NTZ)", notation)


def instant(moment: str) -> str:
    """Return SQL for a naive UTC timestamp as a timestamp with a time zone."""
    return f"timestamp_micros({micros_of(moment)})"


def _epoch(value: str, of_type: str, per_second: int) -> str:
    whole = of_type in _INTEGERS
    if of_type == "string":
        number = f"CASE WHEN {value} RLIKE '^ *-?[0-9]{{1,18}} *$' THEN CAST({value} AS BIGINT) END"
        digits = _micros_moment(epoch_sql(f"({number})", per_second, whole=True,
                                          floor_division=_FLOOR))  # fmt: skip
        parts = epoch_sql(f"({spark_number_sql(value, None)})", per_second, whole=False,
                          floor_division=_FLOOR)  # fmt: skip
        return f"coalesce({digits}, {_micros_moment(parts)})"
    number = value if whole else f"CAST({value} AS DOUBLE)"
    return _micros_moment(epoch_sql(number, per_second, whole=whole, floor_division=_FLOOR))


def _micros_moment(micros: str) -> str:
    return _utc(f"timestamp_micros({micros})")


def _in_zone(moment: str, notation: Notation, condition: str | None = None) -> str:
    """Return SQL for a naive local timestamp as naive UTC; if a condition is given, where it holds.

    An hour that clocks repeat is the first one, as on DuckDB.
    """
    if notation.timezone is None:
        return moment
    utc = f"convert_timezone('{notation.timezone}', 'UTC', {moment})"
    return utc if condition is None else f"CASE WHEN {condition} THEN {utc} ELSE {moment} END"


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
