"""Terminal summary of a run, in plain words and at most 80 columns wide."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.formatting import DASH, first_upper, number, one_line, sentence, spread
from engagement_ml.metric import WeightedBehaviour
from engagement_ml.records import RunRecord
from engagement_ml.report import comparison_text, text
from engagement_ml.report.gate_text import gate_lines
from engagement_ml.report.sections.metric import SCORE_COMMAND
from engagement_ml.report.sections.outcomes import outcome_line
from engagement_ml.report.view import Run, effect_of, measure

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WIDTH = 80
_NAIVE_TOP = 5
_MOST_MISLEADING = 3
_INDICATOR_COMMAND = "set 'select: {require: indicator}' in the configuration and train again"


def print_summary(
    record: RunRecord | Mapping[str, Any],
    *,
    console: Console | None = None,
    output: Path | str | None = None,
    next_command: str | None = None,
) -> None:
    """Print a run's results, at most 80 columns wide, readable without colour.

    Parameters
    ----------
    record : RunRecord or mapping
        A run's record, or the result of its ``to_dict()``.
    console : rich Console, optional
        Where to print; standard output by default.
    output : path, optional
        The folder that holds ``report.html``.
    next_command : str, optional
        A suggestion for the next step; by default how to compute the scores.
    """
    if console is None:
        from rich.console import Console

        console = Console(highlight=False, markup=False, emoji=False)
    lines = summary_lines(record, output=output, next_command=next_command)
    width = min(WIDTH, console.width)
    for line in lines:
        # Paths and commands are for copying, so they must not be wrapped.
        whole = isinstance(line, Text) and bool(line.no_wrap)
        console.print(line, width=None if whole else width, soft_wrap=whole, highlight=False)


def summary_lines(
    record: RunRecord | Mapping[str, Any],
    *,
    output: Path | str | None = None,
    next_command: str | None = None,
) -> list[RenderableType]:
    """Return the summary as rich renderables, in order; see `print_summary`."""
    run = Run.of(record)
    lines: list[RenderableType] = [Text(text.headline(run), style="bold")]
    lines += [Text(paragraph) for paragraph in text.lead(run)]
    parts = (_weights, _misleading, _outcomes, _comparison, _sample, _data)
    for part in (each(run) for each in parts):
        if part:
            lines += [Text(""), *part]
    if gate := gate_lines(run.record.registered or {}):
        lines += [Text(""), Text("Gate", style="bold"), *(Text(line) for line in gate)]
    return [*lines, Text(""), *_places(run, output, next_command)]


def _weights(run: Run) -> list[RenderableType]:
    if not run.weighted:
        return []
    table = _table()
    table.add_column("behaviour", overflow="fold")
    several = len(run.weighted) > 1
    if several:
        table.add_column("weight", justify="right", no_wrap=True)
        table.add_column("95% interval", no_wrap=True)
    if not run.indicator:
        table.add_column("one more event is worth")
    for each in run.weighted:
        row = run.by_behaviour.get(each.behaviour)
        worth = DASH if row is None else run.money.estimate(*effect_of(row))
        cells = [
            Text(run.label(each.behaviour), style="bold cyan"),
            *(_weight_cells(each) if several else ()),
            *([] if run.indicator else [Text(worth)]),
        ]
        table.add_row(*cells)
    return [table]


def _weight_cells(each: WeightedBehaviour) -> tuple[Text, Text]:
    interval = spread(each.weight_low, each.weight_high, 1)
    return Text(number(each.weight, 1)), Text(interval)


def _misleading(run: Run) -> list[RenderableType]:
    chosen = {each.behaviour for each in run.weighted}
    ranks = {row.behaviour: row.rank for row in run.naive}
    others = [
        row
        for name in ranks
        if (row := run.by_behaviour.get(name)) is not None
        and name not in chosen
        and row.verdict != "driver"
    ]
    high = [row for row in others if ranks[row.behaviour] <= _NAIVE_TOP][:_MOST_MISLEADING]
    shown = [row for row in others if row in high or row.verdict == "harmful"]
    if not shown:
        return []
    table = _table()
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("behaviour", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=1)
    for row in shown:
        table.add_row(*_misleading_cells(run, row, ranks[row.behaviour]))
    title = "Important for predicting margin (SHAP), but not shown to raise it"
    return [Text(title, style="bold"), table]


def _misleading_cells(run: Run, row: DriverRow, rank: int) -> list[Text]:
    verdict = text.verdict_of(row.verdict, run.entity)
    reason = run.readable(first_upper(row.reason)) or verdict.meaning
    return [
        Text(number(rank, 0)),
        Text(run.label(row.behaviour)),
        Text(verdict.name, style="yellow" if verdict.name == "harmful" else ""),
        Text(reason, style="dim"),
    ]


def _outcomes(run: Run) -> list[RenderableType]:
    """Return a line per outcome beside margin, and what is raised at the cost of what."""
    further = run.record.further
    if not further.outcomes:
        return []
    lines = [outcome_line(run, outcome) for outcome in further.outcomes]
    lines += [sentence(run.readable(row.sentence)) for row in further.mix if row.cannibalises]
    return [Text("Outcomes beside margin", style="bold"), *map(Text, lines)]


def _comparison(run: Run) -> list[RenderableType]:
    across, within, vanity = run.comparisons
    rows = [
        (name, _spearman(across.get(name)), _spearman(within.get(name)))
        for name in dict.fromkeys([*across, *within])
    ]
    if all(DASH == predicts == moves for _, predicts, moves in rows):
        return []
    table = _table()
    table.add_column("rank correlation", overflow="fold")
    table.add_column("predicts", justify="right", no_wrap=True)
    table.add_column("moves with margin", justify="right", no_wrap=True)
    for name, predicts, moves in rows:
        style = "bold cyan" if name == "metric" else ""
        cells = (text.score_name(name), predicts, moves)
        table.add_row(*(Text(cell, style=style) for cell in cells))
    labelled = [(run.label(name), row) for name, row in vanity.items()]
    predicting = comparison_text.predicts(across, indicator=True) if run.indicator else ""
    sentences = [predicting, comparison_text.unbeaten(within, labelled)]
    explanation = (
        f"predicts: do {run.entities} with a higher score bring more margin later?\n"
        f"moves with margin: when a {run.entity}'s score changes, does their margin follow?\n"
        "1 is the same order, 0 no relation, −1 the reverse."
    )
    return [
        Text("Out-of-time results, compared with baselines", style="bold"),
        table,
        *(Text(sentence) for sentence in sentences if sentence),
        Text(explanation, style="dim"),
    ]


def _sample(run: Run) -> list[RenderableType]:
    described = text.sample(run.record.sample, run.entities)
    return [Text("Trained on a sample", style="bold"), Text(described)] if described else []


def _data(run: Run) -> list[RenderableType]:
    """Return what was dropped from the tables or assumed."""
    notes = [note for table in run.record.tables for note in table.notes]
    found: list[RenderableType] = [Text("Notes on the data", style="bold")] if notes else []
    return [*found, *(Text(f"{first_upper(one_line(note))}.") for note in notes)]


def _places(run: Run, output: Path | str | None, next_command: str | None) -> list[RenderableType]:
    registered = run.record.registered or {}
    rows = []
    if output is not None:
        rows.append(("Report", str(Path(output) / "report.html")))
    if registered.get("model"):
        alias = f", alias {registered['alias']}" if registered.get("alias") else ""
        version = one_line(registered.get("version"))
        rows.append(("Model", f"{one_line(registered['model'])}, version {version}{alias}"))
    rows.append(("Next", next_command or _next(run, registered, output)))
    lines: list[RenderableType] = []
    for name, value in rows:
        line = Text(no_wrap=True, overflow="ignore")
        lines.append(line.append(f"{name:<8}", style="bold").append(one_line(value)))
    return lines


def _next(run: Run, registered: Mapping[str, Any], output: Path | str | None) -> str:
    if not run.weighted:
        return _INDICATOR_COMMAND
    model = registered.get("uri") or (str(output) if output is not None else "FOLDER")
    return SCORE_COMMAND.format(model=one_line(model))


def _spearman(row: Mapping[str, Any] | None) -> str:
    return number(measure(row, "spearman")[0], 2)


def _table() -> Table:
    return Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
