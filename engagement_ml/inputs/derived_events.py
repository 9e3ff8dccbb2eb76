"""Events that follow from others: what actors do for those whom they serve, and sequences."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.inputs.links import CUSTOMERS, ROLE, SINCE, UNTIL, Links
from engagement_ml.inputs.sequence_events import sequence_events
from engagement_ml.tables.ids import ACTOR

ACTIVE = "active"
"""Event type of the breadth of use, after its role: ``user.active``."""
_WEEK = 7 * 86_400_000_000
_EPOCH = dt.date(1970, 1, 1)
_FAR_BACK = 7 * 200_000
"""Days added so that all moments are positive: engines divide negative numbers differently."""


def with_derived_events(
    engine: Engine,
    events: nw.LazyFrame[Any],
    links: Links | None,
    config: PipelineConfig,
    until: dt.date,
) -> nw.LazyFrame[Any]:
    """Return the customers' own events, and the events that follow from them and from actors'.

    Parameters
    ----------
    engine : Engine
    events : LazyFrame
        Usable events, without repetitions of an ``event_id``; of customers and of actors.
    links : Links or None
        None without a table of links.
    config : PipelineConfig
    until : date
        Weeks of breadth end on this day, which is the end of the history or of the window that is
        scored.

    Returns
    -------
    LazyFrame
        In the columns of `events`. Events of actors who are no customers are left out.
    """
    own = own_events(events, links, config)
    derived = derived_events(engine, events, links, config, until)
    return own if not derived else nw.concat([own, *derived])


def own_events(
    events: nw.LazyFrame[Any], links: Links | None, config: PipelineConfig
) -> nw.LazyFrame[Any]:
    """Return the rows whose ``customer_id`` is a customer, or an actor if these are scored."""
    if links is None:
        return events
    if config.links.level != CUSTOMERS:
        actors = links.spans.select(nw.col(ACTOR).alias("customer_id")).unique()
        return events.join(actors, on="customer_id", how="semi")
    return events.join(links.outsiders, on="customer_id", how="anti")


def derived_events(
    engine: Engine,
    events: nw.LazyFrame[Any],
    links: Links | None,
    config: PipelineConfig,
    until: dt.date,
) -> list[nw.LazyFrame[Any]]:
    """Return the derived events alone, by kind; parameters as in ``with_derived_events``."""
    derived = []
    if links is not None and config.links.level == CUSTOMERS:
        served = _served(engine, events, links)
        columns = events.collect_schema()
        derived.append(_of_actors(served, columns))
        if breadth := [role for role in config.links.breadth if role in links.roles]:
            derived.append(_breadth(served, columns, breadth, config, until))
    if config.sequences:
        members = nw.concat([own_events(events, links, config), *derived])
        derived.append(sequence_events(engine, members, config.sequences))
    return derived


def _served(engine: Engine, events: nw.LazyFrame[Any], links: Links) -> nw.LazyFrame[Any]:
    """Return each event of an actor once for each customer whom the actor serves at its moment."""
    moments = engine.micros(events.with_columns(at_=nw.col("timestamp")), "at_")
    moments = moments.with_columns(nw.col("customer_id").alias(ACTOR)).drop("customer_id")
    inside = (nw.col(SINCE) <= nw.col("at_")) & (nw.col("at_") < nw.col(UNTIL))
    return moments.join(links.spans, on=ACTOR, how="inner").filter(inside)


def _of_actors(served: nw.LazyFrame[Any], columns: nw.Schema) -> nw.LazyFrame[Any]:
    """Return the events of actors as their customers', named ``role.event_type``."""
    name = nw.concat_str([nw.col(ROLE), nw.col("event_type").cast(nw.String)], separator=".")
    return served.with_columns(name.alias("event_type")).select(*columns.names())


def _breadth(
    served: nw.LazyFrame[Any],
    columns: nw.Schema,
    roles: Sequence[str],
    config: PipelineConfig,
    until: dt.date,
) -> nw.LazyFrame[Any]:
    """Return one event for each actor and week, at the actor's first event for the customer.

    The number of such events in a week is then the number of different actors who were active.
    """
    ignored = [name for name, each in config.behaviours.items() if each.role == "ignore"]
    shift = (_FAR_BACK - (until - _EPOCH).days % 7) * (_WEEK // 7)
    moment = nw.col("at_") + nw.lit(shift).cast(nw.Int64)
    counted = served.filter(nw.col(ROLE).is_in(list(roles)))
    if ignored:
        counted = counted.filter(~nw.col("event_type").is_in(ignored))
    weeks = (
        counted.with_columns((moment - moment % _WEEK).alias("week_"))
        .group_by(ACTOR, "customer_id", ROLE, "week_")
        .agg(nw.col("timestamp").min())
    )
    given = {
        "customer_id": nw.col("customer_id"),
        "timestamp": nw.col("timestamp"),
        "event_type": nw.concat_str([nw.col(ROLE), nw.lit(ACTIVE)], separator="."),
    }
    return weeks.select(
        given.get(column, nw.lit(None).cast(dtype)).alias(column)
        for column, dtype in columns.items()
    )
