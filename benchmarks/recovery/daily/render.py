"""Events as they are logged, weekly arrays and tables of a simulated history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.recovery.daily.simulate import Floats, History, Ints, Rng, moments
from benchmarks.recovery.daily.spec import BURN, Array

START = np.datetime64("2023-01-02", "us")
DAY_US = 86_400_000_000


@dataclass(frozen=True, eq=False)
class Log:
    """Events or transactions in time order; moments are days since the start of the data."""

    customer: Ints
    moment: Floats
    code: Ints
    revenue: Floats
    margin: Floats

    @classmethod
    def of(cls, customer: Ints, moment: Floats, *columns: NDArray[np.generic]) -> Log:
        """Return the rows in time order; missing columns are 0."""
        order = np.argsort(moment, kind="stable")
        code, revenue, margin = (*columns, *[np.zeros(moment.size)] * 3)[:3]
        return cls(customer[order], moment[order], code[order], revenue[order], margin[order])


def logged_events(history: History, rng: Rng) -> Log:
    """Return the events that tracking logs, of customers who are there."""
    plan = history.plan
    n, n_behaviours = history.counts.shape[1:]
    flat = history.counts.reshape(-1)
    cell = np.repeat(np.flatnonzero(flat), flat[flat > 0])
    code, rest = cell % n_behaviours, cell // n_behaviours
    customer, day = rest % n, rest // n
    moment = moments(rng, day, cell.size)
    parts = [(customer, moment, code), *history.followed]
    customer, moment, code = (np.concatenate([part[i] for part in parts]) for i in range(3))
    kept = _there(history, customer, moment, rng)
    customer, moment, code = customer[kept], moment[kept], code[kept]
    for j, b in enumerate(plan.behaviours):
        if b.tracked is not None:
            here = np.flatnonzero(code == j)
            share = _tracked(b.tracked, customer[here], moment[here].astype(np.int64))
            draws = rng.random(here.size)
            twice = here[draws < share - 1]
            lost = here[draws >= share]
            moment[lost] = -1.0
            customer = np.concatenate([customer, customer[twice]])
            code = np.concatenate([code, code[twice]])
            moment = np.concatenate([moment, moment[twice] + 2e-5])
    logged = (moment >= BURN) & (moment < plan.n_days)
    return Log.of(customer[logged], moment[logged] - BURN, code[logged])


def _there(history: History, customer: Ints, moment: Floats, rng: Rng) -> NDArray[np.bool_]:
    """Return which events happen: none after leaving, fewer in the notice period."""
    if history.base_hazard is None:
        return np.ones(customer.size, dtype=bool)
    elapsed = moment - history.decided[customer]
    span = np.maximum(history.notice[customer], 1)
    fading = history.plan.orders.fading
    share = np.where(elapsed > 0, 1 - (1 - fading) * np.minimum(2 * elapsed / span, 1), 1.0)
    return (moment < history.leave[customer]) & (rng.random(customer.size) < share)


def _tracked(tracked: Array, customer: Ints, day: Ints) -> Array:
    """Return the share of events logged, by event."""
    day = np.minimum(day, tracked.shape[0] - 1)
    return tracked[day] if tracked.ndim == 1 else tracked[day, customer]


def booked(history: History) -> Log:
    """Return orders, fees and returns within the data, of customers who were there."""
    parts = [np.concatenate([part[i] for part in history.orders]) for i in range(4)]
    customer, moment, revenue, margin = parts
    end = history.plan.n_days
    here = (moment >= BURN) & (moment < np.minimum(history.leave[customer], end))
    return Log.of(
        customer[here],
        moment[here] - BURN,
        np.zeros(int(here.sum()), dtype=np.int64),
        np.round(revenue[here], 2),
        np.round(margin[here], 4),
    )


def weekly_sum(log: Log, amount: Floats, n: int, n_weeks: int) -> Floats:
    """Return amounts by customer and week, (n, T)."""
    cell = log.customer * n_weeks + (log.moment // 7).astype(np.int64)
    return np.bincount(cell, amount, minlength=n * n_weeks).reshape(n, n_weeks)


def weekly_counts(log: Log, n: int, n_weeks: int, n_behaviours: int) -> Array:
    """Return logged events by customer, week and behaviour, (n, T, B)."""
    cell = (log.customer * n_weeks + (log.moment // 7).astype(np.int64)) * n_behaviours + log.code
    flat = np.bincount(cell, minlength=n * n_weeks * n_behaviours)
    return flat.reshape(n, n_weeks, n_behaviours).astype(np.float32)


def names_of(n: int) -> pa.Array:
    return pa.array([f"c{i:06d}" for i in range(n)])


def text(codes: Ints, values: pa.Array) -> pd.Series:
    """Return a text column from integer codes."""
    return pd.Series(pd.array(values.take(pa.array(codes)), dtype="str"))


def times(moment: Floats) -> NDArray[np.datetime64]:
    return START + (moment * DAY_US).astype(np.int64).astype("timedelta64[us]")


def event_table(
    log: Log, names: tuple[str, ...], n: int, left: Ints, leave: Floats, churn: str | None
) -> pd.DataFrame:
    """Return the events table; with `churn`, the cancellations are among the events."""
    customer, moment, code = log.customer, log.moment, log.code
    if churn is not None:
        customer = np.concatenate([customer, left])
        moment = np.concatenate([moment, leave[left] + 0.001])
        code = np.concatenate([code, np.full(left.size, len(names))])
        order = np.argsort(moment, kind="stable")
        customer, moment, code = customer[order], moment[order], code[order]
    return pd.DataFrame(
        {
            "customer_id": text(customer, names_of(n)),
            "timestamp": times(moment),
            "event_type": text(code, pa.array([*names, *([churn] if churn else [])])),
        }
    )


def transaction_table(log: Log, n: int) -> pd.DataFrame:
    """Return the transactions table."""
    return pd.DataFrame(
        {
            "customer_id": text(log.customer, names_of(n)),
            "timestamp": times(log.moment),
            "revenue": log.revenue,
            "margin": log.margin,
        }
    )


def customer_table(entry: Ints, segments: dict[str, NDArray[np.object_]], rng: Rng) -> pd.DataFrame:
    """Return sign-up times and segments; those there from the start signed up before it."""
    n = entry.size
    day = np.where(entry > 0, entry * 1.0, -1.0 - rng.exponential(300.0, n))
    frame = pd.DataFrame(
        {"customer_id": text(np.arange(n), names_of(n)), "signup": times(np.round(day, 4))}
    )
    return frame.assign(**{name: pd.Series(values) for name, values in segments.items()})
