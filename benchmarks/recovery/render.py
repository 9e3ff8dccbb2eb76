"""Event, transaction and customer tables of a simulation, in the input format of the package."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

START = np.datetime64("2023-01-02", "us")
DAY_US = 86_400_000_000

EventTimes = Mapping[str, tuple[NDArray[np.int64], NDArray[np.float64]]]


def ids(n: int) -> pa.Array:
    return pa.array([f"c{i:06d}" for i in range(n)])


def text(codes: NDArray[np.int64], values: pa.Array) -> pd.Series:
    """Return a text column from integer codes, without a Python object per row."""
    strings = values.take(pa.array(codes))
    return pd.Series(pd.array(strings, dtype="str"))


def moments(days: NDArray[np.float64]) -> NDArray[np.datetime64]:
    return START + (days * DAY_US).astype(np.int64).astype("timedelta64[us]")


def event_table(
    counts: NDArray[np.float32],
    names: tuple[str, ...],
    event_times: EventTimes,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return events in time order; those without a given time get a random time in their week."""
    n, n_weeks, _ = counts.shape
    customer_parts, day_parts, code_parts = [], [], []
    for j, name in enumerate(names):
        if name in event_times:
            customer, when = event_times[name]
        else:
            flat = counts[:, :, j].reshape(-1).astype(np.int64)
            cell = np.repeat(np.arange(flat.size), flat)
            customer = cell // n_weeks
            when = (cell % n_weeks + rng.random(cell.size)) * 7.0
        customer_parts.append(customer)
        day_parts.append(when)
        code_parts.append(np.full(customer.size, j))
    parts = (customer_parts, day_parts, code_parts)
    customers, days, codes = (np.concatenate(part) for part in parts)
    order = np.argsort(days, kind="stable")
    return pd.DataFrame(
        {
            "customer_id": text(customers[order], ids(n)),
            "timestamp": moments(days[order]),
            "event_type": text(codes[order], pa.array(names)),
        }
    )


def with_cancellations(
    events: pd.DataFrame, leave: NDArray[np.int64], n_weeks: int, name: str
) -> pd.DataFrame:
    """Add cancellation events, in the first minutes of the week in which they take effect."""
    leaving = np.flatnonzero(leave <= n_weeks - 1)
    cancellations = pd.DataFrame(
        {
            "customer_id": text(leaving, ids(leave.size)),
            "timestamp": moments(leave[leaving] * 7.0 + 0.001),
            "event_type": text(np.zeros(leaving.size, dtype=np.int64), pa.array([name])),
        }
    )
    table = pd.concat([events, cancellations], ignore_index=True)
    return table.sort_values("timestamp", kind="stable", ignore_index=True)


def transaction_table(
    n: int,
    customer: NDArray[np.int64],
    day: NDArray[np.float64],
    revenue: NDArray[np.float64],
    margin: NDArray[np.float64],
    *,
    costs: bool,
) -> pd.DataFrame:
    """Return transactions in time order, with revenue and either margin or cost."""
    order = np.argsort(day, kind="stable")
    frame = pd.DataFrame(
        {"customer_id": text(customer[order], ids(n)), "timestamp": moments(day[order])}
    )
    frame["revenue"] = revenue[order]
    if costs:
        frame["cost"] = (revenue - margin)[order]
    else:
        frame["margin"] = margin[order]
    return frame


def customer_table(
    entry: NDArray[np.int64],
    columns: Mapping[str, pd.Series],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return sign-up times and covariates; the earliest customers signed up before the data."""
    before = -rng.exponential(300.0, entry.size) - 1.0
    day = np.where(entry > 0, entry * 7.0, before)
    frame = pd.DataFrame(
        {
            "customer_id": text(np.arange(entry.size), ids(entry.size)),
            "signup": moments(day).astype("datetime64[s]").astype("datetime64[us]"),
        }
    )
    return frame.assign(**columns)
