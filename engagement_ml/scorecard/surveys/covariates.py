"""What a customer did in the weeks before a moment: margin, orders, behaviours, tenure."""

from __future__ import annotations

import numpy as np

from engagement_ml._typing import FloatArray, IntArray
from engagement_ml.features.period_panel import Periods


def totals_before(values: FloatArray, customer: IntArray, week: IntArray, span: int) -> FloatArray:
    """Return the sum over the weeks [week − span, week) of each row's customer.

    Parameters
    ----------
    values : array (n, T)
    customer, week : int arrays (r,)
    span : int
        Weeks; those before the record count as 0.

    Examples
    --------
    >>> totals_before(np.array([[1.0, 2.0, 4.0]]), np.array([0, 0]), np.array([2, 3]), 2).tolist()
    [3.0, 6.0]
    """
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:], dtype=np.float64)
    found = sums[customer, week] - sums[customer, np.maximum(week - span, 0)]
    return np.asarray(found, dtype=np.float64)


def most_frequent(periods: Periods, behaviours: tuple[str, ...], at_most: int) -> tuple[str, ...]:
    """Return the most frequent of some behaviours, in order of frequency."""
    place = [periods.behaviours.index(b) for b in behaviours]
    totals = periods.counts[..., place].sum(axis=(0, 1), dtype=np.float64)
    return tuple(behaviours[i] for i in np.argsort(-totals, kind="stable")[:at_most])


def described(
    periods: Periods,
    customer: IntArray,
    week: IntArray,
    span: int,
    behaviours: tuple[str, ...],
) -> dict[str, FloatArray]:
    """Return margin, orders, events by behaviour and tenure in weeks, before each row's week."""
    found = {
        "margin": totals_before(periods.gain - periods.loss, customer, week, span),
        "orders": totals_before(periods.orders.astype(np.float64), customer, week, span),
        "tenure": (week - np.maximum(periods.entry[customer], 0)).astype(np.float64),
    }
    for name in behaviours:
        counts = periods.counts[..., periods.behaviours.index(name)]
        found[name] = totals_before(counts.astype(np.float64), customer, week, span)
    return found


def in_logs(columns: dict[str, FloatArray]) -> FloatArray:
    """Return columns as sign(x) · log(1 + |x|), one beside the other, shape (r, k)."""
    logs = [np.sign(x) * np.log1p(np.abs(x)) for x in columns.values()]
    return np.column_stack(logs)
