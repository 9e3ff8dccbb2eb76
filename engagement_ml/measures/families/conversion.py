"""Measures of goals that follow a start: conversion, carts, booked calls, clients who return."""

from __future__ import annotations

from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.measures.context import SIGNUP, TOUCHPOINT, TRANSACTION, MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.functions import share
from engagement_ml.measures.rows.occurrences import Occurrences, occurrences
from engagement_ml.measures.rows.trials import (
    LINKS,
    Link,
    Trials,
    Unit,
    limit_of,
    link_of,
    match_trials,
)

VISITS = ("visit", "page_view", "product_view")
CARTS = ("add_to_cart", "cart_created", "added_to_cart", "cart_add")
CHECKOUTS = ("purchase", "checkout_completed", "order_placed", TRANSACTION)
BOOKINGS = ("call_booked", "welcome_call_booked", "onboarding_call_booked", "demo_booked")
PROJECT_ENDS = ("project_finished", "project_completed")
MATURE = (
    "A start whose time for the goal is not over at the end of the history is left out and counted."
)


def start_and_goal(
    context: MeasureContext, settings: MeasureConfig
) -> tuple[Occurrences, Occurrences]:
    """Return the occurrences of `start` and `goal`, with what may link them."""
    columns = (TOUCHPOINT, *LINKS.values())
    start = occurrences(context, settings.start, "start", columns)
    return start, occurrences(context, settings.goal, "goal", columns)


def _customer_trials(context: MeasureContext, settings: MeasureConfig, unit: Unit) -> Trials:
    start, goal = start_and_goal(context, settings)
    return match_trials(context, start, goal, Link(unit), limit_of(settings), "start")


def _conversion_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    start, goal = start_and_goal(context, settings)
    by = settings.by or "customer"
    link = link_of(context, by, start, goal, "customer", "trial")
    trials = match_trials(context, start, goal, link, limit_of(settings))
    columns = trials.per_person() if by == "customer" else trials.each()
    return Rows(trials.key, lambda: trials.frame, columns, notes=trials.notes)


def _cart_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    start, goal = start_and_goal(context, settings)
    link = link_of(context, settings.by, start, goal, "day", "cart")
    trials = match_trials(context, start, goal, link, limit_of(settings), "cart")
    return Rows(trials.key, lambda: trials.frame, trials.missed(), notes=trials.notes)


def _booking_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    trials = _customer_trials(context, settings, "first")
    return Rows(trials.key, lambda: trials.frame, trials.per_person(), notes=trials.notes)


def _repeat_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    trials = _customer_trials(context, settings, "customer")
    return Rows(trials.key, lambda: trials.frame, trials.per_person(), notes=trials.notes)


_KEYS = ("start", "goal", "within_days", "within_hours")
FAMILY = (
    MeasureDefinition(
        name="conversion",
        title="Conversion",
        kind=share("reached", "trials"),
        unit="percent",
        better="more",
        formula="customers who do `goal` within `within_days` after `start` / customers who start",
        needs="events of the start, and of the goal or transactions",
        rows=_conversion_rows,
        edge_cases="A goal before the start does not count; one at the same moment does. A "
        "customer counts once a period, in the period of the start. `by: session` or `by: ref` "
        f"counts sessions or refs instead, and the goal must have the same one. {MATURE}",
        keys=(*_KEYS, "by"),
        defaults={"start": VISITS, "goal": (TRANSACTION,), "within_days": 30.0},
    ),
    MeasureDefinition(
        name="cart_abandonment",
        title="Cart abandonment",
        kind=share("missed", "trials"),
        unit="percent",
        better="less",
        formula="carts without a checkout within `within_hours` after their first event / carts",
        needs="events of carts, and of checkouts or transactions",
        rows=_cart_rows,
        edge_cases="A cart is what has one `ref`, else a session; without both, it is a customer's "
        "day. Each cart counts once, so the share is never negative. A checkout must have the "
        f"cart's ref or session; transactions are matched by customer and time. {MATURE}",
        keys=(*_KEYS, "by"),
        defaults={"start": CARTS, "goal": CHECKOUTS, "within_hours": 24.0},
    ),
    MeasureDefinition(
        name="booking_rate",
        title="Calls booked by new customers",
        kind=share("reached", "trials"),
        unit="percent",
        better="more",
        formula="new customers with a booked call within `within_days` / new customers",
        needs="signup of customers or events of sign-ups, and events of bookings",
        rows=_booking_rows,
        edge_cases="A customer is new once, at the first start. A booking before it does not "
        f"count. {MATURE}",
        keys=_KEYS,
        defaults={"start": (SIGNUP,), "goal": BOOKINGS, "within_days": 7.0},
    ),
    MeasureDefinition(
        name="repeat_service",
        title="Repeat service",
        kind=share("reached", "trials"),
        unit="percent",
        better="more",
        formula="customers whose project ended and who bought again within `within_days` / "
        "customers whose project ended",
        needs="events of ended projects, and transactions",
        rows=_repeat_rows,
        edge_cases="25 of 40 is 62.5%. A customer counts once a period, in the period in which "
        f"the project ended. {MATURE}",
        keys=_KEYS,
        defaults={"start": PROJECT_ENDS, "goal": (TRANSACTION,), "within_days": 180.0},
    ),
)
