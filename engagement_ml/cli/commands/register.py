"""The command `register`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.options import Debug, LogLines, Quiet, Verbose
from engagement_ml.cli.terminal import command

EXAMPLE = ("engagement-ml register runs/demo",)


def register(
    run: Annotated[Path, typer.Argument(help="A results folder that 'train' wrote.")],
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            help="MLflow tracking store. [default: that of the run's configuration]",
            show_default=False,
        ),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option(
            help="MLflow experiment. [default: as in the run's configuration]",
            show_default=False,
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Make another version, also if the store has this run."),
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Register a finished run in MLflow, as 'train' does at its end.

    For a run whose tracking store failed, or that another store is to have. A run that is
    registered already stays as it is.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.results import show_registration
        from engagement_ml.workflow import register as run_register

        result = run_register(
            run, tracking_uri=tracking_uri, experiment=experiment, again=again, progress=progress
        )
        if not quiet:
            show_registration(result)
