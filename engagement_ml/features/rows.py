"""The panel's rows, a cutoff at a time, so that no more than one has to fit into memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.features import behaviours, history, ratios, sessions
from engagement_ml.features.behaviours import BEFORE, OBSERVATION, Feature
from engagement_ml.features.ledger import daily_events, daily_sessions, daily_transactions
from engagement_ml.features.population import Array, Codes, Population, collect, read_population
from engagement_ml.features.spans import Total, window_totals
from engagement_ml.tables import Tables
from engagement_ml.tables.ledger import MICRO
from engagement_ml.windows import DAY, Window, Windows

SUMS = ("gain", "loss", "transactions")


@dataclass(frozen=True)
class Found:
    """What the engine found of one cutoff: a row per entity and behaviour, a row per entity.

    `sessions` is None where the configuration asks for none.
    """

    cutoff: dt.date
    behaviours: dict[str, Array]
    history: dict[str, Array]
    sessions: dict[str, Array] | None


def rows_by_cutoff(
    tables: Tables, config: PipelineConfig, windows: Windows
) -> Iterator[pd.DataFrame]:
    """Yield the rows of each cutoff in turn, sorted by ``customer_id``.

    While one cutoff is laid out, the engine works at the next.

    Yields
    ------
    DataFrame
        The columns of ``Panel.frame`` without covariates and segments.
    """
    population = read_population(tables, config)
    codes = Codes.of(tables, population)
    features = features_of(tables)
    by_day = daily_sessions(tables, config)

    def find(cutoff: dt.date) -> Found:
        visited = None
        if by_day is not None:
            visited = collect(_sessions_at(tables, by_day, codes, windows, cutoff))
        return Found(
            cutoff,
            collect(_behaviours_at(tables, codes, features, cutoff, windows.observation_days)),
            collect(_history_at(tables, codes, windows, cutoff)),
            visited,
        )

    with ThreadPoolExecutor(max_workers=1) as ahead:
        pending = ahead.submit(find, windows.cutoffs[0])
        for following in (*windows.cutoffs[1:], None):
            found = pending.result()
            if following is not None:
                pending = ahead.submit(find, following)
            yield _lay_out(tables, config, windows, population, features, found)


def features_of(tables: Tables) -> tuple[Feature, ...]:
    """Return the behaviours' features that the events allow."""
    every = behaviours.FEATURES
    return tuple(f for f in every if any(measured(tables, f, b) for b in tables.behaviours))


def measured(tables: Tables, feature: Feature, behaviour: str) -> bool:
    """Return whether events of `behaviour` have what `feature` needs."""
    return feature.needs is None or behaviour in tables.amounts.get(feature.needs, ())


def _behaviours_at(
    tables: Tables,
    codes: Codes,
    features: Sequence[Feature],
    cutoff: dt.date,
    observation_days: int,
) -> nw.LazyFrame[Any]:
    """Return the behaviours' features of one cutoff: ``entity_``, ``behaviour_``, a column each.

    No row where an entity did nothing of a behaviour in two observation windows:
    ``Feature.absent`` says what its features are then.
    """
    summed = behaviour_totals(tables, features, cutoff, observation_days)
    made = expressions(features, observation_days)
    at = at_cutoff(tables.engine, codes.add(summed), cutoff)
    return at.select("entity_", "behaviour_", *made)


def behaviour_totals(
    tables: Tables, features: Sequence[Feature], cutoff: dt.date, observation_days: int
) -> nw.LazyFrame[Any]:
    """Return what `features` need of each entity and event type at a cutoff."""
    start = cutoff - observation_days * DAY
    windows = {
        OBSERVATION: Window(start, cutoff),
        BEFORE: Window(start - observation_days * DAY, start),
    }
    totals = behaviours.totals_of(features)
    keys = ("customer_id", "event_type")
    return window_totals(tables.engine, daily_events(tables), keys, windows, totals)


