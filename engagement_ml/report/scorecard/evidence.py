"""Sections on scores: the engagement metric, and scores by hand beside it; how it was measured."""

from __future__ import annotations

from typing import Any

from engagement_ml.formatting import Money, day, number, one_line, sentence
from engagement_ml.report import text
from engagement_ml.report.scorecard import drawings, words
from engagement_ml.report.scorecard.mappings import mapping_table
from engagement_ml.report.scorecard.section import Section
from engagement_ml.report.scorecard.tables import Cell, Column, Table, number_cell
from engagement_ml.report.scorecard.values import Writer
from engagement_ml.scorecard.card import MeasureCard, ScoreCard, Scorecard, Value

_EVIDENCE = {
    "driver": "It is made of behaviours that move margin.",
    "indicator": "It predicts margin. It is no proof that raising it raises margin.",
}


def metric_section(card: Scorecard) -> Section | None:
    """Return the engagement metric: behaviours and weights, and its mean by period."""
    score = card.score
    if score is None:
        return None
    lead = [sentence(one_line(score.reason))] if score.reason else []
    lead += [_EVIDENCE[score.evidence]] if score.evidence in _EVIDENCE and not lead else []
    margin = score.margin
    if margin.value is not None:
        money = Money(one_line(card.currency))
        lead.append(
            f"Margin per {one_line(card.entity)} with the last change of the metric, if the "
            f"effects are causal: {money.estimate(margin.value, margin.low, margin.high)}."
        )
    elif margin.note:
        lead.append(sentence(one_line(margin.note)))
    table = Table(
        "metric",
        "Behaviours of the metric",
        (Column("Behaviour", ("behaviour",)), Column("Weight", ("weight",), "number")),
        tuple(
            (_behaviour(card, name), number_cell(weight, number(weight, 1)))
            for name, weight in score.behaviours.items()
        ),
    )
    return Section(
        "metric",
        f"The engagement metric: {one_line(score.name)}",
        tuple(lead),
        (table,) if table.rows else (),
        template="scorecard_metric.html.j2",
        content=_chart(score),
    )


def _behaviour(card: Scorecard, name: str) -> Cell:
    """Return a behaviour by the title of the measure that counts it, if there is one."""
    shown = words.title(card, name)
    return Cell(shown, shown.casefold(), (name,), one_line(name) if shown != name else "")


def _chart(score: ScoreCard) -> dict[str, Any]:
    as_measure = MeasureCard("score", "Mean score", "score", series=score.series, trend=score.trend)
    write, trend = Writer("score"), score.trend
    slope = ""
    if trend.slope is not None:
        shown, interval = write.parts(Value(trend.slope, trend.low, trend.high), signed=True)
        slope = f"{shown} points per period ({interval})"
    return {
        "chart": drawings.series_chart(as_measure, write),
        "trend": words.trend_chip(trend),
        "slope": slope,
    }


def contestants_section(card: Scorecard) -> Section | None:
    """Return scores by hand beside the metric."""
    if not card.contestants:
        return None
    table = mapping_table(
        "contestants", "Scores compared", card.contestants, currency=card.currency
    )
    lead = (
        "Predicts margin: the rank correlation of the score with the margin after it. Moves with "
        f"margin: when the score of one {one_line(card.entity)} changes, does its margin follow?"
    )
    return Section("contestants", "Scores set by hand", (lead,), () if table is None else (table,))


def method_section(card: Scorecard) -> Section:
    """Return how the scorecard was measured, and its notes."""
    return Section(
        "method",
        "How this was measured",
        template="scorecard_method.html.j2",
        content={
            "notes": [sentence(text.note(one_line(each))) for each in card.notes],
            "as_of": day(card.as_of),
            "periods": [one_line(each) for each in card.periods],
            "version": one_line(card.version),
            "statuses": [
                (words.STATUSES["met"], "the value reaches the target"),
                (words.STATUSES["warning"], "the target is not reached, but lies within the "
                 "interval or the limit for warnings"),
                (words.STATUSES["missed"], "the value misses the target"),
                (words.STATUSES["no data"], "the last period has no value"),
            ],
        },
    )  # fmt: skip
