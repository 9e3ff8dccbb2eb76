"""Purchases, retention and lifetime value by hand, over plain rows; shares no code.

Each function returns a value for each month from ``first`` on, or None if there is no data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

Rows = Sequence[dict[str, Any]]
Month = tuple[int, int]


def month_of(moment: dt.datetime) -> Month:
    return moment.year, moment.month


def days_in(month: Month) -> int:
    year, number = month
    following = dt.date(year + number // 12, number % 12 + 1, 1)
    return (following - dt.date(year, number, 1)).days


def before(month: Month) -> Month:
    year, number = month
    return (year, number - 1) if number > 1 else (year - 1, 12)


def is_sale(row: dict[str, Any]) -> bool:
    amount = row.get("revenue")
    return bool((row["margin"] if amount is None else amount) > 0)


def orders(transactions: Rows) -> list[tuple[str, dt.datetime]]:
    """Customer and moment of each order."""
    found: dict[Any, dt.datetime] = {}
    for row in transactions:
        if not is_sale(row):
            continue
        key = (row["customer_id"], "at", row["timestamp"])
        if row.get("order_id") is not None:
            key = (row["customer_id"], "id", row["order_id"])
        found[key] = min(found.get(key, row["timestamp"]), row["timestamp"])
    return [(key[0], moment) for key, moment in found.items()]


def exits(events: Rows, churn: str | None) -> dict[str, dt.datetime]:
    found: dict[str, dt.datetime] = {}
    for row in events:
        if row["event_type"] == churn:
            customer, moment = row["customer_id"], row["timestamp"]
            found[customer] = min(found.get(customer, moment), moment)
    return found


def on_board(events: Rows, transactions: Rows, month: Month, churn: str | None) -> set[str]:
    """Customers who were there: entered by the end of the month, and did not leave before it."""
    there = set()
    left = exits(events, churn)
    for row in [*events, *transactions]:
        customer = row["customer_id"]
        gone = customer in left and month_of(left[customer]) < month
        if month_of(row["timestamp"]) <= month and not gone:
            there.add(customer)
    return there


def frequency(events: Rows, transactions: Rows, month: Month, churn: str | None = None) -> Any:
    there = on_board(events, transactions, month, churn)
    n = sum(1 for _, moment in orders(transactions) if month_of(moment) == month)
    return Fraction(n * 30, len(there) * days_in(month)) if there else None


def order_value(transactions: Rows, month: Month) -> Any:
    n = sum(1 for _, moment in orders(transactions) if month_of(moment) == month)
    rows = [row for row in transactions if month_of(row["timestamp"]) == month]
    amount = sum((row.get("revenue") or 0) - (row.get("refund") or 0) for row in rows)
    return amount / n if n else None


def margin(transactions: Rows, month: Month) -> Any:
    return sum(row["margin"] for row in transactions if month_of(row["timestamp"]) == month)


def margin_per_customer(
    events: Rows, transactions: Rows, month: Month, churn: str | None = None
) -> Any:
    there = on_board(events, transactions, month, churn)
    return margin(transactions, month) / len(there) if there else None


def repeat_purchase(transactions: Rows, month: Month) -> Any:
    buyers = [customer for customer, moment in orders(transactions) if month_of(moment) == month]
    once, twice = set(buyers), {c for c in buyers if buyers.count(c) > 1}
    return Fraction(100 * len(twice), len(once)) if once else None


def customers_before(
    events: Rows, transactions: Rows, month: Month, first: Month, churn: str | None
) -> set[str] | None:
    """Customers when the month begins; None if the month before is not in the history."""
    if churn is not None:
        left = exits(events, churn)
        entered = {
            row["customer_id"]
            for row in [*events, *transactions]
            if month_of(row["timestamp"]) < month
        }
        return {c for c in entered if c not in left or month_of(left[c]) >= month}
    if before(month) < first:
        return None
    return {c for c, moment in orders(transactions) if month_of(moment) == before(month)}


def lost(
    events: Rows, transactions: Rows, month: Month, base: set[str], churn: str | None
) -> set[str]:
    if churn is not None:
        left = exits(events, churn)
        return {c for c in base if c in left and month_of(left[c]) == month}
    return base - {c for c, moment in orders(transactions) if month_of(moment) == month}


def churn_rate(
    events: Rows, transactions: Rows, month: Month, first: Month, churn: str | None = None
) -> Any:
    base = customers_before(events, transactions, month, first, churn)
    if not base:
        return None
    return Fraction(100 * len(lost(events, transactions, month, base, churn)), len(base))


def lifetime_value(
    events: Rows,
    transactions: Rows,
    month: Month,
    first: Month,
    horizon_days: int,
    churn: str | None = None,
) -> Any:
    base = customers_before(events, transactions, month, first, churn)
    n = sum(1 for _, moment in orders(transactions) if month_of(moment) == month)
    if not base or not n:
        return None
    gone = len(lost(events, transactions, month, base, churn))
    longest = horizon_days / days_in(month)
    lifetime = min(len(base) / gone, longest) if gone else longest
    there = on_board(events, transactions, month, churn)
    return n / len(there) * lifetime * margin(transactions, month) / n
