"""Printing of lists of actions, of what came of them, and of the track record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from engagement_ml.cli.results import print_table
from engagement_ml.errors import ConfigError, NothingToActOnError
from engagement_ml.formatting import Money, first_upper, number, one_line, quantity, sentence
from engagement_ml.report.summary import WIDTH
from engagement_ml.report.track_record_page import headline
from engagement_ml.workflow import ActionReading, ActionResult, TrackRecordResult


def refuse_together(
    read: Path | None, record: Path | None, making: Mapping[str, object | None]
) -> None:
    """Refuse options of one task together with those of another.

    Raises
    ------
    ConfigError
        If two tasks are asked for at once.
    """
    if read is not None and record is not None:
        raise ConfigError("--read and --record are two tasks; give one of them")
    task = "--read" if read is not None else "--record" if record is not None else None
    given = [option for option, value in making.items() if value is not None]
    if task is not None and given:
        raise ConfigError(f"{given[0]} is for a new list; leave it out with {task}")


def show_nothing(why: NothingToActOnError) -> None:
    """Print why there is no list: an abstention is a result."""
    _print(_console(), f"No list was made. {first_upper(str(why))}.")


def show_action(result: ActionResult, *, quiet: bool) -> None:
    """Print the list by behaviour, the expected gain, what it can show, and where it is."""
    if quiet:
        return
    console, plan, money = _console(), result.plan, Money(one_line(result.plan.currency))
    amount = money.estimate(plan.gain, plan.low, plan.high)
    title = (
        f"{quantity(plan.n_treated, one_line(plan.entity))} to act on, {plan.n_control:,} left "
        f"alone: {amount} expected in {plan.outcome_days} days, if each does one more event."
    )
    _print(console, title, style="bold")
    rows = {
        one_line(each.label): [
            f"{each.n_treated:,}",
            f"{each.n_control:,}",
            money(each.gain),
            each.evidence,
        ]
        for each in plan.drivers
    }
    columns = ["treated", "control", "each", "evidence"]
    print_table(console, "Behaviour", rows, columns)
    for note in plan.notes:
        _print(console, sentence(one_line(note)), style="dim")
    typer.echo(f"{result.folder}")
    typer.echo(
        f"Read it back once the tables reach {plan.until}: engagement-ml act CONFIG --read "
        f"{result.folder}"
    )


def show_reading(result: ActionReading, *, quiet: bool) -> None:
    """Print what came of a list, and the lines that make `train` use it."""
    if quiet:
        return
    console = _console()
    first, *others = result.sentences()
    _print(console, one_line(first), style="bold")
    if result.score is not None:
        score = result.score
        _print(
            console,
            f"Score: {number(score.value, 2, signed=True)} points ({number(score.low, 2)} to "
            f"{number(score.high, 2)}).",
        )
    for text in others:
        _print(console, one_line(text))
    for note in result.notes:
        _print(console, sentence(one_line(note)), style="dim")
    typer.echo(f"{result.folder}")
    if result.experiments:
        typer.echo("To let 'train' use it, add to the configuration:")
        typer.echo(result.experiments)


def show_record(result: TrackRecordResult, *, quiet: bool) -> None:
    """Print the track record in short, and where its page is."""
    if quiet:
        return
    console, record = _console(), result.record
    _print(console, f"{headline(record)}.", style="bold")
    ratio = record.calibration
    if ratio is not None:
        _print(
            console,
            f"An extra event brought {number(ratio.value, 2)} times the gain that was predicted "
            f"({number(ratio.low, 2)} to {number(ratio.high, 2)}).",
        )
    for note in record.notes:
        _print(console, sentence(one_line(note)), style="dim")
    typer.echo(str(result.folder / "track-record.html"))


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False)


def _print(console: Console, text: str, **style: Any) -> None:
    console.print(Text(text, **style), width=min(WIDTH, console.width))
