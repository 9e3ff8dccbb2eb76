"""The periods: entities × periods × behaviours as dense arrays, for estimates within entities."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import numpy.typing as npt

from engagement_ml._typing import AnyArray, Float32Array, FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.features.covariates import customer_columns, segment_text
from engagement_ml.features.daily_totals import daily_events, daily_transactions
from engagement_ml.features.population import Codes, Population, collect, read_population
from engagement_ml.inputs import Tables
from engagement_ml.ledger.daily import MICRO
from engagement_ml.windows import DAY, History


@dataclass(frozen=True)
class Days:
    """What was done by day, and when who left did so, where churn is an event.

    Attributes
    ----------
    entity, day : int32 arrays (R,)
        Places of the entity and of the day, counted from the start of the periods.
    behaviour : int32 array (R,)
    n : float32 array (R,)
        Events.
    exit : int32 array (n,)
        Day of the churn event, else the number of days.
    """

    entity: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    behaviour: npt.NDArray[np.int32]
    n: Float32Array
    exit: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Periods:
    """Dense arrays over n entities, T periods of equal length and B behaviours.

    Period t is ``[start + t · period_days, start + (t + 1) · period_days)``; the last ends at
    `until`.

    Attributes
    ----------
    entities : array (n,)
        Sorted; those with at least one whole period at risk.
    behaviours : tuple of str
    period_days : int
    start, until : date
    counts : float32 array (n, T, B)
        Events per period.
    gain, loss : float64 array (n, T)
        Sum of the positive margins, and minus the sum of the negative ones.
    orders : float32 array (n, T)
        Transactions with positive margin or revenue.
    entry : int32 array (n,)
        First period that starts at or after the entity's entry.
    exit : int32 array (n,)
        First period that starts at or after its churn event, else T.
    segments : dict of column to object array (n,)
        Text, ``""`` for null.
    paid_from : int
        First period with transactions, if the record of events begins before it.
    days : Days or None
        Where churn is an event, which does not wait for the end of a period.
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


def build_periods(
    tables: Tables, config: PipelineConfig, *, until: dt.date, period_days: int = 7
) -> Periods:
    """Count events and add up margins per entity and period, back from `until`.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    until : date
        No event or transaction at or after it is seen.
    period_days : int, default 7

    Returns
    -------
    Periods
        As many whole periods as the history before `until` holds.

    Raises
    ------
    NotEnoughDataError
        Where it holds none, or no entity is at risk in any.
    """
    covered = (min(until, tables.history.end) - tables.history.start).days
    n_periods = max(0, (until - tables.history.start).days // period_days) if covered > 0 else 0
    start = until - n_periods * period_days * DAY
    population = read_population(tables, config)
    entry = _first_from(population.entry, start, n_periods, period_days)
    left = _first_from(population.exit, start, n_periods, period_days)
    at_risk = entry < left
    if not at_risk.any():
        raise NotEnoughDataError(
            f"the history from {tables.history.start} to {until} holds no whole period of "
            f"{period_days} days with an entity in it; give a longer history"
        )
    population = population.subset(at_risk)
    shape = (len(population.ids), n_periods)
    dates = [start + i * DAY for i in range(n_periods * period_days)]
    places = np.arange(len(dates))
    calendar = tables.engine.small({"day": dates, "day_": places, "period_": places // period_days})
    codes = Codes.of(tables, population)
    events = daily_events(tables).join(calendar, on="day", how="inner")
    by_day = config.churn.kind == "event"
    keys = ("customer_id", "event_type", "day_" if by_day else "period_")
    done = collect(codes.add(events.group_by(*keys).agg(_total("n"))))
    period = done["day_"] // period_days if by_day else done["period_"]
    counts = np.zeros((*shape, len(tables.behaviours)), dtype=np.float32)
    np.add.at(counts, (done["entity_"], period, done["behaviour_"]), done["n"])
    sums = ("gain", "loss", "orders")
    paid = daily_transactions(tables).join(calendar, on="day", how="inner")
    per_period = paid.group_by("customer_id", "period_").agg(*(_total(c) for c in sums))
    found = collect(codes.add(per_period))
    place = (found["entity_"], found["period_"])
    gain, loss, orders = (np.zeros(shape) for _ in sums)
    gain[place], loss[place] = found["gain"] / MICRO, found["loss"] / MICRO
    orders[place] = found["orders"]
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
        exit=left[at_risk],
        segments=_segments(tables, config, population.ids),
        paid_from=_first_paid(tables.history, start, n_periods, period_days),
        days=_days(done, population, start, len(dates)) if by_day else None,
    )


def _days(done: dict[str, AnyArray], population: Population, start: dt.date, n_days: int) -> Days:
    never = np.isnat(population.exit)
    passed = np.where(never, np.datetime64(start, "us"), population.exit) - np.datetime64(
        start, "us"
    )
    left = np.where(never, n_days, np.clip(passed // np.timedelta64(1, "D"), 0, n_days))
    return Days(
        entity=done["entity_"].astype(np.int32),
        day=done["day_"].astype(np.int32),
        behaviour=done["behaviour_"].astype(np.int32),
        n=done["n"].astype(np.float32),
        exit=left.astype(np.int32),
    )


def _total(column: str) -> nw.Expr:
    return nw.col(column).sum().cast(nw.Int64)


def _first_from(
    moments: AnyArray, start: dt.date, n_periods: int, period_days: int
) -> npt.NDArray[np.int32]:
    """First period that starts at or after each moment; `n_periods` where there is none."""
    never = np.isnat(moments)
    passed = np.where(never, np.timedelta64(0, "us"), moments - np.datetime64(start, "us"))
    length = np.timedelta64(period_days, "D").astype("timedelta64[us]")
    ceiling = -(-passed // length)
    return np.where(never, n_periods, np.clip(ceiling, 0, n_periods)).astype(np.int32)


def _first_paid(history: History, start: dt.date, n_periods: int, period_days: int) -> int:
    """Period in which transactions begin; `n_periods` where that is after the last.

    That they cover it in part is the same for everybody, and so is taken up by its own effect.
    """
    if history.paid_from is None:
        return 0
    return min(max(0, (history.paid_from - start).days // period_days), n_periods)


def _segments(tables: Tables, config: PipelineConfig, ids: AnyArray) -> dict[str, AnyArray]:
    if tables.customers is None or not config.segments:
        return {}
    customers = customer_columns(tables)
    return {
        column: segment_text(customers[column]).reindex(ids).fillna("").to_numpy(dtype=object)
        for column in config.segments
    }
