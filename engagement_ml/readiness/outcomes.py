"""Which outcomes and measures the tables support, and what each of the others lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engagement_ml.readiness.facts import Facts


@dataclass(frozen=True)
class Outcome:
    """An outcome or a measure.

    Attributes
    ----------
    name : str
    supported : bool
    meaning : str
        What it tells.
    missing : str
        What to record or configure; empty if it is supported.
    """

    name: str
    supported: bool
    meaning: str
    missing: str = ""


@dataclass(frozen=True)
class OutcomeDefinition:
    """What an outcome needs.

    Attributes
    ----------
    name, meaning : str
    needs : str
        What to record or configure if it is not there.
    supported : callable
    """

    name: str
    meaning: str
    needs: str
    supported: Callable[[Facts], bool]


OUTCOMES: tuple[OutcomeDefinition, ...] = (
    OutcomeDefinition(
        "profit",
        "margin per customer after the cutoff: what every effect is measured in",
        "transactions with 'margin', or 'revenue' with 'cost'",
        lambda facts: (
            facts.has("transactions", "customer_id", "timestamp")
            and (
                facts.has("transactions", "margin") or facts.has("transactions", "revenue", "cost")
            )
        ),
    ),
    OutcomeDefinition(
        "churn by inactivity",
        "customers without a transaction in the outcome window, retention and repeat purchase",
        "transactions with 'customer_id' and 'timestamp'",
        lambda facts: facts.has("transactions", "customer_id", "timestamp"),
    ),
    OutcomeDefinition(
        "churn by event",
        "customers who cancel: what keeps them, and what a longer relationship is worth",
        "an event type of cancellations, and 'churn: {kind: event, event_type: …}'",
        lambda facts: (facts.config.churn.event_type or "") in facts.counts,
    ),
    OutcomeDefinition(
        "behaviours over time",
        "counts, active days, recency, trend and regularity of each event type",
        "events with 'customer_id', 'timestamp' and 'event_type'",
        lambda facts: facts.has("events", "customer_id", "timestamp", "event_type"),
    ),
    OutcomeDefinition(
        "sessions",
        "length and depth of visits, bounce rate",
        "'features: {sessions: {}}' in the configuration; a column 'session_id' is best",
        lambda facts: facts.config.features.sessions is not None,
    ),
    OutcomeDefinition(
        "durations",
        "time spent: minutes watched, length of calls",
        "a column 'duration_seconds' of events",
        lambda facts: bool(facts.amounts.get("duration_seconds")),
    ),
    OutcomeDefinition(
        "values",
        "the size of an event: the value of a basket, the discount of a coupon",
        "a column 'value' of events",
        lambda facts: bool(facts.amounts.get("value")),
    ),
    OutcomeDefinition(
        "average order value",
        "revenue per order beside margin",
        "a column 'revenue' of transactions",
        lambda facts: facts.has("transactions", "revenue"),
    ),
    OutcomeDefinition(
        "tenure",
        "how long a customer has been one, from the day of the sign-up",
        "a table 'customers' with 'signup'",
        lambda facts: facts.has("customers", "signup"),
    ),
    OutcomeDefinition(
        "segments",
        "effects and scores by group of customers",
        "a table 'customers' with a column of groups, named in 'segments'",
        lambda facts: (
            bool(facts.config.segments) and facts.has("customers", *facts.config.segments)
        ),
    ),
    OutcomeDefinition(
        "surveys",
        "satisfaction and recommendation (NPS, CSAT, CES) beside behaviour",
        "a table 'surveys' with 'customer_id', 'timestamp', 'survey' and 'score'",
        lambda facts: facts.has("surveys", "survey", "score"),
    ),
    OutcomeDefinition(
        "net of service costs",
        "effects after what it costs to serve a behaviour",
        "'cost_per_event' of behaviours in the configuration",
        lambda facts: facts.has_costs,
    ),
    OutcomeDefinition(
        "experiments",
        "effects that a randomised test proves",
        "the results of a test, in 'experiments'",
        lambda facts: bool(facts.config.experiments),
    ),
)
"""All outcomes, in the order in which they are shown."""


def outcomes_of(facts: Facts) -> tuple[Outcome, ...]:
    """Return each outcome with what it lacks."""
    return tuple(
        Outcome(each.name, True, each.meaning)
        if each.supported(facts)
        else Outcome(each.name, False, each.meaning, each.needs)
        for each in OUTCOMES
    )
