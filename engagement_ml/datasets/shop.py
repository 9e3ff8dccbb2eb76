"""Simulated online shop with known true effects of behaviours on margin."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml.datasets._shop_events import NO_SESSION, WEEK_SECONDS, Log, Orders, simulate
from engagement_ml.datasets._shop_model import (
    BEHAVIOURS,
    BURN_IN_WEEKS,
    INDEX,
    ShopState,
    draw_state,
)
from engagement_ml.datasets._shop_truth import ShopTruth
from engagement_ml.datasets.dataset import write_dataset
from engagement_ml.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

START = dt.date(2024, 1, 1)


@dataclass(frozen=True, eq=False)
class Shop:
    """Tables of a simulated shop, and their true effects.

    Attributes
    ----------
    events, transactions, customers : DataFrame
        In the columns of the input tables; timestamps are naive UTC.
    truth : ShopTruth
        True effects of behaviours on margin.
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
    r"""Simulate an online shop event by event, from equations with known effects on margin.

    Parameters
    ----------
    n_customers, n_weeks : int
        Number of customers (40% of them sign up in the first three quarters of the history) and
        of weeks.
    seed : int
        The same seed gives the same tables.
    effects : bool
        If false, no behaviour changes orders or prices; all else is the same.
    start : date
        First day of the first week.

    Returns
    -------
    Shop
        ``events`` has event_id, customer_id, timestamp, event_type, value (EUR; null for events
        without a value), duration_seconds (likewise), session_id (null outside of sessions),
        channel, direction; ``transactions`` customer_id, timestamp, revenue, cost (EUR; returns
        are separate rows with negative amounts), product, channel; ``customers`` customer_id,
        signup, region, plan, age.

    Raises
    ------
    ConfigError
        If there is no customer or no week to simulate.

    Notes
    -----
    Customer i has a hidden affinity L and income z, standard normal and constant. The number of
    events of behaviour b in week w is

    .. math:: x_{ibw} \sim Poisson(r_b \exp(a_b L_i + s_b e_{ib} + v_b u_{ibw}) S_w^{c_b}),

    with e standard normal, u a slow wave of variance 1 (AR(1), 0.9 per week) that is independent
    of purchases, and S the season. The memory of past events decays,

    .. math:: m_{ibw} = k_b m_{ib,w-1} + x_{ib,w-1},

    and raises the rate of orders with diminishing returns,
    :math:`g_b(m) = q_b (1 - \exp(-m / q_b))`:

    .. math::
        N_{iw} &\sim Poisson(\lambda_{iw}), \quad
        \lambda_{iw} = 0.14 \exp(0.6 L_i + 0.15 z_i + 0.25 e_i - 0.2) \, S_w
                       \exp(\textstyle\sum_b \beta_b g_b(m_{ibw})) \\
        revenue &= B (1 - 0.32 \, g_{coupon}(m)), \quad cost = 0.62 B + 4

    with baskets B log-normal around the customer's mean. 7% of orders are returned two to four
    weeks later, which reverses the revenue in full and 80% of the cost of the goods.

    =================  ======  =====  ====  ===  ==============================================
    behaviour          beta    k      q     a    true role
    =================  ======  =====  ====  ===  ==============================================
    wishlist_add       0.36    0.85   2.5   0.3  driver, the first to saturate
    tutorial_done      0.42    0.88   4.0   –    driver; follows tutorial_start, which is inert
    advisor_call       0.42    0.90   4.0   0.2  driver, rare and strong
    coupon_use         0.52    0.80   1.5   0.2  harmful: more orders and revenue, below cost
    page_view          0       –      –     0.9  vanity
    social_like        0       –      –     1.0  vanity
    email_open         0       –      –     0.8  vanity
    tutorial_start     0       –      –     0.3  inert; 36% are done, most at once
    gift_guide_view    0       –      –     0.2  inert; follows the season (c = 2)
    faq_view           0       –      –     0    inert
    order_tracking     0       –      –     –    consequence: 1.3 for each order
    return_label       0       –      –     –    consequence: between an order and its return
    winback_email_…    0       –      –     –    inert; sent after six weeks without an order
    =================  ======  =====  ====  ===  ==============================================

    Examples
    --------
    >>> shop = make_shop(n_customers=50, n_weeks=30)
    >>> shop.truth.drivers
    ('wishlist_add', 'tutorial_done', 'advisor_call')
    >>> shop.truth.roles["page_view"], shop.truth.effect_per_event("page_view")
    ('vanity', 0.0)
    """
    if seed < 0:
        raise ConfigError(f"seed: must be a whole number from 0 on, found {seed}")
    if n_customers < 1 or n_weeks < 1:
        raise ConfigError(
            f"a shop needs at least one customer and one week, found n_customers={n_customers}, "
            f"n_weeks={n_weeks}"
        )
    streams = [np.random.default_rng([seed, part]) for part in range(3)]
    state = draw_state(streams[0], n_customers, n_weeks, start, effects)
    state, logs, orders = simulate(streams[1], state)
    return Shop(
        events=_events(streams[2], logs, state),
        transactions=_transactions(streams[2], orders, state),
        customers=_customers(streams[2], state),
        truth=ShopTruth.of(state),
    )


