"""A record as the report reads it: gaps filled with nothing, names ready to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from engagement_ml.formatting import Money, finite, one_line, plural

Row = Mapping[str, Any]
Estimate = tuple[float | None, float | None, float | None]


class SupportsToDict(Protocol):
    """Whatever returns a record as a dictionary: a `RunRecord`."""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types."""


@dataclass(frozen=True)
class Run:
    """A record with its gaps filled: a missing list is empty, a missing mapping too.

    Parameters
    ----------
    raw : mapping
        What ``RunRecord.to_dict()`` returns; every key may be missing or null.
    """

    raw: Row = field(repr=False)

    @classmethod
    def of(cls, record: Row | SupportsToDict) -> Run:
        """Read a `RunRecord` or its dictionary.

        Examples
        --------
        >>> Run.of({"entity": "partner"}).entities
        'partners'
        """
        return cls(record if isinstance(record, Mapping) else record.to_dict())

    def mapping(self, key: str) -> Row:
        """Return the mapping under `key`, empty where there is none."""
        return as_mapping(self.raw.get(key))

    def rows(self, key: str) -> list[Row]:
        """Return the list of mappings under `key`, empty where there is none."""
        return as_rows(self.raw.get(key))

    def text(self, key: str, default: str = "") -> str:
        """Return the text under `key`, `default` where there is none."""
        value = self.raw.get(key)
        return one_line(value) if value not in (None, "") else default

    @property
    def name(self) -> str:
        """What the pipeline is called."""
        return self.text("name", "engagement")

    @property
    def entity(self) -> str:
        """Who engages, in the singular."""
        return self.text("entity", "customer")

    @property
    def entities(self) -> str:
        """Who engages, in the plural."""
        return plural(self.entity)

    @cached_property
    def money(self) -> Money:
        """Writes amounts in the record's currency."""
        return Money(self.text("currency", "EUR"))

    @property
    def metric(self) -> Row:
        """What ``metric.json`` holds."""
        return self.mapping("metric")

    @property
    def weighted(self) -> list[Row]:
        """The metric's behaviours, heaviest first; empty where it abstained."""
        if self.metric.get("abstained"):
            return []
        rows = as_rows(self.metric.get("behaviours"))
        return sorted(rows, key=lambda row: -(finite(row.get("weight")) or 0.0))

    @property
    def tested(self) -> list[str]:
        """The names of the metric's behaviours that a randomised test stands behind."""
        return [
            self.label(row.get("behaviour"), row.get("label"))
            for row in self.weighted
            if self.by_behaviour.get(str(row.get("behaviour")), {}).get("basis") == "experiment"
        ]

    @property
    def indicator(self) -> bool:
        """Whether the metric foretells only."""
        return self.metric.get("evidence") == "indicator"

    @cached_property
    def drivers(self) -> list[Row]:
        """The rows of ``drivers.csv``, as the record has them."""
        return [row for row in self.rows("drivers") if row.get("behaviour") is not None]

    @cached_property
    def by_behaviour(self) -> dict[str, Row]:
        """The rows of ``drivers.csv`` by behaviour."""
        return {str(row["behaviour"]): row for row in self.drivers}

    def label(self, behaviour: Any, own: Any = None) -> str:
        """Return the name people read: its own label, the driver's row's, or the event type."""
        row = self.by_behaviour.get(str(behaviour), {})
        return one_line(own or row.get("label") or behaviour)

    @cached_property
    def naive(self) -> list[Row]:
        """The naive SHAP ranking, best first; from the drivers' rows where it stands only there."""
        rows = self.rows("naive") or [
            {"behaviour": row["behaviour"], "rank": row.get("naive_rank")} for row in self.drivers
        ]
        return sorted(
            (row for row in rows if finite(row.get("rank")) is not None),
            key=lambda row: (row["rank"], str(row.get("behaviour"))),
        )

    def days(self, which: str) -> int | None:
        """Return ``observation_days`` or ``outcome_days``, from wherever it stands."""
        config = as_mapping(self.mapping("config").get("windows"))
        for place in (self.mapping("windows"), self.metric, config):
            if (value := finite(place.get(which))) is not None:
                return int(value)
        return None


def as_mapping(value: Any) -> Row:
    """Return `value` where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_rows(value: Any) -> list[Row]:
    """Return the mappings in the list `value`; empty where it is none."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        return []
    return [row for row in value if isinstance(row, Mapping)]


def as_texts(value: Any) -> list[str]:
    """Return the list `value` as texts to show; empty where it is none."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        return []
    return [one_line(item) for item in value if item not in (None, "")]


def estimate_of(row: Row, value: str, low: str, high: str) -> Estimate:
    """Return an estimate with its bounds from the keys of `row`, None for what is no number."""
    return finite(row.get(value)), finite(row.get(low)), finite(row.get(high))


def effect_of(row: Row) -> Estimate:
    """Return a behaviour's effect with its interval."""
    return estimate_of(row, "effect", "effect_low", "effect_high")
