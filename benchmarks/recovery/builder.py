"""Random construction of a specification: names, rates, lag kernels and effect sizes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.recovery.spec import Act, Behaviour, Spec

Rng = np.random.Generator

NAMES = (
    "page_view", "product_search", "video_watched", "review_written", "wishlist_add",
    "app_open", "newsletter_open", "newsletter_click", "store_visit", "event_attended",
    "tutorial_opened", "tutorial_done", "chat_started", "support_call", "coupon_saved",
    "referral_sent", "profile_updated", "photo_shared", "post_liked", "comment_posted",
    "quiz_taken", "sample_requested", "price_alert_set", "catalogue_opened", "badge_earned",
    "recipe_saved", "size_guide_used", "live_stream_joined", "survey_answered", "gift_list_made",
    "consultation_booked", "banner_clicked", "push_opened", "status_checked", "invoice_opened",
    "letter_received", "call_received", "course_joined", "community_joined", "demo_tried",
)  # fmt: skip

BRIEF = (0.0, 1.0, 1.0)
MONTH = (0.0, 1.0, 1.0, 1.0, 1.0)
DECAY = (0.0, *(float(np.exp(-lag / 6)) for lag in range(24)))
QUARTER = (0.0, *([1.0] * 12))
KERNELS = {"brief": BRIEF, "month": MONTH, "decay": DECAY, "quarter": QUARTER}


@dataclass(frozen=True)
class Scenario:
    """A specification, and how its verdicts are judged.

    `optional` behaviours may be selected or not; `accepted` lists the verdicts that also count as
    correct.
    """

    spec: Spec
    optional: frozenset[str] = frozenset()
    accepted: dict[str, frozenset[str]] = field(default_factory=dict)


@dataclass
class ScenarioBuilder:
    """Builds a specification step by step; names are random and carry no information."""

    rng: Rng
    behaviours: list[Behaviour] = field(default_factory=list)
    accepted: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names = list(self.rng.permutation(NAMES))
        self.kernel_name = str(self.rng.choice(list(KERNELS)))
        self.lag0 = bool(self.rng.random() < 0.25)

    def name(self) -> str:
        """Take the next random name."""
        return str(self._names.pop())

    def kernel(self) -> tuple[float, ...]:
        """Return the lag kernel, with or without an effect in the week of the event."""
        kernel = KERNELS[self.kernel_name]
        if not self.lag0:
            return kernel
        return (1.0, *kernel[1:]) if self.kernel_name == "brief" else kernel[1:]

    def uniform(self, low: float, high: float) -> float:
        """Draw from a uniform distribution."""
        return float(self.rng.uniform(low, high))

    def rate(self, low: float, high: float) -> float:
        """Draw from a log-uniform distribution."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def standardised_effect(self) -> float:
        """Draw a target effect per standard deviation; short lag kernels get smaller ones."""
        low, high = {"brief": (0.04, 0.08), "month": (0.06, 0.15)}.get(
            self.kernel_name, (0.08, 0.28)
        )
        return self.rate(low, high)

    def add(self, truth: str, **overrides: object) -> Behaviour:
        """Add a behaviour with random parameters, some of them overridden."""
        settings: dict[str, object] = {
            "name": self.name(),
            "rate": self.rate(0.15, 1.2),
            "level_std": self.uniform(0.2, 0.6),
            "wave_std": self.uniform(0.4, 0.9),
            "wave_persistence": self.uniform(0.8, 0.97),
            "season": self.uniform(-0.5, 1.0),
        }
        behaviour = Behaviour(truth=truth, **(settings | overrides))  # type: ignore[arg-type]
        self.behaviours.append(behaviour)
        return behaviour

    def acts(self, via: str | None = None, **overrides: object) -> tuple[Act, ...]:
        """Return one causal path, random unless `via` is given."""
        path = via or str(self.rng.choice(["orders", "orders", "basket", "additive"]))
        return (Act(path, self.kernel(), **overrides),)  # type: ignore[arg-type]

    def driver(self, **overrides: object) -> Behaviour:
        """Add a driver."""
        settings: dict[str, object] = {
            "acts": self.acts(),
            "standardised_effect": self.standardised_effect(),
            "affinity": self.uniform(0.0, 0.4),
        }
        return self.add("driver", **(settings | overrides))

    def drivers(self, number: int | None = None, **overrides: object) -> list[Behaviour]:
        """Add `number` drivers, two or three by default."""
        n = int(self.rng.integers(2, 4)) if number is None else number
        return [self.driver(**overrides) for _ in range(n)]

    def harmful(self) -> Behaviour:
        """Add a behaviour that raises orders, but lowers their margin or raises returns."""
        kernel = self.kernel()
        boost = self.uniform(0.3, 0.5)
        harm = Act("ratio", kernel, strength=1.2)
        # returns are booked a week later: with the brief kernel most would miss the outcome window
        if self.rng.random() < 0.4 and self.kernel_name != "brief":
            harm = Act("returns", kernel, strength=1.4)
        return self.add(
            "harmful",
            acts=(Act("orders", kernel, strength=boost), harm),
            standardised_effect=-self.rate(0.06, 0.18),
            affinity=self.uniform(0.1, 0.5),
        )

    def follow(self, number: int = 1) -> None:
        """Add behaviours that follow orders."""
        for _ in range(number):
            self.add("consequence", source="orders", rate=self.uniform(0.8, 2.5))

    def vanity(
        self, number: int, affinity: tuple[float, float] = (0.6, 1.0), **overrides: object
    ) -> None:
        """Add behaviours without effect that depend on the affinity."""
        for position in range(number):
            frequent = self.rate(6, 10) if self.rng.random() < 0.2 else self.rate(1.5, 3.5)
            rate = frequent if position == 0 else self.rate(0.1, 1.0)
            settings: dict[str, object] = {"rate": rate, "affinity": self.uniform(*affinity)}
            self.add("vanity", **(settings | overrides))

    def inert(self, number: int) -> None:
        """Add behaviours without effect and without affinity."""
        for _ in range(number):
            self.add("inert", rate=self.rate(0.02, 0.8))

    def fill(self, total: int = 12, affinity: tuple[float, float] = (0.6, 1.0)) -> None:
        """Add vanity and inert behaviours up to a total of `total`."""
        missing = total - len(self.behaviours)
        n_vanity = min(max(missing - 2, 1), 5)
        self.vanity(n_vanity, affinity)
        self.inert(max(missing - n_vanity, 0))

    def scenario(self, optional: frozenset[str] = frozenset(), **rules: object) -> Scenario:
        """Return the scenario, with random shop parameters unless overridden by `rules`."""
        either_verdict = {
            b.name: frozenset({"vanity", "inert"}) for b in self.behaviours if b.truth == "vanity"
        }
        settings: dict[str, object] = {
            "order_rate": self.uniform(0.25, 0.55),
            "basket": self.uniform(25, 90),
            "affinity_orders": self.uniform(0.35, 0.6),
            "season": self.uniform(0.05, 0.2),
            "late_entry_share": self.uniform(0.2, 0.6),
        }
        ordered = tuple(sorted(self.behaviours, key=lambda b: b.name))
        spec = Spec(behaviours=ordered, **(settings | rules))  # type: ignore[arg-type]
        return Scenario(spec, optional, either_verdict | self.accepted)
