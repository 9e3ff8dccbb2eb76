"""Printing of results on standard output."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from engagement_ml.cli.completion import PROGRAM
from engagement_ml.formatting import DASH, Money, number, quantity, spread
from engagement_ml.report import print_summary, text
from engagement_ml.report.gate_text import gate_lines
from engagement_ml.report.view import measure
from engagement_ml.workflow import Predictions, Registration, Scores, TrainResult

_EXPLANATION = """\
predicts: do those with a higher score bring more margin later?
moves with margin: when the score of one changes, does its margin follow?
1 is the same order, 0 no relation, −1 the reverse."""
_NAMES = 30
_MEASURES = {
    "profit": (("r2", "R²"), ("spearman", "Rank correlation"), ("gini", "Gini")),
    "churn": (("roc_auc", "ROC AUC"), ("pr_auc", "PR AUC"), ("brier", "Brier")),
}


def show_train(result: TrainResult) -> None:
    """Print the results of training, and the command that computes scores."""
    source = result.record.config["sources"].get("events")
    _show(result, source or "events.parquet")


def show_demo(result: TrainResult, events: Path) -> None:
    """Print the results of the demo, and the command that scores its customers."""
    _show(result, str(events))


def _show(result: TrainResult, events: str) -> None:
    command = f"{_program()} score {shlex.quote(str(result.folder))} {shlex.quote(events)}"
    following = None if result.metric.abstained else command
    print_summary(result.record, output=result.folder, next_command=following)


def _program() -> str:
    """Return the command that runs this program from the current folder."""
    called_as = Path(sys.argv[0])
    on_path = shutil.which(PROGRAM)
    # After `make demo` the program lies in an environment that is not active.
    if on_path is not None or called_as.name != PROGRAM:
        return PROGRAM
    return shlex.quote(str(called_as))


def show_evaluation(evaluation: Mapping[str, Any], output: Path | None) -> None:
    """Print out-of-time results of the metric and the models, compared with their baselines."""
    console = Console(highlight=False, markup=False, emoji=False)
    cutoffs = evaluation.get("test_cutoffs") or []
    if cutoffs:
        span = cutoffs[0] if len(cutoffs) == 1 else f"{cutoffs[0]} to {cutoffs[-1]}"
        measured, dates = number(evaluation["n_entities"], 0), quantity(len(cutoffs), "cutoff date")
        console.print(f"{measured} measured{_drawn(evaluation)} at {dates}, {span}")
    metric = evaluation.get("metric") or {}
    across, within = metric.get("across") or {}, metric.get("within") or {}
    spearman = {"predicts": across, "moves with margin": within}
    cells = {
        text.score_name(name): [
            _cell(rows.get(name), "spearman", interval=True) for rows in spearman.values()
        ]
        for name in dict.fromkeys([*across, *within])
    }
    print_table(console, "Rank correlation, 95% interval", cells, list(spearman))
    if across or within:
        console.print(_EXPLANATION, style="dim")
    print_models(console, evaluation)
    console.print("")
    for note in (*evaluation.get("notes", ()), *metric.get("notes", ())):
        console.print(text.note(note), style="dim")
    if output is not None:
        console.print(str(Path(output) / "evaluation.json"), soft_wrap=True)


def show_scores(scores: Scores, *, quiet: bool) -> None:
    """Print where the scores are, and the notes that were not logged as warnings."""
    if quiet:
        return
    lines = [
        f"{scores.path}: {scores.n_entities:,} scores as of {scores.as_of:%Y-%m-%d}, "
        f"{scores.mean:.1f} on average; the last event is of {scores.last_event}"
    ]
    lines += [note for note in scores.notes if note not in scores.warnings]
    sys.stdout.write("\n".join(lines) + "\n")


def show_registration(result: Registration) -> None:
    """Print what the tracking store has of a run."""
    entry = result.registered
    store = f"in {entry['tracking_uri']}, run {entry['run_id']}"
    if entry["version"] is None:
        lines = [f"{'Already logged' if result.already else 'Logged'} {store}", entry["note"]]
    else:
        alias = f", alias {entry['alias']}" if entry["alias"] else ""
        done = "Already registered" if result.already else "Registered"
        lines = [f"{done} as {entry['model']}, version {entry['version']}{alias}, {store}"]
    lines += gate_lines(entry)
    if result.already:
        lines.append("--again makes another one of it")
    sys.stdout.write("\n".join(lines) + "\n")


def show_predictions(predictions: Predictions, *, quiet: bool) -> None:
    """Print where the predictions are, and their notes."""
    if quiet:
        return
    lines = [
        f"{predictions.path}: {predictions.n_entities:,} predictions as of {predictions.as_of}, "
        f"{Money(predictions.currency)(predictions.mean)} on average",
        *(note for note in predictions.notes if note not in predictions.warnings),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _drawn(evaluation: Mapping[str, Any]) -> str:
    sample = evaluation.get("sample")
    if not sample:
        return ""
    return f", of {number(sample['customers'], 0)} drawn from {number(sample['of'], 0)},"


def print_models(console: Console, evaluation: Mapping[str, Any], *, of: str = "") -> None:
    """Print the measures of the profit and churn models beside their baselines."""
    for model, measures in _MEASURES.items():
        part = evaluation.get(model) or {}
        rows = {"model": part, **(part.get("baselines") or {})}
        if part and "reason" not in part:
            cells = {
                text.score_name(name): [_cell(row, key, interval=False) for key, _ in measures]
                for name, row in rows.items()
            }
            print_table(
                console, f"{model.capitalize()}{of}", cells, [title for _, title in measures]
            )


def print_table(
    console: Console, title: str, cells: Mapping[str, Sequence[str]], headings: Sequence[str]
) -> None:
    """Print a table of a row per label; nothing without rows."""
    if not cells:
        return
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(title, min_width=_NAMES, overflow="fold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for name, row in cells.items():
        table.add_row(name, *row)
    console.print("")
    console.print(table)


def _cell(row: Mapping[str, Any] | None, key: str, *, interval: bool) -> str:
    value, low, high = measure(row, key)
    if value is None:
        return DASH
    return f"{number(value, 2)} ({spread(low, high, 2)})" if interval else number(value, 3)
