"""SQL for files by their literal names, and the ``key=value`` folders that hold them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

NULL = "__HIVE_DEFAULT_PARTITION__"
"""Folder name of a missing value."""
MOST_FIELDS = 2_000
"""A JSON object with more distinct fields than this is read as a map, not as a record."""
_FILE = "engagement_file_"


def literal_path(path: str | Path) -> str:
    """Return a file's name as an SQL literal in which no character is a wildcard.

    Examples
    --------
    >>> literal_path("events[1].parquet")
    "'events[[]1].parquet'"
    """
    return _text(re.sub(r"([*?[])", r"[\1]", str(path)))


def csv_sql(
    files: Sequence[Path],
    delimiter: str,
    names: Sequence[str],
    keys: Mapping[str, str] | None = None,
) -> str:
    """Return SQL for the rows of CSV files with a header, every column as text."""
    # No auto-detection: it silently skips lines that do not fit.
    options = (
        "auto_detect = false, hive_partitioning = false, header = true, "
        f"delim = '{delimiter}', quote = '\"', escape = '\"', "
        f"columns = {_types_sql(dict.fromkeys(names, 'VARCHAR'))}"
    )
    return _rows_sql("read_csv", files, options, keys)


def json_sql(
    files: Sequence[Path],
    form: str,
    types: Mapping[str, str] | None = None,
    keys: Mapping[str, str] | None = None,
) -> str:
    """Return SQL for the records of JSON files.

    Parameters
    ----------
    files : sequence of Path
    form : {"array", "newline_delimited"}
    types : mapping of str to str, optional
        DuckDB type of each field to read; by default they are inferred from all records.
    keys : mapping of str to str, optional
        As in ``parquet_sql``.
    """
    options = f"format = '{form}', hive_partitioning = false, records = true, "
    if types is None:
        options += (
            "sample_size = -1, maximum_depth = -1, field_appearance_threshold = 0, "
            f"map_inference_threshold = {MOST_FIELDS}, union_by_name = true"
        )
    else:
        options += f"auto_detect = false, columns = {_types_sql(types)}"
    return _rows_sql("read_json", files, options, keys)


def parquet_sql(
    files: Sequence[str | Path], keys: Mapping[str, str] | None = None, *, by_name: bool = True
) -> str:
    """Return SQL for the rows of Parquet files.

    Parameters
    ----------
    files : sequence of path
        The names of their folders are no columns, as DuckDB would have it, except for `keys`.
    keys : mapping of str to str, optional
        ``key=value`` folders that become columns, with their DuckDB types.
    by_name : bool, default True
        Whether columns are matched by name; False for files with the same columns.
    """
    options = f"union_by_name = {str(by_name).lower()}, hive_partitioning = false"
    return _rows_sql("read_parquet", files, options, keys)


def copy_sql(
    sql: str,
    file: Path,
    metadata: Mapping[str, str] | None = None,
    compression: str = "snappy",
) -> str:
    """Return SQL that writes the rows of a query as a Parquet file, with texts in its footer."""
    options = f"FORMAT parquet, COMPRESSION {compression}"
    if metadata:
        pairs = ", ".join(f"{_quoted(key)}: {_text(text)}" for key, text in metadata.items())
        options += f", KV_METADATA {{{pairs}}}"
    return f"COPY ({sql}) TO {_text(str(file))} ({options})"


def partition_keys(files: Sequence[Path], folder: Path | None) -> dict[str, str]:
    """Return the keys of the ``key=value`` folders below a folder, with the types of their values.

    Parameters
    ----------
    files : sequence of Path
    folder : Path or None
        The folder that was given; None for other sources, which have no keys.

    Returns
    -------
    dict of str to str
        DuckDB types: BIGINT if all values are whole numbers, DATE if all are dates, else VARCHAR.
        Empty unless all files lie in folders with the same keys.

    Examples
    --------
    >>> folder = Path("events")
    >>> partition_keys([folder / "day=1" / "a.parquet", folder / "day=2" / "a.parquet"], folder)
    {'day': 'BIGINT'}
    >>> partition_keys([folder / "day=1" / "a.parquet", folder / "b.parquet"], folder)
    {}
    """
    if folder is None:
        return {}
    parts = {file.relative_to(folder).parts[:-1] for file in files}
    keys = {tuple(part.partition("=")[0] if "=" in part else "" for part in each) for each in parts}
    names = keys.pop() if len(keys) == 1 else ()
    if not names or "" in names or len({name.lower() for name in names}) < len(names):
        return {}
    return {
        name: _type_of({unquote(each[i].partition("=")[2]) for each in parts})
        for i, name in enumerate(names)
    }


def without(keys: Mapping[str, str], columns: Sequence[str]) -> dict[str, str]:
    """Return the keys that are no columns of the files; a column is never replaced."""
    present = {column.lower() for column in columns}
    return {key: of_type for key, of_type in keys.items() if key.lower() not in present}


def column_names(files: Sequence[Path]) -> list[str]:
    """Return the columns that any of the Parquet files has."""
    import pyarrow.parquet as pq

    return list(dict.fromkeys(name for file in files for name in pq.read_schema(file).names))


def key_pattern(key: str) -> str:
    """Return a regular expression whose group is the value of a key in a file's path."""
    escaped = re.sub(r"([^A-Za-z0-9_])", r"\\\1", key)
    return f".*/{escaped}=([^/]*)/"


def _rows_sql(
    reader: str, files: Sequence[str | Path], options: str, keys: Mapping[str, str] | None
) -> str:
    """Return SQL that calls a reader of files, with the values of `keys` as further columns."""
    call = f"{reader}([{', '.join(map(literal_path, files))}], {options}"
    if not keys:
        return f"SELECT * FROM {call})"
    columns = ", ".join(
        f"CAST({_value_sql(key)} AS {of_type}) AS {_quoted(key)}" for key, of_type in keys.items()
    )
    return f"SELECT * EXCLUDE ({_FILE}), {columns} FROM {call}, filename = '{_FILE}')"


def _types_sql(types: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_text(k)}: {_text(t)}" for k, t in types.items()) + "}"


def _value_sql(key: str) -> str:
    pattern = key_pattern(key).replace("'", "''")
    # The folder itself may be the first part of a relative path.
    return f"nullif(url_decode(regexp_extract('/' || {_FILE}, '{pattern}', 1)), '{NULL}')"


def _type_of(values: set[str]) -> str:
    known = values - {NULL}
    # Zeros in front are part of an id.
    if known and all(re.fullmatch(r"0|-?[1-9][0-9]{0,17}", value) for value in known):
        return "BIGINT"
    return "DATE" if known and all(map(_is_date, known)) else "VARCHAR"


def _is_date(value: str) -> bool:
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        return False
    return re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is not None


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
