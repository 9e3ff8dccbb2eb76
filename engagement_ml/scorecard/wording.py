"""Values of measures as people read them."""

from __future__ import annotations

from engagement_ml.formatting import Money, decimals_for, number, spread
from engagement_ml.scorecard.card import Value

_SUFFIX = {
    "percent": "%", "points": " points", "minutes": " minutes", "hours": " hours",
    "rate": " per 1,000",
}  # fmt: skip


def shown(value: float | None, unit: str, currency: str, *, signed: bool = False) -> str:
    """Return a number with its unit.

    Examples
    --------
    >>> shown(62.5, "percent", "EUR"), shown(12.346, "currency", "EUR"), shown(None, "count", "EUR")
    ('62.5%', '€12.35', 'no data')
    >>> shown(-3.0, "points", "EUR", signed=True)
    '−3.0 points'
    """
    if value is None:
        return "no data"
    if unit == "currency":
        return Money(currency)(value, signed=signed)
    if unit in ("percent", "points"):
        return number(value, 1, signed=signed) + _SUFFIX[unit]
    return number(value, decimals_for(value), signed=signed) + _SUFFIX.get(unit, "")


def with_interval(value: Value, unit: str, currency: str) -> str:
    """Return a value with its unit and its 95% interval, if it has one.

    Examples
    --------
    >>> with_interval(Value(62.5, 47.0, 75.8), "percent", "EUR")
    '62.5% (47.0 to 75.8)'
    """
    if unit == "currency" and value.value is not None:
        return Money(currency).estimate(value.value, value.low, value.high)
    text = shown(value.value, unit, currency)
    if value.value is None or value.low is None or value.high is None:
        return text
    decimals = 1 if unit in ("percent", "points") else None
    return f"{text} ({spread(value.low, value.high, decimals)})"
