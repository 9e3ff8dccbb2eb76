"""Customers by engaged or not × bought or not, in people and margin."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.ledger.daily import MICRO
from engagement_ml.measures.context import AbsentError, MeasureContext
from engagement_ml.measures.rows.purchases import purchases

ENGAGED, BOUGHT = "engaged", "bought"
CELLS = {
    (1, 1): "engaged bought",
    (1, 0): "engaged not bought",
    (0, 1): "other bought",
    (0, 0): "other not bought",
}
"""Name of the customers who are engaged or not and bought or not."""
_ONE, _ZERO = nw.lit(1).cast(nw.Int64), nw.lit(0).cast(nw.Int64)


def engaged_and_bought(context: MeasureContext) -> nw.LazyFrame[Any]:
    """Return scored customers, orders and amounts as rows.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``day``, ``scored``, ``engaged`` and ``bought`` (1 or 0), ``margin``
        (millionths).

    Raises
    ------
    AbsentError
        Without scores of the metric.
    """
    scores = context.scores
    if scores is None:
        raise AbsentError("a trained run")
    engaged = nw.when(nw.col("engaged")).then(_ONE).otherwise(_ZERO)
    scored = scores.select(
        "customer_id", "day", scored=_ONE, engaged=engaged, bought=_ZERO, margin=_ZERO
    )
    bought = nw.when(nw.col("orders") > 0).then(_ONE).otherwise(_ZERO)
    orders = purchases(context).select(
        "customer_id", "day", scored=_ZERO, engaged=_ZERO, bought=bought, margin=nw.col("margin")
    )
    return nw.concat([scored, orders])


def engaged_cells(context: MeasureContext) -> tuple[dict[str, dict[str, float]], ...]:
    """Return people and margin of the four groups, for each period.

    Customers who have no score and bought are not engaged; those without a score and an order are
    not counted.

    Returns
    -------
    tuple of mapping of group to mapping
        Keys of a group are ``customers`` and ``margin`` (in currency); a period without scores is
        empty.
    """
    by_customer = (
        engaged_and_bought(context)
        .join(context.calendar, on="day", how="inner")
        .group_by("customer_id", "period")
        .agg(*(nw.col(c).max() for c in ("scored", ENGAGED, BOUGHT)), nw.col("margin").sum())
    )
    counted = by_customer.group_by("period", ENGAGED, BOUGHT).agg(
        nw.len().alias("customers"), nw.col("margin").sum(), nw.col("scored").sum()
    )
    found: tuple[dict[str, dict[str, float]], ...] = tuple({} for _ in context.periods.each)
    scored = dict.fromkeys(range(len(found)), 0)
    for row in context.engine.rows(counted, source="scores"):
        period = int(row["period"])
        scored[period] += int(row["scored"])
        found[period][CELLS[int(row[ENGAGED]), int(row[BOUGHT])]] = {
            "customers": int(row["customers"]),
            "margin": int(row["margin"]) / MICRO,
        }
    empty = {"customers": 0, "margin": 0.0}
    return tuple(
        {name: cells.get(name, dict(empty)) for name in CELLS.values()} if scored[period] else {}
        for period, cells in enumerate(found)
    )
