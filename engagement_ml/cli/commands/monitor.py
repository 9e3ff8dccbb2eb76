"""The command `monitor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from engagement_ml.cli.options import Config, Debug, LogLines, Model, Quiet, TrackingUri, Verbose
from engagement_ml.cli.terminal import command

EXAMPLE = (
    "engagement-ml monitor runs/demo runs/demo/shop.yaml --output runs/demo-monitor "
    "--fail-on never",
)


def monitor(
    model: Model,
    config: Config,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Weeks are counted back from this date, YYYY-MM-DD, which does not count. "
            "[default: the day after the last event]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Folder for monitor.csv and the page; else, only print."),
    ] = None,
    fail_on: Annotated[
        Literal["alarm", "warning", "never"] | None,
        typer.Option(
            help="What makes the exit status 1. [default: monitor.fail_on, which is alarm]",
            show_default=False,
        ),
    ] = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Check whether what a metric was built on is still so in newer data.

    Compares the last week of events with its forecast, and the metric's links to margin with
    training; lists customers who do less than usual. The exit status is 1 if there is an alarm.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.monitor import print_monitor
        from engagement_ml.workflow import monitor as run_monitor

        result = run_monitor(
            model,
            config,
            as_of=as_of,
            output=output,
            fail_on=fail_on,
            tracking_uri=tracking_uri,
            progress=progress,
        )
        print_monitor(result, quiet=quiet)
    if result.failed:
        raise typer.Exit(1)
