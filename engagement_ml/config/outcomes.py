"""Sections of the configuration for outcomes beside margin: first purchases, churn, products."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from engagement_ml.config.frozen import Frozen
from engagement_ml.errors import nearest

MARGIN, FIRST_PURCHASE, CHURN = "margin", "first_purchase", "churn"
BUILT_IN = (MARGIN, FIRST_PURCHASE, CHURN)


class OutcomeConfig(Frozen):
    """One outcome: a built-in one with settings, or a part of margin."""

    where: dict[str, str | tuple[str, ...]] = Field(
        default_factory=dict,
        description="Columns of transactions and their values: margin of these rows only is a "
        "part of margin, such as product: [core, plus].",
    )
    label: str | None = Field(default=None, description="What people read instead of the name.")
    starts: str | None = Field(
        default=None,
        description="first_purchase only: event type that makes a prospect, such as "
        "trial_started. null: sign-up, or the first event.",
    )

    @field_validator("where", mode="before")
    @classmethod
    def _values_are_texts(cls, value: Any) -> Any:
        """Read whole numbers, such as product codes, as the texts that the column has."""
        if not isinstance(value, dict):
            return value
        return {column: _texts(values) for column, values in value.items()}

    @property
    def values(self) -> dict[str, tuple[str, ...]]:
        """The values of each column of `where`."""
        return {c: (v,) if isinstance(v, str) else v for c, v in self.where.items()}


def _texts(values: Any) -> Any:
    if isinstance(values, list | tuple):
        if not values:
            raise ValueError("give at least one value; the list is empty")
        return tuple(_texts(value) for value in values)
    if isinstance(values, int) and not isinstance(values, bool):
        return str(values)
    return values.strip() if isinstance(values, str) else values


def as_outcomes(value: Any) -> Any:
    """Return outcomes as a mapping; a list of names has no settings."""
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, list | tuple):
        return {name: {} for name in value}
    if isinstance(value, dict):
        return {name: {} if settings is None else settings for name, settings in value.items()}
    return value


def check_outcomes(outcomes: dict[str, OutcomeConfig]) -> None:
    """Refuse settings that an outcome has no use for.

    Raises
    ------
    ValueError
    """
    for name, outcome in outcomes.items():
        if name in BUILT_IN and outcome.where:
            raise ValueError(
                f"key 'outcomes.{name}.where': '{name}' is no part of margin; give the part "
                "another name"
            )
        if name not in BUILT_IN and not outcome.where:
            raise ValueError(
                f"'{name}' is no outcome{nearest(name, BUILT_IN)}; the outcomes are "
                f"{', '.join(BUILT_IN)}, and parts of margin, such as "
                f"'{name}: {{where: {{product: [a, b]}}}}'"
            )
        if name != FIRST_PURCHASE and outcome.starts is not None:
            raise ValueError(f"key 'outcomes.{name}.starts': only 'first_purchase' has a start")


class LinksConfig(Frozen):
    """What the links between actors and customers mean."""

    level: str = Field(
        default="customers",
        pattern="^(customers|actors)$",
        description="customers: what an actor does is a behaviour of each customer they serve. "
        "actors: the metric is about the actors, and margin is that of their customers.",
    )
    breadth: tuple[str, ...] = Field(
        default=("user",),
        description="Roles for which the number of people active in a week is a behaviour, "
        "role.active.",
    )


class SequenceConfig(Frozen):
    """A sequence of two event types that is a candidate behaviour of its own."""

    first: str = Field(description="Event type that comes first.")
    then: str = Field(description="Event type that follows.")
    within_days: float = Field(
        default=1.0, gt=0.0, le=366.0, description="Most days between the two."
    )
    label: str | None = Field(default=None, description="What people read instead of the name.")

    @model_validator(mode="after")
    def _two_types(self) -> Self:
        if self.first == self.then:
            raise ValueError("'first' and 'then' are the same event type; give two")
        return self

    @property
    def name(self) -> str:
        """The behaviour's name, such as ``"demo then trial"``."""
        return f"{self.first} then {self.then}"
