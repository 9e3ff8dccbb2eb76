"""Section of the configuration: how many event types are behaviours of their own."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from engagement_ml.config.frozen import Frozen


class EventTypesConfig(Frozen):
    """How many event types are behaviours of their own; the others form one behaviour together."""

    at_most: int = Field(
        default=60,
        ge=2,
        le=500,
        description="Largest number of behaviours. With more event types, those with the fewest "
        "customers become one behaviour, which is adjusted for and never selected. Event types "
        "that the configuration names always stay.",
    )
    keep: tuple[str, ...] | None = Field(
        default=None,
        description="Event types that stay, with those that the configuration names; all others "
        "become one behaviour. null keeps those with the most customers. A run records its own.",
    )
    others: str = Field(
        default="other",
        min_length=1,
        description="Name of that behaviour; if an event type has it, underscores are added.",
    )

    @model_validator(mode="after")
    def _kept_types_are_no_others(self) -> Self:
        if self.keep is not None and self.others in self.keep:
            raise ValueError(f"'{self.others}' is in 'keep'; give 'others' another name")
        return self
