"""Printing of a promotion: the gate's checks, the change of scores, and what was done."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engagement_ml.formatting import number, one_line, percent, plural, sentence
from engagement_ml.lifecycle.backcast import Backcast
from engagement_ml.lifecycle.promotion import Promotion
from engagement_ml.report import text

WIDTH = 80


def show_promotion(result: Promotion) -> None:
    """Print each check with what was wanted and found, the change of scores and the outcome."""
    console = Console(highlight=False, markup=False, emoji=False)
    width = min(WIDTH, console.width)
    against = "" if result.champion is None else f", against version {result.champion}"
    title = f"{result.model}, version {result.version}{against}"
    console.print(Text(one_line(title), style="bold"), width=width)
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("check", overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("wanted", overflow="fold")
    table.add_column("found", overflow="fold")
    for each in result.decision.checks:
        verdict = Text("passed") if each.passed else Text("FAILED", style="bold yellow")
        table.add_row(
            Text(each.title), verdict, Text(one_line(each.wanted)), Text(one_line(each.found))
        )
    console.print(table, width=width)
    if result.backcast is not None:
        console.print("")
        _show_change(console, result.backcast, plural(one_line(result.entity)), width)
    if result.notes:
        console.print("")
    for note in result.notes:
        console.print(text.note(note), style="dim", width=width)
    console.print("")
    console.print(Text(one_line(sentence(result.outcome)), style="bold"), width=width)
    if result.folder is not None:
        console.print(str(result.folder / "promote.html"), soft_wrap=True)


def show_rollback(name: str, old: int, new: int) -> None:
    """Print what a rollback did."""
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(
        f"{one_line(name)}: version {new} is champion again, instead of version {old}; "
        "there is no previous one now",
        soft_wrap=True,
    )


def _show_change(console: Console, change: Backcast, many: str, width: int) -> None:
    last = change.last
    console.print(Text("What the change does to scores", style="bold"), width=width)
    console.print(
        f"At {last.cutoff}, the mean goes from {number(last.change.mean_before, 1)} to "
        f"{number(last.change.mean_after, 1)} points. {percent(last.change.moved_share, 1)} of the "
        f"{many} move by a tenth of the ranks or more; {percent(last.turnover, 1)} of the top "
        "tenth are new in it.",
        width=width,
    )
