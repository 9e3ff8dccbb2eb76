"""Measures of time: from a request to its answer, from the start of a checkout to its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import narwhals as nw

from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.formatting import how_many
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows, Unit
from engagement_ml.measures.families.conversion import CHECKOUTS, start_and_goal
from engagement_ml.measures.kinds.durations import HOUR, MINUTE, SECOND, Durations
from engagement_ml.measures.rows.occurrences import count, end_of_history, kept, touched
from engagement_ml.measures.rows.trials import LINKS, limit_of, link_of, units, with_next

REQUESTS = ("ticket_opened", "support_request", "request_sent", "question_asked")
ANSWERS = ("ticket_answered", "support_response", "response_sent", "question_answered")
REVIEW_REQUESTS = ("review_requested", "document_sent", "deliverable_sent")
REVIEWS = ("review_submitted", "review_completed", "deliverable_reviewed")
CHECKOUT_STARTS = ("checkout_started", "checkout_start", "begin_checkout")


def _rows(noun: str) -> Callable[[MeasureContext, MeasureConfig], Rows]:
    def rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
        start, goal = start_and_goal(context, settings)
        link = link_of(context, settings.by, start, goal, "customer", noun)
        column, end = LINKS.get(link.unit), end_of_history(context)
        key = f"durations {start.names} {goal.names} {link.unit} {link.column}"

        def make() -> nw.LazyFrame[Any]:
            found = start.frame.filter(nw.col("micros") < end)
            if column is not None:
                found = found.filter(~nw.col(column).is_null())
            matched = with_next(units(context, found, link.unit, end, 0), goal.frame, link.column)
            answered = nw.col("next") < end
            until = nw.when(answered).then(nw.col("next")).otherwise(end)
            return matched.select(
                "customer_id",
                "day",
                *touched(context),
                micros=(until - nw.col("micros")).cast(nw.Int64),
                answered=nw.when(answered).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64),
            )

        notes = [link.note] if link.note else []
        if column is not None:
            [lost] = count(context, start.frame, n=nw.col(column).is_null())
            notes += [f"{how_many(lost, noun)} without a {column} left out"] if lost else []
        frame = kept(context, key, make)
        return Rows(key, lambda: frame, {}, notes=tuple(notes), limit=limit_of(settings))

    return rows


def _pair(
    name: str,
    within: str,
    titles: tuple[str, str],
    noun: str,
    unit: int,
    unit_name: Unit,
    defaults: dict[str, Any],
) -> tuple[MeasureDefinition, MeasureDefinition]:
    """Return the measure of the median time, and that of the share within the limit."""
    step = SECOND if unit == MINUTE else MINUTE
    median = MeasureDefinition(
        name=name,
        title=titles[0],
        kind=Durations("median", unit, step),
        unit=unit_name,
        better="less",
        formula=f"median time from `start` to the first `goal` after it, by {noun}",
        needs="pairs of events, with `ref` if there is one",
        rows=_rows(noun),
        edge_cases=f"A {noun} is what has one `ref`, else a session; without both, the customer's "
        f"next `goal` counts. A {noun} that is open at the end of the history is censored, not "
        "dropped: if more than half stay open, there is no median. Times are rounded up to whole "
        f"{'seconds' if step == SECOND else 'minutes'}.",
        source="Kaplan and Meier (1958)",
        keys=("start", "goal", "by", "within_days", "within_hours"),
        defaults=defaults,
    )
    share = dataclasses.replace(
        median,
        name=within,
        title=titles[1],
        kind=dataclasses.replace(median.kind, shows="share"),  # type: ignore[type-var]
        unit="percent",
        better="more",
        formula=f"share of `start` with a `goal` within `within_hours`, by {noun}",
        edge_cases=f"Kaplan-Meier's share at the limit: a {noun} that is open for less than the "
        "limit at the end of the history is censored. What is linked is as for "
        f"`{name}`.",
    )
    return median, share


FAMILY = (
    *_pair(
        "response_hours",
        "response_within",
        ("Hours to a response", "Responses in time"),
        "request",
        HOUR,
        "hours",
        {"start": REQUESTS, "goal": ANSWERS, "within_hours": 24.0},
    ),
    *_pair(
        "review_hours",
        "review_within",
        ("Hours to a review", "Reviews in time"),
        "review",
        HOUR,
        "hours",
        {"start": REVIEW_REQUESTS, "goal": REVIEWS, "within_hours": 48.0},
    ),
    *_pair(
        "checkout_minutes",
        "checkout_within",
        ("Minutes of a checkout", "Checkouts in time"),
        "checkout",
        MINUTE,
        "minutes",
        {"start": CHECKOUT_STARTS, "goal": CHECKOUTS, "within_hours": 0.5},
    ),
)
