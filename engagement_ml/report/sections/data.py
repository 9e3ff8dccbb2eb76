"""The input tables: rows read, kept and left out, and the training sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engagement_ml.formatting import DASH, day, number, one_line, percent, quantity
from engagement_ml.report import text
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run, without_folders

if TYPE_CHECKING:
    from engagement_ml.formatting import Money
    from engagement_ml.tables.quality import Dropped, TableQuality

MAX_TYPES = 500
"""Grouped event types that the page lists; ``run.json`` has all."""


def build(run: Run) -> dict[str, Any] | None:
    """Return each table's rows and period; None if the record names no table."""
    record = run.record
    if not record.tables:
        return None
    return {
        "tables": [_row(table, run.money) for table in record.tables],
        "sample": text.sample(record.sample, run.entities),
        "n_entities": number(record.n_entities, 0),
        "n_rows": number(record.n_rows, 0),
        "grouped": _grouped(record.grouped_event_types),
    }


def _grouped(counts: Mapping[str, int]) -> dict[str, Any] | None:
    """Return the event types that form one behaviour, those with the most events first."""
    if not counts:
        return None
    shown = dict(list(counts.items())[:MAX_TYPES])
    return {
        "title": f"{quantity(len(counts), 'event type')} form one behaviour",
        "types": [f"{one_line(name)} ({number(n, 0)})" for name, n in shown.items()],
        "more": number(len(counts) - len(shown), 0) if len(counts) > len(shown) else "",
    }


def _row(table: TableQuality, money: Money) -> dict[str, Any]:
    return {
        "table": one_line(table.table),
        "source": without_folders(table.source),
        "read": number(table.rows_read, 0),
        "kept": number(table.rows_kept, 0),
        "share": percent(table.rows_kept / table.rows_read, 1) if table.rows_read else DASH,
        "dropped": [
            {"reason": _reason(each, money), "rows": number(each.rows, 0)}
            for each in table.dropped
            if each.rows
        ],
        "span": f"{day(table.first)} to {day(table.last)}" if table.first and table.last else DASH,
    }


def _reason(dropped: Dropped, money: Money) -> str:
    reason = one_line(dropped.reason)
    if dropped.revenue is None:
        return reason
    return f"{reason}, with {money(dropped.revenue)} of revenue"


def _tables(run: Run) -> Mapping[str, Sequence[Any]]:
    """Return the rows of the file, without the folders of the sources."""
    fields = ("table", "rows_read", "rows_kept", "first", "last")
    return {
        "tables.csv": [
            {name: getattr(table, name) for name in fields} for table in run.record.tables
        ]
    }


DATA = Section(
    "data",
    "The data",
    "data.html.j2",
    build,
    folded=True,
    tables=_tables,
)
