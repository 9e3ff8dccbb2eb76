"""The panel's rows, some at a time, so that few of them have to fit into memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.features import ratios, rfm, sessions
from engagement_ml.features.aggregations import (
    SUMS,
    Asked,
    expressions,
    measured,
    micros_of,
    of_behaviours,
    of_history,
    of_sessions,
    totals_at,
)
from engagement_ml.features.behaviours import Feature, totals_of
from engagement_ml.features.numpy_aggregator import NEVER, Added, in_arrays, window_arrays
from engagement_ml.features.population import Codes, Population, collect, read_population
from engagement_ml.features.window_aggregates import Total
from engagement_ml.inputs import Tables
from engagement_ml.ledger.daily import MICRO
from engagement_ml.ordered_map import ordered_map
from engagement_ml.windows import DAY, Window, Windows

PASS_PLACES = 40_000_000
"""Entities × behaviours × cutoffs that one pass over the ledger adds up: some 40 bytes each."""
BLOCK = 131_072
"""Rows that are laid out together: of more, no column stays in a processor's cache."""


@dataclass(frozen=True)
class Found:
    """What was added up for one cutoff.

    `behaviours` have a place for each behaviour's entities in turn, the others for each entity;
    `sessions` is None where the configuration asks for none.
    """

    cutoff: dt.date
    behaviours: Added
    history: Added
    sessions: Added | None


@dataclass(frozen=True)
class Block:
    """Some entities in the order of their places, and what was found for their cutoff."""

    found: Found
    entities: AnyArray


