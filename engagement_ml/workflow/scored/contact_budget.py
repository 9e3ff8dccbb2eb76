"""How many contacts a customer may get in the coming week without too many of them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.contact import ContactEvidence, ContactRow
from engagement_ml.formatting import count, plural
from engagement_ml.windows import DAY
from engagement_ml.workflow.scored.recent_contacts import ID, SEGMENT, RecentContacts
from engagement_ml.workflow.scored.table import CUSTOMER, ScoreTable

BUDGET, REASON = "contact_budget", "contact_budget_reason"
WEEK = 7
_MICROSECOND, _EPOCH = dt.timedelta(microseconds=1), dt.datetime(1970, 1, 1)
_OVERALL = ""
"""Key of the row of all customers; no value of a segment is empty."""
_WHY = {
    "driver": "one more contact still pays within the counts observed, so there is no limit",
    "inert": "the number of contacts makes no difference worth having",
    "vanity": "contacts are correlated with margin and do not move it",
    "unverifiable": "the data cannot tell how many contacts are too many",
}


@dataclass(frozen=True)
class Allowance:
    """Contacts that a row allows.

    Attributes
    ----------
    in_window, in_memory : int
        Contacts in one observation window, and in the days over which they add up.
    memory_days : int
    """

    in_window: int
    in_memory: int
    memory_days: int


def allowance(row: ContactRow, days: int) -> Allowance | None:
    """Return the contacts that a row allows in an observation window; None without a limit.

    The optimum holds for contacts that are spread evenly. So that a week does not take those of
    the whole window, the contacts of the days over which they add up are limited in proportion,
    to no fewer than one.

    Examples
    --------
    >>> row = ContactRow(None, None, 900, "turns", 12.7, 11.0, 14.0, 25.0, 3, 40.0, "", 12.7,
    ...                  memory_days=28)
    >>> allowance(row, 84)
    Allowance(in_window=12, in_memory=4, memory_days=28)
    """
    if row.limit is None:
        return None
    memory = min(row.memory_days or days, days)
    in_window = math.floor(row.limit)
    in_memory = min(in_window, max(1, round(row.limit * memory / days)))
    return Allowance(in_window, in_memory, memory)


def with_contact_budget(table: ScoreTable, contacts: RecentContacts) -> ScoreTable:
    """Add ``contact_budget`` and ``contact_budget_reason``.

    The budget is the number of contacts in the coming week with which the customer does not exceed
    the optimum of the segment: of the observation window that ends with the week, and of the days
    over which contacts add up. It is 0 for a customer who has had that many, and null, with the
    reason, where no optimum is known.
    """
    evidence, days = contacts.evidence, table.metric.observation_days
    if contacts.events is None or contacts.obstacle is not None:
        frame = table.frame.with_columns(
            nw.lit(None, dtype=nw.Int64()).alias(BUDGET), nw.lit(contacts.obstacle).alias(REASON)
        )
        note = f"{BUDGET} is empty: {contacts.obstacle}"
        return table.extended(frame, {BUDGET: BUDGET, REASON: REASON}, note)
    rows = _rows(evidence)
    allowed = {value: allowance(row, days) for value, row in rows.items()}
    frame = _with_segment(table, contacts, rows)
    frame = _with_recent(table, frame, contacts.events, allowed, days)
    frame = table.engine.persist(_with_budget(frame, allowed, rows))
    extended = table.extended(frame, {BUDGET: BUDGET, REASON: REASON}, *_said(evidence, table))
    return extended


def _rows(evidence: ContactEvidence) -> dict[str, ContactRow]:
    """Return the row that holds by value of the segment; for all others, under `_OVERALL`."""
    overall = evidence.overall
    assert overall is not None
    own = {
        str(row.value): row
        for row in evidence.rows
        if evidence.budget_by is not None and row.segment == evidence.budget_by
    }
    return {**own, _OVERALL: overall}


def _with_segment(
    table: ScoreTable, contacts: RecentContacts, rows: Mapping[str, ContactRow]
) -> nw.LazyFrame[Any]:
    """Add the key of the row that holds for each customer."""
    if contacts.segments is None:
        return table.frame.with_columns(nw.lit(_OVERALL).alias(SEGMENT))
    keyed = table.frame.with_columns(nw.col(CUSTOMER).cast(nw.String()).alias(ID))
    joined = keyed.join(contacts.segments, on=ID, how="left").drop(ID)
    known = nw.col(SEGMENT).is_in([value for value in rows if value != _OVERALL])
    key = nw.when(known.fill_null(False)).then(nw.col(SEGMENT)).otherwise(nw.lit(_OVERALL))
    return joined.with_columns(key.alias(SEGMENT))


def _with_recent(
    table: ScoreTable,
    frame: nw.LazyFrame[Any],
    events: nw.LazyFrame[Any],
    allowed: Mapping[str, Allowance | None],
    days: int,
) -> nw.LazyFrame[Any]:
    """Add the contacts that still count at the end of the coming week, by span of days."""
    end = (table.as_of - _EPOCH) // _MICROSECOND
    events = table.engine.micros(events, "timestamp").filter(nw.col("timestamp") < end)
    spans = sorted(_spans(allowed, days))
    counted = {
        _recent(span): (nw.col("timestamp") >= end - (span - WEEK) * (DAY // _MICROSECOND))
        for span in spans
    }
    counts = (
        events.select(CUSTOMER, *(e.cast(nw.Int64()).alias(name) for name, e in counted.items()))
        .group_by(CUSTOMER)
        .agg(*(nw.col(name).sum().cast(nw.Int64()) for name in counted))
    )
    joined = frame.join(counts, on=CUSTOMER, how="left")
    return joined.with_columns(nw.col(name).fill_null(0) for name in counted)


def _spans(allowed: Mapping[str, Allowance | None], days: int) -> set[int]:
    return {days, *(each.memory_days for each in allowed.values() if each is not None)}


def _recent(span: int) -> str:
    return f"contacts_{span}"


def _with_budget(
    frame: nw.LazyFrame[Any],
    allowed: Mapping[str, Allowance | None],
    rows: Mapping[str, ContactRow],
) -> nw.LazyFrame[Any]:
    budget: Any = nw.lit(None, dtype=nw.Int64())
    reason: Any = nw.lit(None, dtype=nw.String())
    columns = frame.collect_schema().names()
    spans = [c for c in columns if c.startswith("contacts_")]
    window = max(spans, key=lambda name: int(name.removeprefix("contacts_")))
    for value, each in allowed.items():
        here = nw.col(SEGMENT) == value
        if each is None:
            why = nw.lit(_WHY.get(rows[value].verdict, _WHY["unverifiable"]))
            reason = nw.when(here).then(why).otherwise(reason)
            continue
        left = nw.min_horizontal(
            nw.lit(each.in_window) - nw.col(window),
            nw.lit(each.in_memory) - nw.col(_recent(each.memory_days)),
        )
        left = nw.when(left > 0).then(left).otherwise(nw.lit(0)).cast(nw.Int64())
        budget = nw.when(here).then(left).otherwise(budget)
    return frame.with_columns(budget.alias(BUDGET), reason.alias(REASON)).drop(SEGMENT, *spans)


def _said(evidence: ContactEvidence, table: ScoreTable) -> tuple[str, ...]:
    overall = evidence.overall
    assert overall is not None
    by = evidence.budget_by
    if by is None and overall.limit is None:
        return (f"{BUDGET} is empty: {_WHY.get(overall.verdict, _WHY['unverifiable'])}",)
    many = plural(table.metric.entity)
    limit = (
        f"the optimum of their {by}"
        if by is not None
        else f"the optimum of {count(overall.limit)} in {table.metric.observation_days} days"
    )
    return (
        f"{BUDGET} is the number of contacts in the week from {table.as_of:%Y-%m-%d} on with which "
        f"{many} stay within {limit}",
    )
