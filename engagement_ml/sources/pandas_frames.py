"""Frames of pandas as Arrow tables."""

from __future__ import annotations

import datetime as dt
from typing import Any


def pandas_to_arrow(frame: Any) -> Any:
    """Return a pandas frame as Arrow; columns of mixed or unknown types become text."""
    import pandas as pd
    import pyarrow as pa

    columns = {}
    for name in frame.columns:
        column = _dense(frame[name])
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            moments = pa.Array.from_pandas(column.dt.tz_convert(None))
            columns[name] = moments.view(pa.timestamp(moments.type.unit, "UTC"))
            continue
        try:
            columns[name] = pa.Array.from_pandas(_unmixed(column))
        except (pa.ArrowException, OverflowError):
            columns[name] = None
        if columns[name] is None or isinstance(columns[name].type, pa.BaseExtensionType):
            columns[name] = pa.Array.from_pandas(column.map(str, na_action="ignore"))
    return pa.table(columns)


def _dense(column: Any) -> Any:
    """Return sparse columns, and categories that are moments, as columns of their values."""
    import pandas as pd

    if isinstance(column.dtype, pd.SparseDtype):
        return column.sparse.to_dense()
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column
    of_type = column.cat.categories.dtype
    return column.astype(of_type) if isinstance(of_type, pd.DatetimeTZDtype) else column


def _unmixed(column: Any) -> Any:
    """Return objects that mix moments with a time zone, moments without, and dates as text.

    Arrow would take the zone of the first; the validation of text names the row.
    """
    import pandas as pd

    if column.dtype != object:
        return column
    if pd.api.types.infer_dtype(column, skipna=True) not in ("datetime", "date", "mixed"):
        return column
    kinds = {
        (isinstance(value, dt.datetime), getattr(value, "tzinfo", None) is not None)
        for value in column
        if isinstance(value, dt.date) and not pd.isna(value)
    }
    return column.map(str, na_action="ignore") if len(kinds) > 1 else column
