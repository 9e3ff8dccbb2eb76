"""Scenarios of simulated subscriptions, in which behaviours change the hazard of cancelling."""

from __future__ import annotations

from benchmarks.recovery.builder import MONTH, NAMES, Rng, Scenario, ScenarioBuilder
from benchmarks.recovery.spec import Act, Behaviour


def subscription(rng: Rng) -> Scenario:
    """Fees until cancellation; drivers raise retention."""
    builder = ScenarioBuilder(rng)
    builder.kernel_name = str(builder.rng.choice(["month", "decay", "quarter"]))
    for _ in range(int(builder.rng.integers(2, 4))):
        builder.driver(acts=builder.acts("renewal"), standardised_effect=builder.rate(0.03, 0.07))
    builder.fill(affinity=(0.5, 0.9))
    return builder.scenario(
        subscription=True,
        churn=builder.uniform(0.10, 0.16),
        decide_every=int(builder.rng.choice([1, 4])),
        late_entry_share=0.7,
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


def churnsim(rng: Rng) -> Scenario:
    """Linear log-odds of retention in the monthly utilities of ChurnSim (SSRN 4540160)."""
    builder = ScenarioBuilder(rng)
    names = dict(zip(UTILITIES, builder.rng.permutation(NAMES)[: len(UTILITIES)], strict=True))
    for event, utility in UTILITIES.items():
        builder.behaviours.append(
            Behaviour(
                name=str(names[event]),
                truth="driver" if utility > 0 else "harmful",
                rate=_MONTHLY[event] / 4,
                affinity=0.5 if utility > 0 else 0.2,
                level_std=0.5,
                wave_std=builder.uniform(0.4, 0.7),
                wave_persistence=builder.uniform(0.8, 0.95),
                acts=(Act("renewal", MONTH, strength=0.06 * utility),),
            )
        )
    return builder.scenario(
        subscription=True, churn=0.1, affinity_churn=0.3, late_entry_share=0.7, season=0.0,
        config={"churn": {"kind": "event", "event_type": "subscription_cancelled"}},
    )  # fmt: skip
