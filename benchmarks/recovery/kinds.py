"""The catalogue of shop-like worlds: who likes the brand, what acts and how, what only looks good.

Each kind and seed varies the memory of effects, whether they work on the order rate, on the
basket or as a constant gain per event, base rates, strengths and the persistence of behaviours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.recovery.engine import Act, Behaviour, Spec

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
class _Draft:
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


def _plain(rng: Rng, liking: tuple[float, float] = (0.6, 1.0), **rules: object) -> Kind:
    draft = _Draft(rng)
    draft.drivers()
    draft.follow()
    draft.fill(liking=liking)
    return draft.kind(**rules)


def confounded(rng: Rng) -> Kind:
    return _plain(rng)


def heavily_confounded(rng: Rng) -> Kind:
    return _plain(rng, (0.9, 1.3), liking_orders=1.0, liking_basket=0.4)


def consequence(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.drivers()
    draft.follow(3)
    draft.fill()
    return draft.kind()


def harmful(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.drivers(2)
    draft.harmful()
    draft.follow()
    draft.fill()
    return draft.kind()


def saturating(rng: Rng) -> Kind:
    draft = _Draft(rng)
    for _ in range(int(draft.rng.integers(2, 4))):
        draft.driver(
            acts=draft.acts(saturates=draft.uniform(0.5, 1.5)),
            rate=draft.rate(0.4, 2.0),
            worth=draft.worth(),
        )
    draft.follow()
    draft.fill()
    return draft.kind()


def nested(rng: Rng) -> Kind:
    draft = _Draft(rng)
    start = draft.add("vanity", rate=draft.rate(0.4, 1.2), liking=draft.uniform(0.3, 0.6))
    draft.driver(source="part", parent=start.name, rate=draft.uniform(0.25, 0.5))
    draft.driver()
    draft.follow()
    draft.fill()
    return draft.kind()


def rare_strong(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.driver(rate=draft.uniform(0.02, 0.04), spread=0.3, wave=0.5)
    draft.driver()
    draft.follow()
    draft.fill()
    return draft.kind()


def nothing(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.follow()
    draft.vanity(4, (0.2, 0.4))
    draft.inert(7)
    return draft.kind(liking_orders=0.3)


def nothing_confounded(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.follow()
    draft.fill(liking=(0.9, 1.3))
    return draft.kind(liking_orders=1.0, liking_basket=0.4)


def season(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.drivers(2)
    draft.vanity(1, season=1.5)
    draft.follow()
    draft.fill()
    return draft.kind(season=draft.uniform(0.5, 0.7), size_sigma=0.8)


def local_season(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.drivers(2)
    draft.vanity(1, season=1.5)
    draft.follow()
    draft.fill()
    return draft.kind(
        season=draft.uniform(0.4, 0.6), local_season=True, config={"segments": ["region"]}
    )


def reactive(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.drivers()
    for _ in range(2):
        sent = draft.add("inert", source="lapse", rate=draft.rate(0.2, 0.8))
        draft.accepted[sent.name] = frozenset({"inert", "vanity", "consequence"})
    draft.follow()
    draft.fill()
    return draft.kind()


def segments(rng: Rng) -> Kind:
    draft = _Draft(rng)
    first = draft.driver()
    strong = replace(first.acts[0], only=0)
    draft.behaviours[-1] = replace(first, acts=(strong,), worth=max(first.worth, 0.12))
    second = draft.driver()
    elsewhere = replace(second.acts[0], only=1)
    extra = replace(second.acts[0], strength=0.5, only=2)
    draft.behaviours[-1] = replace(second, acts=(elsewhere, extra), worth=max(second.worth, 0.12))
    draft.follow()
    draft.fill()
    return draft.kind(config={"segments": ["region"]})


def pair(rng: Rng) -> Kind:
    draft = _Draft(rng)
    other = draft.add("driver", rate=draft.rate(0.3, 1.0), liking=draft.uniform(0.0, 0.3))
    draft.driver(
        acts=draft.acts("orders", partner=other.name),
        rate=draft.rate(0.3, 1.0),
        worth=draft.rate(0.08, 0.15),
    )
    draft.follow()
    draft.fill()
    return draft.kind()


def heavy_tails(rng: Rng) -> Kind:
    return _plain(rng, basket_sigma=float(rng.uniform(1.5, 1.9)))


def partners(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.drivers(2)
    draft.add("vanity", acts=draft.acts("empty", strength=0.5), liking=draft.uniform(0.5, 0.9))
    draft.follow()
    draft.fill()
    return draft.kind(
        order_rate=draft.uniform(0.6, 1.2),
        basket=draft.uniform(800, 3000),
        ratio=0.07,
        return_share=0.01,
        return_loss=0.09,
        size_sigma=1.0,
        config={"entity": "partner"},
    )


def negative_margins(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.drivers(2)
    if draft.rng.random() < 0.5:
        draft.harmful()
    draft.follow()
    draft.fill()
    return draft.kind(ratio=0.3, ratio_sigma=0.15, serve=draft.uniform(3, 5), return_share=0.12)


def missing_events(rng: Rng) -> Kind:
    return _plain(rng, missing=0.3)


def stops_midway(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.drivers(2)
    stopped = draft.driver(acts=draft.acts(until=0.5), worth=0.0)
    at_first = Behaviour(**(vars(stopped) | {"worth": 0.5 * draft.worth()}))
    draft.behaviours[-1] = at_first
    draft.follow()
    draft.fill()
    return draft.kind(either=frozenset({stopped.name}))


def interest_waves(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.drivers(2)
    for _ in range(3):
        draft.vanity(1, interest=draft.uniform(0.7, 1.2))
    draft.follow()
    draft.fill()
    return draft.kind(interest=draft.uniform(0.4, 0.6), interest_memory=draft.uniform(0.85, 0.95))


def feedback(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.driver(acts=draft.acts("orders"), feedback=draft.uniform(0.2, 0.5))
    draft.driver(acts=draft.acts("orders"))
    draft.follow()
    draft.fill()
    return draft.kind()


def habit(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.drivers(2, acts=draft.acts("orders"))
    draft.follow()
    draft.fill()
    return draft.kind(habit=draft.uniform(0.05, 0.12))


def costly(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.drivers(2)
    dear = draft.driver(cost_ratio=draft.uniform(1.8, 2.5))
    draft.behaviours[-1] = Behaviour(**(vars(dear) | {"truth": "harmful"}))
    draft.follow()
    draft.fill()
    return draft.kind()


def subscription(rng: Rng) -> Kind:
    draft = _Draft(rng)
    draft.memory = str(draft.rng.choice(["month", "decay", "quarter"]))
    for _ in range(int(draft.rng.integers(2, 4))):
        draft.driver(acts=draft.acts("renewal"), worth=draft.rate(0.03, 0.07))
    draft.fill(liking=(0.5, 0.9))
    return draft.kind(
        subscription=True,
        churn=draft.uniform(0.10, 0.16),
        decide_every=int(draft.rng.choice([1, 4])),
        staggered=0.7,
        season=0.05,
        config={"churn": {"kind": "event", "event_type": "subscription_cancelled"}},
    )


UTILITIES = {
    "post": 1.0, "new_friend": 6.0, "like": 0.5, "message": 1.0, "reply": 1.0,
    "ad_view": -1.5, "dislike": -1.0, "unfriend": -10.0,
}  # fmt: skip
_MONTHLY = {
    "post": 6.0, "new_friend": 1.2, "like": 14.0, "message": 8.0, "reply": 4.0,
    "ad_view": 5.0, "dislike": 3.0, "unfriend": 0.2,
}  # fmt: skip


def churnsim(rng: Rng) -> Kind:
    """Monthly utilities of ChurnSim (SSRN 4540160), log-odds of staying linear in them."""
    draft = _Draft(rng)
    names = dict(zip(UTILITIES, draft.rng.permutation(NAMES)[: len(UTILITIES)], strict=True))
    for event, utility in UTILITIES.items():
        draft.behaviours.append(
            Behaviour(
                name=str(names[event]),
                truth="driver" if utility > 0 else "harmful",
                rate=_MONTHLY[event] / 4,
                liking=0.5 if utility > 0 else 0.2,
                spread=0.5,
                wave=draft.uniform(0.4, 0.7),
                memory=draft.uniform(0.8, 0.95),
                acts=(Act("renewal", MONTH, strength=0.06 * utility),),
            )
        )
    return draft.kind(
        subscription=True, churn=0.1, liking_churn=0.3, staggered=0.7, season=0.0,
        config={"churn": {"kind": "event", "event_type": "subscription_cancelled"}},
    )  # fmt: skip


CATALOGUE: dict[str, Callable[[Rng], Kind]] = {
    f.__name__: f
    for f in (
        confounded, heavily_confounded, consequence, harmful, saturating, nested, rare_strong,
        nothing, nothing_confounded, season, local_season, reactive, segments, pair, heavy_tails,
        subscription, partners, negative_margins, missing_events, stops_midway, interest_waves,
        feedback, habit, costly, churnsim,
    )
}  # fmt: skip
CATALOGUE |= {"few_customers": confounded, "short_history": confounded}
