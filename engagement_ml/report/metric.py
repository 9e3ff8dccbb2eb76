"""The report's first half: the metric, what looks good and is not, responses."""

from __future__ import annotations

from typing import Any

from engagement_ml.formatting import (
    count,
    decimals_for,
    finite,
    listed,
    number,
    one_line,
    spread,
)
from engagement_ml.metric import EngagementMetric, Transform
from engagement_ml.report import plots, text
from engagement_ml.report.view import Row, Run, as_mapping, effect_of

_NAIVE_SHOWN = 5
_NAIVE_CHOSEN = 3
SCORE_COMMAND = "engagement-ml score {model} events.parquet --output scores.parquet"


def metric_section(run: Run) -> dict[str, Any] | None:
    """Return weights, worth of one more event, how points add up, and how to use it.

    None where the metric abstained.
    """
    if not run.weighted:
        return None
    reach = [finite(row.get(key)) for row in run.weighted for key in ("weight", "weight_high")]
    full = max((value for value in reach if value is not None), default=100.0)
    worth_shown = not run.indicator and any(
        finite(_evidence(run, row).get("effect")) is not None for row in run.weighted
    )
    return {
        "weights": [_weight_row(run, row, full) for row in run.weighted],
        "worth_shown": worth_shown,
        "outcome_days": run.days("outcome_days"),
        "observation_days": run.days("observation_days"),
        "example": _example(run),
        "usage": _usage(run),
    }


def naive_section(run: Run) -> dict[str, Any] | None:
    """Return the naive ranking's top beside the verdicts, and where the metric's behaviours stand.

    None where the record holds no such ranking.
    """
    if not run.naive:
        return None
    chosen = {row.get("behaviour") for row in run.weighted}
    shown = [
        row
        for place, row in enumerate(run.naive)
        if place < _NAIVE_SHOWN or row.get("behaviour") in chosen
    ]
    accented = chosen | {
        name for name, row in run.by_behaviour.items() if row.get("verdict") == "driver"
    }
    values = [finite(row.get("mean_abs_shap")) for row in run.naive]
    largest = max((value for value in values if value is not None), default=0.0)
    rows = []
    for row in shown:
        evidence = _evidence(run, row)
        value = finite(row.get("mean_abs_shap"))
        rows.append(
            {
                "rank": number(row.get("rank"), 0),
                "label": run.label(row.get("behaviour")),
                "verdict": text.verdict_of(evidence.get("verdict")),
                "chosen": row.get("behaviour") in chosen,
                "reason": one_line(evidence.get("reason") or ""),
                "value": run.money(value),
                "bar": plots.bar_cell(
                    value / largest,
                    tone="good" if row.get("behaviour") in accented else "plain",
                    label=f"mean |SHAP| {run.money(value)}",
                )
                if value is not None and largest > 0
                else "",
            }
        )
    return {
        "lead": text.naive_lead(run, run.naive[: max(_NAIVE_CHOSEN, len(chosen))]),
        "rows": rows,
        "has_values": largest > 0,
        "hidden": len(run.naive) - len(shown),
    }


def response_section(run: Run) -> list[dict[str, Any]]:
    """Return a card per response curve, the metric's behaviours first, then other drivers."""
    responses = run.mapping("responses")
    chosen = [str(row.get("behaviour")) for row in run.weighted]
    order = [*chosen, *(name for name in run.by_behaviour if name not in chosen)]
    order += sorted(name for name in responses if name not in order)
    cards = []
    for behaviour in order:
        response = as_mapping(responses.get(behaviour))
        label, days = run.label(behaviour), run.days("outcome_days")
        over = f" over the next {days} days" if days else ""
        chart = plots.response_chart(
            response,
            label=f"What x events of {label} are worth against none, with a 95% band",
            x_label=_unit(run),
            y_label=f"{run.money.currency}{over}, against none",
            write_x=number,
            write_y=run.money.tick,
        )
        if chart is None:
            continue
        cards.append(
            {
                "label": label,
                "verdict": text.verdict_of(run.by_behaviour.get(behaviour, {}).get("verdict")),
                "chart": chart,
                "typical": _or_none(response.get("typical")),
                "p90": _or_none(response.get("p90")),
                "saturation": _or_none(response.get("saturation_point")),
                "sentences": _response_words(run, response),
            }
        )
    return cards


