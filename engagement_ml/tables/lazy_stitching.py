"""Anonymous events assigned to customers on a lazy engine."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.engine import LazyEngine
from engagement_ml.tables.identities import (
    CUSTOMER,
    KEY,
    SHARED,
    SINCE,
    START,
    UNTIL,
    StitchedEvents,
)
from engagement_ml.tables.ids import id_expression
from engagement_ml.tables.schema import ANONYMOUS

_AT = "identity_at_"
_HELPERS = (ANONYMOUS, KEY, SINCE, UNTIL, SHARED, _AT)


def stitch(
    engine: LazyEngine, events: nw.LazyFrame[Any], spans: nw.LazyFrame[Any]
) -> nw.LazyFrame[Any]:
    """Return events with the customer of their ``anonymous_id`` if they have no ``customer_id``.

    Parameters
    ----------
    engine : LazyEngine
    events : LazyFrame
        In canonical types, with ``anonymous_id`` as text, which the result lacks.
    spans : LazyFrame
        As ``identity_spans`` returns them.
    """
    given = nw.col("customer_id")
    customer = nw.when(~given.is_null()).then(given).otherwise(nw.col(CUSTOMER))
    stitched = _joined(engine, events, spans).with_columns(customer.alias("customer_id"))
    return stitched.drop(*_HELPERS, CUSTOMER)


def count_stitched(
    engine: LazyEngine, events: nw.LazyFrame[Any], spans: nw.LazyFrame[Any], *, source: str
) -> StitchedEvents:
    """Count the events without ``customer_id`` by what becomes of them; `events` as given."""
    columns = ("customer_id", "timestamp", ANONYMOUS)
    kinds: Any = {"customer_id": "id", "timestamp": "timestamp", ANONYMOUS: "id"}
    typed = engine.typed(events.select(*columns), kinds).with_columns(id_expression("customer_id"))
    anonymous = ~nw.col(KEY).is_null()
    assigned, known = ~nw.col(CUSTOMER).is_null(), ~nw.col(SINCE).is_null()
    shared = nw.col(SHARED) == 1
    conditions = {
        "assigned": assigned,
        "early": known & ~assigned & ~shared,
        "shared": known & shared,
        "unknown": ~known,
    }
    counted = _joined(engine, typed, spans).select(
        nw.when(anonymous & condition).then(nw.lit(1)).otherwise(nw.lit(0)).sum().alias(name)
        for name, condition in conditions.items()
    )
    (row,) = engine.rows(counted, source=source)
    return StitchedEvents(**{name: int(row[name] or 0) for name in conditions})


def _joined(
    engine: LazyEngine, events: nw.LazyFrame[Any], spans: nw.LazyFrame[Any]
) -> nw.LazyFrame[Any]:
    """Return events with the span of their ``anonymous_id`` in which they lie."""
    missing = nw.col("customer_id").is_null()
    keyed = events.with_columns(id_expression(ANONYMOUS), nw.col("timestamp").alias(_AT))
    keyed = engine.micros(keyed, _AT).with_columns(
        nw.when(missing).then(nw.col(ANONYMOUS)).alias(KEY),
        nw.when(~nw.col(_AT).is_null()).then(nw.col(_AT)).otherwise(nw.lit(START)).alias(_AT),
    )
    inside = (nw.col(SINCE) <= nw.col(_AT)) & (nw.col(_AT) < nw.col(UNTIL))
    return keyed.join(spans, on=KEY, how="left").filter(nw.col(SINCE).is_null() | inside)
