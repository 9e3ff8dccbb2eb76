"""Files of scores: their names, writing and reading."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.errors import InputError
from engagement_ml.sources import write_whole
from engagement_ml.workflow import scores_csv

if TYPE_CHECKING:
    import pandas as pd

CUSTOMER, SCORES = "customer_id", "scores.parquet"
_PARQUET, _CSV = (".parquet", ".parq", ".pq"), (".csv",)


def scores_path(output: str | Path) -> Path:
    """Return the file that the scores are written to.

    Raises
    ------
    InputError
        If its ending is that of another file format.

    Examples
    --------
    >>> scores_path("scores").as_posix(), scores_path("out/today.csv").as_posix()
    ('scores/scores.parquet', 'out/today.csv')
    """
    path = Path(output)
    if path.suffix.lower() in (*_PARQUET, *_CSV):
        return path
    if path.suffix.lower() in (".json", ".xlsx", ".tsv", ".gz", ".txt", ".html"):
        raise InputError(
            f"{path}: scores are written as .parquet or .csv, not as {path.suffix}; give a file "
            "name with one of these endings, or a folder"
        )
    return path / SCORES


def write_scores(engine: Engine, scored: nw.LazyFrame[Any], target: Path) -> None:
    """Write scores completely or not at all, sorted unless the engine is Spark."""
    with write_whole(target, parts=not engine.local) as temporary:
        if not engine.local:
            engine.save(scored, temporary)
        elif is_csv(target):
            scores_csv.write_scores(scored.sort(CUSTOMER), temporary)
        else:
            engine.save(scored.sort(CUSTOMER), temporary)


def is_csv(path: Path) -> bool:
    """Return whether scores are written as CSV."""
    return path.suffix.lower() in _CSV


def read_scores(path: Path, *, integer_ids: bool) -> pd.DataFrame:
    """Return the scores of a file with their ids as they were."""
    import pandas as pd

    if not is_csv(path):
        return pd.read_parquet(path)
    # pandas would make 7 of '007', and nothing of 'NA'.
    return scores_csv.read_scores(path, {CUSTOMER: "int64" if integer_ids else "str"})
