"""Response curves: margin by number of events."""

from __future__ import annotations

from typing import Any

from engagement_ml.drivers.response_evidence import ResponseCurve
from engagement_ml.formatting import count, number
from engagement_ml.report import plots, text
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run


def build(run: Run) -> dict[str, Any] | None:
    """Return a card per response curve, the metric's behaviours first; None without curves."""
    responses = run.record.evidence.responses
    first = [each.behaviour for each in run.weighted]
    order = dict.fromkeys([*first, *run.by_behaviour, *sorted(responses)])
    cards = [_card(run, name, responses[name]) for name in order if name in responses]
    if not cards:
        return None
    return {"cards": cards, "saturates": any(card["saturation"] for card in cards)}


def _card(run: Run, behaviour: str, curve: ResponseCurve) -> dict[str, Any]:
    label, lowers = run.label(behaviour), curve.effect[-1] < 0 and curve.optimum is None
    return {
        "label": label,
        "verdict": text.verdict_of(run.verdict(behaviour)),
        "tone": "bad" if lowers else "good",
        "chart": plots.response_chart(
            curve,
            tone="bad" if lowers else "good",
            label=f"Margin by number of events of {label}, compared with none, with a 95% band",
            x_label=f"events in {run.observation_days} days",
            y_label=f"{run.money.currency} over the next {run.outcome_days} days, compared with "
            "none",
            write_x=number,
            write_y=run.money.tick,
        ),
        "typical": count(curve.typical),
        "p90": count(curve.p90),
        "saturation": None if curve.saturation_point is None else count(curve.saturation_point),
        "turns": curve.optimum is not None,
        "sentences": _sentences(run, curve, lowers=lowers),
    }


def _sentences(run: Run, curve: ResponseCurve, *, lowers: bool) -> list[str]:
    if curve.optimum is not None:
        return _turning_sentences(run, curve)
    value = plots.effect_at(curve, curve.typical)
    amount = f"costing {run.money(-value)}" if lowers else f"worth {run.money(value)}"
    sentences = [
        f"Among {run.entities} who do it at all, the typical count is {count(curve.typical)}, "
        f"{amount} compared with none."
    ]
    if lowers:
        return [*sentences, "Within the counts observed, each further event costs margin."]
    if curve.saturation_point is None:
        return [*sentences, "Within the counts observed, one more event still pays."]
    sentences.append(
        f"From {count(curve.saturation_point)} on, one more event no longer pays for itself."
    )
    past = curve.p90 >= curve.saturation_point
    busiest = f"The busiest 10% ({count(curve.p90)} or more)"
    return [*sentences, f"{busiest} {'are beyond that point' if past else 'are not there yet'}."]


def _turning_sentences(run: Run, curve: ResponseCurve) -> list[str]:
    """Say up to how many events pay, beyond how many they cost, and where segments differ."""
    interval = f"95% interval {count(curve.optimum_low)} to {count(curve.optimum_high)}"
    best = run.money(plots.effect_at(curve, curve.optimum or 0.0))
    sentences = [
        f"Pays up to {count(curve.optimum)} ({interval}), which is worth {best} compared with none."
    ]
    if curve.break_even is None:
        sentences.append("Each further event costs some of that gain.")
    else:
        sentences.append(f"Costs beyond {count(curve.break_even)}: the gain is used up there.")
    past = curve.p90 >= (curve.optimum or 0.0)
    sentences.append(
        f"The busiest 10% ({count(curve.p90)} or more) "
        f"{'are beyond the optimum' if past else 'have not reached the optimum'}."
    )
    for row in curve.optima:
        where = f"{row.segment} {row.value}"
        if row.optimum is None:
            sentences.append(f"For {where}, no optimum lies within the counts observed.")
        else:
            sentences.append(
                f"For {where}, the optimum is {count(row.optimum)} "
                f"({count(row.low)} to {count(row.high)})."
            )
    return sentences


RESPONSES = Section("responses", "How much is enough", "responses.html.j2", build)
