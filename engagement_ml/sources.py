"""Paths and frames into the engine; results written whole or not at all."""

from __future__ import annotations

import glob
import gzip
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.errors import InputError, OutputError, nearest

PARQUET = (".parquet", ".parq", ".pq")
CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
DUCKDB = (".duckdb", ".ddb", ".db")
_MAGIC = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "gzip-compressed",
    b"SQLite format 3": "an SQLite database",
    b"ARROW1": "an Arrow file",
}
_ACCEPTED = (
    "give a Parquet file, a folder or glob of Parquet files, a CSV file, or file.duckdb::table"
)


def open_source(engine: Engine, source: Any, *, table: str) -> nw.LazyFrame[Any]:
    """Open a table where it lies; nothing is read yet.

    Parameters
    ----------
    engine : Engine
    source : str, path or frame
        A Parquet file, a folder or glob of Parquet files, a CSV file (``.csv``, ``.csv.gz``),
        ``file.duckdb::table`` (or ``file.duckdb#table``; without a name, the table called like
        `table`); or any frame that Narwhals takes. Frames not in DuckDB are handed to it first.
    table : str
        Which table of the contract it is; error messages name it.

    Returns
    -------
    LazyFrame
        Columns as they are in the source; those of a CSV file are all text.

    Raises
    ------
    InputError
        Where it is missing, unreadable, or of another kind.

    Examples
    --------
    >>> import pandas as pd
    >>> with Engine.duckdb() as engine:
    ...     frame = open_source(engine, pd.DataFrame({"customer_id": [1, 2]}), table="customers")
    ...     frame.collect_schema().names()
    ['customer_id']
    """
    if isinstance(source, str | os.PathLike):
        return engine.scan(_open_path(engine, os.fspath(source), table))
    return _open_frame(engine, source, table)


def is_csv(source: Any) -> bool:
    """Return whether `source` is a path that is read as CSV."""
    return isinstance(source, str | os.PathLike) and str(source).lower().endswith(CSV)


def describe_source(source: Any, table: str) -> str:
    """Return what messages call a source: its path, or the kind of frame it is."""
    if isinstance(source, str | os.PathLike):
        return str(source)
    return f"{table} ({type(source).__module__.split('.')[0]} {type(source).__name__})"


def _open_frame(engine: Engine, source: Any, table: str) -> nw.LazyFrame[Any]:
    try:
        frame = nw.from_native(source)
    except TypeError:
        raise InputError(
            f"{table}: found {type(source).__name__}; {_ACCEPTED}, or a frame that Narwhals takes "
            "(pandas, Polars, DuckDB, PySpark, Ibis)"
        ) from None
    if isinstance(frame, nw.LazyFrame) and frame.implementation.is_duckdb():
        return engine.scan(_copy_relation(engine, frame.to_native(), table))
    eager = frame.collect("pyarrow") if isinstance(frame, nw.LazyFrame) else frame
    native = eager.to_native() if eager.implementation.is_pandas() else eager.to_arrow()
    repeated = {name for name in eager.columns if eager.columns.count(name) > 1}
    if repeated:
        raise InputError(f"{table}: column {sorted(repeated)[0]!r} is there twice; drop one")
    return engine.scan(engine.register(native))


def _copy_relation(engine: Engine, relation: Any, table: str) -> str:
    # A relation belongs to its own connection: its rows stream over, batch by batch.
    reader = engine.register(relation.to_arrow_reader(100_000))
    return engine.table(f'SELECT * FROM "{reader}"', reading=f"{table} (DuckDB relation)")


def _open_path(engine: Engine, source: str, table: str) -> str:
    file, separator, name = source.partition("::")
    if not separator:
        file, separator, name = _split_hash(source)
    if separator or file.lower().endswith(DUCKDB):
        return _open_duckdb(engine, Path(file), name or table, table)
    files = _find_files(source, table)
    for path in files:
        _check_readable(path, table)
    listed = ", ".join(_quoted(path) for path in files)
    if all(str(path).lower().endswith(CSV) for path in files):
        for path in files:
            _check_csv(path, table)
        sql = f"SELECT * FROM read_csv([{listed}], all_varchar = true, header = true)"
    else:
        for path in files:
            _check_parquet(path, table)
        sql = f"SELECT * FROM read_parquet([{listed}], union_by_name = true)"
    return engine.view(sql, reading=source)


def _split_hash(source: str) -> tuple[str, str, str]:
    file, separator, name = source.rpartition("#")
    if separator and file.lower().endswith(DUCKDB):
        return file, separator, name
    return source, "", ""


