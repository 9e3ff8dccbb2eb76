"""A simulated online shop that knows which behaviours move margin, and by how much."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml.datasets._shop_events import WEEK_SECONDS, Log, Orders, simulate
from engagement_ml.datasets._shop_truth import ShopTruth
from engagement_ml.datasets._shop_world import BEHAVIOURS, BURN_IN_WEEKS, INDEX, World, draw_world
from engagement_ml.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

START = dt.date(2024, 1, 1)


@dataclass(frozen=True)
class Shop:
    """The tables of a simulated shop, and the truth about them.

    Attributes
    ----------
    events, transactions, customers : DataFrame
        In the columns of the input tables; timestamps are naive UTC.
    truth : ShopTruth
    """

    events: pd.DataFrame = field(repr=False)
    transactions: pd.DataFrame = field(repr=False)
    customers: pd.DataFrame = field(repr=False)
    truth: ShopTruth


def make_shop(
    n_customers: int = 4000,
    n_weeks: int = 60,
    seed: int = 0,
    effects: bool = True,
    start: dt.date = START,
) -> Shop:
    if n_customers < 1 or n_weeks < 1:
        raise ConfigError(
            f"a shop needs at least one customer and one week, found n_customers={n_customers}, "
            f"n_weeks={n_weeks}"
        )
    streams = [np.random.default_rng([seed, part]) for part in range(3)]
    world = draw_world(streams[0], n_customers, n_weeks, start, effects)
    world, logs, orders = simulate(streams[1], world)
    return Shop(
        events=_events(streams[2], logs, world),
        transactions=_transactions(streams[2], orders, world),
        customers=_customers(streams[2], world),
        truth=ShopTruth.of(world),
    )


def _events(rng: np.random.Generator, logs: list[Log], world: World) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = np.repeat([INDEX[log.behaviour] for log in logs], [len(log.second) for log in logs])
    customer = np.concatenate([log.customer for log in logs])
    second = np.concatenate([log.second for log in logs])
    session = np.concatenate(
        [np.full(len(log.second), -1) if log.session is None else log.session for log in logs]
    )
    order = _in_time_order(second, customer, kind, world)
    kind, customer, second, session = (a[order] for a in (kind, customer, second, session))
    noise = np.exp(0.6 * rng.standard_normal(len(kind)))
    value = np.array([b.value or np.nan for b in BEHAVIOURS])[kind] * noise
    seconds = np.array([b.seconds or np.nan for b in BEHAVIOURS])[kind] * noise
    table = pa.table(
        {
            "event_id": np.arange(len(kind)),
            "customer_id": customer + 1,
            "timestamp": _timestamps(second, world),
            "event_type": _texts(kind, [b.name for b in BEHAVIOURS]),
            "value": np.round(value, 2),
            "duration_seconds": np.round(seconds),
            "session_id": pc.if_else(session >= 0, pc.cast(session, pa.string()), None),
            "channel": _texts(kind, [b.channel for b in BEHAVIOURS]),
            "direction": _texts(kind, [b.direction for b in BEHAVIOURS]),
        }
    )
    return _frame(table)


def _transactions(rng: np.random.Generator, orders: Orders, world: World) -> pd.DataFrame:
    import pyarrow as pa

    order = _in_time_order(orders.second, orders.customer, orders.is_return, world)
    products, channels = ["clothing", "home", "beauty", "toys", "sport"], ["web", "app", "phone"]
    product = rng.choice(len(products), len(orders.second), p=[0.35, 0.25, 0.2, 0.1, 0.1])
    channel = rng.choice(len(channels), len(orders.second), p=[0.6, 0.35, 0.05])
    table = pa.table(
        {
            "customer_id": orders.customer[order] + 1,
            "timestamp": _timestamps(orders.second[order], world),
            "revenue": np.round(orders.revenue[order], 2),
            "cost": np.round(orders.cost[order], 2),
            "product": _texts(product[order], products),
            "channel": _texts(channel[order], channels),
        }
    )
    return _frame(table)


def _customers(rng: np.random.Generator, world: World) -> pd.DataFrame:
    import pyarrow as pa

    n = len(world.entry)
    regions, plans = ["east", "north", "south", "west"], ["basic", "plus"]
    before = BURN_IN_WEEKS * 7 + rng.integers(1, 900, n)
    week_before = (world.entry - BURN_IN_WEEKS) * 7 - rng.integers(1, 8, n)
    day = np.where(world.entry == 0, -before, week_before)
    table = pa.table(
        {
            "customer_id": np.arange(1, n + 1),
            "signup": np.datetime64(world.start, "us") + day * np.timedelta64(1, "D"),
            "region": _texts(rng.choice(4, n, p=[0.2, 0.3, 0.25, 0.25]), regions),
            "plan": _texts((0.8 * world.liking + rng.standard_normal(n) > 0.8) * 1, plans),
            "age": np.clip(np.round(rng.normal(44, 13, n)), 18, 85).astype(np.int64),
        }
    )
    return _frame(table)


def _in_time_order(second: Any, customer: Any, kind: Any, world: World) -> Any:
    begin, end = BURN_IN_WEEKS * WEEK_SECONDS, world.weeks * WEEK_SECONDS
    inside = np.flatnonzero((second >= begin) & (second < end))
    return inside[np.lexsort((kind[inside], customer[inside], second[inside]))]


def _timestamps(second: Any, world: World) -> Any:
    since = second - BURN_IN_WEEKS * WEEK_SECONDS
    return np.datetime64(world.start, "us") + since.astype("timedelta64[s]")


def _texts(code: Any, words: list[str]) -> Any:
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(code.astype(np.int32), words).cast(pa.string())


def _frame(table: Any) -> pd.DataFrame:
    import pandas as pd

    frame = table.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    return frame
