"""Ledgers that windows, periods and scores are made of: by day, and of who was there when."""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.tables import Tables
from engagement_ml.tables.ledger import daily, micro
from engagement_ml.tables.sessions import SessionRule, sessions_by_day, visits


def daily_events(tables: Tables) -> nw.LazyFrame[Any]:
    """Return what happened per entity, event type and day; see ``tables.ledger.daily``."""
    if tables.ledger is not None:
        return tables.ledger
    return tables.engine.once(
        f"events by day {_key(tables, 'events')}", lambda: daily(tables.events)
    )


def daily_sessions(tables: Tables, config: PipelineConfig) -> nw.LazyFrame[Any] | None:
    """Return the sessions per entity and day; None where the configuration asks for none.

    See ``tables.sessions.sessions_by_day``.
    """
    rule = SessionRule.of(config)
    if rule is None:
        return None
    if tables.sessions is not None:
        return tables.sessions
    moments = visits(tables.events, rule).with_columns(micros_=nw.col("timestamp"))
    visited = tables.engine.micros(moments, "micros_")
    return tables.engine.persist(sessions_by_day(visited, rule.gap))


def daily_transactions(tables: Tables) -> nw.LazyFrame[Any]:
    """Return the transactions as rows of a ledger, each by itself; computed once a pipeline.

    They are few beside the events, and what is asked of them adds up without being put together
    by day.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``day`` (date, UTC), ``n`` (1), ``orders`` (1 with a positive margin or
        revenue, else 0), ``gain`` and ``loss`` (a positive margin, a negative one as a positive
        number, else 0; millionths, int64), ``first`` and ``last`` (its timestamp).
    """

    def make() -> nw.LazyFrame[Any]:
        margin, moment = nw.col("margin"), nw.col("timestamp")
        order = margin > 0
        if "revenue" in tables.transactions.collect_schema().names():
            order = order | (nw.col("revenue").fill_null(0.0) > 0)
        one, none = nw.lit(1), nw.lit(0)
        return tables.transactions.select(
            "customer_id",
            moment.dt.date().alias("day"),
            one.cast(nw.Int64).alias("n"),
            nw.when(order).then(one).otherwise(none).cast(nw.Int64).alias("orders"),
            nw.when(margin > 0).then(micro(margin)).otherwise(none).cast(nw.Int64).alias("gain"),
            nw.when(margin < 0).then(micro(-margin)).otherwise(none).cast(nw.Int64).alias("loss"),
            moment.alias("first"),
            moment.alias("last"),
        )

    return tables.engine.once(f"transactions {_key(tables, 'transactions')}", make)


def entities(tables: Tables, config: PipelineConfig) -> nw.LazyFrame[Any]:
    """Return when each entity entered, and left by a churn event if it did.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``entry`` (timestamp of sign-up or, without one, of the first event or
        transaction) and ``exit`` (of the first churn event, null where there is none).
    """

    def make() -> nw.LazyFrame[Any]:
        events, transactions = daily_events(tables), daily_transactions(tables)
        columns = ("customer_id", "first", "exit")
        none = nw.lit(None).cast(nw.Datetime("us"))
        exited = none
        if config.churn.event_type is not None:
            exited = nw.when(nw.col("event_type") == config.churn.event_type).then(nw.col("first"))
        seen = nw.concat(
            [
                events.with_columns(exit=exited).select(*columns),
                transactions.with_columns(exit=none).select(*columns),
            ]
        )
        known = seen.group_by("customer_id").agg(nw.col("first").min(), nw.col("exit").min())
        signups = _signups(tables)
        if signups is None:
            return known.rename({"first": "entry"})
        return (
            known.join(signups, on="customer_id", how="full", suffix="_signup")
            .with_columns(
                customer_id=nw.coalesce("customer_id", "customer_id_signup"),
                entry=nw.coalesce("signup", "first"),
            )
            .filter(~nw.col("entry").is_null())
            .select("customer_id", "entry", "exit")
        )

    key = f"{_key(tables, 'events', 'transactions', 'customers')} {config.churn.event_type}"
    return tables.engine.once(f"entities {key}", make)


def present_at(entities: nw.LazyFrame[Any], day: dt.date) -> nw.LazyFrame[Any]:
    """Return those who entered before a day begins and did not leave before it.

    Days are compared: a literal timestamp is read in the time zone of a session by some engines.
    """
    stays = nw.col("exit").is_null() | (nw.col("exit").dt.date() >= day)
    return entities.filter((nw.col("entry").dt.date() < day) & stays)


def _signups(tables: Tables) -> nw.LazyFrame[Any] | None:
    if tables.customers is None:
        return None
    if "signup" not in tables.customers.collect_schema().names():
        return None
    return tables.customers.select("customer_id", "signup").filter(~nw.col("signup").is_null())


def _key(tables: Tables, *names: str) -> str:
    return " ".join(q.fingerprint for q in tables.quality if q.table in names)