def _find_files(source: str, table: str) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if str(p).lower().endswith(PARQUET))
        if not files:
            raise InputError(f"{source}: no Parquet file in the folder of '{table}'; {_ACCEPTED}")
        return files
    if path.exists():
        if not str(path).lower().endswith(PARQUET + CSV):
            found = _kind(path) or f"a '{path.suffix}' file"
            raise InputError(f"{source}: is {found}; {_ACCEPTED}")
        return [path]
    if glob.has_magic(source):
        files = sorted(Path(p) for p in glob.glob(source, recursive=True) if Path(p).is_file())
        if not files:
            raise InputError(f"{source}: no file of '{table}' matches this glob; {_ACCEPTED}")
        return files
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    near = nearest(path.name, siblings)
    raise InputError(f"{source}: no such file for table '{table}'{near}; {_ACCEPTED}")


def _kind(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError:
        return None
    return next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)


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
        found = _kind(path) if start != b"PAR1" else "a Parquet file cut short"
        found = found or ("empty" if not start else "something else")
        raise InputError(f"{path}: is no Parquet file but {found}; {_ACCEPTED}")


def _check_csv(path: Path, table: str) -> None:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            start = file.read(65536)
    except (OSError, EOFError):
        raise InputError(f"{path}: is no gzip-compressed CSV file; {_ACCEPTED}") from None
    found = next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)
    if found is None and b"\x00" in start:
        found = "binary data"
    if found is not None:
        raise InputError(f"{path}: is no CSV file but {found}; {_ACCEPTED}")
    if not start.strip():
        raise InputError(f"{path}: is empty; table '{table}' needs a header and rows")
    try:
        # The last bytes may be half a character.
        start[: max(1, len(start) - 4)].decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: is not UTF-8 text (byte {error.start + 1} is "
            f"0x{start[error.start]:02x}); save it as UTF-8"
        ) from None


def _open_duckdb(engine: Engine, file: Path, name: str, table: str) -> str:
    if not file.is_file():
        raise InputError(f"{file}: no such DuckDB file for table '{table}'; {_ACCEPTED}")
    _check_readable(file, table)
    with file.open("rb") as handle:
        if handle.read(12)[8:12] != b"DUCK":
            raise InputError(f"{file}: is no DuckDB file; {_ACCEPTED}")
    alias = engine.attach(file)
    wanted_schema, _, wanted = name.rpartition(".")
    rows = engine.query(
        "SELECT table_schema, table_name FROM information_schema.tables "
        f"WHERE table_catalog = '{alias}' ORDER BY ALL",
        reading=str(file),
    )
    for schema, found in rows:
        if found == wanted and schema == (wanted_schema or schema):
            return engine.view(
                f'SELECT * FROM {alias}."{schema}"."{found}"', reading=f"{file}::{name}"
            )
    names = [found for _, found in rows]
    raise InputError(
        f"{file}: holds no table '{name}'{nearest(wanted, names)}; "
        f"its tables are {', '.join(names) or 'none'}; write {file.name}::TABLE"
    )


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, moved into place only when the block succeeds.

    Parameters
    ----------
    path : Path
        The file to write; missing folders above it are made.

    Raises
    ------
    OutputError
        Where it cannot be written; nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with write_whole(folder / "metric.json") as temporary:
    ...     _ = temporary.write_text("{}")
    >>> [p.name for p in folder.iterdir()]
    ['metric.json']
    """
    target = Path(path)
    made = _make_parents(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if target.is_dir():
            raise OutputError(f"{target}: cannot be written: it is a folder; give another path")
        with _as_output_error(target):
            temporary.touch()
        yield temporary
        with _as_output_error(target):
            os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        _remove_empty(made)
        raise


@contextmanager
def new_folder_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`, moved into place only when the block succeeds.

    Where `path` already holds files, those written are replaced one by one, others are kept.

    Parameters
    ----------
    path : Path
        The folder of results; missing folders above it are made.

    Raises
    ------
    OutputError
        Where it cannot be written, before the block runs; nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "run"
    >>> with new_folder_whole(folder) as temporary:
    ...     _ = (temporary / "metric.json").write_text("{}")
    >>> [p.name for p in folder.iterdir()]
    ['metric.json']
    """
    target = Path(path)
    made = _make_parents(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if target.exists() and not target.is_dir():
            raise OutputError(f"{target}: cannot be written: it is a file; give a folder")
        if target.is_dir() and not os.access(target, os.W_OK | os.X_OK):
            raise OutputError(f"{target}: cannot be written: permission denied")
        with _as_output_error(target):
            temporary.mkdir()
        yield temporary
        with _as_output_error(target):
            _move_folder(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        _remove_empty(made)
        raise


def _move_folder(temporary: Path, target: Path) -> None:
    if not target.exists():
        os.replace(temporary, target)
        return
    for file in sorted(temporary.rglob("*")):
        place = target / file.relative_to(temporary)
        if file.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            os.replace(file, place)
    shutil.rmtree(temporary)


@contextmanager
def _as_output_error(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{target}: cannot be written: {reason}") from None


def _make_parents(target: Path) -> Sequence[Path]:
    missing = [p for p in target.parents if not p.exists()]
    with _as_output_error(target):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            _remove_empty(missing)
            raise
    return missing


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return
