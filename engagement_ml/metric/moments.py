"""Points in time as naive UTC timestamps, and lengths in whole days."""

from __future__ import annotations

import datetime as dt
import operator
from typing import Any

import narwhals as nw

from engagement_ml.errors import InputError
from engagement_ml.metric.values import shown

_NOT_A_DATE = "as_of: {!r} is not a date; give one like 2024-03-01"
_NOT_DAYS = (
    "key '{key}': {value} must be a whole number of days, at least {least} and at most {most}"
)
MOST_DAYS = 36_500
"""Longest window: a hundred years."""


def as_utc(moment: dt.date | dt.datetime | str) -> dt.datetime:
    """Convert a date (its midnight), a timestamp or ISO 8601 text; naive values are UTC.

    Returns
    -------
    datetime
        Naive, in UTC.

    Raises
    ------
    InputError
        If text is not an ISO 8601 date or timestamp, or the value is of another type.

    Examples
    --------
    >>> as_utc("2024-03-01"), as_utc("2024-03-01T01:00:00+02:00")
    (datetime.datetime(2024, 3, 1, 0, 0), datetime.datetime(2024, 2, 29, 23, 0))
    """
    if isinstance(moment, str):
        try:
            moment = dt.datetime.fromisoformat(moment)
        except ValueError:
            raise InputError(_NOT_A_DATE.format(moment)) from None
    if not isinstance(moment, dt.datetime):
        if not isinstance(moment, dt.date):
            raise InputError(_NOT_A_DATE.format(moment))
        moment = dt.datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
        except OverflowError:
            raise InputError(_NOT_A_DATE.format(str(moment))) from None
    return moment


def in_utc(frame: Any, column: str) -> Any:
    """Return a pandas frame with a column of zoned timestamps in UTC; other frames unchanged.

    Narwhals does not know the types of pandas for zones such as America/New_York or +05:30.
    """
    if not frame.implementation.is_pandas() or column not in frame.columns:
        return frame
    native = frame.to_native()
    if getattr(native[column].dtype, "tz", None) is None:
        return frame
    return nw.from_native(native.assign(**{column: native[column].dt.tz_convert("UTC")}))


def days_before(moment: dt.datetime, days: int) -> dt.datetime:
    """Return the moment `days` earlier, no earlier than the first that Python knows.

    Examples
    --------
    >>> days_before(dt.datetime(1, 3, 1), 84)
    datetime.datetime(1, 1, 1, 0, 0)
    """
    earliest = dt.datetime.min.replace(tzinfo=moment.tzinfo)
    return moment - min(dt.timedelta(days=days), moment - earliest)


def whole_days(key: str, value: object, least: int) -> int:
    """Return a length in days as an int.

    Raises
    ------
    InputError
        If it is not a whole number, below `least` or beyond `MOST_DAYS`; the message names `key`.

    Examples
    --------
    >>> whole_days("gap_days", 7, 0)
    7
    """
    try:
        days = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise InputError(
            _NOT_DAYS.format(key=key, value=shown(value), least=least, most=MOST_DAYS)
        ) from None
    if isinstance(value, bool) or not least <= days <= MOST_DAYS:
        raise InputError(_NOT_DAYS.format(key=key, value=shown(value), least=least, most=MOST_DAYS))
    return days
