"""Prospects: who may make a first purchase, from when on, and what they do before it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt

from engagement_ml._typing import AnyArray, BoolArray, Float32Array, Int64Array
from engagement_ml.config import PipelineConfig
from engagement_ml.errors import InputError, nearest
from engagement_ml.features.daily_totals import daily_events, daily_transactions
from engagement_ml.features.period_panel import customer_segments
from engagement_ml.features.population import Codes, Population, collect, read_population
from engagement_ml.inputs import Tables
from engagement_ml.windows import DAY

MAX_CELLS = 25_000_000
"""Prospects times days beyond which a sample of prospects is used."""


@dataclass(frozen=True)
class Prospects:
    """Prospects by day, with sparse counts of what they do.

    Attributes
    ----------
    ids : array (n,)
    behaviours : tuple of str
    start : date
        Day 0.
    n_days : int
        Days on record; what happens later is not used.
    entry : int array (n,)
        Day on which each became a prospect.
    bought : int array (n,)
        Day of the first purchase; `n_days` if there is none on record.
    entity, day, behaviour : int arrays (R,)
        Where the counts belong.
    n : float32 array (R,)
    segments : dict of column to object array (n,)
    left_out : dict of str to int
        Customers that are no prospects, by reason; see `LEFT_OUT`.
    sampled_from : int or None
        Number of prospects that `ids` was drawn from; None if all are used.
    """

    ids: AnyArray
    behaviours: tuple[str, ...]
    start: dt.date
    n_days: int
    entry: Int64Array
    bought: Int64Array
    entity: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    behaviour: npt.NDArray[np.int32]
    n: Float32Array
    segments: Mapping[str, AnyArray] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    sampled_from: int | None = None

    @property
    def buys(self) -> BoolArray:
        """Whether each makes a first purchase on record, shape (n,)."""
        return np.asarray(self.bought < self.n_days)


LEFT_OUT = {
    "no_start": "never started",
    "had_bought": "had bought before",
    "same_day": "bought on the day they came",
    "unknown_past": "came before the records could show whether they had bought",
    "too_late": "came too late to be followed",
}
"""What people read for each reason."""


def read_prospects(
    tables: Tables, config: PipelineConfig, *, until: dt.date, starts: str | None = None
) -> Prospects:
    """Read who may make a first purchase, and what they do up to a day.

    A customer is a prospect from sign-up on; without one, from the first event on; with `starts`,
    from the first event of that type on. Purchases of before the records begin are not known, so
    prospects must come after transactions begin. If a customer has no sign-up and no `starts` is
    given, the first event may be of someone who was there before. So it must also lie after the
    first observation window, or the first quarter of the record if that is shorter.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    until : date
        What happens at or after this day is not used.
    starts : str, optional
        Event type that makes a prospect.

    Returns
    -------
    Prospects

    Raises
    ------
    InputError
        If no event has the type `starts`.
    """
    history = tables.history
    start, n_days = history.start, max(0, (min(until, history.end) - history.start).days)
    population = read_population(tables, config)
    origin = np.datetime64(start, "D")
    came = (population.entry.astype("datetime64[D]") - origin).astype(np.int64)
    known_from = 0 if history.paid_from is None else (history.paid_from - start).days
    left_out: dict[str, BoolArray] = {}
    if starts is None:
        entry = came
        burn_in = min(config.windows.observation_days, n_days // 4)
        since = np.where(_signed_up(tables, population.ids), known_from, known_from + burn_in)
    else:
        entry = _first_days(tables, population, starts, origin)
        left_out["no_start"] = entry == _NEVER
        since = np.full(entry.size, known_from)
    bought = np.minimum(_first_orders(tables, population, origin), _NEVER)
    left_out["had_bought"] = bought < entry
    left_out["unknown_past"] = entry < since
    left_out["same_day"] = bought == entry
    left_out["too_late"] = entry >= n_days - 1
    keep = np.ones(entry.size, dtype=np.bool_)
    counts = {}
    for reason, out in left_out.items():
        counts[reason] = int((keep & out).sum())
        keep &= ~out
    kept, of = _drawn(keep, n_days, config.random_seed)
    chosen = population.subset(kept)
    events = _daily_counts(tables, chosen, start, n_days)
    return Prospects(
        ids=chosen.ids,
        behaviours=tables.behaviours,
        start=start,
        n_days=n_days,
        entry=entry[kept],
        bought=np.minimum(bought[kept], n_days),
        entity=events["entity_"].astype(np.int32),
        day=events["day_"].astype(np.int32),
        behaviour=events["behaviour_"].astype(np.int32),
        n=events["n"].astype(np.float32),
        segments=customer_segments(tables, config, chosen.ids),
        left_out={reason: n for reason, n in counts.items() if n},
        sampled_from=of,
    )


_NEVER = 2**40
"""A day that never comes."""


def _first_orders(tables: Tables, population: Population, origin: np.datetime64) -> Int64Array:
    """Return the day of each customer's first positive margin or revenue."""
    orders = daily_transactions(tables).filter(nw.col("orders") > 0)
    return _first_of(tables, population, orders, origin)


