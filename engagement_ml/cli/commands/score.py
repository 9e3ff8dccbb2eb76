"""The command `score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.options import (
    Debug,
    EngineOfRun,
    LogLines,
    Model,
    Quiet,
    TrackingUri,
    Verbose,
)
from engagement_ml.cli.terminal import command

EXAMPLE = ("engagement-ml score runs/demo runs/demo/data/events.parquet --output scores.parquet",)


def score(
    model: Model,
    events: Annotated[
        str,
        typer.Argument(help="Events: a file, folder or glob, or file.duckdb::table."),
    ],
    customers: Annotated[
        str | None,
        typer.Option(
            help="Table of the customers to score. [default: every customer with an event]",
            show_default=False,
        ),
    ] = None,
    identities: Annotated[
        str | None,
        typer.Option(help="Table of the customer of each anonymous_id.", show_default=False),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Date of the score, YYYY-MM-DD; only earlier events count. "
            "[default: the day after the last event]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", help="A .parquet or .csv file, or a folder.")
    ] = Path("scores.parquet"),
    engine: EngineOfRun = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Score customers from their events.

    The output has a row per customer: customer_id, score (0 to 100) and the points of each
    behaviour.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.results import show_scores
        from engagement_ml.workflow import score as run_score

        scores = run_score(
            model,
            events,
            customers=customers,
            identities=identities,
            as_of=as_of,
            output=output,
            engine=engine,
            tracking_uri=tracking_uri,
            progress=progress,
        )
        show_scores(scores, quiet=quiet)
