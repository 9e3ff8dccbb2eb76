"""Flows: events that follow from others, from entry, or from purchases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml.datasets.presets.logs import delays, log, pick, texts
from engagement_ml.datasets.presets.world import WEEK, WEEKS_OF_YEAR, World, moments

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Reply:
    """A request and its answer, linked by ``ref``.

    Attributes
    ----------
    request, answer : str
        The request is a behaviour, or the answer of another flow.
    hours, spread : float
        Median of the time to the answer, and its standard deviation on the log scale.
    answered : float
        Share of requests that are answered at all.
    direction, channel : str
        Of the answer.
    growth : float
        Change of the median in a year, on the log scale.
    """

    request: str
    answer: str
    hours: float
    spread: float = 0.7
    answered: float = 0.95
    direction: str = "outbound"
    channel: str = "email"
    growth: float = 0.0

    def events(self, world: World, logs: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
        """Return the log of answers; the log of requests gets its column ``ref``."""
        requests = logs[self.request]
        requests["ref"] = texts(np.arange(len(requests)), f"{self.request}-")
        second = requests["second"].to_numpy()
        years = second / WEEK / WEEKS_OF_YEAR
        wait = delays(world.rng, self.hours, self.spread, len(requests)) * np.exp(
            self.growth * years
        )
        done = world.rng.random(len(requests)) < self.answered
        chosen = requests[done]
        return [
            log(
                world,
                self.answer,
                chosen["customer"].to_numpy(),
                (second + wait)[done].astype(np.int64),
                ref=chosen["ref"].to_numpy(),
                channel=self.channel,
                direction=self.direction,
            )
        ]


@dataclass(frozen=True)
class Mail:
    """Mails of the company, opened and clicked by some, linked by ``ref``.

    Attributes
    ----------
    sent, opened, clicked : str
    per_week : float
        Mails a week, at random times, equal for all customers.
    opens, clicks : float
        Log odds that an average customer opens a mail, and clicks in an opened one.
    affinity, growth : float
        How the odds of opening rise with the hidden affinity, and in a year.
    campaigns : tuple of str
    channel : str
    """

    sent: str
    opened: str
    clicked: str
    per_week: float = 0.5
    opens: float = -0.8
    clicks: float = -1.5
    affinity: float = 0.9
    growth: float = 0.0
    campaigns: tuple[str, ...] = ("newsletter",)
    channel: str = "email"

    def events(self, world: World, logs: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
        """Return the logs of mails sent, opened and clicked."""
        rng = world.rng
        size = int(rng.poisson(self.per_week * world.n * world.weeks))
        customer = rng.integers(0, world.n, size)
        second = rng.integers(0, world.weeks, size) * WEEK + moments(rng, size)
        years = second / WEEK / WEEKS_OF_YEAR
        logit = self.opens + self.affinity * world.affinity[customer] + self.growth * years
        opens = rng.random(size) < 1 / (1 + np.exp(-logit))
        clicks = opens & (rng.random(size) < 1 / (1 + np.exp(-self.clicks)))
        opened = second + delays(rng, 4.0, 1.0, size)
        columns = {
            "ref": texts(np.arange(size), f"{self.sent}-"),
            "campaign": pick(rng, self.campaigns, size),
        }

        def part(name: str, at: np.ndarray, kept: np.ndarray, direction: str) -> pd.DataFrame:
            chosen = {key: column[kept] for key, column in columns.items()}
            return log(
                world, name, customer[kept], at[kept], channel=self.channel, direction=direction,
                **chosen,
            )  # fmt: skip

        return [
            part(self.sent, second, np.ones(size, dtype=bool), "outbound"),
            part(self.opened, opened, opens, "inbound"),
            part(self.clicked, opened + rng.integers(5, 600, size), clicks, "inbound"),
        ]


@dataclass(frozen=True)
class Carts:
    """A cart for each purchase and some that are left, linked to the checkout by ``ref``.

    Attributes
    ----------
    cart, checkout, done : str
        Cart filled, checkout begun and checkout finished.
    left : float
        Carts without a purchase for each purchase.
    """

    cart: str
    checkout: str
    done: str
    left: float = 1.8

    def events(self, world: World, logs: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
        """Return the logs of carts, checkouts begun and checkouts finished."""
        rng, orders = world.rng, logs["orders"]
        bought = orders["second"].to_numpy()
        customer = orders["customer"].to_numpy()
        minutes = delays(rng, 0.12, 0.6, len(orders))
        n_left = int(self.left * len(orders))
        # Carts that are left belong to customers who buy, at other times.
        whose = rng.choice(customer, n_left) if n_left else customer[:0]
        when = rng.integers(0, world.weeks, n_left) * WEEK + moments(rng, n_left)
        refs = texts(np.arange(len(orders) + n_left), "cart-")
        filled = bought - minutes - delays(rng, 0.5, 0.8, len(orders))
        half = rng.random(n_left) < 0.35
        columns = {"channel": "web", "direction": "inbound"}
        both = np.concatenate([customer, whose])
        begun = np.concatenate([customer, whose[half]])
        begun_refs = np.concatenate([refs[: len(orders)], refs[len(orders) :][half]])
        hesitation = delays(rng, 0.2, 0.5, int(half.sum()))
        begun_at = np.concatenate([bought - minutes, when[half] + hesitation])
        filled_at = np.concatenate([filled, when])
        return [
            log(world, self.cart, both, filled_at, ref=refs, **columns),
            log(world, self.checkout, begun, begun_at, ref=begun_refs, **columns),
            log(world, self.done, customer, bought, ref=refs[: len(orders)], **columns),
        ]


@dataclass(frozen=True)
class AfterEntry:
    """An event that some newcomers have within some days of their entry.

    Attributes
    ----------
    event : str
    logit, affinity : float
        Log odds of an average newcomer, and how they rise with affinity.
    days : float
        Median time from entry.
    growth : float
        Change of the log odds in a year.
    first : str or None
        Event type at entry, which all newcomers have.
    """

    event: str
    logit: float
    affinity: float = 0.4
    days: float = 3.0
    growth: float = 0.0
    first: str | None = None

    def events(self, world: World, logs: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
        """Return the log of the event, and that of the entry if it has a name."""
        rng = world.rng
        new = np.flatnonzero(world.entry > 0)
        logit = self.logit + self.affinity * world.affinity[new]
        logit = logit + self.growth * world.entry[new] / WEEKS_OF_YEAR
        does = new[rng.random(len(new)) < 1 / (1 + np.exp(-logit))]
        second = world.entry_second[does] + delays(rng, 24 * self.days, 0.6, len(does))
        columns = {"channel": "web", "direction": "inbound"}
        found = [log(world, self.event, does, second, **columns)]
        if self.first is not None:
            found.insert(0, log(world, self.first, new, world.entry_second[new], **columns))
        return found


@dataclass(frozen=True)
class AfterPurchase:
    """Events that follow purchases, linked to the order by ``ref``.

    Attributes
    ----------
    steps : mapping of str to float
        Event types and their median days after the purchase, or after the step before.
    share : float
        Share of purchases that they follow.
    spread : float
    """

    steps: Mapping[str, float] = field(default_factory=dict)
    share: float = 1.0
    spread: float = 0.4
    direction: str = "inbound"
    channel: str = "web"

    def events(self, world: World, logs: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
        """Return a log for each step."""
        orders = logs["orders"]
        chosen = orders[world.rng.random(len(orders)) < self.share]
        refs = texts(chosen["order"].to_numpy(), "order-")
        second, found = chosen["second"].to_numpy(), []
        for event, days in self.steps.items():
            second = second + delays(world.rng, 24 * days, self.spread, len(chosen))
            found.append(
                log(world, event, chosen["customer"].to_numpy(), second, ref=refs,
                    channel=self.channel, direction=self.direction)
            )  # fmt: skip
        return found
