"""The command `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.options import Debug, LogLines, Model, Quiet, TrackingUri, Verbose
from engagement_ml.cli.terminal import command

EXAMPLE = ("engagement-ml evaluate runs/demo --output runs/demo-evaluation",)


def evaluate(
    model: Model,
    config: Annotated[
        Path | None,
        typer.Argument(
            help="YAML file that names other data, for example newer data. "
            "[default: the data of the run]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Folder for evaluation.json; without it, only print."),
    ] = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Evaluate a trained metric and its models out of time.

    Prints the metric and its baselines, measured on the last cutoffs of the data.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.results import show_evaluation
        from engagement_ml.workflow import evaluate as run_evaluate

        evaluation = run_evaluate(
            model, config, output=output, tracking_uri=tracking_uri, progress=progress
        )
        if not quiet:
            show_evaluation(evaluation, output)
