"""Results on standard output."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from engagement_ml.report import print_summary, words
from engagement_ml.report.formats import DASH, finite, number, spread
from engagement_ml.workflow import TrainResult

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
    command = f"engagement-ml score {shlex.quote(str(result.folder))} {shlex.quote(events)}"
    following = None if result.metric.abstained else command
    print_summary(result.record, output=result.folder, next_command=following)


def show_evaluation(found: Mapping[str, Any], output: Path | None) -> None:
    """Print the metric and the models beside their baselines, each with its 95% interval."""
    console = Console(highlight=False, soft_wrap=True)
    cutoffs = found.get("test_cutoffs") or []
    if cutoffs:
        span = cutoffs[0] if len(cutoffs) == 1 else f"{cutoffs[0]} to {cutoffs[-1]}"
        console.print(
            f"{number(found['n_entities'], 0)} measured at {len(cutoffs)} cutoffs, {span}"
        )
    metric = found.get("metric") or {}
    across, within = metric.get("across") or {}, metric.get("within") or {}
    columns = [
        ("foretells (Spearman)", across, "spearman"),
        ("top decile lift", across, "top_decile_lift"),
        ("steers (Spearman)", within, "spearman"),
    ]
    names = dict.fromkeys([*across, *within])
    _table(console, "score", {n: words.score_name(n) for n in names}, columns)
    for model, measures in _MEASURES.items():
        part = found.get(model) or {}
        rows = {"model": part, **(part.get("baselines") or {})}
        if "reason" not in part and part:
            shown = {name: name.replace("_", " ") for name in rows}
            _table(console, model, shown, [(title, rows, key) for key, title in measures])
    for note in (*found.get("notes", ()), *metric.get("notes", ())):
        console.print(f"note: {note}")
    if output is not None:
        console.print(str(Path(output) / "evaluation.json"))


def _table(
    console: Console,
    title: str,
    names: Mapping[str, str],
    columns: list[tuple[str, Mapping[str, Any], str]],
) -> None:
    if not names:
        return
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(title)
    for heading, _, _ in columns:
        table.add_column(heading, no_wrap=True)
    for name, shown in names.items():
        table.add_row(shown, *(_cell(rows.get(name), key) for _, rows, key in columns))
    console.print("")
    console.print(table)


def _cell(row: Any, key: str) -> str:
    measure = (row or {}).get(key) if isinstance(row, Mapping) else None
    if not isinstance(measure, Mapping) or finite(measure.get("value")) is None:
        return DASH
    interval = spread(measure.get("low"), measure.get("high"), 2)
    return f"{number(measure['value'], 2)}  ({interval})"
