"""Randomised tests: what they found and changed, and what to test next."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from engagement_ml.formatting import (
    count,
    decimals_for,
    finite,
    how_many,
    number,
    one_line,
    spread,
)
from engagement_ml.report import plots, text
from engagement_ml.report.robustness import p_words
from engagement_ml.report.svg import Scale
from engagement_ml.report.view import Row, Run, as_mapping, as_rows, estimate_of

_DIFFERENT = 0.05


def experiment_section(run: Run) -> dict[str, Any] | None:
    """Return the results of randomised tests and the plan of further ones; None without either."""
    experiments = run.mapping("experiments")
    plan = [_planned(run, row) for row in as_rows(experiments.get("plan"))]
    results = as_rows(experiments.get("results"))
    if not plan and not results:
        return None
    lifts = [estimate_of(row, "lift", "lift_low", "lift_high") for row in results]
    scale = plots.interval_scale(lifts)
    return {
        "plan": plan,
        "results": [_result(run, row, scale) for row in results],
        "lead": _lead(run, results),
        "scale": scale,
        "ticks": scale.ticks(run.money.tick),
        "segments": [part for row in results if (part := _segments(run, row)) is not None],
    }


def _planned(run: Run, row: Row) -> dict[str, str]:
    return {
        "label": run.label(row.get("behaviour"), row.get("label")),
        "effect": run.money(row.get("effect")),
        "increase": count(row.get("increase")),
        "sd": run.money(row.get("sd")),
        "n_per_arm": number(row.get("n_per_arm"), 0),
        "total": number(row.get("total"), 0),
    }


def _lead(run: Run, results: list[Row]) -> str:
    if not results:
        return ""
    tested = {str(row.get("behaviour")): row for row in results}
    changed = sum(row.get("verdict") != row.get("observed_verdict") for row in tested.values())
    lead = (
        f"{how_many(len(results), 'randomised test').capitalize()} of "
        f"{how_many(len(tested), 'behaviour')}: a test outranks observation, so effect, interval "
        "and verdict are the test's. "
    )
    if not changed:
        return lead + "They bear observation out."
    return lead + f"In {how_many(changed, 'case')} the verdict is another one than observation's."


def _result(run: Run, row: Row, scale: Scale) -> dict[str, Any]:
    label = run.label(row.get("behaviour"), row.get("label"))
    lift = estimate_of(row, "lift", "lift_low", "lift_high")
    effect = estimate_of(row, "effect", "effect_low", "effect_high")
    observed = estimate_of(row, "observed_effect", "observed_effect_low", "observed_effect_high")
    days, outcome = finite(row.get("days")), run.days("outcome_days")
    facts = [one_line(PurePath(str(row["source"])).name)] if row.get("source") else []
    if days is not None:
        other = "" if outcome in (None, int(days)) else f", not rescaled to {outcome}"
        facts.append(f"measured over {number(days, 0)} days{other}")
    if finite(row.get("mean_control")) is not None:
        facts.append(f"control {run.money(row['mean_control'])} on average")
    if finite(row.get("p_value")) is not None:
        facts.append(f"p {p_words(row['p_value'])}")
    if finite(row.get("cost_per_event")):
        facts.append(f"verdict net of the {run.money(row['cost_per_event'])} that one event costs")
    return {
        "label": label,
        "name": one_line(row.get("name") or ""),
        "treated": number(row.get("n_treated"), 0),
        "control": number(row.get("n_control"), 0),
        "lift": run.money(lift[0], decimals_for(*lift)),
        "interval": run.money.spread(*lift[1:], decimals_for(*lift)),
        "plot": plots.interval_cell(
            scale, lift, tone="good", label=f"{label}, lift: {run.money.estimate(*lift)}"
        ),
        "events": number(row.get("events"), 2, signed=True),
        "events_interval": ""
        if row.get("events_low") == row.get("events_high")
        else spread(row.get("events_low"), row.get("events_high"), 2),
        "effect": run.money(effect[0], decimals_for(*effect)),
        "effect_interval": run.money.spread(*effect[1:], decimals_for(*effect)),
        "observed": run.money(observed[0], decimals_for(*observed)),
        "observed_interval": run.money.spread(*observed[1:], decimals_for(*observed)),
        "before": text.verdict_of(row.get("observed_verdict")),
        "after": text.verdict_of(row.get("verdict")),
        "facts": facts,
    }


def _segments(run: Run, row: Row) -> dict[str, Any] | None:
    by_segment = as_rows(row.get("by_segment"))
    if not by_segment:
        return None
    lifts = [estimate_of(each, "lift", "lift_low", "lift_high") for each in by_segment]
    scale = plots.interval_scale(lifts, wide=[True] * len(lifts))
    rows = []
    for each, lift in zip(by_segment, lifts, strict=True):
        where = f"{one_line(each.get('segment') or '')}: {one_line(each.get('value') or '')}"
        apart = estimate_of(each, "difference", "difference_low", "difference_high")
        rows.append(
            {
                "where": where,
                "treated": number(each.get("n_treated"), 0),
                "control": number(each.get("n_control"), 0),
                "lift": run.money(lift[0], decimals_for(*lift)),
                "interval": run.money.spread(*lift[1:], decimals_for(*lift)),
                "difference": run.money(apart[0], decimals_for(*apart), signed=True),
                "difference_interval": run.money.spread(*apart[1:], decimals_for(*apart)),
                "p_value": p_words(each.get("p_value")),
                "plot": plots.interval_cell(
                    scale, lift, tone="plain", label=f"{where}: {run.money.estimate(*lift)}"
                ),
            }
        )
    return {
        "title": f"{run.label(row.get('behaviour'), row.get('label'))}, by segment",
        "texts": [
            _same(segment, p) for segment, p in as_mapping(row.get("same_in_segments")).items()
        ],
        "rows": rows,
        "scale": scale,
        "ticks": scale.ticks(run.money.tick),
    }


def _same(segment: Any, p_value: Any) -> str:
    name, p = one_line(segment), finite(p_value)
    if p is None:
        return f"Whether the lift differs by {name} cannot be told."
    if p < _DIFFERENT:
        return f"The lift differs by {name} (p {p_words(p)})."
    return f"No difference by {name} that chance would not make (p {p_words(p)})."
