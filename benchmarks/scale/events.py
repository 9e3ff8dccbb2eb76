"""Events as real ones are, in a folder of Parquet files, one a day.

A few customers are heavy and most are light (log-normal weights). They come in sessions; within a
session one thing is done several times in a row before the next, seconds apart. Rows lie in the
order of time, as logs do.
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
STAYS = 0.6
"""How often the next event of a session is of the same type as the last."""
WITH_VALUE = (2, 7)
EVENTS_A_CUSTOMER = 100
ORDERS_A_CUSTOMER = 4
DAY_SECONDS = 86_400


def write_world(folder: Path, n_events: int, *, days: int = DAYS, seed: int = 0) -> None:
    """Write ``events/day=*.parquet`` and ``transactions.parquet``; nothing where they are there."""
    if (folder / "transactions.parquet").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "events").mkdir(parents=True)
    rng = np.random.default_rng(seed)
    reach, ids = _customers(n_events, rng)
    begun = 0
    for day in range(days):
        rows = n_events * (day + 1) // days - n_events * day // days
        write_day(folder / "events", day, rows, reach, ids, begun, seed)
        begun += rows
    _write_transactions(folder, len(ids), ids, days, rng)


def write_next_day(folder: Path, n_events: int, *, days: int = DAYS, seed: int = 0) -> None:
    """Add the day after those of ``write_world`` to a folder of its events and transactions."""
    rng = np.random.default_rng(seed)
    reach, ids = _customers(n_events, rng)
    write_day(folder / "events", days, n_events // days, reach, ids, n_events, seed)
    file = folder / "transactions.parquet"
    before = pq.read_table(file)
    rows = len(before) // days
    midnight = np.datetime64(FIRST + dt.timedelta(days=days), "us")
    moment = np.sort(rng.integers(0, DAY_SECONDS, rows))
    moment[-1] = DAY_SECONDS - 1
    added = _transactions(ids, midnight + moment.astype("timedelta64[s]"), rng)
    pq.write_table(pa.concat_tables([before, added]), file)


def _customers(
    n_events: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return how far each customer reaches into [0, 1], and their ids."""
    customers = max(100, n_events // EVENTS_A_CUSTOMER)
    reach = np.cumsum(rng.lognormal(0.0, 1.3, customers))
    return reach / reach[-1], rng.permutation(customers) + 10_000_000


def write_day(
    folder: Path,
    day: int,
    rows: int,
    reach: npt.NDArray[np.float64],
    ids: npt.NDArray[np.int64],
    begun: int,
    seed: int,
) -> None:
    """Write the events of one day, the `begun`-th row on."""
    rng = np.random.default_rng([seed, day])
    session = np.cumsum(rng.random(rows) < 1 / SESSION_EVENTS)
    n_sessions = int(session[-1]) + 1 if rows else 0
    customer = ids[np.searchsorted(reach, rng.random(n_sessions))][session]
    started = rng.integers(0, DAY_SECONDS * 10**6, n_sessions)[session]
    passed = np.cumsum(rng.exponential(20e6, rows)).astype(np.int64)
    first = np.searchsorted(session, np.arange(n_sessions))
    moment = np.minimum(started + passed - passed[first][session], DAY_SECONDS * 10**6 - 1)
    drawn = rng.choice(len(SHARES), rows, p=SHARES)
    fresh = rng.random(rows) > STAYS
    fresh[first] = True
    kind = drawn[np.maximum.accumulate(np.where(fresh, np.arange(rows), 0))]
    value = np.where(np.isin(kind, WITH_VALUE), np.round(rng.gamma(2.0, 10.0, rows), 2), np.nan)
    order = np.argsort(moment, kind="stable")
    midnight = np.datetime64(FIRST + dt.timedelta(days=day), "us")
    kinds = pa.DictionaryArray.from_arrays(pa.array(kind[order], pa.int8()), list(BEHAVIOURS))
    table = pa.table(
        {
            "event_id": np.arange(begun, begun + rows),
            "customer_id": customer[order],
            "timestamp": midnight + moment[order].astype("timedelta64[us]"),
            "event_type": kinds,
            "value": pa.array(value[order], from_pandas=True),
        }
    )
    pq.write_table(table, folder / f"day={FIRST + dt.timedelta(days=day)}.parquet")


def _write_transactions(
    folder: Path, customers: int, ids: npt.NDArray[Any], days: int, rng: np.random.Generator
) -> None:
    rows = customers * ORDERS_A_CUSTOMER
    moment = np.sort(rng.integers(0, days * DAY_SECONDS, rows))
    moment[-1] = days * DAY_SECONDS - 1
    when = np.datetime64(FIRST, "us") + moment.astype("timedelta64[s]")
    pq.write_table(_transactions(ids, when, rng), folder / "transactions.parquet")


def _transactions(ids: npt.NDArray[Any], when: npt.NDArray[Any], rng: np.random.Generator) -> Any:
    margin = np.round(rng.lognormal(2.0, 1.0, len(when)) - 1.5, 2)
    return pa.table(
        {"customer_id": rng.choice(ids, len(when)), "timestamp": when, "margin": margin}
    )
