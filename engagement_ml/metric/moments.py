"""What a user gives as a moment, read as a naive UTC timestamp."""

from __future__ import annotations

import datetime as dt

from engagement_ml.errors import InputError


def as_utc(moment: dt.date | dt.datetime | str) -> dt.datetime:
    """Read a date (its midnight), a timestamp or ISO 8601 text; naive is UTC already.

    Returns
    -------
    datetime
        Naive, in UTC.

    Raises
    ------
    InputError
        Where text is no ISO 8601 date or timestamp.

    Examples
    --------
    >>> as_utc("2024-03-01"), as_utc("2024-03-01T01:00:00+02:00")
    (datetime.datetime(2024, 3, 1, 0, 0), datetime.datetime(2024, 2, 29, 23, 0))
    """
    if isinstance(moment, str):
        try:
            moment = dt.datetime.fromisoformat(moment)
        except ValueError:
            raise InputError(f"as_of: {moment!r} is no date; give one such as 2024-03-01") from None
    if not isinstance(moment, dt.datetime):
        if not isinstance(moment, dt.date):
            raise InputError(f"as_of: {moment!r} is no date; give one such as 2024-03-01")
        moment = dt.datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return moment
