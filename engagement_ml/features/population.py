"""Who there is, and when: entities sorted, with entry and exit, and their codes in the engine."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt

from engagement_ml.config import PipelineConfig
from engagement_ml.features.ledger import entities
from engagement_ml.tables import Tables

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Population:
    """Entities sorted by ``customer_id``.

    Attributes
    ----------
    ids : array (n,)
    entry : datetime64[us] array (n,)
        Sign-up or, without one, first event or transaction.
    exit : datetime64[us] array (n,)
        First churn event, NaT where there is none.
    """

    ids: Array
    entry: Array
    exit: Array

    def at(self, cutoff: dt.date) -> npt.NDArray[np.intp]:
        """Return the places of those who entered before `cutoff` and did not leave before it."""
        moment = np.datetime64(cutoff, "us")
        left = ~np.isnat(self.exit) & (self.exit < moment)
        return np.flatnonzero((self.entry < moment) & ~left)

    def subset(self, keep: Array) -> Population:
        """Return the entities that a mask or their places select."""
        return Population(self.ids[keep], self.entry[keep], self.exit[keep])


def read_population(tables: Tables, config: PipelineConfig) -> Population:
    """Collect the entities of the tables, in a stable order."""
    found = collect(entities(tables, config))
    order = np.argsort(found["customer_id"], kind="stable")
    return Population(
        ids=found["customer_id"][order],
        entry=found["entry"][order].astype("datetime64[us]"),
        exit=found["exit"][order].astype("datetime64[us]"),
    )


def coded(
    tables: Tables, daily: nw.LazyFrame[Any], population: Population, *, kinds: bool
) -> nw.LazyFrame[Any]:
    """Join places in the population (``entity_``) and among the behaviours (``behaviour_``).

    Small integers group faster than texts do, and index arrays. Rows of other entities and of
    other event types fall away.
    """
    engine, n = tables.engine, len(population.ids)
    ids = {"customer_id": population.ids.tolist(), "entity_": np.arange(n, dtype=np.int32)}
    joined = daily.join(engine.small(ids), on="customer_id", how="inner")
    if not kinds:
        return joined
    codes = np.arange(len(tables.behaviours), dtype=np.int32)
    types = {"event_type": list(tables.behaviours), "behaviour_": codes}
    return joined.join(engine.small(types), on="event_type", how="inner")


def collect(frame: nw.LazyFrame[Any]) -> dict[str, Array]:
    """Run a lazy frame and return its columns as NumPy arrays; nulls become NaN or NaT."""
    collected = frame.collect("pyarrow")
    return {name: collected[name].to_numpy() for name in collected.columns}
