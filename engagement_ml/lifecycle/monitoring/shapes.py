"""Distributions of counts and of the score, compared between windows that lie a month apart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.formatting import number
from engagement_ml.lifecycle.monitoring.limits import limit
from engagement_ml.lifecycle.monitoring.rows import MonitorRow

KIND = "shape"
LEAST_PAIRS = 10
"""Pairs of windows in the history from which the limit is learned."""
LEAST_CUSTOMERS = 100
SMALLEST_SHIFT = 0.25
"""Classes by which customers must move on average before it is an alarm."""


@dataclass(frozen=True)
class WindowShapes:
    """Customers per class of a count or of the score, in windows four weeks apart.

    Attributes
    ----------
    ends : tuple of date
        End of each of P windows, exclusive; the last one is the date of the monitor.
    customers : mapping of subject to array of shape (P, classes)
    """

    ends: tuple[dt.date, ...]
    customers: Mapping[str, FloatArray]


def shape_rows(shapes: WindowShapes, rate: float) -> list[MonitorRow]:
    """Compare the last window with the one four weeks before it.

    The distance is Wasserstein's, in classes. Its limit is learned from all earlier pairs of
    windows that lie as far apart, as for volumes.

    Parameters
    ----------
    shapes : WindowShapes
    rate : float
        Probability of any false alarm.
    """
    n = max(len(shapes.customers), 1)
    return [
        _row(subject, customers, shapes.ends, rate / n)
        for subject, customers in shapes.customers.items()
    ]


def distances(customers: FloatArray) -> FloatArray:
    """Return Wasserstein's distance between each distribution and the one before it.

    Parameters
    ----------
    customers : array of shape (P, classes)

    Returns
    -------
    array of shape (P - 1,)
        In classes; NaN if one of the two has no customers.

    Examples
    --------
    >>> distances(np.array([[4.0, 0, 0], [2, 2, 0], [0, 0, 9]]))
    array([0.5, 1.5])
    """
    total = customers.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        cumulated = np.cumsum(customers, axis=1) / total
    moved: FloatArray = np.abs(np.diff(cumulated, axis=0)).sum(axis=1)
    return moved


def _row(subject: str, customers: FloatArray, ends: tuple[dt.date, ...], rate: float) -> MonitorRow:
    period = ends[-1] - dt.timedelta(days=7)

    def unknown(reason: str) -> MonitorRow:
        return MonitorRow(KIND, subject, period, None, None, None, None, "unknown", reason)

    if customers[-1].sum() < LEAST_CUSTOMERS:
        return unknown(f"Fewer than {LEAST_CUSTOMERS} customers; their distribution says little.")
    moved = distances(customers)
    past = moved[:-1][np.isfinite(moved[:-1])]
    if len(past) < LEAST_PAIRS or not np.isfinite(moved[-1]):
        return unknown(
            f"The history has {len(past)} pairs of windows; {LEAST_PAIRS} are needed to say which "
            "change of the distribution is usual."
        )
    usual = max(float(np.median(past)), 1e-6)
    found = limit(past / usual, rate, 1, at_least=LEAST_PAIRS)
    assert found is not None
    # Windows overlap and few pairs are apart; a pair beyond the history's largest by half is new.
    high = max(found * usual, 1.5 * float(past.max()), SMALLEST_SHIFT)
    value = float(moved[-1])
    text = (
        f"Customers moved by {number(value, 2)} classes on average within four weeks; usual are "
        f"{number(usual, 2)}, and up to {number(high, 2)} is no alarm."
    )
    status = "alarm" if value > high else "ok"
    return MonitorRow(KIND, subject, period, value, usual, 0.0, high, status, text)  # type: ignore[arg-type]
