"""Draft of a plan: draws rates, kernels, paths and effect sizes of the behaviours of a kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.recovery.daily import hidden
from benchmarks.recovery.daily.mechanism import delayed, exponential, window_share
from benchmarks.recovery.daily.spec import (
    AHEAD,
    BURN,
    WINDOW,
    Act,
    Array,
    Behaviour,
    Orders,
    Path,
    Plan,
    Ride,
)

Rng = np.random.Generator
Kind = Callable[["Draft"], None]
NAMES = (
    "search", "page_view", "compare", "app_open", "login", "mail_open", "mail_sent", "video",
    "review_read", "wishlist", "calculator", "store_visit", "advice", "newsletter", "tutorial",
    "share", "rating", "invoice_view", "chat", "coupon", "push", "catalogue", "profile_edit",
    "return_info", "delivery_check", "survey", "event_visit", "forum", "download", "price_page",
)  # fmt: skip
# largest mean relative lift by one behaviour, so that none dominates
MAX_LIFT = {"orders": 0.55, "basket": 0.55, "ratio": 0.55, "hazard": 1.2}


@dataclass
class Draft:
    """A plan in the making; `acting` is False in null twins, where no behaviour has an effect."""

    rng: Rng
    n: int
    n_days: int
    acting: bool = True
    behaviours: list[Behaviour] = field(default_factory=list)
    states: list[Array] = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)
    accepted: dict[str, frozenset[str]] = field(default_factory=dict)
    optional: set[str] = field(default_factory=set)
    unmeasured: set[str] = field(default_factory=set)
    segments: dict[str, NDArray[np.object_]] = field(default_factory=dict)
    declared: tuple[str, ...] = ()
    planned: Array | None = None
    order_scale: Array | None = None
    late_share: float = 0.35
    memory: tuple[float, float] = (5.0, 32.0)

    def __post_init__(self) -> None:
        self.names = [str(name) for name in self.rng.permutation(NAMES)]
        self.affinity = self.rng.standard_normal(self.n).astype(np.float32)

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def log_uniform(self, low: float, high: float) -> float:
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def state(self, values: Array) -> int:
        """Add a hidden state (days + AHEAD, n) and return its place."""
        self.states.append(values.astype(np.float32))
        return len(self.states) - 1

    def wave(self, memory: float) -> int:
        return self.state(hidden.wave(self.rng, self.n_days + AHEAD, self.n, memory))

    def add(self, role: str, per_week: float, **traits: object) -> Behaviour:
        """Add a behaviour with random traits, of which some are given."""
        defaults: dict[str, object] = {
            "shape": self.uniform(1.0, 2.5),
            "season": self.uniform(0.0, 0.8),
            "wave_std": self.uniform(0.35, 0.7),
            "wave_memory": self.log_uniform(10, 50),
        }
        name = self.names[len(self.behaviours)]
        b = Behaviour(name, role, per_week / 7, **(defaults | traits))  # type: ignore[arg-type]
        self.behaviours.append(b)
        return b

    def kernel(self) -> Array:
        """Draw a kernel, decaying or delayed."""
        memory = self.log_uniform(*self.memory)
        return delayed(memory) if self.rng.random() < 0.3 else exponential(memory)

    def path(self) -> Path:
        return str(self.rng.choice(["orders", "orders", "basket", "ratio"]))  # type: ignore[return-value]

    def strength(self, b: Behaviour, path: Path, kernel: Array, effect: float) -> float:
        """Return the strength at which a standard deviation moves margin by about `effect`."""
        level = np.exp(b.affinity**2) * (1 + 1 / b.shape) / b.share - 1
        mean = WINDOW * b.rate
        std = np.sqrt(mean + mean**2 * (level + 0.6 * b.wave_std**2))
        full = effect / (std * window_share(kernel, WINDOW) / WINDOW)
        return float(np.sign(effect) * min(abs(full), MAX_LIFT[path] / b.rate))

    def act(
        self, b: Behaviour, path: Path, effect: float, kernel: Array | None = None,
        by_customer: Array | None = None,
    ) -> Behaviour:  # fmt: skip
        """Give the latest behaviour an effect; null twins have none."""
        kernel = self.kernel() if kernel is None else kernel
        strength: float | Array = self.strength(b, path, kernel, effect)
        if by_customer is not None:
            strength = (strength * by_customer).astype(np.float32)
        if not self.acting:
            return b
        b = replace(b, acts=(*b.acts, Act(path, kernel, strength)))
        self.behaviours[self.behaviours.index(self.named(b.name))] = b
        return b

    def named(self, name: str) -> Behaviour:
        return next(b for b in self.behaviours if b.name == name)

    def driver(
        self, path: Path | None = None, kernel: Array | None = None, size: float | None = None,
        by_customer: Array | None = None, role: str = "driver", **traits: object,
    ) -> Behaviour:  # fmt: skip
        """Add a behaviour that raises margin (in null twins, one without an effect)."""
        defaults = {"affinity": self.uniform(0.0, 0.5)}
        per_week = traits.pop("per_week", None) or self.log_uniform(0.3, 1.6)
        b = self.add(
            role if self.acting else "vanity", float(per_week), **(defaults | traits)  # type: ignore[arg-type]
        )  # fmt: skip
        sign = -1.0 if path == "hazard" else 1.0
        effect = sign * (self.uniform(0.05, 0.12) if size is None else size)
        return self.act(b, path or self.path(), effect, kernel, by_customer)

    def drivers(self, few: int = 1, many: int = 3, **traits: object) -> None:
        for _ in range(int(self.rng.integers(few, many + 1))):
            self.driver(**traits)  # type: ignore[arg-type]

    def follow(self, per_order: float | None = None, lag: float | None = None) -> Behaviour:
        """Add a behaviour that follows orders."""
        return self.add(
            "consequence",
            0.02,
            wave_std=0.2,
            per_order=self.uniform(0.5, 1.2) if per_order is None else per_order,
            order_lag=self.log_uniform(0.3, 4.0) if lag is None else lag,
        )

    def rider(self, rides: tuple[Ride, ...], per_week: float | None = None) -> Behaviour:
        """Add a behaviour without an effect that rides on hidden states."""
        per_week = self.log_uniform(0.4, 1.6) if per_week is None else per_week
        return self.add("vanity", per_week, affinity=self.uniform(0.2, 0.7), rides=rides)

    def fill(self, at_least: int = 9, at_most: int = 13) -> None:
        """Add behaviours without an effect, some of which share the affinity."""
        total = int(self.rng.integers(at_least, at_most + 1))
        number = 0
        while len(self.behaviours) < total or number < 3:
            vanity = number % 2 == 0
            affinity = self.uniform(0.4, 0.9) if vanity else self.uniform(-0.1, 0.15)
            rate = self.log_uniform(0.2, 1.8)
            self.add("vanity" if vanity else "inert", rate, affinity=affinity)
            number += 1

    def segment(self, column: str, values: tuple[str, ...], declared: bool = True) -> Array:
        """Add a column of segments and return the codes of the customers."""
        codes = self.rng.integers(0, len(values), self.n)
        self.segments[column] = np.array(values, dtype=object)[codes]
        self.declared = (*self.declared, *((column,) if declared else ()))
        return codes.astype(np.float32)

    def finish(self) -> Plan:
        """Return the plan, the behaviours in random order."""
        if not self.segments:
            self.segment("region", ("north", "south", "west"), declared=False)
        late = self.rng.random(self.n) < self.late_share
        last = BURN + int(0.6 * (self.n_days - BURN))
        entry = np.where(late, self.rng.integers(BURN, last, self.n), 0)
        season = hidden.season(self.rng, self.n_days, self.uniform(0.08, 0.2))
        orders = Orders(
            rate=self.log_uniform(0.35, 0.6) / 7,
            affinity=self.uniform(0.4, 0.7),
            basket=self.uniform(40, 90),
            ratio=self.uniform(0.25, 0.45),
        )
        return Plan(
            behaviours=tuple(self.behaviours),
            orders=replace(orders, **self.settings),  # type: ignore[arg-type]
            affinity=self.affinity,
            entry=entry,
            season=season,
            hidden=tuple(self.states),
            planned=self.planned,
            order_scale=self.order_scale,
            segments=self.segments,
            declared_segments=self.declared,
            accepted=self.accepted,
            optional=frozenset(self.optional if self.acting else ()),
            unmeasured=frozenset(self.unmeasured),
        )
