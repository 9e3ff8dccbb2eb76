"""Suggestions for times that are numbers: which format their size speaks for."""

from __future__ import annotations

import re

_FIRST, _LAST = 631_152_000, 4_102_444_800
"""The years 1990 to 2099, in seconds since 1970."""
_UNITS = {"epoch s": 1, "epoch ms": 10**3, "epoch us": 10**6, "epoch ns": 10**9}
_DAY = re.compile(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([0-9]{6})?")


def format_hint(value: object, table: str) -> str:
    """Return what to write in the configuration for a time that is a number; else nothing.

    Examples
    --------
    >>> format_hint(1717165800000, "events")
    "; if it is milliseconds since 1970, write 'shape: {events: {format: epoch ms}}'"
    >>> print(format_hint("20240531", "events"))
    ; if it is a date, write 'shape: {events: {format: "%Y%m%d"}}'
    >>> format_hint("soon", "events")
    ''
    """
    text = str(value).strip().removesuffix(".0")
    if (match := _DAY.fullmatch(text)) is not None:
        written = "%Y%m%d%H%M%S" if match[4] else "%Y%m%d"
        return f"; if it is a date, write 'shape: {{{table}: {{format: \"{written}\"}}}}'"
    if not re.fullmatch(r"[0-9]+([.][0-9]+)?", text):
        return ""
    names = ("seconds", "milliseconds", "microseconds", "nanoseconds")
    for (written, unit), name in zip(_UNITS.items(), names, strict=True):
        if _FIRST <= float(text) / unit < _LAST:
            return (
                f"; if it is {name} since 1970, write 'shape: {{{table}: {{format: {written}}}}}'"
            )
    return ""
