"""Period panel: entities × periods × behaviours as dense arrays, for within-entity estimation."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt

from engagement_ml._typing import AnyArray, Float32Array, FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.features.clusters import customer_clusters
from engagement_ml.features.covariates import customer_columns, segment_text
from engagement_ml.features.daily_totals import daily_events, daily_transactions
from engagement_ml.features.population import Codes, Population, collect, read_population
from engagement_ml.inputs import Tables
from engagement_ml.ledger.daily import MICRO
from engagement_ml.windows import DAY, History


@dataclass(frozen=True)
class Days:
    """Daily counts and the day of churn, for a pipeline with a churn event.

    Attributes
    ----------
    entity, day : int32 arrays (R,)
        Places of the entity and of the day, counted from the start of the periods.
    behaviour : int32 array (R,)
    n : float32 array (R,)
        Events.
    exit : int32 array (n,)
        Day of the churn event, the number of days without one.
    """

    entity: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    behaviour: npt.NDArray[np.int32]
    n: Float32Array
    exit: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Periods:
    """Dense arrays over n entities, T periods of equal length and B behaviours.

    Period t is ``[start + t · period_days, start + (t + 1) · period_days)``; the last period ends
    at `until`.

    Attributes
    ----------
    entities : array (n,)
        Ids of the entities with at least one whole period at risk, sorted.
    behaviours : tuple of str
    period_days : int
    start, until : date
    counts : float32 array (n, T, B)
        Events per period.
    gain, loss : float64 array (n, T)
        Sum of the positive margins, and minus the sum of the negative margins, in currency.
    orders : float32 array (n, T)
        Transactions with positive margin or revenue.
    entry : int32 array (n,)
        First period that starts at or after the entity's entry.
    exit : int32 array (n,)
        First period that starts at or after the churn event, T without one.
    segments : dict of column to object array (n,)
        Text, ``""`` for null.
    paid_from : int
        First period with transactions, if events are recorded from an earlier period on; else 0.
    days : Days or None
        Daily resolution of the same data, only if churn is an event.
    clusters : int array (n,) or None
        Entities of a cluster are not independent of each other, such as the customers of an actor;
        None if all entities are.
    """

    entities: AnyArray
    behaviours: tuple[str, ...]
    period_days: int
    start: dt.date
    until: dt.date
    counts: Float32Array
    gain: FloatArray
    loss: FloatArray
    orders: Float32Array
    entry: npt.NDArray[np.int32]
    exit: npt.NDArray[np.int32]
    segments: dict[str, AnyArray]
    paid_from: int = 0
    days: Days | None = None
    clusters: npt.NDArray[np.int64] | None = None


def build_periods(
    tables: Tables, config: PipelineConfig, *, until: dt.date, period_days: int = 7
) -> Periods:
    """Build the period panel: counts and margins per entity and period, back from `until`.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    until : date
        Events and transactions at or after this day are left out.
    period_days : int, default 7

    Returns
    -------
    Periods
        All whole periods of the history before `until`.

    Raises
    ------
    NotEnoughDataError
        If the history holds no whole period, or no entity is at risk in any.
    """
    start, n_periods = period_span(tables.history, until, period_days)
    population = read_population(tables, config)
    entry = _first_from(population.entry, start, n_periods, period_days)
    exits = _first_from(population.exit, start, n_periods, period_days)
    at_risk = entry < exits
    if not at_risk.any():
        raise NotEnoughDataError(
            f"the history from {tables.history.start} to {until} holds no whole period of "
            f"{period_days} days with an entity in it; give a longer history"
        )
    population = population.subset(at_risk)
    days = calendar(tables, start, n_periods, period_days)
    codes = Codes.of(tables, population)
    by_day = config.churn.kind == "event"
    events = _event_counts(tables, codes, days, "day_" if by_day else "period_")
    period = events["day_"] // period_days if by_day else events["period_"]
    shape = (len(population.ids), n_periods)
    counts = np.zeros((*shape, len(tables.behaviours)), dtype=np.float32)
    np.add.at(counts, (events["entity_"], period, events["behaviour_"]), events["n"])
    gain, loss, orders = _amounts(tables, codes, days, shape)
    return Periods(
        entities=population.ids,
        behaviours=tables.behaviours,
        period_days=period_days,
        start=start,
        until=until,
        counts=counts,
        gain=gain,
        loss=loss,
        orders=orders.astype(np.float32),
        entry=entry[at_risk],
        exit=exits[at_risk],
        segments=customer_segments(tables, config, population.ids),
        paid_from=_first_paid(tables.history, start, n_periods, period_days),
        days=_days(events, population, start, n_periods * period_days) if by_day else None,
        clusters=customer_clusters(tables, population.ids, start, until),
    )


def period_span(history: History, until: dt.date, period_days: int) -> tuple[dt.date, int]:
    """Return the start and the number of the whole periods of the history before `until`."""
    covered = (min(until, history.end) - history.start).days
    n_periods = max(0, (until - history.start).days // period_days) if covered > 0 else 0
    return until - n_periods * period_days * DAY, n_periods


def calendar(tables: Tables, start: dt.date, n_periods: int, period_days: int) -> nw.LazyFrame[Any]:
    """Return a table of the days of all periods, with day and period numbered from 0."""
    dates = [start + i * DAY for i in range(n_periods * period_days)]
    numbers = np.arange(len(dates))
    return tables.engine.small({"day": dates, "day_": numbers, "period_": numbers // period_days})


def _event_counts(
    tables: Tables, codes: Codes, days: nw.LazyFrame[Any], unit: str
) -> dict[str, AnyArray]:
    """Return events per entity, behaviour and unit of time, ``day_`` or ``period_``."""
    events = daily_events(tables).join(days, on="day", how="inner")
    counts = events.group_by("customer_id", "event_type", unit).agg(_total("n"))
    return collect(codes.add(counts))


def _amounts(
    tables: Tables, codes: Codes, days: nw.LazyFrame[Any], shape: tuple[int, int]
) -> list[FloatArray]:
    """Return gain, loss (both in currency) and orders per entity and period."""
    sums = ("gain", "loss", "orders")
    transactions = daily_transactions(tables).join(days, on="day", how="inner")
    per_period = transactions.group_by("customer_id", "period_").agg(*(_total(c) for c in sums))
    amounts = collect(codes.add(per_period))
    place = (amounts["entity_"], amounts["period_"])
    gain, loss, orders = (np.zeros(shape) for _ in sums)
    gain[place], loss[place] = amounts["gain"] / MICRO, amounts["loss"] / MICRO
    orders[place] = amounts["orders"]
    return [gain, loss, orders]


def _days(events: dict[str, AnyArray], population: Population, start: dt.date, n_days: int) -> Days:
    never = np.isnat(population.exit)
    origin = np.datetime64(start, "us")
    elapsed = np.where(never, origin, population.exit) - origin
    exit_day = np.where(never, n_days, np.clip(elapsed // np.timedelta64(1, "D"), 0, n_days))
    return Days(
        entity=events["entity_"].astype(np.int32),
        day=events["day_"].astype(np.int32),
        behaviour=events["behaviour_"].astype(np.int32),
        n=events["n"].astype(np.float32),
        exit=exit_day.astype(np.int32),
    )


def _total(column: str) -> nw.Expr:
    return nw.col(column).sum().cast(nw.Int64)


def _first_from(
    moments: AnyArray, start: dt.date, n_periods: int, period_days: int
) -> npt.NDArray[np.int32]:
    """Return the first period that starts at or after each moment, `n_periods` for NaT."""
    never = np.isnat(moments)
    elapsed = np.where(never, np.timedelta64(0, "us"), moments - np.datetime64(start, "us"))
    length = np.timedelta64(period_days, "D").astype("timedelta64[us]")
    ceiling = -(-elapsed // length)
    return np.where(never, n_periods, np.clip(ceiling, 0, n_periods)).astype(np.int32)


def _first_paid(history: History, start: dt.date, n_periods: int, period_days: int) -> int:
    """Return the period in which transactions begin, `n_periods` if that is after the last.

    Transactions may cover this period in part. The part is the same for all entities, so the
    period effect absorbs it.
    """
    if history.paid_from is None:
        return 0
    return min(max(0, (history.paid_from - start).days // period_days), n_periods)


def customer_segments(tables: Tables, config: PipelineConfig, ids: AnyArray) -> dict[str, AnyArray]:
    """Return the configured segments of customers as text, ``""`` for null."""
    if tables.customers is None or not config.segments:
        return {}
    customers = customer_columns(tables)
    return {
        column: segment_text(customers[column]).reindex(ids).fillna("").to_numpy(dtype=object)
        for column in config.segments
    }
