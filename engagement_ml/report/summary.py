"""A run in the terminal: some thirty lines that need no statistics to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from engagement_ml.formatting import DASH, finite, number, one_line, spread
from engagement_ml.report import comparison_text, text
from engagement_ml.report.metric import SCORE_COMMAND
from engagement_ml.report.view import Row, Run, SupportsToDict, as_mapping

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WIDTH = 80
_NAIVE_TOP = 5
_MOST_MISLEADING = 3
_INDICATOR_COMMAND = "set 'select: {require: indicator}' in the configuration and train again"


def print_summary(
    record: Row | SupportsToDict,
    *,
    console: Console | None = None,
    output: Path | str | None = None,
    next_command: str | None = None,
) -> None:
    """Print what a run found, at most 80 columns wide, readable without colour as well.

    Parameters
    ----------
    record : RunRecord or mapping
        A run's record or what its ``to_dict()`` returns; parts that it lacks are left out.
    console : rich Console, optional
        Where to print; standard output by default.
    output : path, optional
        The folder that holds ``report.html``.
    next_command : str, optional
        What to try next; by default how to score everyone with the metric.

    Examples
    --------
    >>> print_summary({"metric": {"abstained": True, "reason": "the history is too short"}})
    Nothing we can defend moves margin here.
    So there is no metric. The history is too short.
    <BLANKLINE>
    Next    set 'select: {require: indicator}' in the configuration and train again
    """
    if console is None:
        from rich.console import Console

        console = Console(highlight=False)
    lines = summary_lines(record, output=output, next_command=next_command)
    width = min(WIDTH, console.width)
    for line in lines:
        # What is to be copied must not be broken.
        whole = isinstance(line, Text) and bool(line.no_wrap)
        console.print(line, width=None if whole else width, soft_wrap=whole, highlight=False)


def summary_lines(
    record: Row | SupportsToDict,
    *,
    output: Path | str | None = None,
    next_command: str | None = None,
) -> list[RenderableType]:
    """Return the summary as rich renderables, in order; see `print_summary`."""
    run = Run.of(record)
    lines: list[RenderableType] = [Text(text.headline(run), style="bold")]
    lines += [Text(paragraph) for paragraph in text.lead(run)]
    for part in (_weights(run), _misleading(run), _standing(run), _sample(run)):
        if part:
            lines += [Text(""), *part]
    return [*lines, Text(""), *_where(run, output, next_command)]


def _weights(run: Run) -> list[RenderableType]:
    if not run.weighted:
        return []
    table = _table()
    table.add_column("behaviour", overflow="fold")
    table.add_column("weight", justify="right", no_wrap=True)
    table.add_column("95% interval", no_wrap=True)
    if not run.indicator:
        table.add_column("one more event is worth")
    for row in run.weighted:
        evidence = run.by_behaviour.get(str(row.get("behaviour")), {})
        worth = run.money.estimate(
            evidence.get("effect"), evidence.get("effect_low"), evidence.get("effect_high")
        )
        cells = [
            Text(run.label(row.get("behaviour"), row.get("label")), style="bold cyan"),
            Text(number(row.get("weight"), 1)),
            Text(spread(row.get("weight_low"), row.get("weight_high"), 1)),
            *([] if run.indicator else [Text(worth)]),
        ]
        table.add_row(*cells)
    return [table]


def _misleading(run: Run) -> list[RenderableType]:
    chosen = {row.get("behaviour") for row in run.weighted}
    ranks = {row.get("behaviour"): row["rank"] for row in run.naive}
    found = [
        (name, row)
        for name in ranks
        if (row := run.by_behaviour.get(str(name))) is not None
        and name not in chosen
        and row.get("verdict") != "driver"
    ]
    high = [(name, row) for name, row in found if ranks[name] <= _NAIVE_TOP][:_MOST_MISLEADING]
    shown = [each for each in found if each in high or each[1].get("verdict") == "harmful"]
    if not shown:
        return []
    table = _table()
    table.add_column("usual rank", justify="right", no_wrap=True)
    table.add_column("behaviour", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=1)
    for name, row in shown:
        verdict = text.verdict_of(row.get("verdict"))
        table.add_row(
            Text(number(ranks[name], 0)),
            Text(run.label(name)),
            Text(verdict.name, style="yellow" if verdict.name == "harmful" else ""),
            Text(one_line(row.get("reason") or verdict.meaning), style="dim"),
        )
    title = "High in the usual SHAP ranking, and not to be trusted"
    return [Text(title, style="bold"), table]


def _standing(run: Run) -> list[RenderableType]:
    metric = as_mapping(run.mapping("evaluation").get("metric"))
    across, within = as_mapping(metric.get("across")), as_mapping(metric.get("within"))
    names = [name for name in dict.fromkeys([*across, *within]) if name]
    rows = [(name, _spearman(across.get(name)), _spearman(within.get(name))) for name in names]
    if all(DASH == foretells == steers for _, foretells, steers in rows):
        return []
    table = _table()
    table.add_column("Spearman", overflow="fold")
    table.add_column("foretells", justify="right", no_wrap=True)
    table.add_column("steers", justify="right", no_wrap=True)
    for name, foretells, steers in rows:
        style = "bold cyan" if name == "metric" else ""
        table.add_row(
            Text(text.score_name(name), style=style), Text(foretells, style=style),
            Text(steers, style=style),
        )  # fmt: skip
    vanity = [(run.label(name), row) for name, row in as_mapping(metric.get("vanity")).items()]
    said = comparison_text.of_across(across, indicator=True) if run.indicator else ""
    sentences = [Text(text) for text in (said, comparison_text.unbeaten(within, vanity)) if text]
    return [
        Text("Out of time, beside its baselines", style="bold"),
        table,
        *sentences,
        Text(
            f"foretells: which {run.entities} will bring more margin. steers: whether margin "
            f"changes after the score of one {run.entity} did.",
            style="dim",
        ),
    ]


def _sample(run: Run) -> list[RenderableType]:
    said = text.sample(run)
    return [Text("Learnt from a sample", style="bold"), Text(said)] if said else []


def _where(run: Run, output: Path | str | None, next_command: str | None) -> list[RenderableType]:
    registered = run.mapping("registered")
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


def _spearman(row: Any) -> str:
    return number(finite(as_mapping(as_mapping(row).get("spearman")).get("value")), 2)


def _table() -> Table:
    return Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
