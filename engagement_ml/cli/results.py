"""Results on standard output."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from engagement_ml.formatting import DASH, finite, number, spread
from engagement_ml.report import print_summary, text
from engagement_ml.report.view import as_mapping
from engagement_ml.workflow import TrainResult

PROGRAM = "engagement-ml"
_NAMES = 30
_MEASURES = {
    "profit": (("r2", "R²"), ("spearman", "Spearman"), ("gini", "Gini")),
    "churn": (("roc_auc", "ROC AUC"), ("pr_auc", "PR AUC"), ("brier", "Brier")),
}


def show_train(result: TrainResult) -> None:
    """Print what training found, and how to score with it."""
    source = result.record.config["sources"].get("events")
    _show(result, source or "events.parquet")


def show_demo(result: TrainResult, events: Path) -> None:
    """Print what the demo found, and how to score its customers."""
    _show(result, str(events))


def _show(result: TrainResult, events: str) -> None:
    command = f"{_program()} score {shlex.quote(str(result.folder))} {shlex.quote(events)}"
    following = None if result.metric.abstained else command
    print_summary(result.record, output=result.folder, next_command=following)


def _program() -> str:
    """Return what to type to run this program from here."""
    given = Path(sys.argv[0])
    found = shutil.which(PROGRAM)
    # After `make demo` it lies in an environment that is not active.
    return PROGRAM if found is not None or given.name != PROGRAM else shlex.quote(str(given))


def show_evaluation(found: Mapping[str, Any], output: Path | None) -> None:
    """Print the metric and the models beside their baselines, out of time."""
    console = Console(highlight=False)
    cutoffs = found.get("test_cutoffs") or []
    if cutoffs:
        span = cutoffs[0] if len(cutoffs) == 1 else f"{cutoffs[0]} to {cutoffs[-1]}"
        measured = number(found["n_entities"], 0)
        console.print(f"{measured} measured at {len(cutoffs)} cutoffs, {span}{_drawn(found)}")
    metric = found.get("metric") or {}
    across, within = metric.get("across") or {}, metric.get("within") or {}
    spearman = {"foretells": across, "steers": within}
    _table(
        console,
        "Spearman, 95% interval",
        list(dict.fromkeys([*across, *within])),
        {title: (rows, "spearman") for title, rows in spearman.items()},
        intervals=True,
    )
    for model, measures in _MEASURES.items():
        part = found.get(model) or {}
        rows = {"model": part, **(part.get("baselines") or {})}
        if part and "reason" not in part:
            columns = {title: (rows, key) for key, title in measures}
            _table(console, model.capitalize(), list(rows), columns, intervals=False)
    console.print("")
    for note in (*found.get("notes", ()), *metric.get("notes", ())):
        console.print(text.note(note), style="dim")
    if output is not None:
        console.print(str(Path(output) / "evaluation.json"), soft_wrap=True)


def _drawn(found: Mapping[str, Any]) -> str:
    sample = as_mapping(found.get("sample"))
    if not sample:
        return ""
    return f", of {number(sample['customers'], 0)} drawn from {number(sample['of'], 0)}"


def _table(
    console: Console,
    title: str,
    names: Sequence[str],
    columns: Mapping[str, tuple[Mapping[str, Any], str]],
    *,
    intervals: bool,
) -> None:
    if not names:
        return
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(title, no_wrap=True, min_width=_NAMES)
    for heading in columns:
        table.add_column(heading, no_wrap=True)
    for name in names:
        shown = text.score_name(name)
        cells = [_cell(rows.get(name), key, intervals) for rows, key in columns.values()]
        table.add_row(shown, *cells)
    console.print("")
    console.print(table)


def _cell(row: Any, key: str, interval: bool) -> str:
    measure = as_mapping(as_mapping(row).get(key))
    if finite(measure.get("value")) is None:
        return DASH
    if not interval:
        return number(measure["value"], 3)
    low, high = measure.get("low"), measure.get("high")
    return f"{number(measure['value'], 2)} ({spread(low, high, 2)})"
