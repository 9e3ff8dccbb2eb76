"""Sections on what stands beside the measures: benchmarks, and measures without data."""

from __future__ import annotations

from engagement_ml.formatting import day, one_line, quantity
from engagement_ml.report.scorecard import words
from engagement_ml.report.scorecard.section import Section
from engagement_ml.report.scorecard.tables import (
    Cell,
    Column,
    Table,
    number_cell,
    text_cell,
    value_cell,
)
from engagement_ml.report.scorecard.values import Writer
from engagement_ml.scorecard.card import Scorecard

_MOST_ROWS_OPEN = 12


def absent_section(card: Scorecard) -> Section | None:
    """Return the measures that the tables do not allow, and what each needs."""
    lacking = words.absent(card)
    if not lacking:
        return None
    table = Table(
        "not-measured",
        "Measures without data",
        (Column("Measure", ("measure",)), Column("Needs", ("needs",))),
        tuple(
            (
                Cell(one_line(each.title), each.title.casefold(), (each.name,)),
                text_cell(each.absent, wide=True),
            )
            for each in lacking
        ),
    )
    lead = f"The tables lack what {quantity(len(lacking), 'measure')} would need."
    if len(lacking) <= _MOST_ROWS_OPEN:
        return Section("absent", "Not measured", (lead,), (table,))
    return Section("absent", "Not measured", (lead,), (), (("What each needs", (table,)),))


def benchmarks_section(card: Scorecard) -> Section | None:
    """Return values from outside, beside the company's own."""
    pairs = [(each, b) for each in card.measures for b in each.benchmarks]
    if not pairs:
        return None
    table = Table(
        "benchmarks",
        "Values from outside",
        (
            Column("Measure", ("measure",)),
            Column("Own value", ("value", "low", "high"), "number"),
            Column("Benchmark", ("benchmark",), "number"),
            Column("Source", ("source",)),
            Column("Date", ("date",)),
        ),
        tuple(
            (
                Cell(one_line(each.title), each.title.casefold(), (each.name,)),
                value_cell(each.latest, Writer(each.unit, card.currency), note=True),
                number_cell(b.value, Writer(each.unit, card.currency).exact(b.value)),
                text_cell(b.source, wide=True),
                Cell(day(b.date), b.date.isoformat(), (b.date,)),
            )
            for each, b in pairs
        ),
    )
    lead = "Others may define or measure these differently. A benchmark is no target by itself."
    return Section("benchmarks", "Benchmarks", (lead,), (table,))
