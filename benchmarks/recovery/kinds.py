"""The catalogue of shop-like worlds: who likes the brand, what acts and how, what only looks good.

Each kind and seed varies the memory of effects, whether they work on the order rate, on the
basket or as a constant gain per event, base rates, strengths and the persistence of behaviours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.recovery.draft import MONTH, NAMES, Draft, Kind, Rng
from benchmarks.recovery.spec import Act, Behaviour


def _plain(rng: Rng, liking: tuple[float, float] = (0.6, 1.0), **rules: object) -> Kind:
    draft = Draft(rng)
    draft.drivers()
    draft.follow()
    draft.fill(liking=liking)
    return draft.kind(**rules)


def confounded(rng: Rng) -> Kind:
    return _plain(rng)


def heavily_confounded(rng: Rng) -> Kind:
    return _plain(rng, (0.9, 1.3), liking_orders=1.0, liking_basket=0.4)


def consequence(rng: Rng) -> Kind:
    draft = Draft(rng)
    draft.drivers()
    draft.follow(3)
    draft.fill()
    return draft.kind()


def harmful(rng: Rng) -> Kind:
    draft = Draft(rng)
    draft.drivers(2)
    draft.harmful()
    draft.follow()
    draft.fill()
    return draft.kind()


def saturating(rng: Rng) -> Kind:
    draft = Draft(rng)
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
    draft = Draft(rng)
    start = draft.add("vanity", rate=draft.rate(0.4, 1.2), liking=draft.uniform(0.3, 0.6))
    draft.driver(source="part", parent=start.name, rate=draft.uniform(0.25, 0.5))
    draft.driver()
    draft.follow()
    draft.fill()
    return draft.kind()


def rare_strong(rng: Rng) -> Kind:
    draft = Draft(rng)
    draft.driver(rate=draft.uniform(0.02, 0.04), spread=0.3, wave=0.5)
    draft.driver()
    draft.follow()
    draft.fill()
    return draft.kind()


def nothing(rng: Rng) -> Kind:
    draft = Draft(rng)
    draft.follow()
    draft.vanity(4, (0.2, 0.4))
    draft.inert(7)
    return draft.kind(liking_orders=0.3)


def nothing_confounded(rng: Rng) -> Kind:
    draft = Draft(rng)
    draft.follow()
    draft.fill(liking=(0.9, 1.3))
    return draft.kind(liking_orders=1.0, liking_basket=0.4)


def season(rng: Rng) -> Kind:
    draft = Draft(rng)
    draft.drivers(2)
    draft.vanity(1, season=1.5)
    draft.follow()
    draft.fill()
    return draft.kind(season=draft.uniform(0.5, 0.7), size_sigma=0.8)


def local_season(rng: Rng) -> Kind:
    draft = Draft(rng)
    draft.drivers(2)
    draft.vanity(1, season=1.5)
    draft.follow()
    draft.fill()
    return draft.kind(
        season=draft.uniform(0.4, 0.6), local_season=True, config={"segments": ["region"]}
    )


def reactive(rng: Rng) -> Kind:
    draft = Draft(rng)
    draft.drivers()
    for _ in range(2):
        sent = draft.add("inert", source="lapse", rate=draft.rate(0.2, 0.8))
        draft.accepted[sent.name] = frozenset({"inert", "vanity", "consequence"})
    draft.follow()
    draft.fill()
    return draft.kind()


def segments(rng: Rng) -> Kind:
    draft = Draft(rng)
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
    draft = Draft(rng)
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
    draft = Draft(rng)
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
    draft = Draft(rng)
    draft.drivers(2)
    if draft.rng.random() < 0.5:
        draft.harmful()
    draft.follow()
    draft.fill()
    return draft.kind(ratio=0.3, ratio_sigma=0.15, serve=draft.uniform(3, 5), return_share=0.12)


def missing_events(rng: Rng) -> Kind:
    return _plain(rng, missing=0.3)


def stops_midway(rng: Rng) -> Kind:
    draft = Draft(rng)
    draft.drivers(2)
    stopped = draft.driver(acts=draft.acts(until=0.5), worth=0.0)
    at_first = Behaviour(**(vars(stopped) | {"worth": 0.5 * draft.worth()}))
    draft.behaviours[-1] = at_first
    draft.follow()
    draft.fill()
    return draft.kind(either=frozenset({stopped.name}))


def interest_waves(rng: Rng) -> Kind:
    draft = Draft(rng)
    draft.drivers(2)
    for _ in range(3):
        draft.vanity(1, interest=draft.uniform(0.7, 1.2))
    draft.follow()
    draft.fill()
    return draft.kind(interest=draft.uniform(0.4, 0.6), interest_memory=draft.uniform(0.85, 0.95))


def feedback(rng: Rng) -> Kind:
    draft = Draft(rng)
    draft.driver(acts=draft.acts("orders"), feedback=draft.uniform(0.2, 0.5))
    draft.driver(acts=draft.acts("orders"))
    draft.follow()
    draft.fill()
    return draft.kind()


def habit(rng: Rng) -> Kind:
    draft = Draft(rng)
    draft.drivers(2, acts=draft.acts("orders"))
    draft.follow()
    draft.fill()
    return draft.kind(habit=draft.uniform(0.05, 0.12))


def costly(rng: Rng) -> Kind:
    draft = Draft(rng)
    draft.drivers(2)
    dear = draft.driver(cost_ratio=draft.uniform(1.8, 2.5))
    draft.behaviours[-1] = Behaviour(**(vars(dear) | {"truth": "harmful"}))
    draft.follow()
    draft.fill()
    return draft.kind()


def subscription(rng: Rng) -> Kind:
    draft = Draft(rng)
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
    draft = Draft(rng)
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
