"""True effects in the simulated shop, computed by intervening in its model equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from engagement_ml.datasets._shop_model import (
    BEHAVIOURS,
    BURN_IN_WEEKS,
    DISCOUNT,
    EFFECTS,
    NAMES,
    Economics,
    Floats,
    ShopState,
    economics,
)
from engagement_ml.errors import ConfigError, NotEnoughDataError, nearest

Measure = Literal["margin", "revenue", "orders"]
EVERY_WEEKS = 4


@dataclass(frozen=True, eq=False)
class ShopTruth:
    """True effects of behaviours on margin; the equations are in `make_shop`.

    Attributes
    ----------
    drivers : tuple of str
        Behaviours that raise margin; empty in a shop without effects.
    roles : mapping of behaviour to str
        ``driver``, ``harmful``, ``vanity``, ``consequence`` or ``inert``. An inert behaviour has no
        effect and follows neither affinity closely nor purchases; the e-mail to lapsed customers
        is inert too.
    saturation : mapping of behaviour to str
        How the effect of each behaviour with an effect decays and saturates, in words.
    state : ShopState
        Hidden state of the simulation, for other interventions.
    """

    drivers: tuple[str, ...]
    roles: Mapping[str, str]
    saturation: Mapping[str, str]
    state: ShopState = field(repr=False)

    @classmethod
    def of(cls, state: ShopState) -> ShopTruth:
        """Return the truth about a simulated shop."""
        roles = {b.name: b.role for b in BEHAVIOURS}
        if not state.effects:
            roles |= dict.fromkeys(EFFECTS, "inert")
        saturation = {
            name: (
                f"the memory m of past events keeps {effect.kept_weekly:.0%} from week to week; "
                f"{effect.strength:g} · g(m) is added to the log of the rate of orders, with "
                f"g(m) = {effect.saturation:g} (1 - exp(-m / {effect.saturation:g}))"
            )
            for name, effect in EFFECTS.items()
            if state.effects
        }
        drivers = tuple(name for name in NAMES if roles[name] == "driver")
        return cls(drivers=drivers, roles=roles, saturation=saturation, state=state)

    def effect_per_event(
        self,
        behaviour: str,
        *,
        measure: Measure = "margin",
        observation_days: int = 84,
        outcome_days: int = 84,
    ) -> float:
        """Return the effect of one more event in the observation window on the outcome window.

        One event is added in a week that is uniform over the customer's active weeks of
        ``[cutoff - observation_days, cutoff)``; all other events of the customer, before and
        after, stay the same. The change of the expected amount in
        ``[cutoff, cutoff + outcome_days)``, net of returns, is averaged over customers who signed
        up before the cutoff and over cutoffs every four weeks.

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
            If the shop has no such behaviour, or a window is not a whole number of weeks.
        NotEnoughDataError
            If the shop's history is shorter than both windows.

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
        if behaviour not in EFFECTS or not self.state.effects:
            return 0.0
        paths = {
            week: self._gain_path(behaviour, week, observation + outcome, measure)
            for week in range(cutoffs[0] - observation, cutoffs[-1])
        }
        rows = []
        for cutoff in cutoffs:
            gain, weeks = np.zeros(len(self.state.entry)), np.zeros(len(self.state.entry))
            for week in range(cutoff - observation, cutoff):
                before, active = cutoff - week - 1, self.state.entry <= week
                gain += active * (paths[week][:, before + outcome] - paths[week][:, before])
                weeks += active
            rows.append(gain[weeks > 0] / weeks[weeks > 0])
        return float(np.concatenate(rows).mean())

    def counts_sd(
        self, behaviour: str, *, observation_days: int = 84, outcome_days: int = 84
    ) -> float:
        """Return the standard deviation of the count in observation windows, over all rows.

        Only for behaviours with an effect (drivers and the harmful one), whose counts are stored.
        """
        observation, outcome = _weeks(observation_days), _weeks(outcome_days)
        counts = self.state.counts[behaviour].astype(np.float64)
        rows = [
            counts[self.state.entry < cutoff, cutoff - observation : cutoff].sum(axis=1)
            for cutoff in self._cutoffs(observation, outcome)
        ]
        return float(np.concatenate(rows).std())

    @cached_property
    def shares(self) -> dict[str, float]:
        """Share of each driver in the sum over drivers of effect per event × SD of its count."""
        sizes = {name: self.effect_per_event(name) * self.counts_sd(name) for name in self.drivers}
        total = sum(sizes.values())
        return {name: size / total for name, size in sizes.items()}

    @cached_property
    def _memories(self) -> dict[str, Floats]:
        return {name: self.state.memory(name) for name in EFFECTS}

    @cached_property
    def _market(self) -> Economics:
        return economics(self.state, self._memories)

    def _cutoffs(self, observation: int, outcome: int) -> list[int]:
        first, last = BURN_IN_WEEKS + observation, self.state.weeks - outcome
        if last < first:
            raise NotEnoughDataError(
                f"the shop covers {self.state.n_weeks} weeks, and an observation and an outcome "
                f"window need {observation + outcome}; make it with n_weeks={observation + outcome}"
            )
        return list(range(last, first - 1, -EVERY_WEEKS))[::-1]

    def _gain_path(self, behaviour: str, week: int, length: int, measure: Measure) -> Floats:
        """Return the cumulative gain from one more event in `week`; column k is week + k."""
        effect = EFFECTS[behaviour]
        part = slice(week, min(week + length, self.state.weeks))
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
        basket = self.state.basket
        return market.margin(basket) if measure == "margin" else market.revenue(basket)


def _weeks(days: int) -> int:
    if days < 7 or days % 7:
        raise ConfigError(f"the shop is simulated by week: give a multiple of 7 days, found {days}")
    return days // 7
