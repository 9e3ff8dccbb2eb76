"""Ledgers that windows, periods and scores are made of: by day, and of who was there when."""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.inputs import Tables
from engagement_ml.ledger.daily import aggregate_by_day, micro
from engagement_ml.ledger.sessions import SessionRule, session_events, sessions_by_day

TOTALS = ("n_events", "n_transactions", "margin")
"""What ``entities`` adds of each where it is asked to."""


def daily_events(tables: Tables) -> nw.LazyFrame[Any]:
    """Return what happened per entity, event type and day; see ``ledger.daily``."""
    if tables.ledger is not None:
        return tables.ledger
    return tables.engine.once(
        f"events by day {_key(tables, 'events')}", lambda: aggregate_by_day(tables.events)
    )


def daily_sessions(tables: Tables, config: PipelineConfig) -> nw.LazyFrame[Any] | None:
    """Return the sessions per entity and day; None where the configuration asks for none.

    See ``ledger.sessions.sessions_by_day``.
    """
    rule = SessionRule.of(config)
    if rule is None:
        return None
    if tables.sessions is not None:
        return tables.sessions
    moments = session_events(tables.events, rule).with_columns(micros_=nw.col("timestamp"))
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


def entities(
    tables: Tables, config: PipelineConfig, *, before: dt.date | None = None
) -> nw.LazyFrame[Any]:
    """Return when each entity entered, and left by a churn event if it did.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    before : date, optional
        Adds what each did before this day, in the same pass.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``entry`` (timestamp of sign-up or, without one, of the first event or
        transaction) and ``exit`` (of the first churn event, null where there is none); with
        `before` also ``n_events`` (of the behaviours), ``n_transactions`` and ``margin`` (in
        millionths), int64, 0 where there is nothing.
    """
    totals = () if before is None else TOTALS

    def make() -> nw.LazyFrame[Any]:
        none = nw.lit(None).cast(nw.Datetime("us"))
        exits: dict[str, nw.Expr] = {}
        if config.churn.event_type is not None:
            left = nw.when(nw.col("event_type") == config.churn.event_type)
            exits["exit"] = left.then(nw.col("first"))
        done, earned = _done(tables, before), _earned(before)
        seen = nw.concat(
            [
                _by_entity(daily_events(tables), exits, totals, done),
                _by_entity(daily_transactions(tables), dict.fromkeys(exits, none), totals, earned),
            ]
        )
        known = seen.group_by("customer_id").agg(
            nw.col("first").min(),
            *(nw.col(name).min() for name in exits),
            *(_total(name) for name in totals),
        )
        if not exits:
            known = known.with_columns(exit=none)
        columns = ("customer_id", "entry", "exit", *totals)
        signups = _signups(tables)
        if signups is None:
            return known.rename({"first": "entry"}).select(*columns)
        return (
            known.join(signups, on="customer_id", how="full", suffix="_signup")
            .with_columns(
                customer_id=nw.coalesce("customer_id", "customer_id_signup"),
                entry=nw.coalesce("signup", "first"),
                **{name: nw.col(name).fill_null(0) for name in totals},
            )
            .filter(~nw.col("entry").is_null())
            .select(*columns)
        )

    key = f"{_key(tables, 'events', 'transactions', 'customers')} {config.churn.event_type}"
    return tables.engine.once(f"entities {key} {before}", make)


def _by_entity(
    daily: nw.LazyFrame[Any],
    exits: dict[str, nw.Expr],
    totals: tuple[str, ...],
    given: dict[str, nw.Expr],
) -> nw.LazyFrame[Any]:
    """Group a daily ledger by entity; totals that it does not give are 0."""
    added = {**exits, **given}
    grouped = (daily.with_columns(**added) if added else daily).group_by("customer_id")
    known = grouped.agg(
        nw.col("first").min(),
        *(nw.col(name).min() for name in exits),
        *(_total(name) for name in given),
    )
    nothing = nw.lit(0).cast(nw.Int64)
    summed = (nw.col(name) if name in given else nothing.alias(name) for name in totals)
    return known.select("customer_id", "first", *exits, *summed)


def _done(tables: Tables, before: dt.date | None) -> dict[str, nw.Expr]:
    if before is None:
        return {}
    counted = nw.col("day") < before
    if set(tables.behaviours) < set(tables.event_counts):
        counted = counted & nw.col("event_type").is_in(tables.behaviours)
    return {"n_events": nw.when(counted).then(nw.col("n")).otherwise(nw.lit(0))}


def _earned(before: dt.date | None) -> dict[str, nw.Expr]:
    if before is None:
        return {}
    earned = {"n_transactions": nw.col("n"), "margin": nw.col("gain") - nw.col("loss")}
    inside = nw.col("day") < before
    return {name: nw.when(inside).then(x).otherwise(nw.lit(0)) for name, x in earned.items()}


def _total(name: str) -> nw.Expr:
    return nw.col(name).sum().cast(nw.Int64)


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
    prints = (q.fingerprint for q in tables.quality if q.table in names)
    return " ".join((*prints, tables.sample_key))
