"""The paths that `init` is given, as one source for each table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import InputError
from engagement_ml.sources.kinds import CSV, DUCKDB, PARQUET

READABLE = (*PARQUET, *CSV, *DUCKDB)
"""Suffixes of files in a folder that are looked at."""


def sources_given(engine: DuckDBEngine, paths: Sequence[str]) -> list[str]:
    """Return one source for each table.

    A DuckDB file gives its tables and views. A folder gives its files; it is one table if all of
    its files, folders in it included, are Parquet files with the same columns.

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
    if all(str(file).lower().endswith(PARQUET) for file in files) and _same_columns(files):
        return [path]
    return sources_given(engine, [file.as_posix() for file in files])


def _is_data(path: Path) -> bool:
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return not hidden and path.name.lower().endswith(READABLE)


def _same_columns(files: Sequence[Path]) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return len({tuple(sorted(pq.read_schema(file).names)) for file in files}) == 1
    except (OSError, pa.ArrowException):
        # The reader of samples names the file that is damaged.
        return False


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
