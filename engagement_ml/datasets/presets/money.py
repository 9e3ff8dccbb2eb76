"""Transactions of a preset: purchases, or monthly fees, with refunds as negative rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engagement_ml.datasets.presets.description import Floats, Ints, Purchases, Subscription
from engagement_ml.datasets.presets.logs import log, pick
from engagement_ml.datasets.presets.world import (
    BURN_IN_WEEKS,
    DAY,
    WEEK,
    World,
    moments,
    purchase_rates,
)

if TYPE_CHECKING:
    import pandas as pd


COST_RECOVERED = 0.6
"""Share of the cost of a purchase that a refund brings back."""


def transactions(world: World) -> pd.DataFrame:
    """Return ``customer``, ``second``, ``order``, ``revenue``, ``cost``, ``product``, ``channel``.

    Refunds come after the rows that they pay back, with the same order.
    """
    import pandas as pd

    economy = world.description.economy
    sold = _purchases(world) if isinstance(economy, Purchases) else _fees(world)
    back = np.flatnonzero(world.rng.random(len(sold)) < economy.refund_share)
    refund = sold.iloc[back].copy()
    refund["second"] += world.rng.integers(14 * DAY, 28 * DAY, len(back))
    refund["revenue"] = -refund["revenue"]
    refund["cost"] = np.round(-COST_RECOVERED * refund["cost"], 2)
    return pd.concat([sold, refund], ignore_index=True)


def _purchases(world: World) -> pd.DataFrame:
    import pandas as pd

    economy, rng = world.description.economy, world.rng
    assert isinstance(economy, Purchases)
    counts = {b.name: world.counts(b.name) for b in world.description.behaviours}
    rate, discount = purchase_rates(world, counts)
    placed = rng.poisson(rate)
    cell = np.repeat(np.arange(placed.size, dtype=np.int64), placed.ravel())
    customer, week = cell // world.weeks, cell % world.weeks
    full = economy.amount * np.exp(0.4 * rng.standard_normal(len(cell)) - 0.08)
    frame = pd.DataFrame(
        {
            "customer": customer,
            "second": week * WEEK + moments(rng, len(cell)),
            "order": np.arange(len(cell)),
            "revenue": np.round(full * (1 - discount.ravel()[cell]), 2),
            "cost": np.round(full * economy.cost_share + economy.fixed_cost, 2),
            "product": pick(rng, economy.products, len(cell)),
            "channel": pick(rng, economy.channels, len(cell)),
        }
    )
    return frame.iloc[world.inside(customer, frame["second"].to_numpy())].reset_index(drop=True)


def _fees(world: World) -> pd.DataFrame:
    import pandas as pd

    economy = world.description.economy
    assert isinstance(economy, Subscription)
    paid = [_paid_in(world, month) for month in _months(world)]
    customer = np.concatenate([each[0] for each in paid])
    second = np.concatenate([each[1] for each in paid])
    names = np.array(list(economy.plans), dtype=object)
    fee = np.array(list(economy.plans.values()))[world.plan[customer]]
    return pd.DataFrame(
        {
            "customer": customer,
            "second": second,
            "order": np.arange(len(customer)),
            "revenue": fee,
            "cost": np.round(fee * economy.cost_share, 2),
            "product": names[world.plan[customer]],
            "channel": "web",
        }
    )


def _months(world: World) -> list[int]:
    """Return the first second of each month since the burn-in's start."""
    begin = np.datetime64(world.start, "D") - 7 * BURN_IN_WEEKS
    end = begin + 7 * world.weeks
    months = np.arange(begin.astype("datetime64[M]"), end.astype("datetime64[M]") + 1)
    return [int((month.astype("datetime64[D]") - begin).astype(int)) * DAY for month in months]


def _paid_in(world: World, month: int) -> tuple[Ints, Ints]:
    """Return who pays in a month and when: each on the customer's own day, 1 to 28."""
    begin = (np.datetime64(world.start, "D") - 7 * BURN_IN_WEEKS).astype("datetime64[D]")
    paid_from = paying_second(world)
    first_day = begin + paid_from // DAY
    day_of_month = (first_day - first_day.astype("datetime64[M]")).astype(int)
    old = np.arange(world.n) % 28
    day = np.where(world.pays_from > 0, np.minimum(day_of_month, 27), old)
    # At the time of day of the first payment, so that the first one is on record.
    second = month + day * DAY + paid_from % DAY + 60
    pays = (second >= paid_from) & (second < world.leave_second)
    customer = np.flatnonzero(pays)
    return customer, second[customer]


def paying_second(world: World) -> Ints:
    """Return when each customer begins to pay, if at all: after the trial."""
    trial = (world.pays_from - world.entry) * WEEK
    return np.asarray(world.entry_second + np.where(world.entry > 0, trial, 0))


def lifecycle(world: World) -> list[pd.DataFrame]:
    """Return the logs of trials, subscriptions begun and cancelled, and accounts closed."""
    economy = world.description.economy
    if not isinstance(economy, Subscription):
        return []
    everyone = np.arange(world.n)
    trials = everyone[world.entry > 0]
    paying = trials[world.pays_from[trials] < np.minimum(world.leave[trials], world.weeks)]
    subscribed = paying_second(world)[paying]
    gone = everyone[world.leave_second < world.weeks * WEEK]
    cancelled = gone[world.pays_from[gone] < world.leave[gone]]
    moments_of = {
        economy.subscribed: (paying, subscribed),
        economy.cancelled: (cancelled, world.leave_second[cancelled] - 2),
    }
    if economy.started is not None:
        moments_of[economy.started] = (trials, world.entry_second[trials])
    if economy.closed is not None:
        moments_of[economy.closed] = (gone, world.leave_second[gone] - 1)
    return [
        log(world, name, customer, second, channel="web", direction="inbound")
        for name, (customer, second) in moments_of.items()
    ]


def weekly_margin(economy: Purchases | Subscription, discount: Floats) -> Floats:
    """Return the expected margin of a purchase, refunds included, at a discount."""
    assert isinstance(economy, Purchases)
    cost = economy.amount * economy.cost_share + economy.fixed_cost
    revenue = economy.amount * (1 - discount)
    refunded = economy.refund_share
    return np.asarray((1 - refunded) * revenue - (1 - COST_RECOVERED * refunded) * cost)
