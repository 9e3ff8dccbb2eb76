"""The periods: entities × periods × behaviours as dense arrays, for estimates within entities."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.features.covariates import customer_columns, segment_text
from engagement_ml.features.ledger import MICRO, daily_events, daily_transactions, entities
from engagement_ml.tables import Tables
from engagement_ml.windows import DAY

Array = npt.NDArray[Any]


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
    """

    entities: Array
    behaviours: tuple[str, ...]
    period_days: int
    start: dt.date
    until: dt.date
    counts: npt.NDArray[np.float32]
    gain: npt.NDArray[np.float64]
    loss: npt.NDArray[np.float64]
    orders: npt.NDArray[np.float32]
    entry: npt.NDArray[np.int32]
    exit: npt.NDArray[np.int32]
    segments: dict[str, Array]


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
    n_periods = (min(until, tables.history.end) - tables.history.start).days // period_days
    n_periods = max(0, min(n_periods, (until - tables.history.start).days // period_days))
    start = until - n_periods * period_days * DAY
    known = _known(tables, config, start, n_periods, period_days)
    if not n_periods or not len(known["customer_id"]):
        raise NotEnoughDataError(
            f"the history from {tables.history.start} to {until} holds no whole period of "
            f"{period_days} days with an entity in it; give a longer history"
        )
    n, ids = len(known["customer_id"]), known["customer_id"]
    engine = tables.engine
    codes = engine.small({"customer_id": ids.tolist(), "row_": list(range(n))})
    days = [start + i * DAY for i in range(n_periods * period_days)]
    calendar = engine.small({"day": days, "period_": [i // period_days for i in range(len(days))]})
    kinds = engine.small(
        {
            "event_type": list(tables.behaviours),
            "kind_": list(range(len(tables.behaviours))),
        }
    )
    cell = ("row_", "period_")
    events = daily_events(tables).join(calendar, on="day").join(kinds, on="event_type")
    counted = _collect(
        events.join(codes, on="customer_id")
        .group_by(*cell, "kind_")
        .agg(nw.col("n").sum().cast(nw.Int64))
    )
    counts = np.zeros((n, n_periods, len(tables.behaviours)), dtype=np.float32)
    counts[counted["row_"], counted["period_"], counted["kind_"]] = counted["n"]
    summed = _collect(
        daily_transactions(tables)
        .join(calendar, on="day")
        .join(codes, on="customer_id")
        .group_by(*cell)
        .agg(*(nw.col(c).sum().cast(nw.Int64) for c in ("gain", "loss", "orders")))
    )
    place = (summed["row_"], summed["period_"])
    gain, loss = np.zeros((n, n_periods)), np.zeros((n, n_periods))
    orders = np.zeros((n, n_periods), dtype=np.float32)
    gain[place], loss[place] = summed["gain"] / MICRO, summed["loss"] / MICRO
    orders[place] = summed["orders"]
    return Periods(
        entities=ids,
        behaviours=tables.behaviours,
        period_days=period_days,
        start=start,
        until=until,
        counts=counts,
        gain=gain,
        loss=loss,
        orders=orders,
        entry=known["entry"].astype(np.int32),
        exit=known["exit"].astype(np.int32),
        segments=_segments(tables, config, ids),
    )


def _known(
    tables: Tables, config: PipelineConfig, start: dt.date, n_periods: int, period_days: int
) -> dict[str, Array]:
    """Entities with a whole period at risk, sorted, with their first and last such period."""
    found = _collect(entities(tables, config))
    origin, length = np.datetime64(start, "us"), np.timedelta64(period_days, "D")

    def first_from(moments: Array) -> Array:
        moments = moments.astype("datetime64[us]")
        never = np.isnat(moments)
        # Ceiling division: the first period that starts at or after the moment.
        steps = -((origin - np.where(never, origin, moments)) // length.astype("timedelta64[us]"))
        return np.where(never, n_periods, np.clip(steps, 0, n_periods))

    entry, left = first_from(found["entry"]), first_from(found["exit"])
    at_risk = entry < left
    ids = found["customer_id"][at_risk]
    order = np.argsort(ids, kind="stable")
    return {
        "customer_id": ids[order],
        "entry": entry[at_risk][order],
        "exit": left[at_risk][order],
    }


def _segments(tables: Tables, config: PipelineConfig, ids: Array) -> dict[str, Array]:
    if tables.customers is None or not config.segments:
        return {}
    customers = customer_columns(tables)
    return {
        column: segment_text(customers[column])
        .reindex(ids)
        .fillna("")
        .to_numpy(dtype=object)
        for column in config.segments
    }


def _collect(frame: nw.LazyFrame[Any]) -> dict[str, Array]:
    collected = frame.collect("pyarrow")
    return {name: collected[name].to_numpy() for name in collected.columns}
