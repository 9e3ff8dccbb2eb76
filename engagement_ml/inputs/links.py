"""Links between actors and the customers whom they serve, as spans of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.formatting import quantity
from engagement_ml.tables.identities import END, START
from engagement_ml.tables.ids import ACTOR
from engagement_ml.tables.quality import TableQuality

ROLE, SINCE, UNTIL = "link_role_", "link_since_", "link_until_"
NO_ROLE = "actor"
"""Role of links that name none."""
CUSTOMERS, ACTORS = "customers", "actors"
"""Levels of a metric: it is about the customers, or about the actors who serve them."""


@dataclass(frozen=True)
class Links:
    """Who serves which customer, and when.

    Attributes
    ----------
    spans : LazyFrame
        `ACTOR` and ``customer_id``; `ROLE`, text; `SINCE` and `UNTIL` (exclusive), microseconds
        since 1970. The spans of an actor, a customer and a role do not overlap.
    outsiders : LazyFrame
        ``customer_id``: the actors who are no customers themselves.
    quality : TableQuality
    starts : LazyFrame or None
        ``customer_id`` and ``start_``, the first ``from`` of each customer; None if no link has
        one.
    roles : tuple of str
        Sorted.
    teams : LazyFrame or None
        `ACTOR` and ``team``, one row an actor: the last by name if links name several.
    level : str
        Whether the metric is about customers or about actors.
    """

    spans: nw.LazyFrame[Any]
    outsiders: nw.LazyFrame[Any]
    quality: TableQuality
    starts: nw.LazyFrame[Any] | None = None
    roles: tuple[str, ...] = ()
    teams: nw.LazyFrame[Any] | None = None
    level: str = CUSTOMERS


def link_spans(engine: Engine, links: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the spans of links; spans that overlap or touch are merged, empty ones left out.

    Parameters
    ----------
    engine : Engine
    links : LazyFrame
        `ACTOR` and ``customer_id``, not null; ``role``, ``from`` and ``to`` if there are any. A
        null ``from`` or ``to`` is an open end; a null ``role`` is `NO_ROLE`. A link of an id to
        itself is left out: its events are the customer's own.

    Returns
    -------
    LazyFrame
        As `Links.spans`.
    """
    given = _typed(engine, links).filter(
        nw.col(SINCE) < nw.col(UNTIL), nw.col(ACTOR) != nw.col("customer_id")
    )
    return merged_spans(given, ACTOR, "customer_id", ROLE)


def merged_spans(spans: nw.LazyFrame[Any], *key: str) -> nw.LazyFrame[Any]:
    """Return spans with those of one key that overlap or touch made one.

    Parameters
    ----------
    spans : LazyFrame
        The columns of the key, `SINCE` and `UNTIL`.
    *key : str
    """
    order = (SINCE, UNTIL)
    longest = nw.col(UNTIL).cum_max().over(*key, order_by=order)
    before = nw.col("reach_").shift(1).over(*key, order_by=order)
    apart = nw.when(nw.col(SINCE) > nw.col("before_")).then(nw.lit(1)).otherwise(nw.lit(0))
    run = nw.col("apart_").cum_sum().over(*key, order_by=order)
    return (
        spans.select(*key, *order)
        .unique()
        .with_columns(longest.alias("reach_"))
        .with_columns(before.alias("before_"))
        .with_columns(apart.cast(nw.Int64).alias("apart_"))
        .with_columns(run.cast(nw.Int64).alias("run_"))
        .group_by(*key, "run_")
        .agg(nw.col(SINCE).min(), nw.col(UNTIL).max())
        .select(*key, SINCE, UNTIL)
    )


def empty_links(engine: Engine, links: nw.LazyFrame[Any], source: str) -> tuple[str, ...]:
    """Return notes on links that hold at no moment, and on those of an id to itself."""
    backwards = nw.when(nw.col(SINCE) >= nw.col(UNTIL)).then(nw.lit(1)).otherwise(nw.lit(0))
    itself = nw.when(nw.col(ACTOR) == nw.col("customer_id")).then(nw.lit(1)).otherwise(nw.lit(0))
    counted = _typed(engine, links).select(backwards=backwards.sum(), itself=itself.sum())
    (row,) = engine.rows(counted, source=source)
    why = {
        "'to' is not after 'from'": int(row["backwards"] or 0),
        "'actor_id' is also 'customer_id', whose events are the customer's own": int(
            row["itself"] or 0
        ),
    }
    return tuple(
        f"{source}: {quantity(n, 'link')} dropped: {reason}" for reason, n in why.items() if n
    )


def teams_of(
    links: nw.LazyFrame[Any], customers: nw.LazyFrame[Any] | None
) -> nw.LazyFrame[Any] | None:
    """Return the team of each actor, by links or by the actors' rows of customers.

    None if neither has a column ``team``.
    """
    if "team" in links.collect_schema().names():
        named = links.select(ACTOR, "team")
    elif customers is not None and "team" in customers.collect_schema().names():
        rows = customers.select(nw.col("customer_id").alias(ACTOR), "team")
        named = rows.join(links.select(ACTOR).unique(), on=ACTOR, how="semi")
    else:
        return None
    named = named.with_columns(nw.col("team").cast(nw.String)).filter(~nw.col("team").is_null())
    return named.group_by(ACTOR).agg(nw.col("team").max())


def starts_of(links: nw.LazyFrame[Any]) -> nw.LazyFrame[Any] | None:
    """Return the first ``from`` of each customer; None if links have no such column."""
    if "from" not in links.collect_schema().names():
        return None
    started = links.filter(~nw.col("from").is_null())
    return started.group_by("customer_id").agg(nw.col("from").min().alias("start_"))


def _typed(engine: Engine, links: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return links under the names and in the types of spans."""
    present = links.collect_schema().names()
    moments = [column for column in ("from", "to") if column in present]
    links = engine.micros(links, *moments) if moments else links

    def moment(column: str, without: int) -> nw.Expr:
        end = nw.lit(without).cast(nw.Int64)
        return nw.coalesce(nw.col(column), end) if column in present else end

    role = nw.lit(NO_ROLE)
    if "role" in present:
        given = nw.col("role").cast(nw.String).str.strip_chars()
        role = nw.when(given != "").then(given).otherwise(role)
    return links.select(
        ACTOR,
        "customer_id",
        role.alias(ROLE),
        moment("from", START).cast(nw.Int64).alias(SINCE),
        moment("to", END).cast(nw.Int64).alias(UNTIL),
    )
