"""Sections on measures: all of them, and each in detail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engagement_ml.formatting import DASH, day, finite, number, one_line, sentence
from engagement_ml.report.scorecard import drawings, words
from engagement_ml.report.scorecard.matrices import series_table
from engagement_ml.report.scorecard.section import Section
from engagement_ml.report.scorecard.tables import (
    Cell,
    Column,
    Table,
    chip_cell,
    drawing_cell,
    text_cell,
    value_cell,
)
from engagement_ml.report.scorecard.values import Writer
from engagement_ml.scorecard.card import MeasureCard, Scorecard, Value

_VALUE = ("period", "value", "low", "high", "unit", "n", "numerator", "denominator")
_COLUMNS = (
    Column("Measure", ("measure", "title")),
    Column("Last value", _VALUE, "number"),
    Column("Series", (), "drawing"),
    Column("Trend", ("trend", "trend_low", "trend_high"), "number"),
    Column("Target", ("target", "target_source"), "number"),
    Column("Status", ("status",)),
    Column("Link to margin", ("link", "link_sentence")),
    Column("Stage", ("stage",)),
    Column("Owner", ("owner",)),
    Column("People", (), "number"),
)


def measures_section(card: Scorecard) -> Section | None:
    """Return the section of all measures that the tables allow."""
    measures = words.measured(card)
    if not measures:
        return None
    table = Table(
        "measures", "Measures", _columns(measures), tuple(_row(card, each) for each in measures)
    )
    kinds = dict.fromkeys(each.link.kind for each in measures)
    return Section(
        "measures",
        "All measures",
        ("Each value is that of the last complete period, with its 95% interval.",),
        (table,),
        ((("Values by period"), (series_table(card, measures),)),),
        "scorecard_legend.html.j2",
        [(words.LINKS[kind], words.MEANINGS[kind]) for kind in words.LINKS if kind in kinds],
    )


def _columns(measures: Sequence[MeasureCard]) -> tuple[Column, ...]:
    """Return the columns; those that are empty for all measures are in the file only."""
    empty = {
        "Target": all(each.target is None for each in measures),
        "Status": all(each.status == "no target" for each in measures),
        "Stage": not any(each.stage for each in measures),
        "Owner": not any(each.owner for each in measures),
    }
    return tuple(replace(c, shown=False) if empty.get(c.title) else c for c in _COLUMNS)


def anchor(card: Scorecard, name: str) -> str:
    """Return the anchor of a measure's details, empty if the page has none."""
    names = [each.name for each in words.measured(card)]
    return f"measure-{names.index(name) + 1}" if name in names else ""


def _row(card: Scorecard, measure: MeasureCard) -> tuple[Cell, ...]:
    write = Writer(measure.unit, card.currency)
    latest, title = measure.latest, one_line(measure.title)
    return (
        Cell(
            title,
            title.casefold(),
            (measure.name, measure.title),
            one_line(measure.name) if measure.name != measure.title else "",
            link=anchor(card, measure.name),
        ),
        value_cell(
            latest,
            write,
            (
                *(measure.period, latest.value, latest.low, latest.high),
                *(measure.unit, latest.n, latest.numerator, latest.denominator),
            ),
            note=True,
        ),
        drawing_cell(drawings.sparkline(measure, write)),
        _trend_cell(measure, write),
        _target_cell(measure, write),
        _status_cell(measure),
        _link_cell(measure),
        text_cell(measure.stage),
        text_cell(measure.owner),
        Cell(number(latest.n, 0) if latest.n else DASH, latest.n or None),
    )


def _trend_cell(measure: MeasureCard, write: Writer) -> Cell:
    trend = measure.trend
    if finite(trend.slope) is None:
        return Cell(DASH, None, (None, None, None), hidden="fewer than four periods")
    shown, interval = write.parts(Value(trend.slope, trend.low, trend.high), signed=True)
    return Cell(
        f"{words.trend_chip(trend).sign} {shown}",
        trend.slope,
        (trend.slope, trend.low, trend.high),
        interval,
        hidden={True: "better", False: "worse", None: "no clear change"}[trend.good],
    )


def _target_cell(measure: MeasureCard, write: Writer) -> Cell:
    source = measure.target_source
    if finite(measure.target) is None:
        return Cell(DASH, None, (measure.target, source), hidden="no target")
    return Cell(
        write.exact(measure.target),
        measure.target,
        (measure.target, source),
        one_line(source),
        wide=bool(source),
    )


def _status_cell(measure: MeasureCard) -> Cell:
    order = list(words.STATUSES).index(measure.status)
    if measure.status == "no target":
        return Cell(DASH, order, (measure.status,), hidden="no target")
    return chip_cell(words.STATUSES[measure.status], measure.status, order)


def _link_cell(measure: MeasureCard) -> Cell:
    link = measure.link
    if link.kind == "none":
        return Cell(DASH, len(words.LINKS), (link.kind, link.sentence), hidden="no verdict")
    return Cell(
        link.kind,
        list(words.LINKS).index(link.kind),
        (link.kind, link.sentence),
        chip=words.LINKS[link.kind],
    )


def details_section(card: Scorecard) -> Section | None:
    """Return the section that explains each measure: formula, link, notes, series."""
    measures = words.measured(card)
    if not measures:
        return None
    return Section(
        "details",
        "Each measure in detail",
        template="scorecard_details.html.j2",
        content=[_detail(card, each) for each in measures],
    )


def _detail(card: Scorecard, measure: MeasureCard) -> dict[str, Any]:
    write = Writer(measure.unit, card.currency)
    better = {"more": "More is better.", "less": "Less is better."}.get(measure.better or "", "")
    return {
        "anchor": anchor(card, measure.name),
        "title": one_line(measure.title),
        "value": write.both(measure.latest),
        "period": one_line(measure.period or ""),
        "status": words.STATUSES[measure.status],
        "link": words.LINKS[measure.link.kind],
        "why": sentence(one_line(measure.link.sentence)) or words.MEANINGS[measure.link.kind],
        "behaviours": [
            (one_line(name), words.verdict_chip(verdict))
            for name, verdict in measure.link.behaviours.items()
        ],
        "formula": one_line(measure.formula),
        "better": better,
        "chart": drawings.series_chart(measure, write),
        "benchmarks": [
            f"{write(each.value)}: {one_line(each.source)}, {day(each.date)}"
            for each in measure.benchmarks
        ],
        "notes": [sentence(one_line(each)) for each in measure.notes],
    }
