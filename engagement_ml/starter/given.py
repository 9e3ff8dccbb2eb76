"""The paths that `init` is given, as one source for each table."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import InputError
from engagement_ml.sources.csv_files import csv_shape
from engagement_ml.sources.kinds import DUCKDB, KNOWN, file_kind
from engagement_ml.sources.packed import open_unpacked

READABLE = (*KNOWN, *DUCKDB)
"""Suffixes of files in a folder that are looked at."""


def sources_given(engine: DuckDBEngine, paths: Sequence[str]) -> list[str]:
    """Return one source for each table.

    A DuckDB file gives its tables and views. A folder gives its files; it is one table if all of
    its files, folders in it included, are of one kind and have the same columns.

    Raises
    ------
    InputError
        If there is no path, or a folder holds no table.
    """
    found: list[str] = []
    for path in paths:
        if Path(path).is_dir():
            found += _of_folder(engine, path)
        elif path.lower().endswith(DUCKDB) and "::" not in path:
            found += _of_database(engine, path)
        else:
            found.append(path)
    if not found:
        raise InputError("no table was given; give the paths of your files")
    return list(dict.fromkeys(found))


def _of_folder(engine: DuckDBEngine, path: str) -> list[str]:
    folder = Path(path)
    files = sorted(p for p in folder.rglob("*") if _is_data(p.relative_to(folder)) and p.is_file())
    if not files:
        raise InputError(f"{path}: holds no table; give a folder with {', '.join(READABLE)} files")
    if len(files) > 1 and _same_columns(files):
        return [path]
    return sources_given(engine, [file.as_posix() for file in files])


def _is_data(path: Path) -> bool:
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return not hidden and path.name.lower().endswith(READABLE)


def _same_columns(files: Sequence[Path]) -> bool:
    """Return whether files are parts of one table: of one kind, with the same columns.

    Records of JSON leave out what they lack, so half of the columns are enough for them.
    """
    if len({file_kind(file) for file in files}) > 1 or files[0].name.lower().endswith(DUCKDB):
        return False
    first, *others = (_names_in(file) for file in files)
    if file_kind(files[0]) == "JSON":
        return bool(first) and all(2 * len(first & each) >= len(first | each) for each in others)
    return bool(first) and all(each == first for each in others)


def _names_in(file: Path) -> frozenset[str]:
    """Return the columns of a file; empty if they are unknown, as of a damaged file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        match file_kind(file):
            case "Parquet":
                return frozenset(pq.read_schema(file).names)
            case "CSV":
                return frozenset(csv_shape([file], "init")[1])
            case "JSON":
                with open_unpacked(file) as stream:
                    start = stream.read(1 << 16).lstrip(b"[ \n\r\t").decode("utf-8", "ignore")
                record, _ = json.JSONDecoder().raw_decode(start)
                return frozenset(record) if isinstance(record, dict) else frozenset()
    except (OSError, EOFError, ValueError, pa.ArrowException, InputError):
        # The reader of samples names the file that is damaged.
        return frozenset()
    return frozenset()


def _of_database(engine: DuckDBEngine, path: str) -> list[str]:
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; give the path of a table")
    try:
        alias = engine.attach(Path(path))
        rows = engine.query(
            "SELECT table_schema, table_name FROM information_schema.tables "
            f"WHERE table_catalog = '{alias}' ORDER BY ALL",
            source=path,
        )
    except engine.errors as error:
        raise engine.read_error(error, path) from None
    return [f"{path}::{name if schema == 'main' else f'{schema}.{name}'}" for schema, name in rows]


def name_for(file: Path) -> str:
    """Return a name for the pipeline of a YAML file: the file's, or that of its folder.

    Examples
    --------
    >>> name_for(Path("shop.yaml"))
    'shop-engagement'
    """
    stem = file.stem if file.stem != "pipeline" else file.resolve().parent.name
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-_.") or "customer"
    return f"{plain}-engagement"
