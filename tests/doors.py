"""The doors through which a table comes in: files of every format, and frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl

Door = Callable[[pd.DataFrame, Path, str], Any]
"""Writes or converts a frame, given a folder and the name of its table; returns the source."""


def as_csv(frame: pd.DataFrame, folder: Path, name: str) -> Path:
    """Return a CSV file."""
    frame.to_csv(folder / f"{name}.csv", index=False)
    return folder / f"{name}.csv"


def as_parquet(frame: pd.DataFrame, folder: Path, name: str) -> Path:
    """Return a Parquet file."""
    frame.to_parquet(folder / f"{name}.parquet", index=False)
    return folder / f"{name}.parquet"


def as_duckdb_file(frame: pd.DataFrame, folder: Path, name: str) -> str:
    """Return a table of a DuckDB file."""
    file = folder / f"{name}{len(list(folder.iterdir()))}.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.register("frame", frame)
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
    return f"{file}::{name}"


def as_json_lines(frame: pd.DataFrame, folder: Path, name: str) -> Path:
    """Return a file of one JSON record a line; moments are text."""
    frame.to_json(folder / f"{name}.jsonl", orient="records", lines=True, date_format="iso")
    return folder / f"{name}.jsonl"


def as_pandas(frame: pd.DataFrame, folder: Path, name: str) -> pd.DataFrame:
    """Return the frame itself."""
    return frame


def as_polars(frame: pd.DataFrame, folder: Path, name: str) -> pl.DataFrame:
    """Return a Polars frame."""
    return pl.from_pandas(frame)


def as_relation(frame: pd.DataFrame, folder: Path, name: str) -> Any:
    """Return a relation of another DuckDB connection."""
    return duckdb.from_df(frame)


FILES: list[Door] = [as_csv, as_parquet, as_duckdb_file]
FRAMES: list[Door] = [as_pandas, as_polars, as_relation]
DOORS: list[Door] = [*FILES, *FRAMES]
