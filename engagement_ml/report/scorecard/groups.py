"""Sections on groups of customers: segments by behaviour, and cohorts with their heat maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engagement_ml.formatting import first_upper, number, one_line, percent, plural, sentence
from engagement_ml.report.scorecard import drawings
from engagement_ml.report.scorecard.section import Section
from engagement_ml.report.scorecard.tables import (
    Cell,
    Column,
    Table,
    number_cell,
    text_cell,
    value_cell,
)
from engagement_ml.report.scorecard.values import Writer, as_value
from engagement_ml.scorecard.card import CohortTable, Scorecard

_UNITS = {"retention": "percent", "margin": "currency"}
_BY = {"entry": "month of entry", "campaign": "campaign of acquisition"}


def behaviour_segments_section(card: Scorecard) -> Section | None:
    """Return the segments by behaviour, or why there are none."""
    found = card.segments
    if not found.segments:
        reason = sentence(one_line(found.reason or ""))
        return Section("segments", "Segments by behaviour", (reason,)) if reason else None
    table = Table(
        "segments",
        "Segments by behaviour",
        (
            Column("Segment", ("segment",)),
            Column(first_upper(one_line(plural(card.entity))), ("customers", "share"), "number"),
            Column("Margin", ("margin", "margin_low", "margin_high"), "number"),
            Column("Score", ("score", "score_low", "score_high"), "number"),
            Column("What sets it apart", ("apart",)),
        ),
        tuple(_segment(card, each) for each in found.segments),
    )
    lead = []
    if found.stability is not None:
        lead.append(
            f"Halves of the {one_line(plural(card.entity))}, clustered separately, agree with an "
            f"adjusted Rand index of {number(found.stability, 2)} (1: the same, 0: chance)."
        )
    if found.reason:
        lead.append(sentence(one_line(found.reason)))
    return Section("segments", "Segments by behaviour", tuple(lead), (table,))


def _segment(card: Scorecard, segment: Mapping[str, Any]) -> tuple[Cell, ...]:
    apart = segment.get("apart") or {}
    told = ", ".join(f"{one_line(name)} × {number(ratio, 1)}" for name, ratio in apart.items())
    return (
        text_cell(segment["name"]),
        Cell(
            number(segment.get("customers"), 0),
            segment.get("customers"),
            (segment.get("customers"), segment.get("share")),
            percent(segment.get("share")),
        ),
        value_cell(as_value(segment.get("margin")), Writer("currency", card.currency), note=True),
        value_cell(as_value(segment.get("score")), Writer("score"), note=True),
        Cell(told or "–", None, (told,), wide=True),
    )


def cohorts_section(card: Scorecard) -> Section | None:
    """Return a heat map for each table of cohorts."""
    tables = tuple(
        _heat_map(card, each, n)
        for n, each in enumerate(card.cohorts, start=1)
        if each.cohorts and each.ages
    )
    if not tables:
        return None
    lead = (
        f"Each row is a group of {one_line(plural(card.entity))}, each column its age in periods "
        "since entry. A deeper colour is a higher value; an age that is not reached yet is empty."
    )
    folded = tuple((table.caption, (table,)) for table in tables[1:])
    return Section("cohorts", "Cohorts", (lead,), tables[:1], folded)


def _heat_map(card: Scorecard, cohort: CohortTable, n: int) -> Table:
    write = Writer(_UNITS.get(cohort.quantity, "score"), card.currency)
    by = _BY.get(cohort.by, one_line(cohort.by))
    values = [value for row in cohort.cells for value in row]
    return Table(
        f"cohorts-{n}",
        f"{first_upper(one_line(cohort.quantity))} by {by}",
        (
            Column("Cohort", ("cohort",)),
            Column(first_upper(one_line(plural(card.entity))), ("size",), "number"),
            *(Column(number(age, 0), (f"age_{age}",), "number") for age in cohort.ages),
        ),
        tuple(
            (
                text_cell(name),
                number_cell(size, number(size, 0)),
                *(_shaded(value, values, write) for value in row),
            )
            for name, size, row in zip(cohort.cohorts, cohort.sizes, cohort.cells, strict=True)
        ),
    )


def _shaded(value: float | None, values: list[float | None], write: Writer) -> Cell:
    if value is None:
        return Cell("", None, (None,), hidden="not reached")
    return Cell(write(value), value, (value,), heat=drawings.shade(value, values))
