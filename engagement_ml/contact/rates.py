"""Contacts per week, as people read them."""

from __future__ import annotations

from engagement_ml.formatting import number


def per_week(contacts: float, days: int) -> str:
    """Return contacts in a window as contacts per week.

    Examples
    --------
    >>> per_week(12, 84), per_week(3, 84)
    ('1', '0.25')
    """
    weekly = contacts * 7 / days
    return number(weekly, 2 if weekly < 1 else 1).removesuffix(".0")
