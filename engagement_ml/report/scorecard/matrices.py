"""Matrices of values: measure × group of a segment, stage × touchpoint, measure × period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.formatting import one_line, plural
from engagement_ml.report.scorecard import words
from engagement_ml.report.scorecard.section import Section
from engagement_ml.report.scorecard.tables import Cell, Column, Table, text_cell, value_cell
from engagement_ml.report.scorecard.values import Writer
from engagement_ml.scorecard.card import MeasureCard, Scorecard, Value


def series_table(card: Scorecard, measures: Sequence[MeasureCard]) -> Table:
    """Return measures by period; its file has a row for each value."""
    rows, records = [], []
    for measure in measures:
        write = Writer(measure.unit, card.currency)
        values = [measure.series.get(period) for period in card.periods]
        rows.append((text_cell(measure.title), *(value_cell(value, write) for value in values)))
        records += [
            {"measure": measure.name, "period": period, **_record(value, measure.unit)}
            for period, value in measure.series.items()
        ]
    columns = [Column(one_line(period), (), "number") for period in card.periods]
    return Table(
        "values-by-period",
        "Values by period",
        (Column("Measure"), *columns),
        tuple(rows),
        tuple(records),
    )


def _record(value: Value, unit: str) -> dict[str, Any]:
    return {
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "unit": unit,
        "n": value.n,
        "numerator": value.numerator,
        "denominator": value.denominator,
        "note": value.note,
    }


def segments_section(card: Scorecard) -> Section | None:
    """Return a matrix of measures and groups for each segment column."""
    columns = list(dict.fromkeys(c for each in card.measures for c in each.segments))
    tables = [_segment_table(card, column, n) for n, column in enumerate(columns, start=1)]
    if not tables:
        return None
    many = one_line(plural(card.entity))
    return Section(
        "by-segment",
        "By segment",
        (f"Values of the last period. A dash: no data, or too few {many} to show a value.",),
        tuple(tables[:1]),
        tuple((table.caption, (table,)) for table in tables[1:]),
    )


def _segment_table(card: Scorecard, column: str, n: int) -> Table:
    having = [each for each in words.measured(card) if each.segments.get(column)]
    groups = list(dict.fromkeys(group for each in having for group in each.segments[column]))
    return Table(
        f"by-segment-{n}",
        f"By {one_line(column)}",
        (
            Column("Measure"),
            Column("All", (), "number"),
            *(Column(one_line(group), (), "number") for group in groups),
        ),
        tuple(
            _matrix_row(card, each, each.title, [each.latest, *_in_order(each, column, groups)])
            for each in having
        ),
        tuple(
            {"measure": each.name, "segment": column, "group": group, **_record(value, each.unit)}
            for each in having
            for group, value in each.segments[column].items()
        ),
    )


def _in_order(measure: MeasureCard, column: str, groups: Sequence[str]) -> list[Value | None]:
    return [measure.segments[column].get(group) for group in groups]


def _matrix_row(
    card: Scorecard, measure: MeasureCard, heading: str, values: Sequence[Value | None]
) -> tuple[Cell, ...]:
    write = Writer(measure.unit, card.currency)
    return (text_cell(heading), *(value_cell(value, write) for value in values))


def touchpoint_table(card: Scorecard) -> Table | None:
    """Return stage × touchpoint: a row for each measure of each stage."""
    by_name = {each.name: each for each in card.measures}
    entries: list[tuple[str, MeasureCard, Mapping[str, Value]]] = [
        (stage.title, by_name[name], values)
        for stage in card.stages
        for name, values in stage.matrix.items()
        if name in by_name and values
    ]
    listed = {measure.name for _, measure, _ in entries}
    entries += [
        ("", each, each.touchpoints)
        for each in words.measured(card)
        if each.touchpoints and each.name not in listed
    ]
    touchpoints = list(dict.fromkeys(name for _, _, values in entries for name in values))
    if not touchpoints:
        return None
    return Table(
        "by-touchpoint",
        "Stages by touchpoint",
        (
            Column("Measure"),
            Column("Stage"),
            *(Column(one_line(name), (), "number") for name in touchpoints),
        ),
        tuple(
            (
                text_cell(measure.title),
                text_cell(stage or None),
                *_matrix_row(card, measure, "", [values.get(t) for t in touchpoints])[1:],
            )
            for stage, measure, values in entries
        ),
        tuple(
            {"stage": stage, "measure": measure.name, "touchpoint": touchpoint}
            | _record(value, measure.unit)
            for stage, measure, values in entries
            for touchpoint, value in values.items()
        ),
    )
