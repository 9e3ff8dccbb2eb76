"""The subscriber simulation of SHAP's documentation, as one cross-section and unrolled.

"Be careful when interpreting predictive models in search of causal insights" has one row a
subscriber. Here each feature becomes what a company would log: sales calls, interactions, bug
reports and months since the last upgrade as events one by one; usage, discount, ad spend and the
economy as so many events a unit. A period's renewal is paid on the first day after it; in the
cross-section some time in the outcome window, which so is over when the record ends.

Unrolled, a period is four weeks, and cutoffs lie where one ends. A subscriber's need has a part
that stays and the rest is drawn anew each period, and whoever does not renew once may renew the
next time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.recovery import worlds
from benchmarks.recovery.draft import NAMES
from benchmarks.recovery.draw import WEEK, Ledger, streams
from benchmarks.recovery.render import START
from benchmarks.recovery.truth import SMALLEST_EFFECT, Truth

Array = NDArray[np.float64]

SUBSCRIBER = ("shap_subscriber_cross_section", "shap_subscriber_unrolled")
PRICE = 100.0
# events a unit of each feature
SCALES = {
    "sales_calls": 1.0, "interactions": 1.0, "economy": 12.0, "last_upgrade": 1.0,
    "usage": 20.0, "discount": 20.0, "ad_spend": 10.0, "bugs_reported": 1.0,
}  # fmt: skip


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


@dataclass(frozen=True)
class Periods:
    """Features (n, P) by name, and what is hidden."""

    seen: dict[str, Array]
    need: Array
    bugs: Array
    noise: Array

    def renews(self, **more: Array | float) -> Array:
        """Chance to renew with `more` of some features, all else as it was; a call moves need."""
        x = {name: value + np.asarray(more.get(name, 0.0)) for name, value in self.seen.items()}
        need = self.need + 0.1 * np.asarray(more.get("sales_calls", 0.0))
        inner = (
            0.18 * need + 0.08 * x["usage"] + 0.1 * x["economy"] + 0.05 * x["discount"]
            + 0.05 * self.noise + 0.05 * (1 - self.bugs / 20) + 0.005 * x["sales_calls"]
            + 0.015 * x["interactions"] + 0.1 / (x["last_upgrade"] / 4 + 0.25) - 0.45
        )  # fmt: skip
        return sigmoid(7 * inner)


def draw_periods(n: int, n_periods: int, rng: np.random.Generator) -> Periods:
    shape = (n, n_periods)
    calls = np.round(rng.uniform(0, 4, shape))
    interactions = calls + rng.poisson(0.2, shape)
    economy = rng.uniform(0, 1, shape)
    upgrade = rng.uniform(0, 20, shape)
    need = 0.1 * calls + rng.standard_normal((n, 1))
    discount = (0.5 * (1 - sigmoid(need)) + 0.5 * rng.uniform(0, 1, shape)) / 2
    usage = sigmoid(0.3 * need + rng.standard_normal(shape))
    spend = usage * rng.uniform(0.90, 0.99, shape) + (upgrade < 1) + (upgrade < 2)
    bugs = rng.poisson(2 * usage).astype(np.float64)
    reported = np.round(bugs * sigmoid(need))
    seen = {
        "sales_calls": calls, "interactions": interactions, "economy": economy,
        "last_upgrade": upgrade, "usage": usage, "discount": discount, "ad_spend": spend,
        "bugs_reported": reported,
    }  # fmt: skip
    return Periods(seen, need, bugs, rng.standard_normal(shape))


def make_subscriber(kind: str, n: int, n_weeks: int, seed: int) -> worlds.World:
    """Draw the subscriber world."""
    rngs = streams(kind, seed)
    n = 2 * n  # 10,000 in the documentation, where the other worlds have 5,000
    unrolled = kind == "shap_subscriber_unrolled"
    length = 4 if unrolled else 12
    n_periods = n_weeks // length - 1 if unrolled else 1
    n_weeks = (n_periods + 1) * length
    periods = draw_periods(n, n_periods, rngs["counts"])
    names = (str(name) for name in rngs["spec"].permutation(NAMES)[: len(SCALES)])
    features = dict(zip(SCALES, names, strict=True))
    order = sorted(features, key=lambda f: features[f])
    counts = np.zeros((n, n_weeks, len(order)), dtype=np.float32)
    for j, feature in enumerate(order):
        times = np.round(periods.seen[feature] * SCALES[feature])
        for p in range(n_periods):
            even = np.full(length, 1 / length)
            counts[:, p * length : (p + 1) * length, j] = rngs["follow"].multinomial(
                times[:, p].astype(np.int64), even
            )
    renewed = rngs["luck"].random((n, n_periods)) < periods.renews()
    customer, period = np.nonzero(renewed)
    due = 0.8 if unrolled else length * WEEK
    day = (period + 1) * length * WEEK + 0.2 + (due - 0.2) * rngs["money"].random(customer.size)
    paid = np.full(customer.size, PRICE)
    days = int(length * WEEK)
    windows: dict[str, object] = {"observation_days": days, "outcome_days": days}
    if unrolled:
        ends = [START + np.timedelta64(p * days, "D") for p in range(1, n_periods)]
        windows["cutoffs"] = [str(end.astype("datetime64[D]")) for end in ends]
    return worlds.World(
        kind=kind,
        n_customers=n,
        n_weeks=n_weeks,
        seed=seed,
        behaviours=tuple(features[f] for f in order),
        counts=counts,
        ledger=Ledger(customer, day, paid / 0.6, paid),
        entry=np.zeros(n, dtype=np.int64),
        leave=np.full(n, n_weeks + 1),
        find_truth=lambda: truth_of_subscriber(periods, features, unrolled),
        settings={"windows": windows},
        columns={"region": np.array(["north"] * n, dtype=object)},
    )


def truth_of_subscriber(periods: Periods, features: dict[str, str], unrolled: bool) -> Truth:
    """Effects of one more event: one more call, or one more unit of what is logged in units."""
    base = periods.renews()
    effect, spread, verdicts, accepted = {}, {}, {}, {}
    either = set()
    mean = float(PRICE * base.mean())
    for feature, name in features.items():
        step = 1 / SCALES[feature]
        change = 0.0
        if feature not in ("ad_spend", "bugs_reported"):
            change = float(PRICE * (periods.renews(**{feature: step}) - base).mean())
        effect[name] = change
        spread[name] = float(np.round(periods.seen[feature] * SCALES[feature]).std())
        worth = change * spread[name] / mean
        if abs(worth) < SMALLEST_EFFECT:
            verdicts[name] = "inert"
        else:
            verdicts[name] = "driver" if worth > 0 else "harmful"
        if SMALLEST_EFFECT / 2 < abs(worth) < SMALLEST_EFFECT * 1.5:
            either.add(name)
            accepted[name] = frozenset({"inert", "driver" if worth > 0 else "harmful"})
        if not change:
            accepted[name] = frozenset({"inert", "vanity", "consequence"})
    return Truth(
        verdicts=verdicts,
        effect=effect,
        gross=dict(effect),
        cost=dict.fromkeys(effect, 0.0),
        spread=spread,
        mean_margin=mean,
        identifiable=unrolled,
        accepted=accepted,
        either=frozenset(either),
    )
