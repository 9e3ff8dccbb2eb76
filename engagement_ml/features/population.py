"""Population: entities with entry and exit, and their integer codes in the engine."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import AnyArray, IntArray
from engagement_ml.config import PipelineConfig
from engagement_ml.features.daily_totals import entities
from engagement_ml.inputs import Tables


@dataclass(frozen=True)
class Population:
    """Entities sorted by ``customer_id``.

    Attributes
    ----------
    ids : array (n,)
    entry : datetime64[us] array (n,)
        Sign-up or, without one, first event or transaction.
    exit : datetime64[us] array (n,)
        First churn event, NaT without one.
    """

    ids: AnyArray
    entry: AnyArray
    exit: AnyArray

    def at(self, cutoff: dt.date) -> IntArray:
        """Return the places of the entities at risk: entry before `cutoff`, no exit before it."""
        moment = np.datetime64(cutoff, "us")
        left = ~np.isnat(self.exit) & (self.exit < moment)
        return np.flatnonzero((self.entry < moment) & ~left)

    def subset(self, keep: AnyArray) -> Population:
        """Return the entities selected by a mask or by their places."""
        return Population(self.ids[keep], self.entry[keep], self.exit[keep])


def read_population(tables: Tables, config: PipelineConfig) -> Population:
    """Collect the entities of the tables, sorted by ``customer_id``."""
    columns = collect(entities(tables, config))
    order = np.argsort(columns["customer_id"], kind="stable")
    return Population(
        ids=columns["customer_id"][order],
        entry=columns["entry"][order].astype("datetime64[us]"),
        exit=columns["exit"][order].astype("datetime64[us]"),
    )


@dataclass(frozen=True)
class Codes:
    """Integer codes of entities and behaviours, as small tables of the engine.

    Attributes
    ----------
    entities : LazyFrame
        ``customer_id`` and its place in the population, ``entity_``.
    behaviours : LazyFrame
        ``event_type`` and its place among the behaviours, ``behaviour_``.
    """

    entities: nw.LazyFrame[Any]
    behaviours: nw.LazyFrame[Any]

    @classmethod
    def of(cls, tables: Tables, population: Population) -> Codes:
        """Create the tables in the engine that holds the data."""
        places = np.arange(len(population.ids), dtype=np.int32)
        entities = tables.engine.small({"customer_id": population.ids, "entity_": places})
        codes = np.arange(len(tables.behaviours), dtype=np.int32)
        types = {"event_type": list(tables.behaviours), "behaviour_": codes}
        return cls(entities, tables.engine.small(types))

    def add(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Replace ids and event types by integer codes, which index arrays.

        Rows of other entities and of other event types are dropped.
        """
        coded = frame.join(self.entities, on="customer_id", how="inner")
        if "event_type" not in frame.collect_schema().names():
            return coded.drop("customer_id")
        typed = coded.join(self.behaviours, on="event_type", how="inner")
        return typed.drop("customer_id", "event_type")


def collect(frame: nw.LazyFrame[Any]) -> dict[str, AnyArray]:
    """Run a lazy frame and return its columns as NumPy arrays; nulls become NaN or NaT."""
    collected = frame.collect("pyarrow")
    return {name: collected[name].to_numpy() for name in collected.columns}