def rows_in_blocks(
    tables: Tables, config: PipelineConfig, windows: Windows
) -> Iterator[pd.DataFrame]:
    """Yield the rows of each cutoff in turn, some at a time, sorted by ``customer_id``.

    While some are used, the next are laid out.

    Yields
    ------
    DataFrame
        The columns of ``Panel.frame`` without covariates and segments; of a cutoff at which
        nobody was there, none.
    """
    population = read_population(tables, config)
    codes = Codes.of(tables, population)
    asked = of_behaviours(tables, windows)
    bought = of_history(tables, windows)
    visited = of_sessions(tables, config, windows)
    size = max(1, len(population.ids) * len(tables.behaviours))
    together = max(1, PASS_PLACES // size)
    lay_out = partial(_lay_out, tables, config, windows, population, asked.features)
    for begin in range(0, len(windows.cutoffs), together):
        cutoffs = windows.cutoffs[begin : begin + together]
        found = [
            Found(*each)
            for each in zip(
                cutoffs,
                _add_up(tables, codes, population, asked, cutoffs),
                _add_up(tables, codes, population, bought, cutoffs),
                [None] * len(cutoffs)
                if visited is None
                else _add_up(tables, codes, population, visited, cutoffs),
                strict=True,
            )
        ]
        yield from ordered_map(lay_out, _blocks(population, found), tables.engine.threads)
        # The arrays of these cutoffs go before those of the next are made.
        del found


def _blocks(population: Population, found: Sequence[Found]) -> Iterator[Block]:
    for each in found:
        entities = population.at(each.cutoff)
        for begin in range(0, len(entities), BLOCK):
            yield Block(each, entities[begin : begin + BLOCK])


def _add_up(
    tables: Tables,
    codes: Codes,
    population: Population,
    asked: Asked,
    cutoffs: Sequence[dt.date],
) -> list[Added]:
    """Return the totals of some cutoffs, for all entities of the population."""
    n = len(population.ids)
    by_type = "event_type" in asked.keys
    places = n * len(tables.behaviours) if by_type else n
    spans = [asked.cutoffs[cutoff] for cutoff in cutoffs]

    def placed(batch: Mapping[str, AnyArray]) -> AnyArray:
        place = batch["entity_"].astype(np.int64)
        return place + batch["behaviour_"].astype(np.int64) * n if by_type else place

    if not tables.engine.local:
        # Elsewhere, rows of totals are fewer to fetch than those of the ledger.
        return [
            in_arrays(found | {"place_": placed(found)}, places, each, asked.totals)
            for each in spans
            for found in [collect(codes.add(totals_at(tables.engine, asked, each)))]
        ]
    first = min(window.start for each in spans for window in each.values())
    end = max(window.end for each in spans for window in each.values())
    inside = asked.daily.filter((nw.col("day") >= first) & (nw.col("day") < end))
    keys = ("entity_", "behaviour_") if by_type else ("entity_",)
    columns = dict.fromkeys(t.column for t in asked.totals if t.how in ("sum", "max"))
    coded = codes.add(inside).select(*keys, "day", *columns)

    def chunks() -> Iterator[dict[str, AnyArray]]:
        for batch in tables.engine.batches(coded):
            chunk = {
                "place_": placed(batch),
                "day": batch["day"].astype("datetime64[D]").view(np.int64),
            }
            yield chunk | {column: _whole(batch[column]) for column in columns}

    return window_arrays(chunks(), places, spans, asked.totals)


def _whole(values: AnyArray) -> AnyArray:
    """Return numbers as int64, timestamps as microseconds since 1970."""
    if np.issubdtype(values.dtype, np.datetime64):
        return values.astype("datetime64[us]").view(np.int64)
    return values.astype(np.int64, copy=False)


def _of(
    added: Added, totals: Sequence[Total], entities: AnyArray, n: int, turn: int = 0
) -> dict[str, AnyArray]:
    """Return totals of some of the `n` entities, of the behaviour whose turn it is."""
    first, end = entities[0], entities[-1] + 1
    every = added.between(turn * n + first, turn * n + end, totals)
    if len(entities) == end - first:
        return every
    return {name: values[entities - first] for name, values in every.items()}


def _evaluated(
    features: Sequence[Feature], totals: Mapping[str, AnyArray], cutoff: dt.date, days: int
) -> dict[str, AnyArray]:
    """Return the features that have an expression over totals, under their names."""
    columns = {total.name: _column(total, totals[total.name]) for total in totals_of(features)}
    table, moment = pa.table(columns), nw.lit(micros_of(cutoff))

    def select(frame: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
        return frame.with_columns(cutoff=moment).select(*expressions(features, days))

    try:
        made = select(nw.from_native(table, eager_only=True))
    except pa.ArrowInvalid:
        # Arrow makes no floats of integers beyond 2⁵³; pandas takes the nearest.
        made = select(nw.from_native(table.to_pandas(), eager_only=True))
    return {name: made[name].to_numpy() for name in made.columns}


def _column(total: Total, values: AnyArray) -> pa.Array:
    """Return a total as a column: counts as floats, null where a largest value is of nothing."""
    if total.column == "n":
        return pa.array(values.astype(np.float64))
    return pa.array(values, mask=values == NEVER if total.how == "max" else None)


def _lay_out(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    population: Population,
    features: Sequence[Feature],
    block: Block,
) -> pd.DataFrame:
    found, entities = block.found, block.entities
    cutoff = found.cutoff
    part = "train" if cutoff in windows.train else "test"
    columns: dict[str, Any] = {
        "customer_id": population.ids[entities],
        "cutoff": np.full(len(entities), cutoff, dtype="datetime64[us]"),
        "part": part,
    }
    entry, left = population.entry[entities], population.exit[entities]
    columns |= _behaviour_columns(tables, windows, population, features, entities, found)
    days = windows.observation_days
    if found.sessions is not None:
        told = _of(found.sessions, totals_of(sessions.FEATURES), entities, len(population.ids))
        made = _evaluated(sessions.FEATURES, told, cutoff, days)
        columns |= {f"{sessions.GROUP}__{name}": values for name, values in made.items()}
    columns |= _ratio_columns(config, columns)
    totals = (*totals_of(rfm.FEATURES), *rfm.OUTCOME_TOTALS)
    bought = _of(found.history, totals, entities, len(population.ids))
    made = _evaluated(rfm.FEATURES, bought, cutoff, days)
    columns |= {f"history__{name}": values for name, values in made.items()}
    columns |= _outcome_columns(cutoff, entry, bought)
    columns["churned"] = _churned(config, windows.outcome(cutoff), left, columns)
    return pd.DataFrame(columns, copy=False)


def _behaviour_columns(
    tables: Tables,
    windows: Windows,
    population: Population,
    features: Sequence[Feature],
    entities: AnyArray,
    found: Found,
) -> dict[str, AnyArray]:
    n, entry = len(population.ids), population.entry[entities]
    back = found.cutoff - 2 * windows.observation_days * DAY
    uncovered = (entry > np.datetime64(back, "us")) | (back < tables.history.start)
    days = windows.observation_days

    columns: dict[str, AnyArray] = {}
    for i, behaviour in enumerate(tables.behaviours):
        own = [feature for feature in features if measured(tables, feature, behaviour)]
        totals = _of(found.behaviours, totals_of(own), entities, n, i)
        made = _evaluated(own, totals, found.cutoff, days)
        made["trend"] = np.where(uncovered, np.nan, made["trend"])
        columns |= {f"{behaviour}__{name}": values for name, values in made.items()}
    return columns


def _ratio_columns(config: PipelineConfig, columns: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
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


def _outcome_columns(
    cutoff: dt.date, entry: AnyArray, totals: Mapping[str, AnyArray]
) -> dict[str, AnyArray]:
    tenure: AnyArray = np.datetime64(cutoff, "us") - entry
    gain, loss, transactions = (totals[name] for name in SUMS)
    return {
        rfm.TENURE: tenure / np.timedelta64(1, "D"),
        "margin": (gain - loss) / MICRO,
        "gain": gain / MICRO,
        "loss": loss / MICRO,
        "transactions": transactions.astype(np.float64),
    }


def _churned(
    config: PipelineConfig, outcome: Window, left: AnyArray, columns: Mapping[str, AnyArray]
) -> FloatArray:
    if config.churn.kind == "no_transaction":
        stopped = (columns["transactions"] == 0).astype(np.float64)
        return np.where(columns["history__frequency"] > 0, stopped, np.nan)
    start, end = np.datetime64(outcome.start, "us"), np.datetime64(outcome.end, "us")
    stays = np.isnat(left) | (left >= end)
    # Who left in the gap is no longer at risk when the outcome window opens.
    return np.where(stays, 0.0, np.where(left >= start, 1.0, np.nan))
