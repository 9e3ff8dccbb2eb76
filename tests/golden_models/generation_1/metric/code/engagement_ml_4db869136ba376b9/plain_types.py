"""Conversion of values to plain JSON types."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engagement_ml_4db869136ba376b9.errors import InputError

_SCALARS = (bool, int, float, str, dt.date, Path)


def plain(value: Any) -> Any:
    """Turn a value into plain JSON types.

    NumPy scalars and arrays become numbers and lists, dates and timestamps ISO 8601 text, paths
    text, dataclasses and mappings dictionaries with text keys; sets are sorted. NaN, infinity and
    a missing timestamp become null.

    Raises
    ------
    TypeError
        If a value has no plain form.

    Examples
    --------
    >>> import numpy as np
    >>> plain({"n": np.int64(3), "r2": np.float64("nan"), "cutoffs": (dt.date(2024, 1, 1),)})
    {'n': 3, 'r2': None, 'cutoffs': ['2024-01-01']}
    """
    if value is None or isinstance(value, _SCALARS):
        return _plain_scalar(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    if callable(to_list := getattr(value, "tolist", None)):
        return plain(to_list())
    raise TypeError(f"a {type(value).__name__} has no plain form")


def _plain_scalar(value: Any) -> str | bool | int | float | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dt.date):
        # A missing timestamp of pandas is a date that does not equal itself.
        return value.isoformat() if value == value else None  # noqa: PLR0124
    return str(value)


def as_path(value: Any, wanted: str) -> Path:
    """Return a path given as text or as a path.

    Parameters
    ----------
    value : str or path
    wanted : str
        What the path leads to, for the message.

    Raises
    ------
    InputError
        If it is anything else.

    Examples
    --------
    >>> as_path(None, "a metric.json")
    Traceback (most recent call last):
    ...
    engagement_ml.errors.InputError: expected the path of a metric.json, found None
    """
    if isinstance(value, os.PathLike) or (isinstance(value, str) and "\0" not in value):
        return Path(value)
    raise InputError(f"expected the path of {wanted}, found {value!r:.60}")
