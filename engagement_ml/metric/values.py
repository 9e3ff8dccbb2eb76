"""Values that a user gives a metric: numbers and texts checked, and shown in messages."""

from __future__ import annotations

import math
from collections.abc import Sized

from engagement_ml.errors import InputError

_LONGEST = 60
"""Characters of a value that a message shows."""


def shown(value: object) -> str:
    """Return a value as a message shows it: short, whatever the value is.

    Examples
    --------
    >>> shown("a" * 100)[-5:], shown(10**5000)
    ('aaaa…', 'an int of 16610 bits')
    """
    if isinstance(value, Sized) and value and not isinstance(value, str | bytes):
        # Aliases of YAML can nest lists whose text has more characters than memory.
        return f"a {type(value).__name__} of {len(value)}"
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        # Python writes no whole number of more than 4,300 digits.
        if isinstance(value, int):
            return f"an int of {value.bit_length()} bits"
        return f"a {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def as_number(value: object) -> float:
    """Return a number as a float; NaN for anything else, and for a number beyond float64.

    Examples
    --------
    >>> as_number(3), as_number("3"), as_number(True), as_number(10**400)
    (3.0, nan, nan, nan)
    """
    if isinstance(value, bool | str):
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan


def check_text(key: str, value: object, *, optional: bool = False) -> None:
    """Check that a value is text that can be written as UTF-8.

    Raises
    ------
    InputError
        If it is not; the message names `key`.
    """
    if value is None and optional:
        return
    if not isinstance(value, str):
        raise InputError(f"key '{key}': {shown(value)} is not text")
    if not is_writable(value):
        raise InputError(
            f"key '{key}': {shown(value)} holds a NUL or half of a surrogate pair; remove it"
        )


def is_writable(text: str) -> bool:
    r"""Return whether text can be written as UTF-8, and be a name on every engine.

    Examples
    --------
    >>> is_writable("naïve 日本"), is_writable("\ud800")
    (True, False)
    """
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
