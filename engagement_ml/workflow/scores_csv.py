"""Scores as a CSV file that is safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from engagement_ml.spreadsheet_cells import guarded, guarded_sql, unguarded
from engagement_ml.tables.schema import quoted

if TYPE_CHECKING:
    import pandas as pd


def write_scores(scored: nw.LazyFrame[Any], file: Path) -> None:
    """Write a DuckDB frame as CSV; ids and names that look like formulas get an apostrophe."""
    selected = [
        f"{guarded_sql(quoted(name)) if dtype == nw.String else quoted(name)} "
        f"AS {quoted(guarded(name))}"
        for name, dtype in scored.collect_schema().items()
    ]
    scored.to_native().project(", ".join(selected)).write_csv(str(file), header=True)


def read_scores(file: Path, types: Mapping[str, str]) -> pd.DataFrame:
    """Read what `write_scores` wrote, with the ids and names as they were.

    Parameters
    ----------
    file : Path
    types : mapping of str to str
        The pandas types of columns that are not to be guessed, by name.
    """
    import pandas as pd

    names = pd.read_csv(file, nrows=0).columns
    # An empty cell is null, but 'NA' may be an id; other columns must stay numbers.
    empty = {name: [""] for name in names if unguarded(name) not in types}
    written = {guarded(name): of_type for name, of_type in types.items()}
    frame = pd.read_csv(file, dtype=written, keep_default_na=False, na_values=empty)
    frame = frame.rename(columns=unguarded)
    texts = frame.select_dtypes(["object", "string"])
    return frame.assign(**{str(c): texts[c].map(unguarded, na_action="ignore") for c in texts})