def _history_at(
    tables: Tables, codes: Codes, windows: Windows, cutoff: dt.date
) -> nw.LazyFrame[Any]:
    """Return the purchase history and the outcomes of one cutoff, a row per entity that bought."""
    summed = history_totals(tables, windows, cutoff)
    made = expressions(history.FEATURES, windows.observation_days)
    return at_cutoff(tables.engine, codes.add(summed), cutoff).select("entity_", *made, *SUMS)


def history_totals(tables: Tables, windows: Windows, cutoff: dt.date) -> nw.LazyFrame[Any]:
    """Return what history features and outcomes need of each entity at a cutoff."""
    first = min(q.first.date() for q in tables.quality if q.table == "transactions" and q.first)
    observation = windows.observation(cutoff)
    spans = {
        OBSERVATION: observation,
        history.PAST: Window(min(first, observation.start), cutoff),
        history.OUTCOME: windows.outcome(cutoff),
    }
    totals: tuple[Total, ...] = (
        *behaviours.totals_of(history.FEATURES),
        *history.OUTCOME_TOTALS,
    )
    daily = daily_transactions(tables)
    return window_totals(tables.engine, daily, ("customer_id",), spans, totals)


def _sessions_at(
    tables: Tables,
    by_day: nw.LazyFrame[Any],
    codes: Codes,
    windows: Windows,
    cutoff: dt.date,
) -> nw.LazyFrame[Any]:
    """Return what sessions tell at one cutoff, a row per entity with any."""
    summed = session_totals(tables, by_day, windows, cutoff)
    made = expressions(sessions.FEATURES, windows.observation_days)
    return at_cutoff(tables.engine, codes.add(summed), cutoff).select("entity_", *made)


def session_totals(
    tables: Tables, by_day: nw.LazyFrame[Any], windows: Windows, cutoff: dt.date
) -> nw.LazyFrame[Any]:
    """Return what session features need of each entity at a cutoff."""
    spans = {OBSERVATION: windows.observation(cutoff)}
    totals = behaviours.totals_of(sessions.FEATURES)
    return window_totals(tables.engine, by_day, ("customer_id",), spans, totals)


def at_cutoff(engine: Engine, totals: nw.LazyFrame[Any], cutoff: dt.date) -> nw.LazyFrame[Any]:
    """Return totals with ``last`` and ``cutoff`` in microseconds since 1970."""
    return engine.micros(totals, "last").with_columns(cutoff=nw.lit(micros_of(cutoff)))


def micros_of(day: dt.date) -> int:
    """Return the microseconds from 1970 to midnight of a day."""
    return (day - dt.date(1970, 1, 1)).days * behaviours.MICROS_PER_DAY


def expressions(features: Sequence[Feature], days: int) -> list[nw.Expr]:
    """Return the expressions of those features that have one, under their names."""
    return [f.expression(days).alias(f.name) for f in features if f.expression is not None]


def _lay_out(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    population: Population,
    features: Sequence[Feature],
    found: Found,
) -> pd.DataFrame:
    cutoff = found.cutoff
    entities = population.at(cutoff)
    place = np.full(len(population.ids), -1, dtype=np.intp)
    place[entities] = np.arange(len(entities))
    part = "train" if cutoff in windows.train else "test"
    columns: dict[str, Any] = {
        "customer_id": population.ids[entities],
        "cutoff": np.full(len(entities), cutoff, dtype="datetime64[us]"),
        "part": np.full(len(entities), part, dtype=object),
    }
    entry, left = population.entry[entities], population.exit[entities]
    columns |= _behaviour_columns(tables, windows, features, entry, place, found)
    if found.sessions is not None:
        n, group = len(entry), sessions.GROUP
        columns |= _entity_columns(group, sessions.FEATURES, n, place, found.sessions)
    columns |= _ratio_columns(config, columns)
    columns |= _history_columns(cutoff, entry, place, found.history)
    columns["churned"] = _churned(config, windows.outcome(cutoff), left, columns)
    return pd.DataFrame(columns, copy=False)


