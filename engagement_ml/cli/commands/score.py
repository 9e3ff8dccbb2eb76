"""The command `score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.options import (
    Customers,
    CustomersFile,
    Debug,
    EngineOfRun,
    LogLines,
    Model,
    Quiet,
    TrackingUri,
    Verbose,
)
from engagement_ml.cli.terminal import command

EXAMPLE = (
    "engagement-ml score runs/demo runs/demo/data/events.parquet --output scores.parquet",
    "engagement-ml score runs/demo runs/demo/data/events.parquet --since scores.parquet "
    "--reasons --next-best --predict --output shop.duckdb::scores",
)


def score(
    model: Model,
    events: Annotated[
        str,
        typer.Argument(help="Events: a file, folder or glob, or file.duckdb::table."),
    ],
    customers: Customers = None,
    identities: Annotated[
        str | None,
        typer.Option(help="Table of the customer of each anonymous_id.", show_default=False),
    ] = None,
    links: Annotated[
        str | None,
        typer.Option(
            help="Table of actors and the customers that each serves. "
            "[default: that of the configuration]",
            show_default=False,
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Date of the score, YYYY-MM-DD; only earlier events count. "
            "[default: the day after the last event]",
            show_default=False,
        ),
    ] = None,
    output: CustomersFile = Path("scores.parquet"),
    since: Annotated[
        str | None,
        typer.Option(
            help="Earlier scores to compare with: adds score_before and change.",
            show_default=False,
        ),
    ] = None,
    reasons: Annotated[
        bool, typer.Option("--reasons", help="Add the reasons of each score: codes and sentences.")
    ] = False,
    next_best: Annotated[
        bool,
        typer.Option(
            "--next-best", help="Add the behaviour whose next event is worth most, with its gain."
        ),
    ] = False,
    predict: Annotated[
        bool,
        typer.Option(
            "--predict", help="Add expected margin with an interval, and churn risk. Takes longer."
        ),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            help="YAML file that says where the tables are. [default: that of the run]",
            show_default=False,
        ),
    ] = None,
    engine: EngineOfRun = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Score customers from their events.

    The output has a row per customer: the customer, score (0 to 100), the points of each behaviour,
    the percentile now and among the customers of the training, then what the options add.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.results import show_scores
        from engagement_ml.workflow import score as run_score

        scores = run_score(
            model,
            events,
            customers=customers,
            identities=identities,
            links=links,
            as_of=as_of,
            output=output,
            engine=engine,
            tracking_uri=tracking_uri,
            since=since,
            reasons=reasons,
            next_best=next_best,
            predict=predict,
            config=config,
            progress=progress,
        )
        show_scores(scores, quiet=quiet)
