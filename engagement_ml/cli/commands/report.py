"""The command `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.options import Debug, LogLines, Model, Quiet, TrackingUri, Verbose
from engagement_ml.cli.terminal import command

EXAMPLE = ("engagement-ml report runs/demo --output report.html",)


def report(
    model: Model,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            help="An .html file or a folder. [default: report.html in the run's folder]",
            show_default=False,
        ),
    ] = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Write the report of a run again.

    The report is one self-contained HTML file.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.workflow import report as run_report

        path = run_report(model, output, tracking_uri=tracking_uri, progress=progress)
        if not quiet:
            typer.echo(str(path))
