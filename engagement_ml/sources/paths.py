"""Paths opened in an engine: files, folders, globs, URIs and tables of DuckDB files."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import narwhals as nw

from engagement_ml.config import is_uri
from engagement_ml.engine import DuckDBEngine, Engine
from engagement_ml.engine.files import partition_keys, without
from engagement_ml.errors import InputError, nearest
from engagement_ml.masking import is_masked
from engagement_ml.sources.csv_files import csv_shape
from engagement_ml.sources.encodings import utf8_files
from engagement_ml.sources.excel_files import read_sheets
from engagement_ml.sources.folders import check_listable
from engagement_ml.sources.json_files import json_table
from engagement_ml.sources.kinds import ACCEPTED, DUCKDB, EXCEL, KNOWN, FileKind, file_kind, kind_of
from engagement_ml.sources.pandas_frames import pandas_to_arrow


def open_path(
    engine: Engine, source: str, table: str, encoding: str | None = None
) -> nw.LazyFrame[Any]:
    """Open the file, folder, glob or DuckDB table that `source` names.

    `encoding` is that of text files.

    Raises
    ------
    InputError
        If it is missing, unreadable, or of another kind.
    """
    if is_uri(source) and is_masked(source):
        raise InputError(
            f"{source}: its secret is masked, as in the files of a run; set 'sources.{table}' in a "
            "configuration that you give, or give the table itself"
        )
    file, name = _duckdb_table(source)
    if file is not None:
        if not isinstance(engine, DuckDBEngine):
            raise InputError(
                f"{source}: is a table of a DuckDB file, which 'engine: spark' cannot read; "
                "export it to Parquet, or remove the key 'engine'"
            )
        return engine.scan(_open_duckdb(engine, Path(file), name or table, table))
    if is_uri(source) and not engine.local:
        return engine.read_parquet([source], source=source)
    place, sheet = _split_sheet(source)
    files = _find_files(place, table)
    for path in files:
        _check_readable(path, table)
    folder = Path(place) if Path(place).is_dir() else None
    kind = _one_kind(files, source)
    if kind in ("CSV", "JSON"):
        files = utf8_files(engine, files, encoding, table)
    match kind:
        case "CSV":
            return _open_csv(engine, files, folder, source, table)
        case "JSON":
            embedded = engine.embedded()
            name = json_table(embedded, files, partition_keys(files, folder), source, table)
            return _handed_over(engine, embedded, embedded.scan(name))
        case "Excel":
            return engine.read_arrow(pandas_to_arrow(read_sheets(files, sheet, table)))
    for path in files:
        _check_parquet(path, table)
    return engine.read_parquet(files, folder=folder, source=source)


def _one_kind(files: Sequence[Path], source: str) -> FileKind:
    """Return the kind of files that are one table."""
    by_kind = {file_kind(path): path for path in reversed(files)}
    if len(by_kind) > 1:
        (kind, path), (other_kind, other), *_ = reversed(by_kind.items())
        raise InputError(
            f"{source}: {path.name} is a {kind} file and {other.name} a {other_kind} file; "
            "give files of one kind"
        )
    return next(iter(by_kind))


def _open_csv(
    engine: Engine, files: Sequence[Path], folder: Path | None, source: str, table: str
) -> nw.LazyFrame[Any]:
    delimiter, names = csv_shape(files, table)
    keys = tuple(without(partition_keys(files, folder), names))
    # Spark decompresses zstd only with native libraries of Hadoop.
    packed = any(path.suffix.lower() == ".zst" for path in files)
    reader = engine.embedded() if packed else engine
    frame = reader.read_csv(files, delimiter=delimiter, names=names, source=source, keys=keys)
    return _handed_over(engine, reader, frame)


def _handed_over(engine: Engine, reader: Engine, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return a frame of `reader` as one of the engine, through Arrow if they differ."""
    if reader is engine:
        return frame
    return engine.read_arrow(frame.collect("pyarrow").to_native())


