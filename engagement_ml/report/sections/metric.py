"""The metric: weights, value of one more event, how points add up, how to compute the score."""

from __future__ import annotations

from typing import Any

from engagement_ml.errors import InputError
from engagement_ml.formatting import (
    count,
    decimals_for,
    listed,
    number,
    one_line,
    sentence,
    spread,
)
from engagement_ml.metric import Transform, WeightedBehaviour
from engagement_ml.report import plots
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run, effect_of

SCORE_COMMAND = "engagement-ml score {model} events.parquet --output scores.parquet"
_CONSTANT = "each event earns the same number of points"
_DECREASING = "the first events earn the most points"
_VARYING = "the points per event rise at first, then fall"


def build(run: Run) -> dict[str, Any] | None:
    """Return weights, value of one more event, an example and commands; None if it abstained."""
    if not run.weighted:
        return None
    full = max(each.weight_high or each.weight for each in run.weighted)
    rows = [_row(run, each, full) for each in run.weighted]
    earnings = dict.fromkeys(row["earning"] for row in rows)
    return {
        "weights": rows,
        "worth_shown": not run.indicator
        and any(row.effect is not None for row in run.drivers if row.selected),
        "outcome_days": run.outcome_days,
        "observation_days": run.observation_days,
        "how": _how(run, list(earnings)),
        "mixed": len(earnings) > 1,
        "example": _example(run),
        "usage": _usage(run),
    }


def earning(transform: Transform) -> str:
    """Describe how the points per event change with the count.

    Examples
    --------
    >>> earning(Transform("linear", None, None, 6.0)), earning(Transform("log1p", 2.0, None, 6.0))
    ('each event earns the same number of points', 'the first events earn the most points')
    """
    if transform.kind == "linear":
        return _CONSTANT
    if transform.kind == "hill" and transform.shape is not None and transform.shape > 1:
        return _VARYING
    return _DECREASING


def _how(run: Run, earnings: list[str]) -> str:
    days = run.observation_days
    one = len(run.weighted) == 1
    count_of = run.label(run.weighted[0].behaviour) if one else "each behaviour"
    text = f"Count {count_of} over the last {days} days. "
    if len(earnings) > 1:
        text += "Events earn points up to the maximum of each behaviour. "
    elif one:
        cap = count(run.weighted[0].transform.cap)
        text += f"{earnings[0][0].upper()}{earnings[0][1:]}, up to {cap} events. "
    else:
        text += f"{earnings[0][0].upper()}{earnings[0][1:]}, up to the maximum of each behaviour. "
    if one:
        return text + "The points are the score, from 0 to 100."
    return text + (
        "The score is the sum of the points: 0 without any of these behaviours, 100 at the "
        "maximum of every one."
    )


def _row(run: Run, each: WeightedBehaviour, full: float) -> dict[str, Any]:
    low, high = each.weight_low, each.weight_high
    row = run.by_behaviour.get(each.behaviour)
    effect = (None, None, None) if row is None else effect_of(row)
    decimals = decimals_for(*effect)
    label, interval = run.label(each.behaviour), spread(low, high, 1)
    points = f"{label}: {number(each.weight, 1)} of 100 points"
    return {
        "label": label,
        "behaviour": one_line(each.behaviour),
        "weight": number(each.weight, 1),
        "interval": interval,
        "bar": plots.bar_cell(
            each.weight / full,
            low=None if low is None else low / full,
            high=None if high is None else high / full,
            tone="good",
            label=points if low is None else f"{points}, {interval}",
        ),
        "worth": run.money(effect[0], decimals),
        "worth_interval": run.money.spread(*effect[1:], decimals),
        "cap": count(each.transform.cap),
        "unit": one_line(each.unit),
        "first": number(each.weight * float(each.transform(1.0)), 1),
        "earning": earning(each.transform),
    }


def _example(run: Run) -> str | None:
    parts, points = [], []
    for each in run.weighted:
        curve = run.record.evidence.responses.get(each.behaviour)
        if curve is None:
            return None
        points.append(each.weight * float(each.transform(curve.typical)))
        parts.append(f"{count(curve.typical)} × {run.label(each.behaviour)}")
    if len(parts) == 1:
        return f"For example, {parts[0]} gives a score of {number(sum(points), 0)}."
    sums = "\u00a0+\u00a0".join(number(point, 1) for point in points)
    total = number(sum(points), 1)
    return f"For example, {listed(parts)} give a score of {sums}\u00a0=\u00a0{total}."


def _usage(run: Run) -> dict[str, str]:
    """Return commands; why events alone are not enough, if a behaviour is not among them."""
    as_of = run.record.windows.history.end.isoformat()
    command = {"command": score_command(run)}
    try:
        sql = run.metric.to_sql_events("events", as_of)
    except InputError as error:
        return {**command, "python": "", "sql": "", "why_not": sentence(one_line(error))}
    return {
        **command,
        "python": (
            "import engagement_ml as em\n\n"
            'metric = em.EngagementMetric.from_json("metric.json")\n'
            f'scores = metric.score_events(events, as_of="{as_of}")'
        ),
        "sql": sql,
        "why_not": "",
    }


def score_command(run: Run) -> str:
    """Return the command that scores customers with the run's metric."""
    registered = run.record.registered or {}
    return SCORE_COMMAND.format(model=one_line(registered.get("uri") or "FOLDER"))


METRIC = Section(
    "metric",
    "The metric",
    "metric.html.j2",
    build,
    tables=lambda run: {"weights.csv": run.weighted},
)
