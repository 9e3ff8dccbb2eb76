"""True effects in a preset's simulation, computed by intervening in its equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from engagement_ml.datasets.presets.description import Counts, Effect, Floats, Ints, Purchases
from engagement_ml.datasets.presets.money import COST_RECOVERED, weekly_margin
from engagement_ml.datasets.presets.world import (
    BURN_IN_WEEKS,
    World,
    hazards,
    memory,
    purchase_rates,
    responses,
)
from engagement_ml.errors import ConfigError, NotEnoughDataError, nearest

EVERY_WEEKS = 4
WEEKS_OF_MONTH = 4.348


@dataclass(frozen=True, eq=False)
class PresetTruth:
    """True effects of behaviours on margin, and what the measures of the definition are worth.

    Attributes
    ----------
    drivers : tuple of str
        Behaviours that raise margin.
    roles : mapping of behaviour to str
        ``driver``, ``harmful``, ``vanity`` or ``inert``; events that only follow from others are
        left out.
    looks_good : tuple of str
        Measures that rise, meet their target and are correlated with margin across customers, and
        that do not move it.
    linked : tuple of str
        Measures that are made of drivers.
    world : World
        Hidden state of the simulation, for other interventions.
    """

    drivers: tuple[str, ...]
    roles: Mapping[str, str]
    looks_good: tuple[str, ...]
    linked: tuple[str, ...]
    world: World = field(repr=False)

    @classmethod
    def of(cls, world: World) -> PresetTruth:
        """Return the truth about a simulation."""
        description = world.description
        roles = {b.name: b.role for b in description.behaviours}
        drivers = tuple(name for name, role in roles.items() if role == "driver")
        return cls(drivers, roles, description.looks_good, description.linked, world)

    def effect_per_event(
        self, behaviour: str, *, observation_weeks: int = 12, outcome_weeks: int = 12
    ) -> float:
        """Return the effect of one more event in the observation window on later margin.

        One event is added in a week that is uniform over the customer's active weeks of the
        observation window; all other events stay the same. The change of expected margin in the
        outcome window is averaged over the customers who are there at the cutoff, and over cutoffs
        every four weeks.

        Raises
        ------
        ConfigError
            If the preset has no such behaviour.
        NotEnoughDataError
            If the history is shorter than both windows.
        """
        if behaviour not in self.roles:
            raise ConfigError(
                f"the preset has no behaviour '{behaviour}'{nearest(behaviour, self.roles)}"
            )
        first, last = BURN_IN_WEEKS + observation_weeks, self.world.weeks - outcome_weeks
        if last < first:
            raise NotEnoughDataError(
                f"the history has {self.world.n_weeks} weeks, and both windows need "
                f"{observation_weeks + outcome_weeks}"
            )
        effect = next(b.effect for b in self.world.description.behaviours if b.name == behaviour)
        if effect is None:
            return 0.0
        rows = [
            self._gain(behaviour, effect, cutoff, observation_weeks, outcome_weeks)
            for cutoff in range(last, first - 1, -EVERY_WEEKS)
        ]
        return float(np.concatenate(rows).mean())

    def _gain(
        self, behaviour: str, effect: Effect, cutoff: int, observation: int, outcome: int
    ) -> Floats:
        """Return the mean gain of each customer who is there at the cutoff."""
        world = self.world
        there = np.flatnonzero((world.entry < cutoff) & (world.leave > cutoff))
        weeks = slice(cutoff, cutoff + outcome)
        base = self._margin(0.0, 0.0, weeks)[there]
        gain, n_weeks = np.zeros(len(there)), np.zeros(len(there))
        past = memory(world.potential[behaviour] * self._counted, effect.kept_weekly)[:, weeks]
        for week in range(cutoff - observation, cutoff):
            added = effect.kept_weekly ** (np.arange(cutoff, cutoff + outcome) - week - 1.0)
            change = effect.response(past + added) - effect.response(past)
            moved = self._margin(effect.strength * change, effect.discount * change, weeks)[there]
            active = world.entry[there] <= week
            gain += active * (moved - base)
            n_weeks += active
        return gain / n_weeks

    @cached_property
    def _counted(self) -> Ints | int:
        """Events count while a customer is active; in subscriptions all that follow as well."""
        return self.world.active if isinstance(self.world.description.economy, Purchases) else 1

    @cached_property
    def _counts(self) -> Counts:
        return {name: counts * self._counted for name, counts in self.world.potential.items()}

    @cached_property
    def _rates(self) -> tuple[Floats, Floats]:
        """Rates of purchases or hazards of cancelling by week, and the discount."""
        world = self.world
        if isinstance(world.description.economy, Purchases):
            return purchase_rates(world, self._counts)
        _, discount = responses(world.description, self._counts)
        return hazards(world.description, world.affinity, self._counts), discount

    def _margin(self, log_change: Floats | float, discount: Floats | float, weeks: slice) -> Floats:
        """Return the expected margin in the weeks, with a change of effects, shape (n,)."""
        economy = self.world.description.economy
        rate, usual = (each[:, weeks] for each in self._rates)
        if isinstance(economy, Purchases):
            amount = weekly_margin(economy, usual + discount)
            return np.asarray((rate * np.exp(log_change) * amount).sum(axis=1))
        staying = np.cumprod(1.0 - rate * np.exp(-np.asarray(log_change)), axis=1)
        fees = np.array(list(economy.plans.values()))[self.world.plan]
        kept = (1 - economy.cost_share) - economy.refund_share * (
            1 - COST_RECOVERED * economy.cost_share
        )
        return np.asarray(fees * kept / WEEKS_OF_MONTH * staying.sum(axis=1))