def _weight_row(run: Run, row: Row, full: float) -> dict[str, Any]:
    weight, low, high = (finite(row.get(key)) for key in ("weight", "weight_low", "weight_high"))
    effect = effect_of(_evidence(run, row))
    decimals = decimals_for(*effect)
    transform = as_mapping(row.get("transform"))
    label = run.label(row.get("behaviour"), row.get("label"))
    return {
        "label": label,
        "behaviour": one_line(row.get("behaviour")),
        "weight": number(weight, 1),
        "interval": spread(low, high, 1),
        "bar": plots.bar_cell(
            (weight or 0.0) / full,
            low=None if low is None else low / full,
            high=None if high is None else high / full,
            tone="good",
            label=f"{label}: {number(weight, 1)} of 100 points, {spread(low, high, 1)}",
        ),
        "worth": run.money(effect[0], decimals),
        "worth_interval": run.money.spread(*effect[1:], decimals),
        "cap": count(transform.get("cap")),
        "unit": one_line(row.get("unit") or "events"),
        "first": _first_event(row, weight),
    }


def _first_event(row: Row, weight: float | None) -> str:
    transform = as_mapping(row.get("transform"))
    if weight is None or not transform:
        return number(None)
    return number(weight * float(Transform.from_dict(transform)(1.0)), 1)


def _example(run: Run) -> str | None:
    parts, points = [], []
    for row in run.weighted:
        behaviour = str(row.get("behaviour"))
        typical = finite(as_mapping(run.mapping("responses").get(behaviour)).get("typical"))
        weight, transform = finite(row.get("weight")), as_mapping(row.get("transform"))
        if typical is None or weight is None or not transform:
            return None
        points.append(weight * float(Transform.from_dict(transform)(typical)))
        parts.append(f"{count(typical)} × {run.label(behaviour, row.get('label'))}")
    if len(parts) == 1:
        return f"For example, {parts[0]} makes a score of {number(sum(points), 0)}."
    sums = "\u00a0+\u00a0".join(number(point, 1) for point in points)
    total = number(sum(points), 1)
    return f"For example, {listed(parts)} make a score of {sums}\u00a0=\u00a0{total}."


def _usage(run: Run) -> dict[str, str]:
    metric = EngagementMetric.from_dict(dict(run.metric))
    history = as_mapping(run.mapping("windows").get("history"))
    as_of = str(history.get("end") or run.raw.get("created_at") or "2024-01-01")[:10]
    registered = run.mapping("registered")
    return {
        "command": SCORE_COMMAND.format(model=one_line(registered.get("uri") or "FOLDER")),
        "python": (
            "import engagement_ml as em\n\n"
            'metric = em.EngagementMetric.from_json("metric.json")\n'
            f'scores = metric.score_events(events, as_of="{as_of}")'
        ),
        "sql": metric.to_sql_events("events", as_of),
    }


def _response_words(run: Run, response: Row) -> list[str]:
    curve = plots.Curve.of(response)
    if curve is None:
        return []
    typical, p90 = finite(response.get("typical")), finite(response.get("p90"))
    saturation = finite(response.get("saturation_point"))
    said = []
    worth = None if typical is None else curve.at(typical)
    costs = curve.at(curve.x[-1]) < 0
    if typical is not None and worth is not None:
        what = f"costing {run.money(-worth)}" if costs else f"worth {run.money(worth)}"
        said.append(
            f"The typical {run.entity} who does it at all does {count(typical)}, {what} "
            "against none."
        )
    if costs:
        return [*said, "Within the counts seen, one more event still costs."]
    if saturation is None:
        said.append("Within the counts seen, one more event still pays.")
    else:
        said.append(f"From {count(saturation)} on, one more event no longer pays for itself.")
        if p90 is not None:
            past = p90 >= saturation
            said.append(
                f"The busiest tenth ({count(p90)} and more) "
                + ("are past that already." if past else "still have room.")
            )
    return said


def _evidence(run: Run, row: Row) -> Row:
    return run.by_behaviour.get(str(row.get("behaviour")), {})


def _unit(run: Run) -> str:
    days = run.days("observation_days")
    return f"events in {days} days" if days else "events in the observation window"


def _or_none(value: Any) -> str | None:
    return None if finite(value) is None else count(value)