def write_shop(
    folder: str | Path,
    n_customers: int = 4000,
    n_weeks: int = 60,
    seed: int = 0,
    effects: bool = True,
    start: dt.date = START,
) -> Shop:
    """Simulate a shop as `make_shop` does and write its tables to a folder as Parquet files.

    Raises
    ------
    ConfigError
        If there is no customer or no week to simulate.
    OutputError
        If the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> shop = write_shop(folder, n_customers=5, n_weeks=2)
    >>> sorted(path.name for path in folder.iterdir())
    ['customers.parquet', 'events.parquet', 'transactions.parquet']
    """
    shop = make_shop(n_customers, n_weeks, seed, effects, start)
    write_dataset(shop, folder)
    return shop


def _events(rng: np.random.Generator, logs: list[Log], state: ShopState) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = np.repeat([INDEX[log.behaviour] for log in logs], [len(log.second) for log in logs])
    customer = np.concatenate([log.customer for log in logs])
    second = np.concatenate([log.second for log in logs])
    session = np.concatenate([log.session for log in logs])
    order = _in_time_order(second, customer, kind, state)
    kind, customer, second, session = (a[order] for a in (kind, customer, second, session))
    noise = np.exp(0.6 * rng.standard_normal(len(kind)))
    value = np.array([b.value or np.nan for b in BEHAVIOURS])[kind] * noise
    seconds = np.array([b.seconds or np.nan for b in BEHAVIOURS])[kind] * noise
    table = pa.table(
        {
            "event_id": np.arange(len(kind)),
            "customer_id": customer + 1,
            "timestamp": _timestamps(second, state),
            "event_type": _texts(kind, [b.name for b in BEHAVIOURS]),
            "value": np.round(value, 2),
            "duration_seconds": np.round(seconds),
            "session_id": pc.if_else(session != NO_SESSION, pc.cast(session, pa.string()), None),
            "channel": _texts(kind, [b.channel for b in BEHAVIOURS]),
            "direction": _texts(kind, [b.direction for b in BEHAVIOURS]),
        }
    )
    return _frame(table)


def _transactions(rng: np.random.Generator, orders: Orders, state: ShopState) -> pd.DataFrame:
    import pyarrow as pa

    order = _in_time_order(orders.second, orders.customer, orders.is_return, state)
    products, channels = ["clothing", "home", "beauty", "toys", "sport"], ["web", "app", "phone"]
    product = rng.choice(len(products), len(orders.second), p=[0.35, 0.25, 0.2, 0.1, 0.1])
    channel = rng.choice(len(channels), len(orders.second), p=[0.6, 0.35, 0.05])
    table = pa.table(
        {
            "customer_id": orders.customer[order] + 1,
            "timestamp": _timestamps(orders.second[order], state),
            "revenue": np.round(orders.revenue[order], 2),
            "cost": np.round(orders.cost[order], 2),
            "product": _texts(product[order], products),
            "channel": _texts(channel[order], channels),
        }
    )
    return _frame(table)


def _customers(rng: np.random.Generator, state: ShopState) -> pd.DataFrame:
    import pyarrow as pa

    n = len(state.entry)
    regions, plans = ["east", "north", "south", "west"], ["basic", "plus"]
    before = BURN_IN_WEEKS * 7 + rng.integers(1, 900, n)
    week_before = (state.entry - BURN_IN_WEEKS) * 7 - rng.integers(1, 8, n)
    day = np.where(state.entry == 0, -before, week_before)
    table = pa.table(
        {
            "customer_id": np.arange(1, n + 1),
            "signup": np.datetime64(state.start, "us") + day * np.timedelta64(1, "D"),
            "region": _texts(rng.choice(4, n, p=[0.2, 0.3, 0.25, 0.25]), regions),
            "plan": _texts((0.8 * state.affinity + rng.standard_normal(n) > 0.8) * 1, plans),
            "age": np.clip(np.round(rng.normal(44, 13, n)), 18, 85).astype(np.int64),
        }
    )
    return _frame(table)


def _in_time_order(second: Any, customer: Any, kind: Any, state: ShopState) -> Any:
    begin, end = BURN_IN_WEEKS * WEEK_SECONDS, state.weeks * WEEK_SECONDS
    inside = np.flatnonzero((second >= begin) & (second < end))
    return inside[np.lexsort((kind[inside], customer[inside], second[inside]))]


def _timestamps(second: Any, state: ShopState) -> Any:
    since = second - BURN_IN_WEEKS * WEEK_SECONDS
    return np.datetime64(state.start, "us") + since.astype("timedelta64[s]")


def _texts(code: Any, words: list[str]) -> Any:
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(code.astype(np.int32), words).cast(pa.string())


def _frame(table: Any) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    return frame
