"""What is asked of each ledger, whoever adds it up: totals, and their windows around a cutoff."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.features import behaviours, rfm, sessions
from engagement_ml.features.behaviours import BEFORE, OBSERVATION, Feature
from engagement_ml.features.daily_totals import daily_events, daily_sessions, daily_transactions
from engagement_ml.features.window_aggregates import Total, window_totals
from engagement_ml.inputs import Tables
from engagement_ml.windows import DAY, Window, Windows

SUMS = tuple(total.name for total in rfm.OUTCOME_TOTALS)


@dataclass(frozen=True)
class Asked:
    """A daily ledger, and what is made of it.

    Attributes
    ----------
    daily : LazyFrame
    keys : tuple of str
        What a row is of, beside its day.
    features : tuple of Feature
    totals : tuple of Total
        What `features` need, and what else is asked for.
    cutoffs : mapping of date to mapping of kind to Window
        The windows around each cutoff.
    """

    daily: nw.LazyFrame[Any]
    keys: tuple[str, ...]
    features: tuple[Feature, ...]
    totals: tuple[Total, ...]
    cutoffs: Mapping[dt.date, Mapping[str, Window]]


def of_behaviours(tables: Tables, windows: Windows) -> Asked:
    """Return what is asked of the events, by entity and event type."""
    features = features_of(tables)
    length = windows.observation_days * DAY
    spans = {
        cutoff: {
            OBSERVATION: windows.observation(cutoff),
            BEFORE: Window(cutoff - 2 * length, cutoff - length),
        }
        for cutoff in windows.cutoffs
    }
    totals = behaviours.totals_of(features)
    return Asked(daily_events(tables), ("customer_id", "event_type"), features, totals, spans)


def of_history(tables: Tables, windows: Windows) -> Asked:
    """Return what is asked of the transactions, before and after a cutoff."""
    first = min(q.first.date() for q in tables.quality if q.table == "transactions" and q.first)
    spans = {
        cutoff: {
            OBSERVATION: windows.observation(cutoff),
            rfm.PAST: Window(min(first, windows.observation(cutoff).start), cutoff),
            rfm.OUTCOME: windows.outcome(cutoff),
        }
        for cutoff in windows.cutoffs
    }
    totals = (*behaviours.totals_of(rfm.FEATURES), *rfm.OUTCOME_TOTALS)
    daily = daily_transactions(tables)
    return Asked(daily, ("customer_id",), rfm.FEATURES, totals, spans)


def of_sessions(tables: Tables, config: PipelineConfig, windows: Windows) -> Asked | None:
    """Return what is asked of the sessions; None where the configuration asks for none."""
    daily = daily_sessions(tables, config)
    if daily is None:
        return None
    spans = {cutoff: {OBSERVATION: windows.observation(cutoff)} for cutoff in windows.cutoffs}
    totals = behaviours.totals_of(sessions.FEATURES)
    return Asked(daily, ("customer_id",), sessions.FEATURES, totals, spans)


def totals_at(engine: Engine, asked: Asked, spans: Mapping[str, Window]) -> nw.LazyFrame[Any]:
    """Return what the engine adds up over the windows of a cutoff.

    See ``spans.window_totals``; ``last`` is in microseconds since 1970.
    """
    totals = window_totals(engine, asked.daily, asked.keys, spans, asked.totals)
    return engine.micros(totals, "last")


def features_of(tables: Tables) -> tuple[Feature, ...]:
    """Return the behaviours' features that the events allow."""
    every = behaviours.FEATURES
    return tuple(f for f in every if any(measured(tables, f, b) for b in tables.behaviours))


def measured(tables: Tables, feature: Feature, behaviour: str) -> bool:
    """Return whether events of `behaviour` have what `feature` needs."""
    return feature.needs is None or behaviour in tables.amounts.get(feature.needs, ())


def expressions(features: Sequence[Feature], days: int) -> list[nw.Expr]:
    """Return the expressions of those features that have one, under their names."""
    return [f.expression(days).alias(f.name) for f in features if f.expression is not None]


def micros_of(day: dt.date) -> int:
    """Return the microseconds from 1970 to midnight of a day."""
    return (day - dt.date(1970, 1, 1)).days * behaviours.MICROS_PER_DAY
