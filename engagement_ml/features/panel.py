"""The panel: entities × cutoffs, what was done before each cutoff, what came of it after."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.features import behaviours, history
from engagement_ml.features.behaviours import BEFORE, OBSERVATION, Feature
from engagement_ml.features.covariates import add_covariates
from engagement_ml.features.ledger import MICRO, daily_events, daily_transactions
from engagement_ml.features.population import Array, Population, coded, collect, read_population
from engagement_ml.features.spans import Span, span_totals
from engagement_ml.tables import Tables
from engagement_ml.windows import DAY, Window, Windows


@dataclass(frozen=True)
class Panel:
    """One row per entity and cutoff.

    Attributes
    ----------
    frame : DataFrame
        Sorted by ``cutoff``, ``customer_id``; columns ``customer_id``, ``cutoff``
        (datetime64[us]), ``part`` (``"train"`` or ``"test"``), the features, and the outcomes:
        ``margin``, ``gain``, ``loss`` (float64, 0 where there is no transaction in the outcome
        window; margin = gain − loss), ``transactions`` (float64, their number) and ``churned``
        (1 or 0, NaN where not at risk).
    behaviours : tuple of str
    behaviour_features : dict of behaviour to its columns
    history_features, covariates, segments : tuple of str
        Column names; ``covariate__x`` numeric or categorical, ``segment__x`` text.
    """

    frame: pd.DataFrame
    behaviours: tuple[str, ...]
    behaviour_features: dict[str, tuple[str, ...]]
    history_features: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """All feature columns: of the behaviours, the history, the covariates."""
        of_behaviours = (c for b in self.behaviours for c in self.behaviour_features[b])
        return (*of_behaviours, *self.history_features, *self.covariates)

    def part(self, name: str) -> Panel:
        """Return the rows of one part, ``"train"`` or ``"test"``, renumbered from 0."""
        rows = self.frame.loc[self.frame["part"] == name].reset_index(drop=True)
        return replace(self, frame=rows)


@dataclass(frozen=True)
class _Rows:
    """Which entity and cutoff each row of a panel is, and the row of each pair (−1: none)."""

    entity: npt.NDArray[np.intp]
    cutoff: npt.NDArray[np.intp]
    place: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.entity)

    def of(self, found: dict[str, Array]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        row = self.place[found["cutoff_"], found["entity_"]]
        return row, row >= 0


def build_panel(tables: Tables, config: PipelineConfig, windows: Windows) -> Panel:
    """Build features and outcomes for every entity at every cutoff.

    An entity has a row from its entry (sign-up or, without one, first event or transaction)
    before the cutoff on, and none once a churn event lies before the cutoff. Nothing at or after
    a cutoff touches a feature of it; an event exactly at the cutoff belongs to the outcome.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    windows : Windows
        As ``plan_windows(tables.history, config.windows)`` gives them: mature outcomes only.

    Returns
    -------
    Panel

    Raises
    ------
    NotEnoughDataError
        Where no entity has any event in any observation window.
    """
    population = read_population(tables, config)
    cutoffs = windows.cutoffs
    rows = _rows(population, cutoffs)
    columns: dict[str, Any] = {
        "customer_id": population.ids[rows.entity],
        "cutoff": np.array(cutoffs, dtype="datetime64[us]")[rows.cutoff],
        "part": np.array(["train" if c in windows.train else "test" for c in cutoffs], object)[
            rows.cutoff
        ],
    }
    features = _features_of(tables)
    columns |= _behaviour_columns(tables, windows, population, rows, features)
    columns |= _transaction_columns(tables, windows, population, rows)
    columns["churned"] = _churned(config, windows, population, rows, columns)
    frame, covariates, segments = add_covariates(pd.DataFrame(columns), tables, config)
    names = {
        b: tuple(f"{b}__{f.name}" for f in features if _measured(tables, f, b))
        for b in tables.behaviours
    }
    _check_any_event(frame, names, windows)
    return Panel(
        frame=frame,
        behaviours=tables.behaviours,
        behaviour_features=names,
        history_features=tuple(f"history__{f.name}" for f in history.FEATURES),
        covariates=covariates,
        segments=segments,
    )


def behaviour_features(
    tables: Tables,
    population: Population,
    cutoffs: Sequence[dt.date],
    observation_days: int,
) -> nw.LazyFrame[Any]:
    """Return the behaviours' features before anything is collected, a row per thing done.

    Returns
    -------
    LazyFrame
        ``entity_`` (place in the population), ``behaviour_`` (place among the behaviours),
        ``cutoff_`` (place among the cutoffs), and a column per feature. No row where an entity
        did nothing of a behaviour in two observation windows: ``Feature.absent`` says what its
        features are then.
    """
    features = _features_of(tables)
    daily = coded(tables, daily_events(tables), population, kinds=True)
    spans = []
    for i, cutoff in enumerate(cutoffs):
        start = cutoff - observation_days * DAY
        spans.append(Span(i, OBSERVATION, Window(start, cutoff)))
        spans.append(Span(i, BEFORE, Window(start - observation_days * DAY, start)))
    keys = ("entity_", "behaviour_")
    totals = span_totals(tables.engine, daily, keys, spans, behaviours.totals_of(features))
    return _with_cutoff(tables, totals, cutoffs).select(
        *keys, "cutoff_", *_expressions(features, observation_days)
    )


def _features_of(tables: Tables) -> tuple[Feature, ...]:
    every = behaviours.FEATURES
    return tuple(f for f in every if any(_measured(tables, f, b) for b in tables.behaviours))


def _measured(tables: Tables, feature: Feature, behaviour: str) -> bool:
    return feature.needs is None or behaviour in tables.amounts.get(feature.needs, ())


def _expressions(features: Sequence[Feature], days: int) -> list[nw.Expr]:
    return [f.expression(days).alias(f.name) for f in features if f.expression is not None]


def _rows(population: Population, cutoffs: Sequence[dt.date]) -> _Rows:
    inside = [population.at(cutoff) for cutoff in cutoffs]
    entity = np.concatenate(inside)
    cutoff = np.repeat(np.arange(len(cutoffs)), [len(found) for found in inside])
    place = np.full((len(cutoffs), len(population.ids)), -1, dtype=np.intp)
    place[cutoff, entity] = np.arange(len(entity))
    return _Rows(entity, cutoff, place)


def _with_cutoff(
    tables: Tables, totals: nw.LazyFrame[Any], cutoffs: Sequence[dt.date]
) -> nw.LazyFrame[Any]:
    moments = [dt.datetime.combine(c, dt.time()) for c in cutoffs]
    table = tables.engine.small({"cutoff_": list(range(len(cutoffs))), "cutoff": moments})
    return totals.join(table, on="cutoff_", how="inner")


def _behaviour_columns(
    tables: Tables,
    windows: Windows,
    population: Population,
    rows: _Rows,
    features: Sequence[Feature],
) -> dict[str, Array]:
    days = windows.observation_days
    found = collect(behaviour_features(tables, population, windows.cutoffs, days))
    row, inside = rows.of(found)
    back = np.array([c - 2 * days * DAY for c in windows.cutoffs], dtype="datetime64[us]")
    reaches = back >= np.datetime64(tables.history.start, "us")
    covered = reaches[rows.cutoff] & (population.entry[rows.entity] <= back[rows.cutoff])
    arrays = {}
    for feature in features:
        absent = np.nan if feature.absent is None else feature.absent
        if feature.name == "regularity" and days < 7:
            absent = np.nan
        values = np.full((len(tables.behaviours), len(rows)), absent)
        values[found["behaviour_"][inside], row[inside]] = found[feature.name][inside]
        if feature.name == "trend":
            values[:, ~covered] = np.nan
        arrays[feature.name] = values
    return {
        f"{behaviour}__{feature.name}": arrays[feature.name][i]
        for i, behaviour in enumerate(tables.behaviours)
        for feature in features
        if _measured(tables, feature, behaviour)
    }


def _transaction_columns(
    tables: Tables, windows: Windows, population: Population, rows: _Rows
) -> dict[str, Array]:
    first = min(q.first.date() for q in tables.quality if q.table == "transactions" and q.first)
    spans = []
    for i, cutoff in enumerate(windows.cutoffs):
        observation = windows.observation(cutoff)
        spans.append(Span(i, OBSERVATION, observation))
        spans.append(Span(i, history.PAST, Window(min(first, observation.start), cutoff)))
        spans.append(Span(i, history.OUTCOME, windows.outcome(cutoff)))
    daily = coded(tables, daily_transactions(tables), population, kinds=False)
    totals = (*behaviours.totals_of(history.FEATURES), *history.OUTCOME_TOTALS)
    summed = span_totals(tables.engine, daily, ("entity_",), spans, totals)
    features = [f for f in history.FEATURES if f.expression is not None]
    sums = ("gain", "loss", "transactions")
    found = collect(
        _with_cutoff(tables, summed, windows.cutoffs).select(
            "entity_",
            "cutoff_",
            *_expressions(features, windows.observation_days),
            *sums,
        )
    )
    row, inside = rows.of(found)
    columns = {}
    for feature in features:
        values = np.full(len(rows), np.nan if feature.absent is None else feature.absent)
        values[row[inside]] = found[feature.name][inside]
        columns[f"history__{feature.name}"] = values
    moments = np.array(windows.cutoffs, dtype="datetime64[us]")[rows.cutoff]
    tenure = moments - population.entry[rows.entity]
    columns[history.TENURE] = tenure / np.timedelta64(1, "D")
    whole = {name: np.zeros(len(rows), dtype=np.int64) for name in sums}
    for name in sums:
        whole[name][row[inside]] = found[name][inside]
    columns["margin"] = (whole["gain"] - whole["loss"]) / MICRO
    columns["gain"], columns["loss"] = whole["gain"] / MICRO, whole["loss"] / MICRO
    columns["transactions"] = whole["transactions"].astype(np.float64)
    return columns


def _churned(
    config: PipelineConfig,
    windows: Windows,
    population: Population,
    rows: _Rows,
    columns: dict[str, Array],
) -> npt.NDArray[np.float64]:
    if config.churn.kind == "no_transaction":
        stopped = (columns["transactions"] == 0).astype(np.float64)
        return np.where(columns["history__frequency"] > 0, stopped, np.nan)
    outcomes = [windows.outcome(c) for c in windows.cutoffs]
    starts = np.array([o.start for o in outcomes], dtype="datetime64[us]")[rows.cutoff]
    ends = np.array([o.end for o in outcomes], dtype="datetime64[us]")[rows.cutoff]
    left = population.exit[rows.entity]
    stays = np.isnat(left) | (left >= ends)
    # Who left in the gap is no longer at risk when the outcome window opens.
    return np.where(stays, 0.0, np.where(left >= starts, 1.0, np.nan))


def _check_any_event(
    frame: pd.DataFrame, names: dict[str, tuple[str, ...]], windows: Windows
) -> None:
    counts = [c for columns in names.values() for c in columns if c.endswith("__frequency")]
    if counts and frame[counts].to_numpy().any():
        return
    first, last = windows.cutoffs[0], windows.cutoffs[-1]
    raise NotEnoughDataError(
        "no event of any behaviour lies in any observation window, the "
        f"{windows.observation_days} days before each of {len(windows.cutoffs)} cutoffs from "
        f"{first} to {last}; check that events and transactions cover the same time, and that "
        "not every behaviour has 'role: ignore'"
    )
