"""Feature families: features defined once, with the aggregation that they are computed from.

A family is one `FeatureFamily` in one module, registered in ``families.FAMILIES``. The NumPy panel,
the lazy panel and the catalogue read the same definitions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal, TypeAlias

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.features.window_aggregates import Total
from engagement_ml.inputs import Tables
from engagement_ml.windows import DAY, Window, Windows

MICROS_PER_DAY = 86_400_000_000
OBSERVATION = "observation"
BY_BEHAVIOUR = "<behaviour>"
"""Prefix of a family that measures each behaviour: the event type takes its place."""

DailyTotals: TypeAlias = Callable[[Tables, PipelineConfig], nw.LazyFrame[Any]]
WindowsAt: TypeAlias = Callable[[Tables, Windows, dt.date], Mapping[str, Window]]


@dataclass(frozen=True)
class FeatureContext:
    """Operands of a feature's expression at one cutoff, whichever engine evaluates it.

    Attributes
    ----------
    total : callable
        From a `Total` of the feature to its column. Sums and counts are 0 and largest values null
        if nothing happened in the window; timestamps are in microseconds since 1970.
    column : callable
        From the name of a panel column of an earlier family to that column.
    entry, exit : Expr
        Entry and churn event of the customer, in microseconds since 1970; `exit` is null without
        a churn event.
    cutoff : date
    windows : Windows
    """

    total: Callable[[Total], nw.Expr]
    column: Callable[[str], nw.Expr]
    entry: nw.Expr
    exit: nw.Expr
    cutoff: dt.date
    windows: Windows

    def days_since(self, moment: nw.Expr) -> nw.Expr:
        """Return the days from `moment` (microseconds since 1970) to the cutoff, with fractions.

        Null if `moment` is null.
        """
        return (nw.lit(micros_of(self.cutoff)) - moment) / MICROS_PER_DAY


@dataclass(frozen=True)
class Feature:
    """One feature: its description in the catalogue, its operands, expression and coverage.

    Attributes
    ----------
    name : str
        The column is ``<prefix of the family>__<name>``.
    formula, unit, window, nulls : str
        Cells of the catalogue.
    expression : callable
        From a `FeatureContext` to an expression over `totals` and `columns`, float64.
    totals : tuple of Total
        The aggregates over windows that the expression reads.
    columns : tuple of str
        The panel columns of earlier families that the expression reads.
    needs : str or None
        Optional column of the events: a behaviour has the feature if any of its events has a value
        in it.
    min_window_days : int
        The feature is null if the observation window is shorter.
    covered_windows : int
        The feature is null unless the history, and the time since the customer's entry, reach back
        this number of observation windows before the cutoff; 0 for no such rule.
    """

    name: str
    formula: str
    unit: str
    window: str
    nulls: str
    expression: Callable[[FeatureContext], nw.Expr]
    totals: tuple[Total, ...] = ()
    columns: tuple[str, ...] = ()
    needs: str | None = None
    min_window_days: int = 0
    covered_windows: int = 0

    def evaluate(self, context: FeatureContext) -> nw.Expr:
        """Return the expression, null where the coverage rules make it so."""
        null = nw.lit(None).cast(nw.Float64)
        days = context.windows.observation_days
        if days < self.min_window_days:
            return null
        if not self.covered_windows:
            return self.expression(context)
        start = context.cutoff - self.covered_windows * days * DAY
        if start < context.windows.history.start:
            return null
        return nw.when(context.entry <= micros_of(start)).then(self.expression(context))


def observation_window(tables: Tables, windows: Windows, cutoff: dt.date) -> Mapping[str, Window]:
    """Return the observation window of a cutoff, the only one that most families need."""
    return {OBSERVATION: windows.observation(cutoff)}


@dataclass(frozen=True, eq=False)
class FeatureFamily:
    """Features computed from the same daily totals, and their description for the catalogue.

    Attributes
    ----------
    prefix : str
        Columns are ``<prefix>__<feature>``; ``<behaviour>`` (`BY_BEHAVIOUR`) for a family that
        measures each behaviour by itself, ``""`` for columns without a prefix.
    title : str
        Heading in ``docs/reference/features.md``.
    features : tuple of Feature, or callable
        From the configuration to the features, if they depend on it.
    daily : callable or None
        From tables and configuration to a row per key and day: ``customer_id``, for a family by
        behaviour ``event_type``, ``day`` (date, UTC), and the columns that totals aggregate (int64
        or timestamp). None if the features need no totals.
    windows_at : callable
        From tables, windows and a cutoff to the windows of the totals, by kind.
    config_key : str or None
        The family is computed if this key of the configuration is set; None for always.
    group : {"joint", "history"}
        Where ``Panel`` lists the columns; families by behaviour are in ``behaviour_features``.
    availability : str
        Sentence of ``docs/reference/features.md`` on when the family is computed.
    description : str or callable
        Paragraph of the catalogue; from the configuration, if it depends on it.
    footnote : str
        Sentence below the table of ``docs/reference/features.md``.
    example : mapping
        Keys of ``features:`` in the configuration that ``docs/reference/features.md`` documents.

    Raises
    ------
    ValueError
        If a family by behaviour has no daily totals.
    """

    prefix: str
    title: str
    features: tuple[Feature, ...] | Callable[[PipelineConfig], tuple[Feature, ...]]
    daily: DailyTotals | None = None
    windows_at: WindowsAt = observation_window
    config_key: str | None = None
    group: Literal["joint", "history"] = "joint"
    availability: str = ""
    description: str | Callable[[PipelineConfig], str] = ""
    footnote: str = ""
    example: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.by_behaviour and self.daily is None:
            raise ValueError(
                f"feature family '{self.title}': a family by behaviour needs daily totals; "
                "give 'daily'"
            )

    @property
    def by_behaviour(self) -> bool:
        """Whether each behaviour has these features."""
        return self.prefix == BY_BEHAVIOUR

    @property
    def keys(self) -> tuple[str, ...]:
        """Key columns of the daily totals, beside the day."""
        return ("customer_id", "event_type") if self.by_behaviour else ("customer_id",)

    def enabled(self, config: PipelineConfig) -> bool:
        """Return whether the configuration asks for the family."""
        return self.config_key is None or bool(attrgetter(self.config_key)(config))

    def features_for(self, config: PipelineConfig) -> tuple[Feature, ...]:
        """Return all features of the family under a configuration."""
        return self.features(config) if callable(self.features) else self.features

    def available(
        self, tables: Tables, config: PipelineConfig, behaviour: str | None = None
    ) -> tuple[Feature, ...]:
        """Return the features whose optional column the events have.

        Parameters
        ----------
        tables : Tables
        config : PipelineConfig
        behaviour : str, optional
            Event type that must have the column; any behaviour by default.
        """
        behaviours = tables.behaviours if behaviour is None else (behaviour,)
        return tuple(
            feature
            for feature in self.features_for(config)
            if feature.needs is None
            or any(b in tables.amounts.get(feature.needs, ()) for b in behaviours)
        )

    def in_panel_order(
        self, tables: Tables, config: PipelineConfig, behaviour: str | None = None
    ) -> list[Feature]:
        """Return the available features as the panel has their columns: those of totals first."""
        return sorted(self.available(tables, config, behaviour), key=lambda f: not f.totals)

    def description_for(self, config: PipelineConfig) -> str:
        """Return the catalogue's paragraph on the family."""
        return self.description(config) if callable(self.description) else self.description

    def column(self, feature: Feature, behaviour: str | None = None) -> str:
        """Return the panel column of a feature, of a behaviour if the family is by behaviour."""
        prefix = behaviour if self.by_behaviour and behaviour is not None else self.prefix
        return f"{prefix}__{feature.name}" if prefix else feature.name


def totals_of(features: Sequence[Feature]) -> tuple[Total, ...]:
    """Return the distinct totals that `features` need, in a stable order."""
    return tuple(dict.fromkeys(total for feature in features for total in feature.totals))


def micros_of(day: dt.date) -> int:
    """Return the microseconds from 1970 to midnight (UTC) of a day."""
    return (day - dt.date(1970, 1, 1)).days * MICROS_PER_DAY
