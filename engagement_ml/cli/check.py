"""Printing of a check on standard output: faults, tables, history, behaviours, maturity."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engagement_ml.formatting import DASH, Money, count, first_upper, percent, plural, quantity
from engagement_ml.readiness.result import CheckedHistory, CheckResult
from engagement_ml.readiness.variation import BehaviourVariation, Variation


def print_check(result: CheckResult, *, as_json: bool, quiet: bool) -> None:
    """Print each fault as a line on standard error, and the result on standard output."""
    for fault in result.faults:
        typer.echo(f"error: {fault.message}", err=True)
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2, ensure_ascii=False))
    elif not quiet:
        show_check(result)


def show_check(result: CheckResult) -> None:
    """Print what a check found; faults are printed on standard error by the command."""
    console = Console(highlight=False, markup=False, emoji=False)
    n = len(result.faults)
    headline = (
        f"{quantity(n, 'fault')} would stop training." if n else "Nothing would stop training."
    )
    console.print(Text(headline, style="bold"))
    _tables(console, result)
    _history(console, result.history)
    if result.variation is not None:
        _variation(console, result, result.variation)
    _outcomes(console, result)
    _maturity(console, result)
    _lines(console, "Notes", result.notes)


def _table(*columns: str, numbers: Sequence[str] = ()) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    for place, column in enumerate(columns):
        number = column in numbers
        justify: Any = "right" if number else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=number or not place)
    return table


def _title(console: Console, title: str) -> None:
    console.print("")
    console.print(Text(title, style="bold"))


def _lines(console: Console, title: str, lines: Iterable[str]) -> None:
    found = list(lines)
    if found:
        _title(console, title)
        for line in found:
            console.print(Text(first_upper(line)))


def _tables(console: Console, result: CheckResult) -> None:
    if not result.tables:
        return
    _title(console, "Tables")
    table = _table("table", "rows", "usable", "first day", "last day", numbers=("rows", "usable"))
    for each in result.tables:
        days = (DASH if day is None else f"{day:%Y-%m-%d}" for day in (each.first, each.last))
        rows = (DASH if n is None else count(n) for n in (each.rows_read, each.rows_kept))
        name = f"{each.table} (sample)" if each.sampled else each.table
        table.add_row(name, *rows, *days)
    console.print(table)


def _history(console: Console, history: CheckedHistory | None) -> None:
    if history is None:
        return
    _title(console, "History")
    train, test = len(history.train_cutoffs), len(history.test_cutoffs)
    console.print(
        f"{quantity(history.days, 'day')}, {history.first} to {history.last}: "
        f"{quantity(train, 'cutoff')} to train on, {count(test)} to evaluate on."
    )
    if train and not test:
        console.print("Without later cutoffs, nothing can be evaluated out of time.")


def _variation(console: Console, result: CheckResult, found: Variation) -> None:
    many = plural(result.entity)
    _title(console, "What an effect must be to be found")
    console.print(
        f"{count(found.customers)} {many}, {count(found.trained_on)} of them in training, "
        f"{quantity(found.periods, 'period')} of {quantity(found.period_days, 'day')}."
    )
    if found.obstacle:
        console.print(first_upper(f"{found.obstacle}."))
        return
    money = Money(result.currency)
    if found.hazard_ratio is not None:
        console.print(
            f"{count(found.churned or 0)} {many} churned: a hazard ratio of "
            f"{found.hazard_ratio:.2f} per standard deviation is found in four of five runs."
        )
    else:
        console.print(
            f"Mean margin is {money(found.mean_margin)} per {result.entity} and outcome window; "
            f"what is worth finding begins at {money(found.smallest_interest)}."
        )
    table = _table(
        "behaviour", "events", many, "varies", "found from", "of margin",
        numbers=("events", many, "varies", "found from", "of margin"),
    )  # fmt: skip
    for each in found.behaviours:
        table.add_row(*_behaviour_cells(each, money))
    console.print(table)
    console.print(
        Text(
            "varies: share whose count differs between windows. found from: smallest effect of "
            "one event that four of five runs find. of margin: the same for one standard deviation "
            "of the count, as a share of mean margin.",
            style="dim",
        )
    )
    unreachable = [each for each in found.behaviours if not each.reachable]
    _lines(
        console,
        "Behaviours that cannot reach a verdict",
        (f"{each.behaviour}: {each.advice}." for each in unreachable),
    )


def _behaviour_cells(each: BehaviourVariation, money: Money) -> tuple[str, ...]:
    smallest = DASH if each.smallest_effect is None else money(each.smallest_effect)
    share = DASH if each.smallest_share is None else percent(each.smallest_share, 1)
    return (
        each.behaviour,
        count(each.events),
        percent(each.customers_share),
        percent(each.varying_share),
        smallest,
        share,
    )


def _outcomes(console: Console, result: CheckResult) -> None:
    if not result.outcomes:
        return
    _title(console, "Outcomes and measures")
    table = _table("outcome", "", "what it needs")
    for each in result.outcomes:
        table.add_row(each.name, "yes" if each.supported else "no", each.missing)
    console.print(table)


def _maturity(console: Console, result: CheckResult) -> None:
    found = result.maturity
    if found is None:
        return
    _title(console, f"Data maturity: level {found.level} of {len(found.levels)}")
    table = _table("level", "reached", "brings")
    for each in found.levels:
        reached = "yes" if each.reached else "no"
        table.add_row(f"{each.level} {each.name}", reached, each.brings)
    console.print(table)
    _lines(console, "What to record next", (f"{line}." for line in found.next))
