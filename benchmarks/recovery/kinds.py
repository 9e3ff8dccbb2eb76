"""Scenarios of simulated shops, each with one difficulty for causal estimates.

Within a scenario, seeds vary the lag kernel, the causal path (order rate, basket or a constant
gain per event), base rates, effect sizes and the persistence of behaviours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.recovery.builder import Rng, Scenario, ScenarioBuilder
from benchmarks.recovery.many_drivers import many_drivers
from benchmarks.recovery.spec import Behaviour
from benchmarks.recovery.subscriptions import churnsim, subscription


def _plain(rng: Rng, affinity: tuple[float, float] = (0.6, 1.0), **rules: object) -> Scenario:
    """Drivers, a consequence, and behaviours without effect that share the affinity."""
    builder = ScenarioBuilder(rng)
    builder.drivers()
    builder.follow()
    builder.fill(affinity=affinity)
    return builder.scenario(**rules)


def confounded(rng: Rng) -> Scenario:
    """A latent affinity confounds the effects on margin."""
    return _plain(rng)


def heavily_confounded(rng: Rng) -> Scenario:
    """Strong confounding by affinity."""
    return _plain(rng, (0.9, 1.3), affinity_orders=1.0, affinity_basket=0.4)


def consequence(rng: Rng) -> Scenario:
    """Three behaviours are caused by orders (reverse causality)."""
    builder = ScenarioBuilder(rng)
    builder.drivers()
    builder.follow(3)
    builder.fill()
    return builder.scenario()


def harmful(rng: Rng) -> Scenario:
    """A behaviour raises orders and lowers margin by more."""
    builder = ScenarioBuilder(rng)
    builder.drivers(2)
    builder.harmful()
    builder.follow()
    builder.fill()
    return builder.scenario()


def saturating(rng: Rng) -> Scenario:
    """Effects with diminishing returns."""
    builder = ScenarioBuilder(rng)
    for _ in range(int(builder.rng.integers(2, 4))):
        builder.driver(
            acts=builder.acts(saturation=builder.uniform(0.5, 1.5)),
            rate=builder.rate(0.4, 2.0),
            standardised_effect=builder.standardised_effect(),
        )
    builder.follow()
    builder.fill()
    return builder.scenario()


def nested(rng: Rng) -> Scenario:
    """Of "begun" and "done", only the second has an effect."""
    builder = ScenarioBuilder(rng)
    begun = builder.add("vanity", rate=builder.rate(0.4, 1.2), affinity=builder.uniform(0.3, 0.6))
    builder.driver(source="part", parent=begun.name, rate=builder.uniform(0.25, 0.5))
    builder.driver()
    builder.follow()
    builder.fill()
    return builder.scenario()


def rare_strong(rng: Rng) -> Scenario:
    """A large effect of a rare behaviour."""
    builder = ScenarioBuilder(rng)
    builder.driver(rate=builder.uniform(0.02, 0.04), level_std=0.3, wave_std=0.5)
    builder.driver()
    builder.follow()
    builder.fill()
    return builder.scenario()


def nothing(rng: Rng) -> Scenario:
    """No effects and weak confounding."""
    builder = ScenarioBuilder(rng)
    builder.follow()
    builder.vanity(4, (0.2, 0.4))
    builder.inert(7)
    return builder.scenario(affinity_orders=0.3)


def nothing_confounded(rng: Rng) -> Scenario:
    """No effects and strong confounding."""
    builder = ScenarioBuilder(rng)
    builder.follow()
    builder.fill(affinity=(0.9, 1.3))
    return builder.scenario(affinity_orders=1.0, affinity_basket=0.4)


def season(rng: Rng) -> Scenario:
    """Strong seasonality, proportional to customer size."""
    builder = ScenarioBuilder(rng)
    builder.drivers(2)
    builder.vanity(1, season=1.5)
    builder.follow()
    builder.fill()
    return builder.scenario(season=builder.uniform(0.5, 0.7), size_sigma=0.8)


def local_season(rng: Rng) -> Scenario:
    """Different seasonality in each region."""
    builder = ScenarioBuilder(rng)
    builder.drivers(2)
    builder.vanity(1, season=1.5)
    builder.follow()
    builder.fill()
    return builder.scenario(
        season=builder.uniform(0.4, 0.6), local_season=True, config={"segments": ["region"]}
    )


def reactive(rng: Rng) -> Scenario:
    """The company contacts customers who stopped buying."""
    builder = ScenarioBuilder(rng)
    builder.drivers()
    for _ in range(2):
        sent = builder.add("inert", source="lapse", rate=builder.rate(0.2, 0.8))
        builder.accepted[sent.name] = frozenset({"inert", "vanity", "consequence", "unverifiable"})
    builder.follow()
    builder.fill()
    return builder.scenario()


def segments(rng: Rng) -> Scenario:
    """Effects that differ between regions."""
    builder = ScenarioBuilder(rng)
    first = builder.driver()
    only_first = replace(first.acts[0], segment=0)
    builder.behaviours[-1] = replace(
        first, acts=(only_first,), standardised_effect=max(first.standardised_effect, 0.12)
    )
    second = builder.driver()
    full = replace(second.acts[0], segment=1)
    half = replace(second.acts[0], strength=0.5, segment=2)
    builder.behaviours[-1] = replace(
        second, acts=(full, half), standardised_effect=max(second.standardised_effect, 0.12)
    )
    builder.follow()
    builder.fill()
    return builder.scenario(config={"segments": ["region"]})


def pair(rng: Rng) -> Scenario:
    """An effect that requires a second behaviour (interaction)."""
    builder = ScenarioBuilder(rng)
    partner = builder.add("driver", rate=builder.rate(0.3, 1.0), affinity=builder.uniform(0.0, 0.3))
    builder.driver(
        acts=builder.acts("orders", partner=partner.name),
        rate=builder.rate(0.3, 1.0),
        standardised_effect=builder.rate(0.08, 0.15),
    )
    builder.follow()
    builder.fill()
    return builder.scenario()


def heavy_tails(rng: Rng) -> Scenario:
    """Basket sizes with a heavy tail."""
    return _plain(rng, basket_sigma=float(rng.uniform(1.5, 1.9)))


def partners(rng: Rng) -> Scenario:
    """Large orders at thin margins."""
    builder = ScenarioBuilder(rng)
    builder.drivers(2)
    builder.add(
        "vanity", acts=builder.acts("empty", strength=0.5), affinity=builder.uniform(0.5, 0.9)
    )
    builder.follow()
    builder.fill()
    return builder.scenario(
        order_rate=builder.uniform(0.6, 1.2),
        basket=builder.uniform(800, 3000),
        ratio=0.07,
        return_share=0.01,
        return_loss=0.09,
        size_sigma=1.0,
        config={"entity": "partner"},
    )


def negative_margins(rng: Rng) -> Scenario:
    """Orders at a loss and many returns."""
    builder = ScenarioBuilder(rng)
    builder.drivers(2)
    if builder.rng.random() < 0.5:
        builder.harmful()
    builder.follow()
    builder.fill()
    return builder.scenario(
        ratio=0.3, ratio_sigma=0.15, order_cost=builder.uniform(3, 5), return_share=0.12
    )


def missing_events(rng: Rng) -> Scenario:
    """Events missing at random."""
    return _plain(rng, missing_share=0.3)


def stops_midway(rng: Rng) -> Scenario:
    """An effect that ends in the middle of the history."""
    builder = ScenarioBuilder(rng)
    builder.drivers(2)
    stopped = builder.driver(acts=builder.acts(until=0.5), standardised_effect=0.0)
    temporary = Behaviour(
        **(vars(stopped) | {"standardised_effect": 0.5 * builder.standardised_effect()})
    )
    builder.behaviours[-1] = temporary
    builder.follow()
    builder.fill()
    return builder.scenario(optional=frozenset({stopped.name}))


def interest_waves(rng: Rng) -> Scenario:
    """A latent, time-varying interest confounds some behaviours."""
    builder = ScenarioBuilder(rng)
    builder.drivers(2)
    for _ in range(3):
        builder.vanity(1, interest=builder.uniform(0.7, 1.2))
    builder.follow()
    builder.fill()
    return builder.scenario(
        interest=builder.uniform(0.4, 0.6), interest_persistence=builder.uniform(0.85, 0.95)
    )


def feedback(rng: Rng) -> Scenario:
    """Orders raise the behaviour that raised them."""
    builder = ScenarioBuilder(rng)
    builder.driver(acts=builder.acts("orders"), feedback=builder.uniform(0.2, 0.5))
    builder.driver(acts=builder.acts("orders"))
    builder.follow()
    builder.fill()
    return builder.scenario()


def habit(rng: Rng) -> Scenario:
    """Orders raise later orders."""
    builder = ScenarioBuilder(rng)
    builder.drivers(2, acts=builder.acts("orders"))
    builder.follow()
    builder.fill()
    return builder.scenario(habit=builder.uniform(0.05, 0.12))


def costly(rng: Rng) -> Scenario:
    """A behaviour whose cost exceeds its effect."""
    builder = ScenarioBuilder(rng)
    builder.drivers(2)
    costly_driver = builder.driver(cost_ratio=builder.uniform(1.8, 2.5))
    builder.behaviours[-1] = Behaviour(**(vars(costly_driver) | {"truth": "harmful"}))
    builder.follow()
    builder.fill()
    return builder.scenario()


SCENARIOS: dict[str, Callable[[Rng], Scenario]] = {
    f.__name__: f
    for f in (
        confounded, heavily_confounded, consequence, harmful, saturating, nested, rare_strong,
        nothing, nothing_confounded, season, local_season, reactive, segments, pair, heavy_tails,
        subscription, partners, negative_margins, missing_events, stops_midway, interest_waves,
        feedback, habit, costly, churnsim, many_drivers,
    )
}  # fmt: skip
SCENARIOS |= {"few_customers": confounded, "short_history": confounded}
