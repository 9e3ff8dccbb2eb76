"""The command `init`, and what it prints."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engagement_ml.cli.options import Debug, LogLines, Quiet, Verbose
from engagement_ml.cli.terminal import command

if TYPE_CHECKING:
    from engagement_ml.starter import Starter
    from engagement_ml.workflow import StarterResult

_LISTED = 12
"""Event types that are printed."""

EXAMPLE = ("engagement-ml init runs/demo/data/events.parquet runs/demo/data/transactions.parquet",)


def init(
    tables: Annotated[
        list[str],
        typer.Argument(help="Files, folders or DuckDB files with your tables."),
    ],
    output: Annotated[Path, typer.Option("--output", help="The YAML file to write.")] = Path(
        "pipeline.yaml"
    ),
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite the file if it exists.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Write a starter configuration for your files.

    Looks at the first rows of each file, and counts event types. Decides which file is which table,
    what the columns mean and how they are written, and says what it is unsure of. Asks nothing.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.workflow import init as run_init

        result = run_init(tables, output, force=force, progress=progress)
        if not quiet:
            for line in starter_lines(result):
                typer.echo(line)


def starter_lines(result: StarterResult) -> Iterator[str]:
    """Yield what people read of a starter configuration, the next command last."""
    starter = result.starter
    for table, plan in starter.plans.items():
        export = f" ({plan.export})" if plan.export else ""
        yield f"{table}: {plan.sample.source}{export}"
        for column in dict.fromkeys((*plan.columns, *plan.values, *plan.constants)):
            yield f"  {column}: {plan.written(column)}"
        for key in ("where", "format", "decimal", "encoding"):
            if (value := plan.shape.get(key)) is not None:
                yield f"  {key}: {value}"
    yield from _event_lines(starter)
    windows = starter.windows
    if windows.first is not None and windows.last is not None:
        yield (
            f"windows: {windows.config.observation_days} days observed, "
            f"{windows.config.outcome_days} days of outcome; the tables cover {windows.first} to "
            f"{windows.last}"
        )
    for heading, sentences in (("Please check:", starter.unsure), ("Not read:", starter.unused)):
        if sentences:
            yield heading
            yield from (f"- {sentence}" for sentence in sentences)
    yield f"{result.path}: written"
    yield f"Next: engagement-ml check {shlex.quote(str(result.path))}"


def _event_lines(starter: Starter) -> Iterator[str]:
    """Yield the most frequent event types, and every one with a suggestion."""
    types = starter.event_types
    shown = [t for place, t in enumerate(types) if place < _LISTED or t.suggestion is not None]
    if shown:
        yield f"event types: {len(types)}"
    for each in shown:
        suggestion = f"  {each.suggestion}: {each.reason}" if each.suggestion is not None else ""
        yield f"  {each.name}: {each.count:,} rows{suggestion}"
    if len(shown) < len(types):
        yield f"  and {len(types) - len(shown)} more"
