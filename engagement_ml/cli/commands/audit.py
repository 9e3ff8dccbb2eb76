"""The command `audit`."""

from __future__ import annotations

from typing import Annotated

import typer

from engagement_ml.cli.options import (
    MODEL_HELP,
    Config,
    Debug,
    LogLines,
    MaxScoreAge,
    Output,
    Quiet,
    TrackingUri,
    Verbose,
)
from engagement_ml.cli.terminal import command

EXAMPLE = ("engagement-ml audit health.csv runs/demo/shop.yaml --output runs/audit",)


def audit(
    scores: Annotated[
        str,
        typer.Argument(
            metavar="[NAME=]SCORES",
            help="The score: a table of customer_id, date and score, or a YAML file of weights.",
        ),
    ],
    config: Config,
    model: Annotated[
        str | None,
        typer.Option(
            help=f"A trained run to compare with, instead of training. {MODEL_HELP}",
            show_default=False,
        ),
    ] = None,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            help="A part of the score: a column of the table, or a YAML file of weights; may be "
            "repeated. [default: all other columns of numbers]",
            show_default=False,
        ),
    ] = None,
    max_score_age: MaxScoreAge = 31,
    output: Output = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Audit a score: whether it predicts margin, and whether margin follows its changes.

    The results folder gets audit.html, a page to hand around, and audit.json.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.audit_results import show_audit
        from engagement_ml.workflow import audit as run_audit
        from engagement_ml.workflow.contestants import split_names
        from engagement_ml.workflow.results import default_folder
        from engagement_ml.workflow.settings import as_config

        ((name, source),) = (split_names([scores]) or {}).items()
        settings = as_config(config)
        table = source if source.lower().endswith((".yaml", ".yml")) else {name: source}
        result = run_audit(
            table,
            settings,
            model=model,
            parts=parts or None,
            max_score_age=max_score_age,
            output=output or default_folder(settings.name, "-audit"),
            tracking_uri=tracking_uri,
            progress=progress,
        )
        if not quiet:
            show_audit(result)
