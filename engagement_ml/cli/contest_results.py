"""Printing of an evaluation: the contestants, their differences, and the models of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from engagement_ml.cli.results import print_models, print_table, show_evaluation
from engagement_ml.evaluation.names import RFM
from engagement_ml.formatting import (
    DASH,
    Money,
    decimals_for,
    number,
    one_line,
    plural,
    quantity,
    spread,
)
from engagement_ml.report import text
from engagement_ml.report.view import measure

_EXPLANATION = """\
predicts: do those with a higher score bring more margin later?
moves with margin: when the score of one changes, does its margin follow?
top tenth: mean margin of the 10% with the highest scores."""
_HEADINGS = ("predicts", "moves with margin", "top tenth")
_MARGIN = "top_decile_margin"


def show_contest(evaluation: Mapping[str, Any], output: Path | None) -> None:
    """Print an evaluation; that of a single run as `train` evaluates it."""
    contestants = evaluation["contestants"]
    if len(contestants) == 1 and contestants[0]["kind"] == "run":
        show_evaluation(evaluation, output)
        return
    console = Console(highlight=False, markup=False, emoji=False)
    comparison = evaluation["comparison"]
    _print_ground(console, comparison)
    rows = {each["name"]: each for each in contestants if each["across"]}
    rows |= comparison["baselines"]
    money = Money(comparison["currency"])
    cells = {text.score_name(name): _cells(row, money) for name, row in rows.items()}
    print_table(
        console,
        "95% intervals",
        cells,
        _HEADINGS,
    )
    console.print(_EXPLANATION, style="dim")
    names = [each["name"] for each in contestants]
    _print_differences(console, evaluation, names, money)
    _print_segments(console, comparison["segments"], names)
    for each in contestants:
        print_models(console, each, of=f" of {each['name']}")
    console.print("")
    for each in contestants:
        for note in each["notes"]:
            console.print(text.note(f"{each['name']}: {note}"), style="dim")
    for note in dict.fromkeys((*evaluation["notes"], *comparison["notes"])):
        console.print(text.note(note), style="dim")
    if output is not None:
        console.print(str(Path(output) / "evaluation.json"), soft_wrap=True)


def _print_ground(console: Console, comparison: Mapping[str, Any]) -> None:
    cutoffs = comparison["cutoffs"]
    if not cutoffs:
        return
    span = cutoffs[0] if len(cutoffs) == 1 else f"{cutoffs[0]} to {cutoffs[-1]}"
    dates = quantity(len(cutoffs), "cutoff date")
    all_of = "all of them have every score"
    some = f"{number(comparison['customers'], 0)} have every score and are compared"
    same = comparison["customers"] == comparison["of"]
    who = f"{number(comparison['of'], 0)} {plural(comparison['entity'])}"
    console.print(f"{who} at {dates}, {span}; {all_of if same else some}. {comparison['reason']}")
    if (age := comparison["max_score_age_days"]) is not None:
        console.print(f"A score from elsewhere holds for {quantity(age, 'day')}.")


def _cells(row: Mapping[str, Any], money: Money) -> list[str]:
    return [
        _estimate(row["across"], "spearman"),
        _estimate(row["within"], "spearman"),
        _amount(row["across"], money),
    ]


def _print_differences(
    console: Console, evaluation: Mapping[str, Any], names: Sequence[str], money: Money
) -> None:
    """Print how the contestants differ from one another and from recency-frequency-monetary."""
    cells = {
        f"{text.score_name(each['first'])}\n− {text.score_name(each['second'])}": _cells(
            each, money
        )
        for each in evaluation["differences"]
        if each["second"] in (*names, RFM)
    }
    print_table(console, "Difference", cells, _HEADINGS)


def _print_segments(
    console: Console, segments: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> None:
    """Print how the contestants predict in each segment."""
    cells = {}
    for each in segments:
        across = {name: row["across"] for name, row in each["scores"].items()}
        value = one_line(f"{each['segment']} {each['value']}")
        label = f"{value} ({number(each['customers'], 0)})"
        cells[label] = [_estimate(across.get(name), "spearman") for name in names]
    print_table(console, "Predicts, by segment", cells, list(names))


def _estimate(row: Mapping[str, Any] | None, key: str) -> str:
    value, low, high = measure(row, key)
    return DASH if value is None else f"{number(value, 2)}\n{spread(low, high, 2)}"


def _amount(row: Mapping[str, Any] | None, money: Money) -> str:
    value, low, high = measure(row, _MARGIN)
    if value is None:
        return DASH
    decimals = decimals_for(value, low, high)
    return f"{money(value, decimals)}\n{money.spread(low, high, decimals)}"
