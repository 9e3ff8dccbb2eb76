"""Configuration of optional features: sessions, and ratios between behaviours."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from engagement_ml.config.frozen import Frozen, also_accepts

Kind = Literal["rate", "abandonment", "breadth"]
EventTypes = tuple[str, ...]
_ONE_EVENT_TYPE = also_accepts({"type": "string"})
_KEYS: dict[Kind, tuple[str, ...]] = {
    "rate": ("numerator", "denominator"),
    "abandonment": ("begun", "done"),
    "breadth": ("breadth",),
}


class SessionsConfig(Frozen):
    """Definition of a session."""

    gap_minutes: int = Field(
        default=30,
        ge=1,
        le=1440,
        description="Minutes without an event after which a session ends; a pause of exactly this "
        "length does not end it. Sessions also end at midnight UTC.",
    )
    event_types: EventTypes | None = Field(
        default=None,
        description="Event types that form sessions; null is all except the churn event and "
        "those with role: ignore.",
    )

    @field_validator("event_types")
    @classmethod
    def _not_empty_and_unique(cls, value: EventTypes | None) -> EventTypes | None:
        return None if value is None else _unique(value)


class RatioConfig(Frozen):
    """Ratio between behaviours: a rate, an abandonment or a breadth, depending on its keys."""

    name: str = Field(
        min_length=1,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.\-]*$",
        description="Name of the ratio; the feature is ratio__<name>.",
    )
    numerator: EventTypes | None = Field(
        default=None,
        description="Rate: event types whose events are divided by those of denominator.",
        json_schema_extra=_ONE_EVENT_TYPE,
    )
    denominator: EventTypes | None = Field(
        default=None,
        description="Rate: event types whose events divide those of numerator.",
        json_schema_extra=_ONE_EVENT_TYPE,
    )
    begun: EventTypes | None = Field(
        default=None,
        description="Abandonment: event types that begin something. The ratio is "
        "1 - done / begun, at least 0.",
        json_schema_extra=_ONE_EVENT_TYPE,
    )
    done: EventTypes | None = Field(
        default=None,
        description="Abandonment: event types that complete what was begun.",
        json_schema_extra=_ONE_EVENT_TYPE,
    )
    breadth: EventTypes | None = Field(
        default=None,
        description="Breadth: event types; the ratio is the share of them with at least one event.",
        json_schema_extra=_ONE_EVENT_TYPE,
    )

    @field_validator("numerator", "denominator", "begun", "done", "breadth", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("numerator", "denominator", "begun", "done", "breadth")
    @classmethod
    def _not_empty_and_unique(cls, value: EventTypes | None) -> EventTypes | None:
        return None if value is None else _unique(value)

    @model_validator(mode="after")
    def _has_the_keys_of_one_kind(self) -> Self:
        given = set(self.named)
        if any(given == set(keys) for keys in _KEYS.values()):
            return self
        keys_given = " and ".join(f"'{key}'" for key in self.named) or "none of them"
        raise ValueError(
            f"ratio '{self.name}' needs 'numerator' with 'denominator', or 'begun' with 'done', "
            f"or 'breadth' alone, and has {keys_given}"
        )

    @property
    def kind(self) -> Kind:
        """Kind of the ratio."""
        return next(kind for kind, keys in _KEYS.items() if keys[0] in self.named)

    @property
    def named(self) -> dict[str, EventTypes]:
        """Event types of the ratio, by key."""
        every = {key: getattr(self, key) for keys in _KEYS.values() for key in keys}
        return {key: value for key, value in every.items() if value is not None}


class FeaturesConfig(Frozen):
    """Features that are computed only if they are configured."""

    sessions: SessionsConfig | None = Field(
        default=None,
        description="Session features, from a second pass over the events; null or false for "
        "none, true for the defaults.",
        json_schema_extra=also_accepts({"type": "boolean"}),
    )
    ratios: tuple[RatioConfig, ...] = Field(
        default=(), description="Ratios between behaviours, each a feature."
    )

    @field_validator("sessions", mode="before")
    @classmethod
    def _on_or_off(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return {} if value else None
        if value is None or isinstance(value, dict | SessionsConfig):
            return value
        raise ValueError("give true, false or keys such as 'gap_minutes: 30'")

    @model_validator(mode="after")
    def _ratio_names_are_unique(self) -> Self:
        names = [ratio.name.lower() for ratio in self.ratios]
        for ratio in self.ratios:
            if names.count(ratio.name.lower()) > 1:
                raise ValueError(
                    f"two of 'ratios' are named '{ratio.name}'; give each a different name"
                )
        return self

    def named(self) -> list[tuple[str, str]]:
        """Return each (key, event type) that the features name."""
        named = []
        if self.sessions is not None:
            kinds = self.sessions.event_types or ()
            named += [("features.sessions.event_types", kind) for kind in kinds]
        for place, ratio in enumerate(self.ratios):
            for key, kinds in ratio.named.items():
                named += [(f"features.ratios.{place}.{key}", kind) for kind in kinds]
        return named


def _unique(value: EventTypes) -> EventTypes:
    if not value:
        raise ValueError("is empty; name at least one event type")
    for name in value:
        if value.count(name) > 1:
            raise ValueError(f"'{name}' is listed twice")
    return value
