"""Scores as a table of a DuckDB file, which is replaced in one transaction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from engagement_ml.engine.base import one_line
from engagement_ml.engine.files import parquet_sql
from engagement_ml.errors import InputError, OutputError
from engagement_ml.faults import machine_fault
from engagement_ml.sources import write_whole
from engagement_ml.tables.schema import quoted
from engagement_ml.workflow.scored.file_facts import parquet_facts

if TYPE_CHECKING:
    import pandas as pd


def check_file(file: Path) -> None:
    """Check that a table can be written to a file: it is a DuckDB file, or there is none yet.

    Raises
    ------
    InputError
        If it is another file, or a folder.
    """
    if not file.exists():
        return
    start = b""
    if file.is_file():
        with file.open("rb") as handle:
            start = handle.read(12)
    if start[8:12] != b"DUCK":
        raise InputError(f"{file}: is not a DuckDB file; give another name for the table's file")


def write_table(file: Path, name: str, rows: Path) -> None:
    """Replace a table by the rows of a Parquet file or of a folder of such files.

    The facts in the footer become the comment of the table. Other tables are kept.

    Raises
    ------
    OutputError
        If the file is in use or the table cannot be replaced; it then is as it was.
    """
    files = sorted(rows.glob("*.parquet")) if rows.is_dir() else [rows]
    comment = json.dumps(dict(parquet_facts(files[0])), ensure_ascii=False)
    if file.exists():
        _replace(file, name, files, comment, file)
        return
    with write_whole(file) as temporary:
        temporary.unlink()
        _replace(temporary, name, files, comment, file)


def _replace(file: Path, name: str, files: list[Path], comment: str, shown: Path) -> None:
    import duckdb

    schema, _, table = name.rpartition(".")
    place = ".".join(quoted(part) for part in (schema, table) if part)
    text = comment.replace("'", "''")
    try:
        with duckdb.connect(str(file)) as connection:
            connection.execute("BEGIN")
            connection.execute(
                f"CREATE OR REPLACE TABLE {place} AS {parquet_sql(files)} ORDER BY 1"
            )
            connection.execute(f"COMMENT ON TABLE {place} IS '{text}'")
            connection.execute("COMMIT")
    except duckdb.Error as error:
        unwritable = OutputError(f"{shown}: table '{name}' cannot be written: {one_line(error)}")
        raise machine_fault(error) or unwritable from None


def read_table(file: Path, name: str) -> pd.DataFrame:
    """Return the rows of a table."""
    import duckdb

    place = ".".join(quoted(part) for part in name.rpartition(".")[::2] if part)
    with duckdb.connect(str(file), read_only=True) as connection:
        frame: pd.DataFrame = connection.sql(f"SELECT * FROM {place}").df()
    return frame
