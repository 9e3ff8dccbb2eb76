"""Excel workbooks: one sheet as a table, cells as Excel holds them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.errors import InputError, MissingDependencyError, nearest
from engagement_ml.sources.kinds import check_names, kind_of

if TYPE_CHECKING:
    import pandas as pd


def read_sheets(files: Sequence[Path], sheet: str | None, table: str) -> pd.DataFrame:
    """Return the rows of a sheet of workbooks with the same columns.

    Numbers, dates and text stay what they are in Excel: digits in a cell of text are text. Whole
    numbers are integers, if no cell of the column is empty.

    Parameters
    ----------
    files : sequence of Path
    sheet : str or None
        Name of the sheet; None for the first one of each workbook.
    table : str
        Name of the input table in messages.

    Raises
    ------
    InputError
        If a file is no workbook or lacks the sheet, if the sheet has no header, or if the columns
        of files differ.
    MissingDependencyError
        If openpyxl is not installed.
    """
    import pandas as pd

    frames = [_read_sheet(path, sheet, table) for path in files]
    for path, frame in zip(files, frames, strict=True):
        if list(frame.columns) != list(frames[0].columns):
            raise InputError(
                f"{path}: has other columns than {files[0]}; give files with the same columns"
            )
    return pd.concat(frames, ignore_index=True).infer_objects()


def _read_sheet(path: Path, sheet: str | None, table: str) -> pd.DataFrame:
    cells = _cells(path, sheet).dropna(axis="index", how="all").dropna(axis="columns", how="all")
    label = str(path) if sheet is None else f"{path}::{sheet}"
    if cells.empty:
        raise InputError(f"{label}: the sheet is empty; table '{table}' needs a header and rows")
    header = cells.iloc[0]
    names = [
        "" if missing else str(name) for name, missing in zip(header, header.isna(), strict=True)
    ]
    check_names(names, label)
    return cells.iloc[1:].set_axis(names, axis="columns")


def _cells(path: Path, sheet: str | None) -> pd.DataFrame:
    """Return all cells of a sheet as objects; empty cells are NaN."""
    try:
        import openpyxl  # noqa: F401
    except ImportError:
        raise MissingDependencyError(
            f"{path}: Excel workbooks need openpyxl, which is not installed: "
            "pip install 'engagement-ml[excel]', or save the sheet as CSV"
        ) from None
    import pandas as pd

    _check_workbook(path)
    try:
        with warnings.catch_warnings(action="ignore"), pd.ExcelFile(path, "openpyxl") as book:
            chosen = _sheet_of(book, sheet, path)
            # Types that pandas infers would turn digits in cells of text into numbers.
            cells: pd.DataFrame = book.parse(
                chosen, header=None, dtype=object, keep_default_na=False, na_values=[""]
            )
    except InputError:
        raise
    except Exception as error:
        # openpyxl raises whatever the damaged part of a file leads to.
        raise InputError(
            f"{path}: cannot be read as an Excel workbook: {_first_line(error)}"
        ) from None
    return cells


def _sheet_of(book: pd.ExcelFile, sheet: str | None, path: Path) -> Any:
    names = [str(name) for name in book.sheet_names]
    if sheet is None:
        return names[0]
    if sheet not in names:
        raise InputError(
            f"{path}: has no sheet '{sheet}'{nearest(sheet, names)}; "
            f"its sheets are {', '.join(names)}"
        )
    return sheet


def _check_workbook(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(16)
    if not start.startswith(b"PK\x03\x04"):
        kind = kind_of(start) or ("empty" if not start else "something else")
        raise InputError(
            f"{path}: is not an Excel workbook but {kind}; save it as .xlsx, or as CSV"
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
