"""Flows of a care provider: appointments with their due time, and refills of medicine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml.datasets.presets.logs import log, texts
from engagement_ml.datasets.presets.world import DAY, World

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Appointments:
    """Bookings with the time that they are due, and what becomes of them, linked by ``ref``.

    Attributes
    ----------
    booked, attended, moved, cancelled : str
        `booked` is a behaviour; `moved` has the new time in ``due``; `cancelled` is by the
        provider.
    shows_up : float
        Log odds that an average customer attends.
    moves, cancels : float
        Shares of appointments.
    """

    booked: str
    attended: str
    moved: str
    cancelled: str
    shows_up: float = 1.6
    moves: float = 0.12
    cancels: float = 0.05

    def events(self, world: World, logs: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
        """Return the logs of what becomes of appointments; bookings get ``ref`` and ``due``."""
        rng, booked = world.rng, logs[self.booked]
        size = len(booked)
        customer, second = booked["customer"].to_numpy(), booked["second"].to_numpy()
        refs = texts(np.arange(size), "appointment-")
        due = second + rng.integers(2 * DAY, 18 * DAY, size)
        booked["ref"], booked["due"] = refs, due
        fate = rng.random(size)
        moved, gone = fate < self.moves, fate > 1 - self.cancels
        moved_at = second + ((due - second) * rng.uniform(0.1, 0.9, size)).astype(np.int64)
        due = np.where(moved, due + rng.integers(2 * DAY, 14 * DAY, size), due)
        shows = (rng.random(size) < world.chance(self.shows_up, 0.6)[customer]) & ~gone
        columns = {"channel": "portal"}
        return [
            log(world, self.attended, customer[shows], due[shows], ref=refs[shows],
                direction="inbound", channel="clinic"),
            log(world, self.moved, customer[moved], moved_at[moved], ref=refs[moved],
                due=due[moved], direction="inbound", **columns),
            log(world, self.cancelled, customer[gone], moved_at[gone], ref=refs[gone],
                direction="outbound", **columns),
        ]  # fmt: skip


@dataclass(frozen=True)
class Refills:
    """Supply of a medicine, refilled when it is used up, sooner or later.

    Attributes
    ----------
    event : str
    days : int
        Days of supply, in ``value``.
    share : float
        Share of customers who take the medicine.
    """

    event: str
    days: int = 30
    share: float = 0.7

    def events(self, world: World, logs: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
        """Return the log of refills."""
        rng = world.rng
        takes = np.flatnonzero(rng.random(world.n) < self.share)
        most = world.weeks * 7 // self.days + 1
        late = np.exp(0.9 - 0.5 * world.affinity[takes])[:, None] * rng.exponential(
            2.0, (len(takes), most)
        )
        gaps = np.maximum(self.days - 3 + late, 7.0)
        first = world.entry_second[takes] + rng.integers(0, 20 * DAY, len(takes))
        second = first[:, None] + (np.cumsum(gaps, axis=1) * DAY).astype(np.int64)
        customer = np.repeat(takes, most)
        return [
            log(world, self.event, customer, second.ravel(), value=float(self.days),
                channel="pharmacy", direction="inbound")
        ]  # fmt: skip
