"""The command `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.options import (
    MODEL_HELP,
    Debug,
    LogLines,
    MaxScoreAge,
    Quiet,
    TrackingUri,
    Verbose,
)
from engagement_ml.cli.terminal import command

EXAMPLE = ("engagement-ml evaluate runs/demo --output runs/demo-evaluation",)


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL... [CONFIG]",
            help=f"{MODEL_HELP} Also a metric.json, or a YAML file of weights (key 'weights'). "
            "Any other YAML file is the pipeline's configuration, which names the data. "
            "[default: the data of the first run]",
            show_default=False,
        ),
    ],
    scores: Annotated[
        list[str] | None,
        typer.Option(
            "--scores",
            metavar="[NAME=]FILE",
            help="A table of customer_id, date and score from elsewhere; may be repeated.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="One more contestant: an alias of the first model, such as champion, or a MODEL.",
            show_default=False,
        ),
    ] = None,
    max_score_age: MaxScoreAge = 31,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Folder for evaluation.json; without it, only print."),
    ] = None,
    log: Annotated[
        bool | None,
        typer.Option(
            "--log/--no-log",
            help="Log the evaluation in MLflow. [default: only if a MODEL is an MLflow URI]",
            show_default=False,
        ),
    ] = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Evaluate metrics, their models, and scores from elsewhere, out of time.

    Prints each contestant and the baselines, measured on the same customers at the last cutoffs of
    the data, and the differences between them.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.contest_results import show_contest
        from engagement_ml.workflow import evaluate as run_evaluate
        from engagement_ml.workflow.contestants import split_arguments, split_names

        contestants, config = split_arguments(models)
        evaluation = run_evaluate(
            contestants,
            config,
            scores=split_names(scores or ()),
            against=against,
            max_score_age=max_score_age,
            output=output,
            tracking_uri=tracking_uri,
            log=log,
            progress=progress,
        )
        if not quiet:
            show_contest(evaluation, output)
