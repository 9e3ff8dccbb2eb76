"""Scores of a metric as Narwhals expressions, computed by the engine that holds the counts."""

from __future__ import annotations

import datetime as dt
import functools
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import narwhals as nw

from engagement_ml.column_names import find
from engagement_ml.errors import InputError
from engagement_ml.metric import moments
from engagement_ml.metric.events import (
    CUSTOMER,
    chosen_customers,
    narwhals_frame,
    usable_events,
)

if TYPE_CHECKING:
    from engagement_ml.metric.behaviour import WeightedBehaviour
    from engagement_ml.metric.definition import EngagementMetric

SCORE = "score"
OTHER_CHOICE = "select: {require: indicator}"


def require_behaviours(metric: EngagementMetric) -> None:
    """Check that a metric has behaviours to score with.

    Raises
    ------
    InputError
        If the metric abstained; the message gives the reason and the alternative.
    """
    if metric.abstained:
        why = (metric.reason or "").rstrip(". ")
        if OTHER_CHOICE not in why:
            why += f"; for one that predicts margin, without proof of an effect: {OTHER_CHOICE}"
        raise InputError(f"metric '{metric.name}' abstained and cannot score: {why}")


def require_events(metric: EngagementMetric) -> None:
    """Check that all behaviours of a metric are event types of the events table.

    Raises
    ------
    InputError
        If one follows from links or from a sequence.
    """
    require_behaviours(metric)
    if metric.derived:
        names = ", ".join(f"'{name}'" for name in metric.derived)
        raise InputError(
            f"metric '{metric.name}': {names} cannot be counted in events alone, as it follows "
            "from links or from a sequence; use 'engagement-ml score', or give a table of counts"
        )


def expression(metric: EngagementMetric) -> nw.Expr:
    """Return the score as one expression; columns are named as the behaviours."""
    require_behaviours(metric)
    return _total([_points(behaviour, behaviour.behaviour) for behaviour in metric.behaviours])


def score(metric: EngagementMetric, frame: Any) -> Any:
    """Add the column ``score`` to a wide table of event counts."""
    wide, plain = _plain_names(narwhals_frame(frame, "score"))
    return _with_score(wide, plain, _points_of_columns(metric, wide, plain))


def score_with_equal_weights(metric: EngagementMetric, frame: Any) -> Any:
    """Add the column ``score`` of the metric with equal weights, a baseline of the evaluation.

    Behaviours and transforms are the metric's; each of its k behaviours has 100/k points, which
    is not rounded to two decimals as the weights of a definition are.
    """
    wide, plain = _plain_names(narwhals_frame(frame, "score"))
    weight = 100.0 / max(len(metric.behaviours), 1)
    return _with_score(wide, plain, _points_of_columns(metric, wide, plain, weight=weight))


def explain(metric: EngagementMetric, frame: Any) -> Any:
    """Return the points of each behaviour and their sum."""
    wide, plain = _plain_names(narwhals_frame(frame, "explain"))
    points = _points_of_columns(metric, wide, plain)
    customer = find(CUSTOMER, plain)
    kept = [] if customer is None else [nw.col(plain[customer]).alias(CUSTOMER)]
    named = _named(metric, points)
    return wide.select(*kept, *named, _total(points).alias(SCORE)).to_native()


def scored_counts(metric: EngagementMetric, counts: Any, columns: Mapping[str, str]) -> Any:
    """Return a lazy frame with customer, score, counts and points, under plain names.

    Parameters
    ----------
    counts : narwhals LazyFrame
        ``customer_id`` and a column of event counts per behaviour.
    columns : mapping of str to str
        From the behaviour to its column.

    Returns
    -------
    narwhals LazyFrame
        ``customer_id``, ``score``, the columns of counts, and the points of each behaviour as
        ``p_0``, ``p_1``, … in the metric's order.
    """
    points = [_points(b, columns[b.behaviour]) for b in metric.behaviours]
    named = (part.alias(f"p_{place}") for place, part in enumerate(points))
    return counts.select(CUSTOMER, _total(points).alias(SCORE), *columns.values(), *named)


