"""Features beyond those that every run has: sessions, and ratios between behaviours."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from engagement_ml.config.frozen import Frozen

Kind = Literal["rate", "abandonment", "breadth"]
_KEYS: dict[Kind, tuple[str, ...]] = {
    "rate": ("numerator", "denominator"),
    "abandonment": ("begun", "done"),
    "breadth": ("breadth",),
}


class SessionsConfig(Frozen):
    """What makes events a session.

    Attributes
    ----------
    gap_minutes : int, default 30
        A session ends where nothing follows for longer than this, and at midnight UTC.
    event_types : tuple of str or None
        Those that make sessions; None means all but the churn event and those with
        ``role: ignore``.
    """

    gap_minutes: int = Field(default=30, ge=1, le=1440)
    event_types: tuple[str, ...] | None = None

    @field_validator("event_types")
    @classmethod
    def _some_and_each_once(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else _each_once(value)


class RatioConfig(Frozen):
    """One ratio between behaviours; its keys say of which kind it is.

    Attributes
    ----------
    name : str
        The feature is ``ratio__<name>``.
    numerator, denominator : tuple of str or None
        A rate: events of the first kinds over events of the second.
    begun, done : tuple of str or None
        An abandonment: the share of what was begun that was not done.
    breadth : tuple of str or None
        The share of these behaviours that were done at all.
    """

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.\-]*$")
    numerator: tuple[str, ...] | None = None
    denominator: tuple[str, ...] | None = None
    begun: tuple[str, ...] | None = None
    done: tuple[str, ...] | None = None
    breadth: tuple[str, ...] | None = None

    @field_validator("numerator", "denominator", "begun", "done", "breadth", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("numerator", "denominator", "begun", "done", "breadth")
    @classmethod
    def _some_and_each_once(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else _each_once(value)

    @model_validator(mode="after")
    def _one_kind_and_all_of_it(self) -> Self:
        given = set(self.named)
        if any(given == set(keys) for keys in _KEYS.values()):
            return self
        found = " and ".join(f"'{key}'" for key in self.named) or "none of them"
        raise ValueError(
            f"ratio '{self.name}' needs 'numerator' with 'denominator', or 'begun' with 'done', "
            f"or 'breadth' alone, and has {found}"
        )

    @property
    def kind(self) -> Kind:
        """Which of the three it is."""
        return next(kind for kind, keys in _KEYS.items() if keys[0] in self.named)

    @property
    def named(self) -> dict[str, tuple[str, ...]]:
        """The behaviours it is made of, by key."""
        every = {key: getattr(self, key) for keys in _KEYS.values() for key in keys}
        return {key: value for key, value in every.items() if value is not None}


class FeaturesConfig(Frozen):
    """Features that cost or mean something only where they are asked for.

    Attributes
    ----------
    sessions : SessionsConfig or None
        Null, or false, leaves them out; ``true`` takes the defaults.
    ratios : tuple of RatioConfig
    """

    sessions: SessionsConfig | None = None
    ratios: tuple[RatioConfig, ...] = ()

    @field_validator("sessions", mode="before")
    @classmethod
    def _on_or_off(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return {} if value else None
        if value is None or isinstance(value, dict | SessionsConfig):
            return value
        raise ValueError("give true, false or keys such as 'gap_minutes: 30'")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [ratio.name.lower() for ratio in self.ratios]
        for ratio in self.ratios:
            if names.count(ratio.name.lower()) > 1:
                raise ValueError(
                    f"two of 'ratios' are called '{ratio.name}'; give each a name of its own"
                )
        return self

    def named(self) -> list[tuple[str, str]]:
        """Return each event type that it names, after the key that does."""
        found = []
        if self.sessions is not None:
            kinds = self.sessions.event_types or ()
            found += [("features.sessions.event_types", kind) for kind in kinds]
        for place, ratio in enumerate(self.ratios):
            for key, kinds in ratio.named.items():
                found += [(f"features.ratios.{place}.{key}", kind) for kind in kinds]
        return found


def _each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("is empty; name at least one event type")
    for name in value:
        if value.count(name) > 1:
            raise ValueError(f"'{name}' is there twice")
    return value