def files_of(source: str, table: str) -> list[Path]:
    """Return the files of `source`; empty for a DuckDB file and for a URI.

    Raises
    ------
    InputError
        If no file is found.
    """
    elsewhere = _duckdb_table(source)[0] is not None or is_uri(source)
    return [] if elsewhere else _find_files(_split_sheet(source)[0], table)


def _split_sheet(source: str) -> tuple[str, str | None]:
    """Return a workbook and the sheet that ``book.xlsx::sheet`` names; None for the first one."""
    file, separator, sheet = source.partition("::")
    return (file, sheet) if separator and file.lower().endswith(EXCEL) else (source, None)


def _duckdb_table(source: str) -> tuple[str | None, str]:
    """Return the DuckDB file and table that `source` names; None if it names something else."""
    if _split_sheet(source)[1] is not None:
        return None, ""
    file, separator, name = source.partition("::")
    if not separator:
        file, separator, name = _split_hash(source)
    return (file, name) if separator or file.lower().endswith(DUCKDB) else (None, "")


def _split_hash(source: str) -> tuple[str, str, str]:
    file, separator, name = source.rpartition("#")
    if separator and file.lower().endswith(DUCKDB):
        return file, separator, name
    return source, "", ""


def _find_files(source: str, table: str) -> list[Path]:
    check_listable(source, table)
    path = Path(source)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if _is_data_file(p.relative_to(path)))
        if not files:
            raise InputError(f"{source}: no data file in the folder of '{table}'; {ACCEPTED}")
        # Programs that write folders of Parquet files put other files beside them.
        return [p for p in files if file_kind(p) == "Parquet"] or files
    if path.exists():
        if not str(path).lower().endswith(KNOWN):
            kind = _kind(path) or f"a '{path.suffix}' file"
            raise InputError(f"{source}: is {kind}; {ACCEPTED}")
        return [path]
    if glob.has_magic(source):
        files = sorted(Path(p) for p in glob.glob(source, recursive=True) if Path(p).is_file())
        if not files:
            raise InputError(f"{source}: no file of '{table}' matches this glob; {ACCEPTED}")
        return files
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    near = nearest(path.name, siblings)
    raise InputError(f"{source}: no such file for table '{table}'{near}; {ACCEPTED}")


def _is_data_file(path: Path) -> bool:
    # Names of unfinished and bookkeeping files that Spark writes begin with a dot or underscore.
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return not hidden and path.name.lower().endswith(KNOWN)


def _kind(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return kind_of(file.read(16))
    except OSError:
        return None


def _check_readable(path: Path, table: str) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise InputError(f"{path}: cannot be read for table '{table}': {reason}") from None


def _check_parquet(path: Path, table: str) -> None:
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(max(0, path.stat().st_size - 4))
        end = file.read(4)
    if start != b"PAR1" or end != b"PAR1":
        kind = _kind(path) if start != b"PAR1" else "a truncated Parquet file"
        kind = kind or ("empty" if not start else "something else")
        raise InputError(f"{path}: is not a Parquet file but {kind}; {ACCEPTED}")


def _open_duckdb(engine: DuckDBEngine, file: Path, name: str, table: str) -> str:
    if not file.is_file():
        raise InputError(f"{file}: no such DuckDB file for table '{table}'; {ACCEPTED}")
    _check_readable(file, table)
    with file.open("rb") as handle:
        if handle.read(12)[8:12] != b"DUCK":
            raise InputError(f"{file}: is not a DuckDB file; {ACCEPTED}")
    alias = engine.attach(file)
    wanted_schema, _, wanted = name.rpartition(".")
    rows = engine.query(
        "SELECT table_schema, table_name FROM information_schema.tables "
        f"WHERE table_catalog = '{alias}' ORDER BY ALL",
        source=str(file),
    )
    for schema, stored in rows:
        if stored == wanted and schema == (wanted_schema or schema):
            return engine.view(
                f'SELECT * FROM {alias}."{schema}"."{stored}"', source=f"{file}::{name}"
            )
    names = [stored for _, stored in rows]
    raise InputError(
        f"{file}: has no table '{name}'{nearest(wanted, names)}; "
        f"its tables are {', '.join(names) or 'none'}; write {file.name}::TABLE"
    )
