"""What a metric is written to and read from: JSON, YAML, plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from engagement_ml.metric import by_hand, serial
from engagement_ml.metric.parameters import MetricParameters


@dataclass(frozen=True, repr=False)
class StoredMetric(MetricParameters):
    """A metric's parameters, its hash, and how they are written and read."""

    format: ClassVar[int] = serial.FORMAT

    @property
    def abstained(self) -> bool:
        """Whether the metric has no behaviours, and so cannot score."""
        return not self.behaviours

    @property
    def definition_hash(self) -> str:
        """SHA-256 of everything that determines scores: window, behaviours, weights, transforms."""
        return serial.definition_hash(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``metric.json`` as plain JSON types; see `metric_schema`."""
        return serial.to_dict(self)

    @classmethod
    def from_weights(
        cls,
        weights: Mapping[str, float],
        *,
        name: str = "by-hand",
        observation_days: int = 84,
        outcome_days: int = 84,
        gap_days: int = 0,
        full_points_at: Mapping[str, float] | float | None = None,
        currency: str = "EUR",
        entity: str = "customer",
    ) -> Self:
        """Return a metric with weights that were set by hand, to compare with learned ones.

        Each count earns points linearly, up to the behaviour's weight. The evidence is `by_hand`.

        Parameters
        ----------
        weights : mapping of str to float
            Positive, by event type, in any unit: they are rescaled to add up to 100.
        name : str
        observation_days, outcome_days, gap_days : int
            See `EngagementMetric`.
        full_points_at : mapping of str to float, or float, optional
            The events in the observation window that earn all points, by event type or for all.
            By default, and for event types that a mapping lacks, one event a week
            (``observation_days / 7``).
        currency, entity : str

        Raises
        ------
        InputError
            If a weight or number of events is not positive, or there are no weights.

        Examples
        --------
        >>> from engagement_ml.metric import EngagementMetric
        >>> metric = EngagementMetric.from_weights({"login": 3, "review": 1}, full_points_at=10)
        >>> [(b.behaviour, b.weight) for b in metric.behaviours]
        [('login', 75.0), ('review', 25.0)]
        """
        return by_hand.from_weights(
            cls,
            weights,
            full_points_at=full_points_at,
            name=name,
            observation_days=observation_days,
            outcome_days=outcome_days,
            gap_days=gap_days,
            currency=currency,
            entity=entity,
        )

    @classmethod
    def from_yaml(cls, path: str | Path) -> Self:
        """Read weights by hand from a YAML file with the arguments of `from_weights`.

        Only ``weights`` is required; the default of ``name`` is the name of the file.

        Raises
        ------
        InputError
            If the file is missing or not YAML, a key is unknown, or a value does not fit.
        """
        return by_hand.from_yaml(cls, path)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], *, origin: str = "metric") -> Self:
        """Read what `to_dict` returned; error messages call it `origin`."""
        return serial.from_dict(cls, raw, origin)

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the text of ``metric.json``, and write it to `path` if given.

        The same definition gives the same bytes: keys have a fixed order, weights two decimals,
        other numbers nine significant digits.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        return serial.to_json(self, path)

    @classmethod
    def from_json(cls, path_or_text: str | Path) -> Self:
        """Read ``metric.json`` from a path, or from its text (which starts with ``{``).

        Raises
        ------
        InputError
            If the file is missing, damaged or of another format, or was edited in a way that
            changes scores.
        """
        return serial.from_json(cls, path_or_text)
