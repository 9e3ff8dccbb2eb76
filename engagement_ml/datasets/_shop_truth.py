"""What one more event is worth, found by intervening in the shop's equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from engagement_ml.datasets._shop_world import (
    BEHAVIOURS,
    BURN_IN_WEEKS,
    DISCOUNT,
    EFFECTS,
    NAMES,
    Economics,
    Floats,
    World,
    economics,
)
from engagement_ml.errors import ConfigError, NotEnoughDataError, nearest

Measure = Literal["margin", "revenue", "orders"]
EVERY_WEEKS = 4


@dataclass(frozen=True, eq=False)
class ShopTruth:
    """What truly moves margin in a shop; the equations are in `make_shop`.

    Attributes
    ----------
    drivers : tuple of str
        Behaviours that raise margin; empty in a shop without effects.
    roles : mapping of behaviour to str
        ``driver``, ``harmful``, ``vanity``, ``consequence`` or ``inert``. What is inert does
        nothing and neither follows liking closely nor purchases; the e-mail to those who lapsed
        is inert too.
    saturation : mapping of behaviour to str
        How the effect of each acting behaviour fades and levels off, in words.
    world : World
        The hidden state, for those who want to intervene by themselves.
    """

    drivers: tuple[str, ...]
    roles: Mapping[str, str]
    saturation: Mapping[str, str]
    world: World = field(repr=False)

    @classmethod
    def of(cls, world: World) -> ShopTruth:
        """Read the truth off a world's equations."""
        roles = {b.name: b.role for b in BEHAVIOURS}
        if not world.effects:
            roles |= dict.fromkeys(EFFECTS, "inert")
        saturation = {
            name: (
                f"the memory m of past events keeps {effect.kept_weekly:.0%} from week to week; "
                f"{effect.strength:g} · g(m) is added to the log of the rate of orders, with "
                f"g(m) = {effect.saturation:g} (1 - exp(-m / {effect.saturation:g}))"
            )
            for name, effect in EFFECTS.items()
            if world.effects
        }
        drivers = tuple(name for name in NAMES if roles[name] == "driver")
        return cls(drivers=drivers, roles=roles, saturation=saturation, world=world)

    def effect_per_event(
        self,
        behaviour: str,
        *,
        measure: Measure = "margin",
        observation_days: int = 84,
        outcome_days: int = 84,
    ) -> float:
        """Return what one more event in the observation window changes in the outcome window.

        One event is added in a week drawn uniformly from the customer's own weeks of
        ``[cutoff - observation_days, cutoff)``; everything else the customer does, before and
        after, stays as it was. The change of the expected amount in
        ``[cutoff, cutoff + outcome_days)``, what is sent back included, is averaged over the
        customers signed up before the cutoff and over cutoffs every four weeks.

        Parameters
        ----------
        behaviour : str
        measure : {"margin", "revenue", "orders"}
            In EUR, EUR and number of orders.
        observation_days, outcome_days : int
            Whole weeks.

        Raises
        ------
        ConfigError
            For a behaviour the shop does not have, or a window that is not whole weeks.
        NotEnoughDataError
            Where the shop's history is shorter than both windows.

        Examples
        --------
        >>> from engagement_ml.datasets import make_shop
        >>> truth = make_shop(n_customers=200, n_weeks=30).truth
        >>> truth.effect_per_event("page_view"), truth.effect_per_event("advisor_call") > 0
        (0.0, True)
        """
        if behaviour not in NAMES:
            raise ConfigError(f"the shop has no behaviour '{behaviour}'{nearest(behaviour, NAMES)}")
        observation, outcome = _weeks(observation_days), _weeks(outcome_days)
        cutoffs = self._cutoffs(observation, outcome)
        if behaviour not in EFFECTS or not self.world.effects:
            return 0.0
        paths = {
            week: self._gain_path(behaviour, week, observation + outcome, measure)
            for week in range(cutoffs[0] - observation, cutoffs[-1])
        }
        rows = []
        for cutoff in cutoffs:
            gain, weeks = np.zeros(len(self.world.entry)), np.zeros(len(self.world.entry))
            for week in range(cutoff - observation, cutoff):
                before, there = cutoff - week - 1, self.world.entry <= week
                gain += there * (paths[week][:, before + outcome] - paths[week][:, before])
                weeks += there
            rows.append(gain[weeks > 0] / weeks[weeks > 0])
        return float(np.concatenate(rows).mean())

    def counts_sd(
        self, behaviour: str, *, observation_days: int = 84, outcome_days: int = 84
    ) -> float:
        """Return the standard deviation of the count in observation windows, over all rows.

        Only for behaviours that may act (drivers and the harmful one), whose counts are kept.
        """
        observation, outcome = _weeks(observation_days), _weeks(outcome_days)
        counts = self.world.counts[behaviour].astype(np.float64)
        rows = [
            counts[self.world.entry < cutoff, cutoff - observation : cutoff].sum(axis=1)
            for cutoff in self._cutoffs(observation, outcome)
        ]
        return float(np.concatenate(rows).std())

    @cached_property
    def shares(self) -> dict[str, float]:
        """Each driver's share in the sum over drivers of effect per event × SD of its count."""
        sizes = {name: self.effect_per_event(name) * self.counts_sd(name) for name in self.drivers}
        total = sum(sizes.values())
        return {name: size / total for name, size in sizes.items()}

    @cached_property
    def _memories(self) -> dict[str, Floats]:
        return {name: self.world.memory(name) for name in EFFECTS}

    @cached_property
    def _market(self) -> Economics:
        return economics(self.world, self._memories)

    def _cutoffs(self, observation: int, outcome: int) -> list[int]:
        first, last = BURN_IN_WEEKS + observation, self.world.weeks - outcome
        if last < first:
            raise NotEnoughDataError(
                f"the shop covers {self.world.n_weeks} weeks, and an observation and an outcome "
                f"window need {observation + outcome}; make it with n_weeks={observation + outcome}"
            )
        return list(range(last, first - 1, -EVERY_WEEKS))[::-1]

    def _gain_path(self, behaviour: str, week: int, length: int, measure: Measure) -> Floats:
        """Return the change since one more event in `week`; column k sums up to week + k."""
        effect = EFFECTS[behaviour]
        part = slice(week, min(week + length, self.world.weeks))
        market = Economics(rate=self._market.rate[:, part], discount=self._market.discount[:, part])
        memory = self._memories[behaviour][:, part]
        later = np.arange(memory.shape[1])
        added = np.where(later > 0, effect.kept_weekly ** (later - 1.0), 0.0)
        change = effect.response(memory + added) - effect.response(memory)
        moved = Economics(
            rate=market.rate * np.exp(effect.strength * change),
            discount=market.discount + (DISCOUNT * change if behaviour == "coupon_use" else 0.0),
        )
        return np.cumsum(self._amount(moved, measure) - self._amount(market, measure), axis=1)

    def _amount(self, market: Economics, measure: Measure) -> Floats:
        if measure == "orders":
            return market.rate
        basket = self.world.basket
        return market.margin(basket) if measure == "margin" else market.revenue(basket)


def _weeks(days: int) -> int:
    if days < 7 or days % 7:
        raise ConfigError(f"the shop runs in weeks: give a multiple of 7 days, found {days}")
    return days // 7
