"""Generator of event logs with realistic skew and bursts: one Parquet file per day.

Activity per customer is log-normal, so that a few customers cause most events. Events come in
sessions, in which the same behaviour is repeated several times, seconds apart. Rows are in time
order.
"""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

FIRST = dt.date(2024, 1, 1)
DAYS = 364
BEHAVIOURS = (
    "page_view", "search", "product_view", "like", "video_play",
    "wishlist_add", "share", "support_chat", "tutorial_done", "review_written",
)  # fmt: skip
SHARES = np.array([0.34, 0.17, 0.15, 0.1, 0.08, 0.06, 0.04, 0.03, 0.02, 0.01])
SESSION_EVENTS = 8
REPEAT_PROBABILITY = 0.6
"""Probability that the next event of a session has the type of the previous one."""
WITH_VALUE = (2, 7)
EVENTS_PER_CUSTOMER = 100
ORDERS_PER_CUSTOMER = 4
DAY_SECONDS = 86_400


def write_data(folder: Path, n_events: int, *, days: int = DAYS, seed: int = 0) -> None:
    """Write ``events/day=*.parquet`` and ``transactions.parquet`` unless they exist."""
    if (folder / "transactions.parquet").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "events").mkdir(parents=True)
    rng = np.random.default_rng(seed)
    cumulative, ids = _customers(n_events, rng)
    first_id = 0
    for day in range(days):
        rows = n_events * (day + 1) // days - n_events * day // days
        write_day(folder / "events", day, rows, cumulative, ids, first_id, seed)
        first_id += rows
    _write_transactions(folder, len(ids), ids, days, rng)


def write_next_day(folder: Path, n_events: int, *, days: int = DAYS, seed: int = 0) -> None:
    """Append one more day of events and transactions to a folder that ``write_data`` filled."""
    rng = np.random.default_rng(seed)
    cumulative, ids = _customers(n_events, rng)
    write_day(folder / "events", days, n_events // days, cumulative, ids, n_events, seed)
    file = folder / "transactions.parquet"
    existing = pq.read_table(file)
    rows = len(existing) // days
    midnight = np.datetime64(FIRST + dt.timedelta(days=days), "us")
    time = np.sort(rng.integers(0, DAY_SECONDS, rows))
    time[-1] = DAY_SECONDS - 1
    added = _transactions(ids, midnight + time.astype("timedelta64[s]"), rng)
    pq.write_table(pa.concat_tables([existing, added]), file)


def _customers(
    n_events: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the cumulative share of activity of each customer, and the customers' ids."""
    customers = max(100, n_events // EVENTS_PER_CUSTOMER)
    cumulative = np.cumsum(rng.lognormal(0.0, 1.3, customers))
    return cumulative / cumulative[-1], rng.permutation(customers) + 10_000_000


def write_day(
    folder: Path,
    day: int,
    rows: int,
    cumulative: npt.NDArray[np.float64],
    ids: npt.NDArray[np.int64],
    first_id: int,
    seed: int,
) -> None:
    """Write the events of one day, with ids from `first_id` on."""
    rng = np.random.default_rng([seed, day])
    session = np.cumsum(rng.random(rows) < 1 / SESSION_EVENTS)
    n_sessions = int(session[-1]) + 1 if rows else 0
    customer = ids[np.searchsorted(cumulative, rng.random(n_sessions))][session]
    started = rng.integers(0, DAY_SECONDS * 10**6, n_sessions)[session]
    elapsed = np.cumsum(rng.exponential(20e6, rows)).astype(np.int64)
    first = np.searchsorted(session, np.arange(n_sessions))
    time = np.minimum(started + elapsed - elapsed[first][session], DAY_SECONDS * 10**6 - 1)
    drawn = rng.choice(len(SHARES), rows, p=SHARES)
    changes = rng.random(rows) > REPEAT_PROBABILITY
    changes[first] = True
    kind = drawn[np.maximum.accumulate(np.where(changes, np.arange(rows), 0))]
    value = np.where(np.isin(kind, WITH_VALUE), np.round(rng.gamma(2.0, 10.0, rows), 2), np.nan)
    order = np.argsort(time, kind="stable")
    midnight = np.datetime64(FIRST + dt.timedelta(days=day), "us")
    kinds = pa.DictionaryArray.from_arrays(pa.array(kind[order], pa.int8()), list(BEHAVIOURS))
    table = pa.table(
        {
            "event_id": np.arange(first_id, first_id + rows),
            "customer_id": customer[order],
            "timestamp": midnight + time[order].astype("timedelta64[us]"),
            "event_type": kinds,
            "value": pa.array(value[order], from_pandas=True),
        }
    )
    pq.write_table(table, folder / f"day={FIRST + dt.timedelta(days=day)}.parquet")


def _write_transactions(
    folder: Path, customers: int, ids: npt.NDArray[Any], days: int, rng: np.random.Generator
) -> None:
    rows = customers * ORDERS_PER_CUSTOMER
    time = np.sort(rng.integers(0, days * DAY_SECONDS, rows))
    time[-1] = days * DAY_SECONDS - 1
    timestamps = np.datetime64(FIRST, "us") + time.astype("timedelta64[s]")
    pq.write_table(_transactions(ids, timestamps, rng), folder / "transactions.parquet")


def _transactions(
    ids: npt.NDArray[Any], timestamps: npt.NDArray[Any], rng: np.random.Generator
) -> Any:
    margin = np.round(rng.lognormal(2.0, 1.0, len(timestamps)) - 1.5, 2)
    return pa.table(
        {"customer_id": rng.choice(ids, len(timestamps)), "timestamp": timestamps, "margin": margin}
    )
