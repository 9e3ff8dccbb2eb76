"""Printing of what the monitor found: alarms first."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engagement_ml.formatting import DASH, number, one_line, quantity
from engagement_ml.lifecycle.monitoring.logging_faults import KINDS
from engagement_ml.report import text
from engagement_ml.report.monitor_page import headline
from engagement_ml.workflow import MonitorResult

SHOWN = 5
"""Early warnings that are printed."""


def print_monitor(result: MonitorResult, *, quiet: bool) -> None:
    """Print the rows, alarms first; with `quiet`, only alarms and warnings."""
    console = Console(highlight=False, markup=False, emoji=False)
    loud = [row for row in result.rows if row.status in ("alarm", "warning")]
    if quiet and not loud:
        return
    title = headline([row.to_dict() for row in result.rows])
    console.print(Text(f"{title} in the data before {result.as_of}", style="bold"))
    for row in result.rows if not quiet else loud:
        if row.status != "ok":
            line = one_line(f"{row.status:<8} {row.kind}, {row.subject}: {row.sentence}")
            console.print(Text(line, style="bold" if row.status == "alarm" else ""))
    if quiet:
        return
    _rows(console, result)
    _warnings(console, result)
    console.print("")
    for note in result.notes:
        console.print(text.note(note), style="dim")
    if result.folder is not None:
        console.print(str(result.folder / "monitor.html"), soft_wrap=True)


def _rows(console: Console, result: MonitorResult) -> None:
    """Print the figures of all measured rows; usual shares of faults are only counted."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("status", "check", "subject"):
        table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=24)
    for name in ("value", "expected", "low", "high"):
        table.add_column(name, no_wrap=True, justify="right")
    hidden = 0
    for row in result.rows:
        if row.value is None or (row.status == "ok" and row.kind in KINDS):
            hidden += row.value is not None
            continue
        figures = (_number(each) for each in (row.value, row.expected, row.low, row.high))
        shown = (row.status, row.kind, one_line(row.subject), *figures)
        table.add_row(*(Text(cell) for cell in shown))
    console.print("")
    console.print(table)
    if hidden:
        console.print(f"{quantity(hidden, 'check')} of logging faults found the usual shares.")


def _warnings(console: Console, result: MonitorResult) -> None:
    """Print the customers with the most margin at stake."""
    frame = result.early_warnings
    if frame.empty:
        return
    console.print("")
    console.print(Text("Early warnings, the most margin at stake first", style="bold"))
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    rows: list[dict[Any, Any]] = frame.head(SHOWN).to_dict("records")
    for name in frame.columns:
        table.add_column(str(name), no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    console.print(table)
    if len(frame) > SHOWN:
        console.print(f"and {quantity(len(frame) - SHOWN, 'more customer')}", style="dim")


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(value: float | None) -> str:
    return DASH if value is None else number(value, 0 if abs(value) >= 100 else 3)