def _first_days(
    tables: Tables, population: Population, starts: str, origin: np.datetime64
) -> Int64Array:
    """Return the day of each customer's first event of a type."""
    if not tables.event_counts.get(starts):
        raise InputError(
            f"{tables.source('events')}: no row has the event type '{starts}'"
            f"{nearest(starts, tables.event_counts)}, which the key "
            "'outcomes.first_purchase.starts' names; name one that events have, or leave the key "
            "out"
        )
    events = daily_events(tables).filter(nw.col("event_type") == starts)
    return _first_of(tables, population, events, origin)


def _first_of(
    tables: Tables, population: Population, rows: nw.LazyFrame[Any], origin: np.datetime64
) -> Int64Array:
    """Return the first day of each customer's rows, `_NEVER` without any."""
    places = np.arange(len(population.ids), dtype=np.int32)
    codes = tables.engine.small({"customer_id": population.ids, "entity_": places})
    first = rows.group_by("customer_id").agg(nw.col("day").min())
    found = collect(first.join(codes, on="customer_id", how="inner").select("entity_", "day"))
    days = np.full(len(population.ids), _NEVER, dtype=np.int64)
    days[found["entity_"]] = (found["day"].astype("datetime64[D]") - origin).astype(np.int64)
    return days


def _signed_up(tables: Tables, ids: AnyArray) -> BoolArray:
    """Return whether each customer has a sign-up date."""
    if tables.customers is None or "signup" not in tables.columns("customers"):
        return np.zeros(len(ids), dtype=np.bool_)
    frame = tables.customers.filter(~nw.col("signup").is_null()).select("customer_id")
    signed = set(collect(frame)["customer_id"].tolist())
    return np.array([each in signed for each in ids.tolist()], dtype=np.bool_)


def _drawn(keep: BoolArray, n_days: int, seed: int) -> tuple[Int64Array, int | None]:
    """Return the places of the prospects that are used, and of how many they were drawn."""
    places = np.flatnonzero(keep)
    most = max(1, MAX_CELLS // max(n_days, 1))
    if places.size <= most:
        return places, None
    drawn = np.random.default_rng([seed, 11]).choice(places, size=most, replace=False)
    return np.sort(drawn), int(places.size)


def _daily_counts(
    tables: Tables, population: Population, start: dt.date, n_days: int
) -> dict[str, AnyArray]:
    """Return events per prospect, behaviour and day."""
    codes = Codes.of(tables, population)
    dates = [start + i * DAY for i in range(max(n_days, 1))]
    calendar = tables.engine.small({"day": dates, "day_": np.arange(len(dates))})
    events = daily_events(tables).join(calendar, on="day", how="inner")
    total = nw.col("n").sum().cast(nw.Int64).alias("n")
    counted = collect(codes.add(events.group_by("customer_id", "event_type", "day_").agg(total)))
    order = np.lexsort((counted["day_"], counted["entity_"], counted["behaviour_"]))
    return {name: values[order] for name, values in counted.items()}