def _behaviour_columns(
    tables: Tables,
    windows: Windows,
    features: Sequence[Feature],
    entry: Array,
    place: Array,
    found: Found,
) -> dict[str, Array]:
    days, values = windows.observation_days, found.behaviours
    row, kind = place[values["entity_"]], values["behaviour_"]
    inside = row >= 0
    row, kind = row[inside], kind[inside]
    back = found.cutoff - 2 * days * DAY
    uncovered = (entry > np.datetime64(back, "us")) | (back < tables.history.start)
    arrays = {}
    for feature in features:
        absent = np.nan if feature.absent is None else feature.absent
        if feature.name == "regularity" and days < 7:
            absent = np.nan
        array = np.full((len(tables.behaviours), len(entry)), absent)
        array[kind, row] = values[feature.name][inside]
        if feature.name == "trend":
            array[:, uncovered] = np.nan
        arrays[feature.name] = array
    return {
        f"{behaviour}__{feature.name}": arrays[feature.name][i]
        for i, behaviour in enumerate(tables.behaviours)
        for feature in features
        if measured(tables, feature, behaviour)
    }


def _entity_columns(
    group: str, features: Sequence[Feature], n: int, place: Array, values: Mapping[str, Array]
) -> dict[str, Array]:
    """Lay out what was found of entities as columns ``<group>__<feature>`` of `n` rows."""
    row = place[values["entity_"]]
    inside = row >= 0
    row = row[inside]
    columns = {}
    for feature in features:
        if feature.expression is None:
            continue
        array = np.full(n, np.nan if feature.absent is None else feature.absent)
        array[row] = values[feature.name][inside]
        columns[f"{group}__{feature.name}"] = array
    return columns


def _ratio_columns(config: PipelineConfig, columns: Mapping[str, Array]) -> dict[str, Array]:
    if not config.features.ratios:
        return {}
    counted = {name: values for name, values in columns.items() if name.endswith(ratios.COUNT)}
    expressions = [
        feature.expression(0).alias(f"{ratios.GROUP}__{feature.name}")
        for feature in ratios.ratio_features(config.features.ratios)
        if feature.expression is not None
    ]
    made = nw.from_native(pd.DataFrame(counted, copy=False), eager_only=True).select(*expressions)
    return {name: made[name].to_numpy() for name in made.columns}


def _history_columns(
    cutoff: dt.date, entry: Array, place: Array, values: Mapping[str, Array]
) -> dict[str, Array]:
    columns = _entity_columns("history", history.FEATURES, len(entry), place, values)
    row = place[values["entity_"]]
    inside = row >= 0
    row = row[inside]
    tenure: Array = np.datetime64(cutoff, "us") - entry
    columns[history.TENURE] = tenure / np.timedelta64(1, "D")
    whole = {name: np.zeros(len(entry), dtype=np.int64) for name in SUMS}
    for name in SUMS:
        whole[name][row] = values[name][inside]
    columns["margin"] = (whole["gain"] - whole["loss"]) / MICRO
    columns["gain"], columns["loss"] = whole["gain"] / MICRO, whole["loss"] / MICRO
    columns["transactions"] = whole["transactions"].astype(np.float64)
    return columns


def _churned(
    config: PipelineConfig, outcome: Window, left: Array, columns: Mapping[str, Array]
) -> npt.NDArray[np.float64]:
    if config.churn.kind == "no_transaction":
        stopped = (columns["transactions"] == 0).astype(np.float64)
        return np.where(columns["history__frequency"] > 0, stopped, np.nan)
    start, end = np.datetime64(outcome.start, "us"), np.datetime64(outcome.end, "us")
    stays = np.isnat(left) | (left >= end)
    # Who left in the gap is no longer at risk when the outcome window opens.
    return np.where(stays, 0.0, np.where(left >= start, 1.0, np.nan))
