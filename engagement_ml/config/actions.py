"""Sections of the configuration for contacts, credit of touchpoints, and what to do next."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from engagement_ml.config.frozen import Frozen


class ContactConfig(Frozen):
    """How much contact is too much: which events are contacts, and what one costs."""

    event_types: tuple[str, ...] | None = Field(
        default=None,
        description="Event types of the company's contacts. null: all events whose direction is "
        "outbound, and events without a direction of types with `direction: outbound`.",
    )
    cost_per_contact: float = Field(
        default=0.0,
        ge=0.0,
        allow_inf_nan=False,
        description="Cost of one contact, in currency. 0 takes the mean `cost_per_event` of the "
        "event types of contacts.",
    )


class AttributionConfig(Frozen):
    """Credit for conversions, divided among the touchpoints before them."""

    conversion: str | None = Field(
        default=None, description="Event type of a conversion. null: a transaction."
    )
    touchpoint: Literal["channel", "campaign", "event_type"] = Field(
        default="channel", description="Column of events that tells touchpoints apart."
    )
    event_types: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="Event types that are touchpoints. null: all but consequences.",
    )
    lookback_days: int = Field(
        default=30, ge=1, le=366, description="Days before a conversion that count."
    )

    @model_validator(mode="after")
    def _conversions_are_no_touchpoints(self) -> Self:
        if self.conversion is not None and self.conversion in (self.event_types or ()):
            raise ValueError(
                f"'{self.conversion}' is the conversion, and is among event_types too; remove it "
                "from one of them"
            )
        return self

    def named(self) -> list[tuple[str, str]]:
        """Return each (key, event type) that is named here."""
        named = [(f"attribution.event_types.{i}", n) for i, n in enumerate(self.event_types or ())]
        if self.conversion is not None:
            named.append(("attribution.conversion", self.conversion))
        return named


class ActConfig(Frozen):
    """Whom to act on, and the control group that shows whether it helped."""

    control_share: float = Field(
        default=0.2,
        ge=0.0,
        le=0.9,
        description="Share of the customers on the list that is left alone at random.",
    )
    at_most: int | None = Field(
        default=None, ge=2, description="Most customers on the list, the largest gains first."
    )
    smallest_gain: float = Field(
        default=0.0,
        ge=0.0,
        allow_inf_nan=False,
        description="Smallest expected gain of a customer on the list, in currency.",
    )
    outcome_days: int | None = Field(
        default=None,
        ge=1,
        le=3660,
        description="Days after the list over which margin is compared. null: the outcome window.",
    )
