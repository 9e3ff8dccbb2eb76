"""Daily totals of events and transactions, and the entry and exit of each entity.

The observation windows, the period panel and the counts for scoring are aggregated from these.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.inputs import Tables
from engagement_ml.ledger.daily import aggregate_by_day, micro

TOTALS = ("n_events", "n_transactions", "margin")
"""Totals per entity that ``entities`` adds if `before` is given."""


def daily_events(tables: Tables, config: PipelineConfig | None = None) -> nw.LazyFrame[Any]:
    """Return the events per entity, event type and day; see ``ledger.daily.aggregate_by_day``.

    `config` is not used: the parameter makes this a source of daily totals for feature families.
    """
    if tables.ledger is not None:
        return tables.ledger
    return tables.engine.once(
        f"events by day {content_key(tables, 'events')}", lambda: aggregate_by_day(tables.events)
    )


def daily_transactions(tables: Tables, config: PipelineConfig | None = None) -> nw.LazyFrame[Any]:
    """Return the transactions in the form of daily totals, a row each; computed once.

    They are few compared with the events, and their totals add up without grouping by day first.
    `config` is not used: the parameter makes this a source of daily totals for feature families.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``day`` (date, UTC), ``n`` (1), ``orders`` (1 for a positive margin or
        revenue, else 0), ``gain`` and ``loss`` (a positive margin; a negative margin without its
        sign; else 0; millionths, int64), ``first`` and ``last`` (the timestamp).
    """

    def make() -> nw.LazyFrame[Any]:
        moment = nw.col("timestamp")
        return tables.transactions.select(
            "customer_id",
            moment.dt.date().alias("day"),
            nw.lit(1).cast(nw.Int64).alias("n"),
            *transaction_amounts(tables.transactions),
            moment.alias("first"),
            moment.alias("last"),
        )

    return tables.engine.once(f"transactions {content_key(tables, 'transactions')}", make)


def transaction_amounts(transactions: nw.LazyFrame[Any]) -> tuple[nw.Expr, ...]:
    """Return ``orders``, ``gain`` and ``loss`` of a transaction; see `daily_transactions`."""
    margin, one, none = nw.col("margin"), nw.lit(1), nw.lit(0)
    order = margin > 0
    if "revenue" in transactions.collect_schema().names():
        order = order | (nw.col("revenue").fill_null(0.0) > 0)
    return (
        nw.when(order).then(one).otherwise(none).cast(nw.Int64).alias("orders"),
        nw.when(margin > 0).then(micro(margin)).otherwise(none).cast(nw.Int64).alias("gain"),
        nw.when(margin < 0).then(micro(-margin)).otherwise(none).cast(nw.Int64).alias("loss"),
    )


def entities(
    tables: Tables, config: PipelineConfig, *, before: dt.date | None = None
) -> nw.LazyFrame[Any]:
    """Return the entry of each entity, and its exit by a churn event.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    before : date, optional
        Adds the totals of the days before this one, in the same pass.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``entry`` (timestamp of sign-up or, without one, of the first event or
        transaction) and ``exit`` (of the first churn event, null without one); with `before` also
        ``n_events`` (of the behaviours), ``n_transactions`` and ``margin`` (in millionths), int64,
        0 for none.
    """
    totals = () if before is None else TOTALS

    def make() -> nw.LazyFrame[Any]:
        none = nw.lit(None).cast(nw.Datetime("us"))
        exits: dict[str, nw.Expr] = {}
        if config.churn.event_type is not None:
            churn_event = nw.when(nw.col("event_type") == config.churn.event_type)
            exits["exit"] = churn_event.then(nw.col("first"))
        event_totals, transaction_totals = (
            _event_totals(tables, before),
            _transaction_totals(before),
        )
        no_exits = dict.fromkeys(exits, none)
        both = nw.concat(
            [
                _by_entity(daily_events(tables), exits, totals, event_totals),
                _by_entity(daily_transactions(tables), no_exits, totals, transaction_totals),
            ]
        )
        active = both.group_by("customer_id").agg(
            nw.col("first").min(),
            *(nw.col(name).min() for name in exits),
            *(_total(name) for name in totals),
        )
        if not exits:
            active = active.with_columns(exit=none)
        columns = ("customer_id", "entry", "exit", *totals)
        signups = _signups(tables)
        if signups is None:
            return active.rename({"first": "entry"}).select(*columns)
        return (
            active.join(signups, on="customer_id", how="full", suffix="_signup")
            .with_columns(
                customer_id=nw.coalesce("customer_id", "customer_id_signup"),
                entry=nw.coalesce("signup", "first"),
                **{name: nw.col(name).fill_null(0) for name in totals},
            )
            .filter(~nw.col("entry").is_null())
            .select(*columns)
        )

    key = f"{content_key(tables, 'events', 'transactions', 'customers')} {config.churn.event_type}"
    return tables.engine.once(f"entities {key} {before}", make)


def _by_entity(
    daily: nw.LazyFrame[Any],
    exits: dict[str, nw.Expr],
    totals: tuple[str, ...],
    amounts: dict[str, nw.Expr],
) -> nw.LazyFrame[Any]:
    """Group daily totals by entity; totals without an amount are 0."""
    columns = {**exits, **amounts}
    grouped = (daily.with_columns(**columns) if columns else daily).group_by("customer_id")
    aggregated = grouped.agg(
        nw.col("first").min(),
        *(nw.col(name).min() for name in exits),
        *(_total(name) for name in amounts),
    )
    zero = nw.lit(0).cast(nw.Int64)
    summed = (nw.col(name) if name in amounts else zero.alias(name) for name in totals)
    return aggregated.select("customer_id", "first", *exits, *summed)


def _event_totals(tables: Tables, before: dt.date | None) -> dict[str, nw.Expr]:
    if before is None:
        return {}
    counted = nw.col("day") < before
    if set(tables.behaviours) < set(tables.event_counts):
        counted = counted & nw.col("event_type").is_in(tables.behaviours)
    return {"n_events": nw.when(counted).then(nw.col("n")).otherwise(nw.lit(0))}


def _transaction_totals(before: dt.date | None) -> dict[str, nw.Expr]:
    if before is None:
        return {}
    amounts = {"n_transactions": nw.col("n"), "margin": nw.col("gain") - nw.col("loss")}
    inside = nw.col("day") < before
    return {
        name: nw.when(inside).then(amount).otherwise(nw.lit(0)) for name, amount in amounts.items()
    }


def _total(name: str) -> nw.Expr:
    return nw.col(name).sum().cast(nw.Int64)


def present_at(entities: nw.LazyFrame[Any], day: dt.date) -> nw.LazyFrame[Any]:
    """Return the entities at risk on a day: entered before it begins, no churn event before it.

    Days are compared: some engines read a literal timestamp in the time zone of the session.
    """
    stays = nw.col("exit").is_null() | (nw.col("exit").dt.date() >= day)
    return entities.filter((nw.col("entry").dt.date() < day) & stays)


def _signups(tables: Tables) -> nw.LazyFrame[Any] | None:
    if tables.customers is None:
        return None
    if "signup" not in tables.customers.collect_schema().names():
        return None
    return tables.customers.select("customer_id", "signup").filter(~nw.col("signup").is_null())


def content_key(tables: Tables, *names: str) -> str:
    """Return a key of the content of tables, and of the sample drawn from them."""
    fingerprints = (q.fingerprint for q in tables.quality if q.table in names)
    return " ".join((*fingerprints, tables.sample_key))
