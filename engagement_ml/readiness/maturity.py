"""Data maturity: how far the data carry, and what to record next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engagement_ml.readiness.facts import Facts


@dataclass(frozen=True)
class Level:
    """One level of data maturity.

    Attributes
    ----------
    level : int
    name : str
    reached : bool
        Whether nothing is missing on this level and on those before it.
    there, missing : tuple of str
    brings : str
        What the level makes possible.
    """

    level: int
    name: str
    reached: bool
    there: tuple[str, ...]
    missing: tuple[str, ...]
    brings: str


@dataclass(frozen=True)
class Maturity:
    """The levels in order, and what to record next.

    Attributes
    ----------
    level : int
        The highest level that is reached; 0 if none is.
    levels : tuple of Level
    next : tuple of str
        What is missing on the first level that is not reached.
    """

    level: int
    levels: tuple[Level, ...]
    next: tuple[str, ...]


Requirement = tuple[str, Callable[[Facts], bool]]


@dataclass(frozen=True)
class LevelDefinition:
    """What a level requires.

    Attributes
    ----------
    name, brings : str
    requirements : tuple of (str, callable)
        Each in words, and as a condition.
    """

    name: str
    brings: str
    requirements: tuple[Requirement, ...]


def _varying(facts: Facts) -> bool:
    return facts.variation is not None and facts.variation.obstacle is None


LEVELS: tuple[LevelDefinition, ...] = (
    LevelDefinition(
        "Recorded",
        "counts, a profit model and a first report",
        (
            (
                "events: who did what, and when",
                lambda facts: facts.has("events", "customer_id", "timestamp", "event_type"),
            ),
            (
                "transactions: who paid, when, and the margin",
                lambda facts: (
                    facts.has("transactions", "customer_id", "timestamp")
                    and (
                        facts.has("transactions", "margin")
                        or facts.has("transactions", "revenue", "cost")
                    )
                ),
            ),
            ("tables without faults that have customers in common", lambda facts: facts.usable),
        ),
    ),
    LevelDefinition(
        "Comparable in time",
        "effects within customers, and figures measured on later dates",
        (
            (
                "a history with a cutoff to train on and later ones to evaluate on",
                lambda facts: facts.train_cutoffs > 0 and facts.test_cutoffs > 0,
            ),
            ("customers who buy repeatedly, in several periods", _varying),
            (
                "an 'event_id', so that events that were sent twice count once",
                lambda facts: facts.has("events", "event_id"),
            ),
        ),
    ),
    LevelDefinition(
        "Conclusive",
        "a verdict on every behaviour, and a metric that is worth steering by",
        (
            (
                "enough customers and changes for a verdict on every behaviour",
                lambda facts: (
                    _varying(facts)
                    and facts.variation is not None
                    and all(b.reachable for b in facts.variation.behaviours)
                ),
            ),
            (
                "roles of behaviours that follow purchases, which the company sends or that are "
                "only adjusted for",
                lambda facts: bool(facts.config.behaviours),
            ),
            (
                "the day of the sign-up of customers",
                lambda facts: facts.has("customers", "signup"),
            ),
        ),
    ),
    LevelDefinition(
        "Complete",
        "effects by group of customers, net of what serving costs, and on churn and satisfaction",
        (
            ("segments of customers", lambda facts: bool(facts.config.segments)),
            ("the cost of serving a behaviour", lambda facts: facts.has_costs),
            (
                "the value or the duration of events",
                lambda facts: any(facts.amounts.values()),
            ),
            (
                "cancellations as events, or answers to surveys",
                lambda facts: (
                    facts.config.churn.event_type is not None
                    or facts.has("surveys", "survey", "score")
                ),
            ),
        ),
    ),
    LevelDefinition(
        "Proven",
        "effects that no hidden cause can explain",
        (
            (
                "a randomised test of a behaviour",
                lambda facts: bool(facts.config.experiments),
            ),
            (
                "a negative control: a behaviour that cannot act",
                lambda facts: any(
                    b.role == "negative_control" for b in facts.config.behaviours.values()
                ),
            ),
        ),
    ),
)
"""The levels of data maturity, lowest first."""


def maturity_of(facts: Facts) -> Maturity:
    """Return the levels that the data reach, and what to record next."""
    levels: list[Level] = []
    for number, each in enumerate(LEVELS, start=1):
        met = [(words, condition(facts)) for words, condition in each.requirements]
        there = tuple(words for words, holds in met if holds)
        missing = tuple(words for words, holds in met if not holds)
        reached = not missing and all(level.reached for level in levels)
        levels.append(Level(number, each.name, reached, there, missing, each.brings))
    below = [level for level in levels if not level.reached]
    return Maturity(
        level=len(levels) - len(below),
        levels=tuple(levels),
        next=below[0].missing if below else (),
    )
