"""Files and DuckDB tables of scores: their names, writing and reading."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.errors import InputError
from engagement_ml.sources import write_whole
from engagement_ml.sources.paths import duckdb_table
from engagement_ml.temporary_folders import temporary_folder
from engagement_ml.workflow import scores_csv, scores_duckdb

if TYPE_CHECKING:
    import pandas as pd

CUSTOMER, SCORES = "customer_id", "scores.parquet"
_PARQUET, _CSV = (".parquet", ".parq", ".pq"), (".csv",)


def scores_path(output: str | Path, name: str = SCORES) -> Path:
    """Return the file or table that scores are written to.

    Parameters
    ----------
    output : path
        A file, ``file.duckdb::table``, or a folder.
    name : str
        The file in a folder; without its suffix, the table of a DuckDB file that names none.

    Raises
    ------
    InputError
        If its ending is that of another file format, or if it is no DuckDB file.

    Examples
    --------
    >>> scores_path("scores").as_posix(), scores_path("out/today.csv").as_posix()
    ('scores/scores.parquet', 'out/today.csv')
    >>> scores_path("shop.duckdb").as_posix()
    'shop.duckdb::scores'
    """
    path = Path(output)
    file, table = duckdb_table(str(path))
    if file is not None:
        scores_duckdb.check_file(Path(file))
        return Path(f"{file}::{table or Path(name).stem}")
    if path.suffix.lower() in (*_PARQUET, *_CSV):
        return path
    if path.suffix.lower() in (".json", ".xlsx", ".tsv", ".gz", ".txt", ".html"):
        raise InputError(
            f"{path}: scores are written as .parquet or .csv, not as {path.suffix}; give a file "
            "name with one of these endings, a folder, or file.duckdb::table"
        )
    return path / name


@contextmanager
def destination(target: Path | None) -> Iterator[Path | None]:
    """Yield the file to write; that of a DuckDB table becomes its rows at the end of the block.

    A file of DuckDB is opened only then, as the block may read other tables of it.

    Raises
    ------
    OutputError
        If the table cannot be written; it then is as it was.
    """
    file, table = (None, "") if target is None else duckdb_table(str(target))
    if file is None:
        yield target
        return
    with temporary_folder(Path(tempfile.gettempdir())) as folder:
        rows = folder / SCORES
        yield rows
        scores_duckdb.write_table(Path(file), table, rows)


def write_scores(
    engine: Engine,
    scored: nw.LazyFrame[Any],
    target: Path,
    facts: Mapping[str, str],
    customer: str = CUSTOMER,
) -> None:
    """Write scores completely or not at all, sorted by `customer` unless the engine is Spark.

    `facts` are kept in the footer of Parquet files.
    """
    with write_whole(target, parts=not engine.local) as temporary:
        if not engine.local:
            engine.save(scored, temporary, facts)
        elif is_csv(target):
            scores_csv.write_scores(scored.sort(customer), temporary)
        else:
            engine.save(scored.sort(customer), temporary, facts)


def is_csv(path: Path) -> bool:
    """Return whether scores are written as CSV."""
    return path.suffix.lower() in _CSV


def read_scores(path: Path, *, integer_ids: bool, customer: str = CUSTOMER) -> pd.DataFrame:
    """Return the scores of a file or table with their ids as they were."""
    import pandas as pd

    file, table = duckdb_table(str(path))
    if file is not None:
        return scores_duckdb.read_table(Path(file), table)
    if not is_csv(path):
        return pd.read_parquet(path)
    # pandas would make 7 of '007', and nothing of 'NA'.
    return scores_csv.read_scores(path, {customer: "int64" if integer_ids else "str"})
