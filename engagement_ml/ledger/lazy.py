"""Daily ledger of events on a lazy engine, computed and cleaned in one pass over the events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import narwhals as nw

from engagement_ml.engine import LazyEngine
from engagement_ml.ledger.daily import aggregate_by_day, dense_days
from engagement_ml.tables.duplicates import DUPLICATE_MARK, MOST_COMPARED
from engagement_ml.tables.lazy_cleaning import (
    LazyCleanTable,
    first_reason,
    mark_duplicates,
    stitching_notes,
    tally_rows,
)
from engagement_ml.tables.lazy_opening import LazyTable, canonical
from engagement_ml.tables.lazy_validation import check_values, value_error
from engagement_ml.tables.quality import DUPLICATE
from engagement_ml.tables.row_tally import RowTally
from engagement_ml.tables.schema import AMOUNTS, REQUIRED
from engagement_ml.tables.validation import FUTURE, latest


def read_events(
    engine: LazyEngine,
    opened: LazyTable,
    *,
    integer_ids: bool,
    end: dt.date,
    validated: bool = False,
) -> LazyCleanTable:
    """Compute the daily ledger of the events, and count from it what is dropped and kept.

    Parameters
    ----------
    engine : LazyEngine
    opened : LazyTable
    integer_ids : bool
        Whether ``customer_id`` is an integer, else text.
    end : date
        The last day of transactions; later events are dropped.
    validated : bool, default False
        The values have been checked: what does not fit counts as null.

    Raises
    ------
    InputError
        If a value does not fit; see ``check_values``.
    NotEnoughDataError
        If no event is left.
    """
    if not validated:
        check_values(engine, opened, future=False)
    frame = canonical(engine, opened, integer_ids=integer_ids)
    columns = frame.collect_schema().names()
    with_marks = mark_duplicates(opened, frame) if "event_id" in columns else frame
    ledger = engine.persist(aggregate_by_day(with_marks))
    limits = opened.table.limits.until(end)
    dense = dense_days(engine, ledger, limits, opened.table.label)
    limits = limits.within(dense)
    required = REQUIRED["events"]
    keys = ("customer_id", "day", "event_type")
    reasons = [
        *((f"null {c}", nw.col(key).is_null()) for c, key in zip(required, keys, strict=True)),
        (DUPLICATE, nw.col(DUPLICATE_MARK)),
        *((reason.name, reason.expression(nw.col("day"))) for reason in limits.reasons),
    ]
    marked = ledger.with_columns(reason_=first_reason(condition for _, condition in reasons))
    amounts = [column for column in AMOUNTS if column in columns]
    totals = ["customer_id", "event_type", "day", "n", "first", "last", *amounts]
    tallies = tally_rows(engine, opened, marked, totals, nw.col("n").sum(), ("first", "last"))
    if not validated:
        _check_future(opened, tallies)
    place = [name for name, _ in reasons].index(DUPLICATE)
    repeated = sum(tally.rows for tally in tallies if tally.reason == place)
    rows = _without_repeated(engine, opened, frame, repeated).filter(
        *(~nw.col(column).is_null() for column in required),
        limits.usable(nw.col("timestamp").dt.date()),
    )
    return LazyCleanTable.of(
        opened,
        rows.select(*columns),
        tallies,
        (reason for reason, _ in reasons),
        limits,
        notes=stitching_notes(engine, opened),
        dense=dense,
        ledger=marked.filter(nw.col("reason_").is_null()).select(*totals),
    )


def _without_repeated(
    engine: LazyEngine, opened: LazyTable, frame: nw.LazyFrame[Any], repeated: int
) -> nw.LazyFrame[Any]:
    """Return the rows without those that repeat an ``event_id``, of which there are `repeated`.

    If measures read the events, only rows with a repeated id are compared: a scan of some event
    types then need not sort all others.
    """
    if not repeated:
        return frame
    if not opened.table.extra:
        return mark_duplicates(opened, frame).filter(~nw.col(DUPLICATE_MARK))
    counted = frame.filter(~nw.col("event_id").is_null()).group_by("event_id").agg(rows_=nw.len())
    ids = engine.persist(counted.filter(nw.col("rows_") > 1).select("event_id"))
    compared = mark_duplicates(opened, frame.join(ids, on="event_id", how="semi"))
    kept = compared.filter(~nw.col(DUPLICATE_MARK)).select(*frame.collect_schema().names())
    if repeated <= MOST_COMPARED:
        kept = engine.persist(kept)
    return nw.concat([frame.join(ids, on="event_id", how="anti"), kept])


def _check_future(opened: LazyTable, tallies: Sequence[RowTally]) -> None:
    if opened.table.limits.latest is not None:
        return
    last = max((tally.last for tally in tallies if tally.last is not None), default=None)
    if last is not None and last > latest():
        raise value_error(opened, "timestamp", FUTURE, last, 1)
