"""Tables of a shop with a driver that keeps its effect or loses it; NumPy and pandas alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

START = pd.Timestamp("2023-01-02")
BEHAVIOURS = ("guide", "wishlist", "page_view", "newsletter")
ACTS = "guide"


@dataclass(frozen=True)
class Shop:
    """One kind of shop.

    Attributes
    ----------
    effect : float
        Margin of one more event of `ACTS` until the end of the history.
    later : float
        Its effect after the list is made.
    extra : float
        Extra events of one treated customer over the days of the outcome.
    """

    name: str
    effect: float
    later: float
    extra: float
    n: int = 1500
    weeks: int = 64
    outcome_weeks: int = 8


SHOPS = (
    Shop("the effect lasts", 15.0, 15.0, 2.0),
    Shop("the effect is gone", 15.0, 0.0, 2.0),
    Shop("the treated do no more", 15.0, 15.0, 0.0),
)


class Simulation:
    """Weeks of events and orders of all customers, from a seed."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop, self.rng = shop, np.random.default_rng([seed, 15])
        self.loyalty = self.rng.gamma(2.0, 0.5, shop.n)
        self.wave = np.zeros(shop.n)
        self.events: list[pd.DataFrame] = []
        self.paid: list[pd.DataFrame] = []
        self.week = 0
        for _ in range(shop.weeks):
            self._week(shop.effect, {})

    def go_on(self, proposed: dict[str, np.ndarray]) -> None:
        """Simulate the days of the outcome; `proposed` has the treated customers by behaviour."""
        for _ in range(self.shop.outcome_weeks):
            self._week(self.shop.later, proposed)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return events and transactions so far."""
        until = START + pd.Timedelta(days=7 * self.week)
        tables = {"events": self.events, "transactions": self.paid}
        whole = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
        # Orders that events will bring after the last week are not known yet.
        return {name: table[table["timestamp"] < until] for name, table in whole.items()}

    def _week(self, effect: float, proposed: dict[str, np.ndarray]) -> None:
        shop, rng = self.shop, self.rng
        self.wave = 0.8 * self.wave + 0.3 * rng.normal(size=shop.n)
        rates = {"guide": 0.25, "wishlist": 0.3, "page_view": 1.5, "newsletter": 0.5}
        done = {}
        for name, rate in rates.items():
            level = self.loyalty * rate * np.exp(0.4 * rng.normal(size=shop.n))
            if name == "page_view":
                level = level * np.exp(self.wave)
            counts = rng.poisson(level)
            if name in proposed:
                more = np.zeros(shop.n)
                more[proposed[name]] = shop.extra / shop.outcome_weeks
                counts = counts + rng.poisson(more)
            done[name] = counts
            self.events.append(self._rows(np.repeat(np.arange(shop.n), counts), event_type=name))
        # An event brings its margin within two weeks, as orders of its own.
        base = np.repeat(np.arange(shop.n), rng.poisson(0.5 * self.loyalty))
        own = np.repeat(np.arange(shop.n), done[ACTS])
        value = 10.0 * np.exp(0.4 * rng.normal(size=len(base)))
        self.paid.append(self._rows(base, margin=value))
        if effect:
            brought = effect * np.exp(0.3 * rng.normal(size=len(own)) - 0.045)
            self.paid.append(self._rows(own, margin=brought, late=True))
        self.week += 1

    def _rows(
        self, customers: np.ndarray, *, late: bool = False, **columns: object
    ) -> pd.DataFrame:
        days = self.rng.integers(*((5, 12) if late else (0, 7)), len(customers))
        seconds = self.rng.integers(0, 86_400, len(customers))
        moments = START + pd.to_timedelta(7 * self.week + days, unit="D")
        moments = moments + pd.to_timedelta(seconds, unit="s")
        return pd.DataFrame({"customer_id": customers, "timestamp": moments, **columns})
