"""How the times of a column are written: the format that reads all of them."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from typing import Any

from engagement_ml.engine.moments import MOMENT, ZONE

_DATES = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%Y%m%d",
    "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
    "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%b-%y",
)  # fmt: skip
_TIMES = (
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S", "T%H:%M", ", %H:%M", ", %H:%M:%S",
    " %I:%M %p", " %I:%M:%S %p", ", %I:%M %p", ", %I:%M:%S %p", "%H%M%S",
)  # fmt: skip
FORMATS = tuple(
    date + time for date, time in product(_DATES, _TIMES) if time != "%H%M%S" or date == "%Y%m%d"
)
"""Formats that are tried, day before month."""
EPOCHS = {"epoch s": 1, "epoch ms": 10**3, "epoch us": 10**6, "epoch ns": 10**9}
"""Numbers that count since 1970, and how many of them are a second."""
_FIRST, _LAST = 631_152_000, 4_102_444_800
"""1990 and 2100, in seconds."""
_CLEAR = 0.95
"""Share of rows in order of time that makes a format the likely one."""


@dataclass(frozen=True)
class MomentFormat:
    """How a column's times are written.

    Attributes
    ----------
    format : str or None
        The format; None if the times are read without one.
    zoned : bool
        Whether the times have a zone.
    others : tuple of str
        Other formats that read all values as well.
    numeric : bool
        Whether the values are numbers, which could also be something else.
    """

    format: str | None
    zoned: bool = False
    others: tuple[str, ...] = ()
    numeric: bool = False


def moment_format(values: Sequence[Any]) -> MomentFormat | None:
    """Return how values are written if all of them are moments; None if they are something else.

    Parameters
    ----------
    values : sequence
        Values without nulls, in the order of the file.

    Examples
    --------
    >>> moment_format(["31.01.2024 10:00", "01.02.2024 11:30"]).format
    '%d.%m.%Y %H:%M'
    >>> moment_format(["1/2/2024", "3/2/2024"])
    MomentFormat(format='%d/%m/%Y', zoned=False, others=('%m/%d/%Y',), numeric=False)
    >>> moment_format([1704448800123, 1704448900456]).format
    'epoch ms'
    >>> moment_format(["2024-01-05 10:12:33 -0500"])
    MomentFormat(format=None, zoned=True, others=(), numeric=False)
    >>> moment_format(["red", "green"]) is None
    True
    """
    if not values:
        return None
    if all(isinstance(value, dt.date) for value in values):
        zoned = any(isinstance(v, dt.datetime) and v.tzinfo is not None for v in values)
        return MomentFormat(None, zoned)
    if epoch := _epoch(values):
        return MomentFormat(epoch, zoned=True, numeric=True)
    if not all(isinstance(value, str) for value in values):
        return None
    if all(re.match(MOMENT, value) for value in values):
        return MomentFormat(None, any(re.search(ZONE, value) for value in values))
    return _text_format(values)


def _epoch(values: Sequence[Any]) -> str | None:
    """Return the unit of numbers that all lie between 1990 and 2100."""
    numbers = []
    for value in values:
        if isinstance(value, bool):
            return None
        if isinstance(value, str):
            if not re.fullmatch(r"[0-9]{9,19}([.]0)?", value):
                return None
            numbers.append(int(value.partition(".")[0]))
        elif isinstance(value, int | float) and math.isfinite(value):
            numbers.append(int(value))
        else:
            return None
    for unit, second in EPOCHS.items():
        if all(_FIRST * second <= number < _LAST * second for number in numbers):
            return unit
    return None


def _text_format(values: Sequence[str]) -> MomentFormat | None:
    candidates = _by_skeleton().get(_skeleton(values[0]), ())
    fitting = [form for form in candidates if _reads(form, values)]
    if not fitting:
        return None
    # A file is often in the order of time, which one of the formats then shows.
    ordered = sorted(fitting, key=lambda form: -_clear(form, values))
    best, others = ordered[0], tuple(ordered[1:])
    return MomentFormat(best, best.endswith("%z"), others, numeric=best == "%Y%m%d")


@cache
def _by_skeleton() -> dict[str, tuple[str, ...]]:
    """Return the formats by the skeleton of what they write; trying all of them takes seconds."""
    example = dt.datetime(2024, 5, 31, 14, 30, 15, 500_000, tzinfo=dt.UTC)
    found: dict[str, tuple[str, ...]] = {}
    zoned = [f"{form}{blank}%z" for form in FORMATS if ":" in form for blank in (" ", "")]
    for form in (*FORMATS, *zoned):
        skeleton = _skeleton(example.strftime(form))
        found[skeleton] = (*found.get(skeleton, ()), form)
    return found


def _skeleton(text: str) -> str:
    """Return a text with numbers, names and zones marked as such.

    Examples
    --------
    >>> _skeleton("31.01.2024 10:00"), _skeleton("5 May 2024 10:00 +0200")
    ('9.9.9 9:9', '9 a 9 9:9 z')
    """
    marked = re.sub(
        r"(:[0-9]{2}(?:[.][0-9]+)?)( ?)(?:[+-][0-9]{2}:?[0-9]{2}|Z)$", r"\1\2~", text.strip()
    )
    marked = re.sub("[A-Za-z]+", "a", re.sub("[0-9]+", "9", marked))
    return marked.replace("~", "z")


def _clear(form: str, values: Sequence[str]) -> bool:
    return _in_order(form, values) >= _CLEAR


def _reads(form: str, values: Sequence[str]) -> bool:
    try:
        for value in values:
            moment = dt.datetime.strptime(value.strip(), form)
            if not 1900 <= moment.year <= 2100:
                return False
    except ValueError:
        return False
    return True


def _in_order(form: str, values: Sequence[str]) -> float:
    """Return the share of neighbours in order of time, in either direction."""
    moments = [dt.datetime.strptime(value.strip(), form) for value in values]
    if len(moments) < 3:
        return 0.0
    up = sum(a <= b for a, b in pairwise(moments))
    down = sum(a >= b for a, b in pairwise(moments))
    return max(up, down) / (len(moments) - 1)
