"""What the values of a column look like."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from engagement_ml.starter.moments import MomentFormat, moment_format
from engagement_ml.starter.sample import Sample

Looks = Literal["moment", "number", "text", "nested", "empty"]
_POINT = re.compile(r"[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.][0-9]*)?([eE][+-]?[0-9]+)?")
_COMMA = re.compile(r"[+-]?([0-9]+|[0-9]{1,3}([. '\u00a0][0-9]{3})+)(,[0-9]*)?")
_NULLS = frozenset({"null", "undefined", "none", "nan", "na", "n/a", "<na>", "\\n"})


@dataclass(frozen=True)
class Profile:
    """One column of a sample.

    Attributes
    ----------
    name : str
    looks : str
        What the values are; numbers that could be moments are numbers.
    moment : MomentFormat or None
        How the values are written, if they can be moments.
    decimal : str or None
        Decimal mark of numbers that are text, if it must be declared.
    ambiguous : bool
        Whether the decimal mark could also be a thousands separator.
    whole : bool
        Whether all numbers are whole.
    filled : float
        Share of rows with a value.
    values : tuple
        The values, without missing ones.
    distinct : int
        Number of different values.
    """

    name: str
    looks: Looks
    values: tuple[Any, ...]
    filled: float
    distinct: int
    moment: MomentFormat | None = None
    decimal: str | None = None
    ambiguous: bool = False
    whole: bool = False

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.filled == 1.0 and self.distinct == len(self.values)


def profiles_of(sample: Sample) -> dict[str, Profile]:
    """Return what each column of a sample looks like, by name."""
    return {name: profile_of(name, values) for name, values in sample.columns.items()}


def profile_of(name: str, column: Sequence[Any]) -> Profile:
    """Return what the values of a column look like.

    Examples
    --------
    >>> profile = profile_of("Betrag", ["1.234,50", "12,00", None])
    >>> profile.looks, profile.decimal, round(profile.filled, 2)
    ('number', ',', 0.67)
    """
    values = tuple(v for v in column if not _missing(v))
    filled = len(values) / len(column) if len(column) else 0.0
    if not values:
        return Profile(name, "empty", values, filled, 0)
    if any(isinstance(value, list | dict | bytes) for value in values):
        return Profile(name, "nested", values, filled, 0)
    distinct = len(set(map(str, values)))
    moment = moment_format(values)
    if moment is not None and not moment.numeric:
        return Profile(name, "moment", values, filled, distinct, moment)
    number = _number(values)
    if number is None:
        return Profile(name, "text", values, filled, distinct)
    decimal, ambiguous, whole = number
    return Profile(name, "number", values, filled, distinct, moment, decimal, ambiguous, whole)


def _missing(value: Any) -> bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and (not value.strip() or value.strip().lower() in _NULLS)


def _number(values: Sequence[Any]) -> tuple[str | None, bool, bool] | None:
    """Return decimal mark, whether it is ambiguous and whether all are whole; None for text."""
    if all(isinstance(v, int | float | Decimal) and not isinstance(v, bool) for v in values):
        return None, False, all(math.isfinite(v) and v == int(v) for v in values)
    if not all(isinstance(value, str) for value in values):
        return None
    texts = [value.strip() for value in values]
    point = all(_POINT.fullmatch(text) for text in texts)
    comma = all(_COMMA.fullmatch(text) for text in texts)
    if not point and not comma:
        return None
    if point and not any("," in text for text in texts):
        whole = not any(re.search(r"[.](?!0*$)|[eE]", text) for text in texts)
        return None, False, whole
    if point and comma:
        # "1,234" alone is a thousand in one country and a little more than one in the other.
        return ".", True, False
    return ("." if point else ","), False, False


def decimal_of(profiles: Mapping[str, Profile], names: Sequence[str]) -> str | None:
    """Return the decimal mark that some columns of a table need."""
    marks = [profiles[name].decimal for name in names if name in profiles]
    return next((mark for mark in (",", ".") if mark in marks), None)
