"""Lists of customers with a known lift; NumPy alone, and no code of the package."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class World:
    """One kind of list.

    Attributes
    ----------
    effects : tuple of float
        Margin of one more event, by behaviour.
    expected : tuple of float
        What the run expects of one more event.
    extra : float
        Mean extra events of the treated who respond.
    responds : float
        Share of the treated who respond.
    tail : float
        Sigma of log-normal order values.
    fades : float
        How much the effect shrinks with each event before.
    trend : float
        Factor of all margin after the assignment, whatever the arm.
    seen_until_end : bool
        Whether this kind was looked at before the end of the work.
    """

    name: str
    effects: tuple[float, ...]
    expected: tuple[float, ...]
    n: int = 6000
    control_share: float = 0.2
    extra: float = 1.2
    responds: float = 0.6
    tail: float = 0.8
    fades: float = 0.0
    trend: float = 1.0
    seen_before_end: bool = True


@dataclass(frozen=True)
class Before:
    """What is known before the assignment; arrays of n customers."""

    behaviour: np.ndarray
    events: np.ndarray
    margin: np.ndarray
    gain: np.ndarray


@dataclass(frozen=True)
class After:
    """What happened after it, and the true mean lift by behaviour and in total."""

    events: np.ndarray
    margin: np.ndarray
    lift: np.ndarray
    lift_in_all: float
    extra: np.ndarray


WORLDS = (
    World("the treated do more, and it acts", (4.0,), (4.0,)),
    World("it acts half as much as expected", (3.0,), (6.0,)),
    World("false driver: more of it does nothing", (0.0,), (4.0,)),
    World("false driver: more of it costs", (-4.0,), (4.0,)),
    World("the treated do no more", (4.0,), (4.0,), extra=0.0),
    World("three behaviours, one of them false", (5.0, 2.5, 0.0), (5.0, 2.5, 4.0), n=12_000),
    World("a small list", (6.0,), (6.0,), n=500, control_share=0.5),
    World("heavy-tailed margins", (4.0,), (4.0,), tail=1.6),
    World("fading effect and a season", (6.0,), (6.0,), fades=0.15, trend=1.7),
    World("few respond", (8.0,), (8.0,), responds=0.25, seen_before_end=False),
    World(
        "two behaviours, season falls, small control", (3.0, -2.0), (3.0, 3.0),
        n=9000, control_share=0.1, trend=0.5, seen_before_end=False,
    ),
)  # fmt: skip


class List:
    """The customers of one list, drawn from a seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.rng = np.random.default_rng([seed, len(world.name), world.n])
        n = world.n
        self.loyalty = self.rng.gamma(2.0, 0.5, n)
        behaviour = self.rng.integers(len(world.effects), size=n)
        events = self.rng.poisson(1.5 * self.loyalty)
        expected = np.array(world.expected)[behaviour]
        self.before = Before(
            behaviour, events.astype(float), self._margin(1.0), expected / (1.0 + 0.1 * events)
        )

    def _margin(self, factor: float) -> np.ndarray:
        orders = self.rng.poisson(1.2 * factor * self.loyalty)
        value = 12.0 * np.exp(self.rng.normal(0.0, self.world.tail, len(orders)))
        refund = np.where(self.rng.random(len(orders)) < 0.05, -8.0, 0.0)
        return orders * value + refund

    def after(self, treated: np.ndarray) -> After:
        """Return what the customers do, those on the list more of their behaviour."""
        world, rng, n = self.world, self.rng, self.world.n
        effect = np.array(world.effects)[self.before.behaviour]
        effect = effect * np.exp(-world.fades * self.before.events)
        responds = rng.random(n) < world.responds
        more = np.where(responds, rng.poisson(world.extra, n), 0)
        own = rng.poisson(1.5 * self.loyalty)
        noise = rng.normal(0.0, 0.5, n)
        margin = self._margin(world.trend) + effect * (own + more * treated) + noise
        # The true lift is that of all customers on the list, if every one were treated.
        mean_more = world.responds * world.extra
        kinds = [self.before.behaviour == b for b in range(len(world.effects))]
        lift = np.array([(effect[kind] * mean_more).mean() for kind in kinds])
        extra = np.full(len(kinds), mean_more)
        return After(
            (own + more * treated).astype(float),
            margin,
            lift,
            float((effect * mean_more).mean()),
            extra,
        )
