"""Putting a world together: names, rates, memories and strengths drawn at random."""

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
MEMORIES = {"brief": BRIEF, "month": MONTH, "decay": DECAY, "quarter": QUARTER}


@dataclass(frozen=True)
class Kind:
    """A world's rules, and what its truth has besides the verdicts."""

    spec: Spec
    either: frozenset[str] = frozenset()
    accepted: dict[str, frozenset[str]] = field(default_factory=dict)


@dataclass
class Draft:
    """A world being put together: names are drawn at random, so they tell nothing."""

    rng: Rng
    behaviours: list[Behaviour] = field(default_factory=list)
    accepted: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names = list(self.rng.permutation(NAMES))
        self.memory = str(self.rng.choice(list(MEMORIES)))
        self.lag0 = bool(self.rng.random() < 0.25)

    def name(self) -> str:
        return str(self._names.pop())

    def kernel(self) -> tuple[float, ...]:
        kernel = MEMORIES[self.memory]
        if not self.lag0:
            return kernel
        return (1.0, *kernel[1:]) if self.memory == "brief" else kernel[1:]

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def rate(self, low: float, high: float) -> float:
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def worth(self) -> float:
        """How much a standard deviation should be worth; what is soon forgotten can do less."""
        low, high = {"brief": (0.04, 0.08), "month": (0.06, 0.15)}.get(self.memory, (0.08, 0.28))
        return self.rate(low, high)

    def add(self, truth: str, **more: object) -> Behaviour:
        settings: dict[str, object] = {
            "name": self.name(),
            "rate": self.rate(0.15, 1.2),
            "spread": self.uniform(0.2, 0.6),
            "wave": self.uniform(0.4, 0.9),
            "memory": self.uniform(0.8, 0.97),
            "season": self.uniform(-0.5, 1.0),
        }
        made = Behaviour(truth=truth, **(settings | more))  # type: ignore[arg-type]
        self.behaviours.append(made)
        return made

    def acts(self, via: str | None = None, **more: object) -> tuple[Act, ...]:
        how = via or str(self.rng.choice(["orders", "orders", "basket", "additive"]))
        return (Act(how, self.kernel(), **more),)  # type: ignore[arg-type]

    def driver(self, **more: object) -> Behaviour:
        settings: dict[str, object] = {
            "acts": self.acts(),
            "worth": self.worth(),
            "liking": self.uniform(0.0, 0.4),
        }
        return self.add("driver", **(settings | more))

    def drivers(self, number: int | None = None, **more: object) -> list[Behaviour]:
        n = int(self.rng.integers(2, 4)) if number is None else number
        return [self.driver(**more) for _ in range(n)]

    def harmful(self) -> Behaviour:
        kernel = self.kernel()
        boost = self.uniform(0.3, 0.5)
        bad = Act("ratio", kernel, strength=1.2)
        # returns come a week later: with a brief memory they would mostly miss the outcome window
        if self.rng.random() < 0.4 and self.memory != "brief":
            bad = Act("returns", kernel, strength=1.4)
        return self.add(
            "harmful",
            acts=(Act("orders", kernel, strength=boost), bad),
            worth=-self.rate(0.06, 0.18),
            liking=self.uniform(0.1, 0.5),
        )

    def follow(self, number: int = 1) -> None:
        for _ in range(number):
            self.add("consequence", source="orders", rate=self.uniform(0.8, 2.5))

    def vanity(self, number: int, liking: tuple[float, float] = (0.6, 1.0), **more: object) -> None:
        for position in range(number):
            frequent = self.rate(6, 10) if self.rng.random() < 0.2 else self.rate(1.5, 3.5)
            rate = frequent if position == 0 else self.rate(0.1, 1.0)
            settings: dict[str, object] = {"rate": rate, "liking": self.uniform(*liking)}
            self.add("vanity", **(settings | more))

    def inert(self, number: int) -> None:
        for _ in range(number):
            self.add("inert", rate=self.rate(0.02, 0.8))

    def fill(self, total: int = 12, liking: tuple[float, float] = (0.6, 1.0)) -> None:
        """Add vanity behaviours and inert ones until there are `total`."""
        left = total - len(self.behaviours)
        vain = min(max(left - 2, 1), 5)
        self.vanity(vain, liking)
        self.inert(max(left - vain, 0))

    def kind(self, either: frozenset[str] = frozenset(), **rules: object) -> Kind:
        vain = {
            b.name: frozenset({"vanity", "inert"}) for b in self.behaviours if b.truth == "vanity"
        }
        settings: dict[str, object] = {
            "order_rate": self.uniform(0.25, 0.55),
            "basket": self.uniform(25, 90),
            "liking_orders": self.uniform(0.35, 0.6),
            "season": self.uniform(0.05, 0.2),
            "staggered": self.uniform(0.2, 0.6),
        }
        ordered = tuple(sorted(self.behaviours, key=lambda b: b.name))
        spec = Spec(behaviours=ordered, **(settings | rules))  # type: ignore[arg-type]
        return Kind(spec, either, vain | self.accepted)
