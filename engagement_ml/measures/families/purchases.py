"""Measures of purchases: orders, revenue and margin."""

from __future__ import annotations

from collections.abc import Callable

import narwhals as nw

from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.ledger.daily import MICRO
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.functions import rate, ratio, share
from engagement_ml.measures.rows.purchases import (
    KEY,
    MARGIN,
    ORDERS,
    REVENUE,
    order_notes,
    purchases,
)

MONTH_DAYS = 30
RETURNS = "Returns lower revenue and margin, not orders."
ORDER = (
    "Rows with one `order_id` are one order; without that column, all rows of a customer at one "
    "moment are, and the scorecard says so. An order has a row with positive revenue or, without "
    "revenue, with positive margin; it counts when the first one was made."
)


def _rows(
    *columns: str, on_board: bool = False, needs: tuple[str, ...] = ()
) -> Callable[[MeasureContext, MeasureConfig], Rows]:
    def rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
        context.require("transactions", *needs)
        sums = {name: nw.col(name).sum() for name in columns}
        notes = order_notes(context) if ORDERS in columns else ()
        return Rows(KEY, lambda: purchases(context), sums, on_board, notes)

    return rows


def _repeat_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    orders = nw.col(ORDERS).sum()
    one, none = nw.lit(1), nw.lit(0)
    columns = {
        "again": nw.when(orders >= 2).then(one).otherwise(none),
        "bought": nw.when(orders >= 1).then(one).otherwise(none),
    }
    return Rows(KEY, lambda: purchases(context), columns, notes=order_notes(context))


FAMILY = (
    MeasureDefinition(
        name="purchase_frequency",
        title="Purchase frequency",
        kind=rate(ORDERS, "on_board", per_days=MONTH_DAYS),
        unit="count",
        better="more",
        formula=f"orders / customers on board, per {MONTH_DAYS} days",
        needs="transactions",
        rows=_rows(ORDERS, on_board=True),
        edge_cases=ORDER,
    ),
    MeasureDefinition(
        name="average_order_value",
        title="Average order value",
        kind=ratio(REVENUE, ORDERS, scale=1 / MICRO),
        unit="currency",
        better="more",
        formula="revenue / orders",
        needs="transactions with revenue",
        rows=_rows(REVENUE, ORDERS, needs=("revenue",)),
        edge_cases=f"{RETURNS} Revenue is less `refund`, if there is that column. {ORDER}",
    ),
    MeasureDefinition(
        name="margin_per_customer",
        title="Margin per customer",
        kind=ratio(MARGIN, "on_board", scale=1 / MICRO),
        unit="currency",
        better="more",
        formula="margin / customers on board",
        needs="transactions",
        rows=_rows(MARGIN, on_board=True),
        edge_cases="May be negative.",
    ),
    MeasureDefinition(
        name="repeat_purchase",
        title="Repeat purchase",
        kind=share("again", "bought"),
        unit="percent",
        better="more",
        formula="customers with two orders or more in the period / with one or more",
        needs="transactions",
        rows=_repeat_rows,
        edge_cases=f"It grows with the length of the period (`scorecard.every`). {ORDER}",
    ),
)
