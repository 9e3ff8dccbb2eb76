"""Values of measures as people read them, in the measure's unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engagement_ml.formatting import DASH, Money, decimals_for, finite, number, one_line
from engagement_ml.scorecard.card import Value

_SUFFIXES = {
    "percent": "%",
    "points": "",
    "score": "",
    "count": "",
    "rate": " per 1,000",
    "minutes": " min",
    "hours": " h",
}
_MOST_DECIMALS = 4


@dataclass(frozen=True)
class Writer:
    """Writes values of one unit.

    Parameters
    ----------
    unit : str
        As measures have it; another text follows the number.
    currency : str
        Code of the currency, for the unit ``currency``.

    Examples
    --------
    >>> percent, money = Writer("percent"), Writer("currency", "EUR")
    >>> percent(12.345), money(-3.5), Writer("visits")(12), Writer("hours").exact(24)
    ('12.3%', '−€3.50', '12.0 visits', '24 h')
    >>> percent.parts(Value(12.345, 11.2, 13.4)), percent.both(Value(12.345, 11.2, 13.4))
    (('12.3%', '11.2% to 13.4%'), '12.3% (11.2% to 13.4%)')
    >>> percent.parts(Value()), percent.parts(Value(2.0, 1.0, 3.0), signed=True)
    (('–', ''), ('+2.0 points', '1.0 to 3.0'))
    """

    unit: str
    currency: str = ""

    def __call__(self, value: float | None) -> str:
        """Return one value, a dash if there is none."""
        return self._text(value, self._decimals(value))

    def exact(self, value: float | None) -> str:
        """Return a value that people chose, such as a target, with the decimals that it has."""
        x = finite(value)
        if x is None:
            return DASH
        decimals = next((n for n in range(_MOST_DECIMALS) if round(x, n) == x), _MOST_DECIMALS)
        return self._text(x, decimals)

    def parts(self, value: Value, *, signed: bool = False) -> tuple[str, str]:
        """Return a value and its interval, with the same decimals; empty without an interval.

        `signed` is for differences and slopes; those of percentages are in points.
        """
        if finite(value.value) is None:
            return DASH, ""
        if signed and self.unit == "percent":
            shown, interval = Writer("points").parts(value, signed=True)
            return f"{shown} points", interval
        decimals = self._decimals(value.value, value.low, value.high)
        shown = self._text(value.value, decimals, signed=signed)
        if finite(value.low) is None or finite(value.high) is None:
            return shown, ""
        return shown, f"{self._bound(value.low, decimals)} to {self._bound(value.high, decimals)}"

    def both(self, value: Value) -> str:
        """Return a value with its interval in brackets."""
        shown, interval = self.parts(value)
        return f"{shown} ({interval})" if interval else shown

    def tick(self, value: float, decimals: int) -> str:
        """Return a value for an axis."""
        if self.unit == "currency":
            return Money(one_line(self.currency)).tick(value, decimals)
        return number(value, decimals) + ("%" if self.unit == "percent" else "")

    def _decimals(self, *values: float | None) -> int:
        largest = max((abs(x) for v in values if (x := finite(v)) is not None), default=0.0)
        if self.unit in ("percent", "points"):
            return 1 if largest >= 1 or largest == 0 else 2
        if self.unit != "currency" and 10 <= largest < 100:
            return 1
        return decimals_for(largest)

    def _text(self, value: float | None, decimals: int, *, signed: bool = False) -> str:
        if finite(value) is None:
            return DASH
        if self.unit == "currency":
            return Money(one_line(self.currency))(value, decimals, signed=signed)
        suffix = _SUFFIXES.get(self.unit, f" {one_line(self.unit)}".rstrip())
        return number(value, decimals, signed=signed) + suffix

    def _bound(self, value: float | None, decimals: int) -> str:
        if self.unit == "currency":
            return Money(one_line(self.currency))(value, decimals)
        return number(value, decimals) + ("%" if self.unit == "percent" else "")


def as_value(given: Any) -> Value | None:
    """Return an estimate in any of the usual forms as a `Value`; None if it is none.

    Examples
    --------
    >>> as_value((1.5, 1, 2)) == as_value({"value": 1.5, "low": 1, "high": 2}) == Value(1.5, 1, 2)
    True
    >>> as_value("driver"), as_value(True), as_value(3).value
    (None, None, 3.0)
    """
    if isinstance(given, Value):
        return given
    if isinstance(given, Mapping):
        if "value" not in given:
            return None
        low, high = finite(given.get("low")), finite(given.get("high"))
        note = str(given.get("note") or "")
        return Value(finite(given["value"]), low, high, int(given.get("n") or 0), note=note)
    if isinstance(given, list | tuple):
        if len(given) != 3 or any(isinstance(each, str) for each in given):
            return None
        return Value(finite(given[0]), finite(given[1]), finite(given[2]))
    return None if finite(given) is None else Value(finite(given))
