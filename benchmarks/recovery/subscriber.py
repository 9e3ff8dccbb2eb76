"""Subscriber simulation of the SHAP documentation, as a cross-section and as a panel.

The article "Be careful when interpreting predictive models in search of causal insights" has one
row per subscriber. Here its features are logged as events: one event per sales call, interaction,
bug report and month since the last upgrade; `SCALES` events per unit of usage, discount, ad spend
and the economy. In the panel, a renewal is paid on the first day after its period; in the
cross-section, at a random time of the outcome window, which ends with the data.

In the panel ("unrolled"), a period is four weeks and cutoffs lie at the ends of periods. A
subscriber's need has a constant part; the rest is independent between periods. A subscriber who
does not renew in one period may renew in the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.recovery.builder import NAMES
from benchmarks.recovery.draw import WEEK, Ledger, streams
from benchmarks.recovery.render import START
from benchmarks.recovery.truth import MIN_EFFECT, Truth
from benchmarks.recovery.world import World

Array = NDArray[np.float64]

SUBSCRIBER = ("shap_subscriber_cross_section", "shap_subscriber_unrolled")
PRICE = 100.0
# events per unit of each feature
SCALES = {
    "sales_calls": 1.0, "interactions": 1.0, "economy": 12.0, "last_upgrade": 1.0,
    "usage": 20.0, "discount": 20.0, "ad_spend": 10.0, "bugs_reported": 1.0,
}  # fmt: skip


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


@dataclass(frozen=True)
class Periods:
    """Observed features (n, P) by name, and the unobserved variables."""

    observed: dict[str, Array]
    need: Array
    bugs: Array
    noise: Array

    def renews(self, **more: Array | float) -> Array:
        """Return the renewal probability with `more` of some features; a call also raises need."""
        x = {name: value + np.asarray(more.get(name, 0.0)) for name, value in self.observed.items()}
        need = self.need + 0.1 * np.asarray(more.get("sales_calls", 0.0))
        log_odds = (
            0.18 * need + 0.08 * x["usage"] + 0.1 * x["economy"] + 0.05 * x["discount"]
            + 0.05 * self.noise + 0.05 * (1 - self.bugs / 20) + 0.005 * x["sales_calls"]
            + 0.015 * x["interactions"] + 0.1 / (x["last_upgrade"] / 4 + 0.25) - 0.45
        )  # fmt: skip
        return sigmoid(7 * log_odds)


def draw_periods(n: int, n_periods: int, rng: np.random.Generator) -> Periods:
    """Draw the features of all periods from the article's structural equations."""
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
    observed = {
        "sales_calls": calls, "interactions": interactions, "economy": economy,
        "last_upgrade": upgrade, "usage": usage, "discount": discount, "ad_spend": spend,
        "bugs_reported": reported,
    }  # fmt: skip
    return Periods(observed, need, bugs, rng.standard_normal(shape))


def make_subscriber(kind: str, n: int, n_weeks: int, seed: int) -> World:
    """Simulate the subscribers."""
    rngs = streams(kind, seed)
    n = 2 * n  # 10,000 in the article, while the other data sets have 5,000
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
        times = np.round(periods.observed[feature] * SCALES[feature])
        for p in range(n_periods):
            even = np.full(length, 1 / length)
            counts[:, p * length : (p + 1) * length, j] = rngs["follow"].multinomial(
                times[:, p].astype(np.int64), even
            )
    renewed = rngs["uniforms"].random((n, n_periods)) < periods.renews()
    customer, period = np.nonzero(renewed)
    due = 0.8 if unrolled else length * WEEK
    day = (period + 1) * length * WEEK + 0.2 + (due - 0.2) * rngs["money"].random(customer.size)
    paid = np.full(customer.size, PRICE)
    days = int(length * WEEK)
    windows: dict[str, object] = {"observation_days": days, "outcome_days": days}
    if unrolled:
        ends = [START + np.timedelta64(p * days, "D") for p in range(1, n_periods)]
        windows["cutoffs"] = [str(end.astype("datetime64[D]")) for end in ends]
    return World(
        kind=kind,
        n_customers=n,
        n_weeks=n_weeks,
        seed=seed,
        behaviours=tuple(features[f] for f in order),
        counts=counts,
        ledger=Ledger(customer, day, paid / 0.6, paid),
        entry=np.zeros(n, dtype=np.int64),
        leave=np.full(n, n_weeks + 1),
        compute_truth=lambda: subscriber_truth(periods, features, unrolled),
        settings={"windows": windows},
        columns={"region": np.array(["north"] * n, dtype=object)},
    )


def subscriber_truth(periods: Periods, features: dict[str, str], unrolled: bool) -> Truth:
    """Compute the effects of one more event: one call, or `1 / SCALES` units of a feature."""
    base = periods.renews()
    effect, std, verdicts, accepted = {}, {}, {}, {}
    optional = set()
    mean = float(PRICE * base.mean())
    for feature, name in features.items():
        step = 1 / SCALES[feature]
        change = 0.0
        if feature not in ("ad_spend", "bugs_reported"):
            change = float(PRICE * (periods.renews(**{feature: step}) - base).mean())
        effect[name] = change
        std[name] = float(np.round(periods.observed[feature] * SCALES[feature]).std())
        standardised = change * std[name] / mean
        if abs(standardised) < MIN_EFFECT:
            verdicts[name] = "inert"
        else:
            verdicts[name] = "driver" if standardised > 0 else "harmful"
        if MIN_EFFECT / 2 < abs(standardised) < MIN_EFFECT * 1.5:
            optional.add(name)
            accepted[name] = frozenset({"inert", "driver" if standardised > 0 else "harmful"})
        if not change:
            accepted[name] = frozenset({"inert", "vanity", "consequence"})
    return Truth(
        verdicts=verdicts,
        effect=effect,
        gross=dict(effect),
        cost=dict.fromkeys(effect, 0.0),
        std=std,
        mean_margin=mean,
        identifiable=unrolled,
        accepted=accepted,
        optional=frozenset(optional),
    )
