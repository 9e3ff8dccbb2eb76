"""A table of events for scoring: the rows that count, each event once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import narwhals as nw

from engagement_ml.column_names import find
from engagement_ml.errors import InputError
from engagement_ml.metric import moments
from engagement_ml.usable_rows import EARLIEST, NOT_IDS

CUSTOMER = "customer_id"
EVENT_COLUMNS = (CUSTOMER, "timestamp", "event_type")
EVENT_ID = "event_id"
Literal = Callable[[dt.datetime], Any]
"""From a moment in UTC to what the column ``timestamp`` is compared with."""


def narwhals_frame(frame: Any, purpose: str) -> Any:
    """Return any frame as one of Narwhals; `purpose` begins the message of the error.

    Raises
    ------
    InputError
        If it is not a table.
    """
    try:
        return nw.from_native(frame)
    except TypeError:
        raise InputError(
            f"{purpose}: a {type(frame).__name__} is not a table; give a pandas, Polars, PyArrow, "
            "DuckDB, PySpark or Ibis frame"
        ) from None


def usable_events(events: Any, until: dt.datetime) -> tuple[Any, Literal]:
    """Return the events before a moment that count for scores, and how to compare moments.

    The rules are those of the tables that training reads: a row needs a customer, a plausible day
    and an event type, and of the rows with the same ``event_id`` the earliest stays, among the
    rows of all customers; ties are broken by customer and event type.

    Raises
    ------
    InputError
        If a column is missing, or has no moments.
    """
    table, literal = _columns(narwhals_frame(events, "score_events"))
    day = dt.datetime.combine(EARLIEST, dt.time())
    moment = nw.col("timestamp")
    table = table.filter(
        has_customer(table), moment >= literal(day), moment < literal(until), _has_text(table)
    )
    if EVENT_ID in table.collect_schema().names():
        table = _without_repeats(table)
    return table, literal


def chosen_customers(customers: Any, table: Any) -> Any:
    """Return the distinct customers of a frame of the same library as `table`.

    Raises
    ------
    InputError
        If it is of another library, or has no column ``customer_id``.
    """
    chosen = narwhals_frame(customers, "score_events")
    if chosen.implementation != table.implementation or type(chosen) is not type(table):
        raise InputError(
            f"score_events: customers is a {type(customers).__name__} and events are not; "
            "give both from the same library, both eager or both lazy"
        )
    customer = find(CUSTOMER, chosen.collect_schema().names())
    if customer is None:
        raise InputError(f"customers: column '{CUSTOMER}' is missing")
    chosen = chosen.select(nw.col(customer).alias(CUSTOMER))
    return chosen.filter(has_customer(chosen)).unique()


def has_customer(table: Any) -> nw.Expr:
    """Return the condition that ``customer_id`` identifies a customer."""
    customer, dtype = nw.col(CUSTOMER), table.collect_schema()[CUSTOMER]
    if dtype.is_float():
        return ~customer.is_null() & ~customer.is_nan()
    if dtype == nw.String:
        return ~customer.is_null() & ~customer.str.strip_chars().is_in(list(NOT_IDS))
    return ~customer.is_null()


def _columns(table: Any) -> tuple[Any, Literal]:
    schema = table.collect_schema()
    found = {column: find(column, schema) for column in (*EVENT_COLUMNS, EVENT_ID)}
    for column in EVENT_COLUMNS:
        if found[column] is None:
            raise InputError(
                f"events: column '{column}' is missing; found {', '.join(list(schema)[:12])}"
            )
    table = table.select(nw.col(name).alias(c) for c, name in found.items() if name is not None)
    return moments.comparable(table, "timestamp")


def _has_text(table: Any) -> nw.Expr:
    event_type = nw.col("event_type")
    if table.collect_schema()["event_type"] != nw.String:
        return ~event_type.is_null()
    return ~event_type.is_null() & (event_type != "")


def _without_repeats(table: Any) -> Any:
    has_id, dtype = ~nw.col(EVENT_ID).is_null(), table.collect_schema()[EVENT_ID]
    if dtype.is_float():
        has_id &= ~nw.col(EVENT_ID).is_nan()
    elif dtype == nw.String:
        has_id &= nw.col(EVENT_ID) != ""
    order = ["timestamp", CUSTOMER, "event_type"]
    first = table.filter(has_id).unique(subset=[EVENT_ID], keep="first", order_by=order)
    return nw.concat([first, table.filter(~has_id)], how="vertical")
