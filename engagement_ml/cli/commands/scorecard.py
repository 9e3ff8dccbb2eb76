"""The command `scorecard`."""

from __future__ import annotations

from typing import Annotated

import typer

from engagement_ml.cli.options import (
    MODEL_HELP,
    Config,
    Debug,
    LogLines,
    Output,
    Quiet,
    TrackingUri,
    Verbose,
)
from engagement_ml.cli.terminal import command

EXAMPLE = ("engagement-ml scorecard runs/demo/shop.yaml --output runs/scorecard",)


def scorecard(
    config: Config,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="Day of the last review, such as 2025-01-31: shows what changed since.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help=f"The trained run for verdicts and metric. {MODEL_HELP} [default: a run in the "
            "configuration's folder, the newest in runs/NAME, or the registered champion; without "
            "any, one is trained]",
            show_default=False,
        ),
    ] = None,
    output: Output = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Make the scorecard: all measures by journey stage, each linked to margin or called vanity.

    The results folder gets scorecard.html, a page to hand around, scorecard.parquet and
    scorecard.json.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.workflow import scorecard as make_scorecard
        from engagement_ml.workflow.results import default_folder
        from engagement_ml.workflow.settings import as_config

        result = make_scorecard(
            config,
            since=since,
            model=model,
            output=output or default_folder(as_config(config).name, "-scorecard"),
            tracking_uri=tracking_uri,
            progress=progress,
        )
        if not quiet:
            from engagement_ml.cli.scorecard_results import show_scorecard

            show_scorecard(result.card, result.folder)
