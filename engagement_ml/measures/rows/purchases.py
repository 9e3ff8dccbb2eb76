"""Rows of purchases: orders at the moment they were made, amounts on their own days."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.features.daily_totals import content_key
from engagement_ml.ledger.daily import micro
from engagement_ml.measures.context import TOUCHPOINT, MeasureContext

KEY = "purchases"
ORDERS, REVENUE, MARGIN = "orders", "revenue", "margin"
NO_ORDER_ID = "transactions have no order_id: an order is all rows of a customer at one moment"
_ONE, _ZERO = nw.lit(1).cast(nw.Int64), nw.lit(0).cast(nw.Int64)


def purchases(context: MeasureContext) -> nw.LazyFrame[Any]:
    """Return orders and amounts, computed once.

    An order is all rows of a customer with one ``order_id`` or, without that column or value, with
    one timestamp, if one of them is a sale: its revenue is positive or, without revenue, its
    margin. It is made when its first such row is. Returns are rows of their own days; they lower
    revenue and margin, not orders.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``day`` (date), ``orders`` (1 on rows of orders, else 0), ``revenue`` (less
        refunds) and ``margin`` (millionths, int64; 0 on rows of orders) and, if transactions have a
        ``channel``, ``touchpoint``.
    """

    def make() -> nw.LazyFrame[Any]:
        rows = _transactions(context)
        touched = [TOUCHPOINT] if context.has("transactions", "channel") else []
        keys = ["customer_id", "order"] if "order" in rows.collect_schema().names() else []
        keys = [*(keys or ["customer_id"]), "moment"]
        sales = rows.filter(nw.col("sale"))
        orders = sales.group_by(*keys).agg(
            nw.col("timestamp").min(), *(nw.col(name).min() for name in touched)
        )
        made = orders.select(
            "customer_id", nw.col("timestamp").dt.date().alias("day"), *touched,
            orders=_ONE, revenue=_ZERO, margin=_ZERO,
        )  # fmt: skip
        amounts = rows.select(
            "customer_id", nw.col("timestamp").dt.date().alias("day"), *touched,
            orders=_ZERO, revenue=micro(nw.col("net")).fill_null(0), margin=micro(nw.col("margin")),
        )  # fmt: skip
        return nw.concat([made, amounts])

    key = f"{KEY} {content_key(context.tables, 'transactions')}"
    return context.engine.once(key, make)


def order_notes(context: MeasureContext) -> tuple[str, ...]:
    """Return what was assumed of orders."""
    return () if context.has("transactions", "order_id") else (NO_ORDER_ID,)


def _transactions(context: MeasureContext) -> nw.LazyFrame[Any]:
    """Return transactions with ``sale``, ``net`` revenue and what makes rows one order."""
    frame, margin = context.frame("transactions"), nw.col("margin")
    sale, net = margin > 0, nw.lit(0.0)
    if context.has("transactions", "revenue"):
        revenue = nw.col("revenue")
        sale = nw.when(revenue.is_null()).then(sale).otherwise(revenue > 0)
        net = revenue.fill_null(0.0)
    if context.has("transactions", "refund"):
        net = net - nw.col("refund").fill_null(0.0)
    columns: dict[str, nw.Expr] = {"sale": sale, "net": net, "moment": nw.col("timestamp")}
    if context.has("transactions", "order_id"):
        order = nw.col("order_id")
        # Rows of one order may have several moments; those without an id are told apart by theirs.
        alone = nw.when(order.is_null()).then(nw.col("timestamp"))
        columns |= {"order": order.fill_null(""), "moment": alone.otherwise(_no_moment())}
    if context.has("transactions", "channel"):
        columns[TOUCHPOINT] = nw.col("channel")
    return frame.select("customer_id", "timestamp", "margin", **columns)


def _no_moment() -> nw.Expr:
    return nw.lit(None).cast(nw.Datetime("us"))