def score_events(
    metric: EngagementMetric, events: Any, as_of: dt.date | dt.datetime | str, customers: Any
) -> Any:
    """Count each customer's events in the observation window and score the counts."""
    require_events(metric)
    until = moments.as_utc(as_of)
    table, literal = usable_events(events, until)
    in_window = nw.col("timestamp") >= literal(moments.days_before(until, metric.observation_days))
    names = {b.behaviour: f"n_{place}" for place, b in enumerate(metric.behaviours)}
    counted = table.with_columns(
        (in_window & (nw.col("event_type") == behaviour)).cast(nw.Int64()).alias(column)
        for behaviour, column in names.items()
    )
    counts = counted.group_by(CUSTOMER).agg(nw.col(column).sum() for column in names.values())
    if customers is not None:
        counts = chosen_customers(customers, table).join(counts, on=CUSTOMER, how="left")
    points = [_points(b, names[b.behaviour]) for b in metric.behaviours]
    scored = counts.select(nw.col(CUSTOMER), _total(points).alias(SCORE))
    return (scored.sort(CUSTOMER) if isinstance(scored, nw.DataFrame) else scored).to_native()


def _named(metric: EngagementMetric, points: list[nw.Expr]) -> list[nw.Expr]:
    return [
        part.alias(f"{behaviour.behaviour}__points")
        for part, behaviour in zip(points, metric.behaviours, strict=True)
    ]


def _points(behaviour: WeightedBehaviour, column: str, weight: float | None = None) -> nw.Expr:
    full_points = behaviour.weight if weight is None else weight
    return behaviour.transform.expression(nw.col(column)) * full_points


def _total(points: list[nw.Expr]) -> nw.Expr:
    return functools.reduce(operator.add, points).clip(upper_bound=100.0)


def _plain_names(wide: Any) -> tuple[Any, dict[str, str]]:
    """Return a frame that can be computed with, and its names by those of the user's frame.

    Spark reads dots and backticks in a name as syntax; there, columns get other names.
    """
    names = wide.collect_schema().names()
    if not moments.is_spark(wide):
        return wide, {name: name for name in names}
    plain = {name: name if name == SCORE else f"c_{i}" for i, name in enumerate(names)}
    return nw.from_native(wide.to_native().toDF(*plain.values())), plain


def _with_score(wide: Any, plain: Mapping[str, str], points: list[nw.Expr]) -> Any:
    """Return a wide table with the score, in the place of a column of that name in any case."""
    other = [plain[c] for c in plain if c != SCORE and find(SCORE, [c])]
    kept = wide.drop(*other) if other else wide
    scored = kept.with_columns(_total(points).alias(SCORE)).to_native()
    if all(name == given for given, name in plain.items()):
        return scored
    given = {name: each for each, name in plain.items()}
    return scored.toDF(*(given.get(name, name) for name in scored.columns))


def _points_of_columns(
    metric: EngagementMetric, frame: Any, plain: Mapping[str, str], weight: float | None = None
) -> list[nw.Expr]:
    require_behaviours(metric)
    schema = frame.collect_schema()
    names = [behaviour.behaviour for behaviour in metric.behaviours]
    # Some libraries know two columns whose names differ in case alone.
    columns = {name: name if name in plain else find(name, plain) for name in names}
    found = {name: column for name, column in columns.items() if column is not None}
    if not found:
        present = ", ".join(list(plain)[:12]) or "no columns"
        raise InputError(
            f"metric '{metric.name}': none of its behaviours ({', '.join(names)}) is a column; "
            f"found {present}; give a column of event counts per behaviour"
        )
    for name in found.values():
        dtype = schema[plain[name]]
        if not (dtype.is_numeric() or dtype == nw.Boolean):
            raise InputError(
                f"metric '{metric.name}': column '{name}' holds {dtype}, not numbers; "
                "give event counts"
            )
    return [
        _points(b, plain[found[b.behaviour]], weight) if b.behaviour in found else nw.lit(0.0)
        for b in metric.behaviours
    ]
