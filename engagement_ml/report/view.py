"""A run record with names, amounts and nouns ready to show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from engagement_ml.drivers.evidence import DriverRow, NaiveRow
from engagement_ml.drivers.experiment_rows import ExperimentRow
from engagement_ml.formatting import Money, one_line, plural
from engagement_ml.metric import EngagementMetric, WeightedBehaviour
from engagement_ml.records import RunRecord

Estimate = tuple[float | None, float | None, float | None]
Rows = Mapping[str, Mapping[str, Any]]
_ONLY_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Run:
    """A run record as the report and the terminal summary read it.

    Parameters
    ----------
    record : RunRecord
    """

    record: RunRecord = field(repr=False)

    @classmethod
    def of(cls, record: RunRecord | Mapping[str, Any]) -> Run:
        """Read a `RunRecord` or the dictionary that its ``to_dict()`` returns.

        Raises
        ------
        InputError
            If the dictionary is not a record, or its metric is not a valid definition.
        """
        run = cls(record if isinstance(record, RunRecord) else RunRecord.from_dict(record))
        _ = run.metric
        return run

    @property
    def entity(self) -> str:
        """The noun for one customer, as configured."""
        return one_line(self.record.entity)

    @property
    def entities(self) -> str:
        """The plural of `entity`."""
        return plural(self.entity)

    @cached_property
    def money(self) -> Money:
        """Writes amounts in the currency of the record."""
        return Money(one_line(self.record.currency))

    @cached_property
    def metric(self) -> EngagementMetric:
        """The metric's definition."""
        return EngagementMetric.from_dict(self.record.metric)

    @cached_property
    def weighted(self) -> tuple[WeightedBehaviour, ...]:
        """The behaviours of the metric, heaviest first; empty if it abstained."""
        return tuple(sorted(self.metric.behaviours, key=lambda each: -each.weight))

    @property
    def observation_days(self) -> int:
        """Length of the observation window."""
        return self.record.windows.observation_days

    @property
    def outcome_days(self) -> int:
        """Length of the outcome window."""
        return self.record.windows.outcome_days

    @property
    def indicator(self) -> bool:
        """Whether the metric predicts margin without evidence that it moves margin."""
        return self.metric.evidence == "indicator"

    @cached_property
    def drivers(self) -> tuple[DriverRow, ...]:
        """One row per behaviour: those of the metric, heaviest first, then by SHAP rank."""
        place = {each.behaviour: i for i, each in enumerate(self.weighted)}
        rows = self.record.drivers
        return tuple(sorted(rows, key=lambda row: place.get(row.behaviour, len(place))))

    @cached_property
    def by_behaviour(self) -> dict[str, DriverRow]:
        """The rows of `drivers` by behaviour."""
        return {row.behaviour: row for row in self.drivers}

    @property
    def comparisons(self) -> tuple[Rows, Rows, Rows]:
        """Rows of ``evaluation.json``: between customers, within customers, vanity behaviours.

        A metric of one behaviour has no other weights, so equal weights are left out.
        """
        metric = self.record.evaluation.get("metric") or {}
        hidden = "equal_weights" if len(self.weighted) == 1 else None
        across, within, vanity = (
            {name: row for name, row in (metric.get(key) or {}).items() if name != hidden}
            for key in ("across", "within", "vanity")
        )
        return across, within, vanity

    @property
    def tested(self) -> list[str]:
        """Labels of the metric's behaviours whose verdict comes from a randomised test."""
        return [
            self.label(each.behaviour)
            for each in self.weighted
            if (row := self.by_behaviour.get(each.behaviour)) and row.basis == "experiment"
        ]

    @cached_property
    def naive(self) -> list[NaiveRow]:
        """The ranking by SHAP importance alone, best first."""
        return sorted(self.record.evidence.naive, key=lambda row: (row.rank, row.behaviour))

    @cached_property
    def _labels(self) -> dict[str, str]:
        own = {each.behaviour: each.label for each in self.weighted}
        return {
            name: one_line(own.get(name) or (row.label if row else "") or name)
            for name in {**own, **self.by_behaviour}
            for row in (self.by_behaviour.get(name),)
        }

    def label(self, behaviour: str) -> str:
        """Return the label of a behaviour, or its event type if it has none."""
        return self._labels.get(behaviour) or one_line(behaviour)

    def verdict(self, behaviour: str) -> str:
        """Return the verdict on a behaviour."""
        row = self.by_behaviour.get(behaviour)
        return "" if row is None else row.verdict

    def readable(self, text: str) -> str:
        """Return a sentence with event types replaced by their labels.

        Event types of letters alone stay, because they may be ordinary words of the sentence.
        """
        for name in sorted(self._labels, key=len, reverse=True):
            label = self._labels[name]
            if label != name and not _ONLY_LETTERS.fullmatch(name):
                text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", _escaped(label), text)
        return one_line(text)


def _escaped(label: str) -> str:
    """Return a label as a replacement of `re.sub`, in which a backslash has a meaning."""
    return label.replace("\\", r"\\")


def effect_of(row: DriverRow) -> Estimate:
    """Return a behaviour's effect with its interval."""
    return row.effect, row.effect_low, row.effect_high


def lift_of(row: ExperimentRow) -> Estimate:
    """Return a randomised test's lift with its interval."""
    return row.lift, row.lift_low, row.lift_high


def measure(row: Mapping[str, Any] | None, key: str) -> Estimate:
    """Return a measure of ``evaluation.json`` with its interval; Nones if it is not defined.

    Examples
    --------
    >>> measure({"spearman": {"value": 0.3, "low": 0.2, "high": 0.4}, "gini": None}, "spearman")
    (0.3, 0.2, 0.4)
    """
    found = (row or {}).get(key) or {}
    return found.get("value"), found.get("low"), found.get("high")


def without_folders(place: str) -> str:
    """Return the last part of a path or URI, without folders, user names or passwords.

    Examples
    --------
    >>> without_folders("/home/ann/shop/events.parquet"), without_folders("models:/shop/3")
    ('events.parquet', 'models:/shop/3')
    >>> without_folders("sqlite:////home/ann/mlflow.db"), without_folders("https://a:b@host/x")
    ('sqlite: mlflow.db', 'https://host')
    """
    text = one_line(place)
    scheme, _, rest = text.partition(":")
    if scheme in ("models", "runs") or (not rest and "/" not in text and "\\" not in text):
        return text
    if scheme in ("http", "https", "postgresql", "mysql"):
        return f"{scheme}://{urlsplit(text).hostname or ''}"
    name = PurePath(text.replace("\\", "/")).name
    return f"{scheme}: {name}" if rest.startswith("/") and len(scheme) > 1 else name
