"""The command `promote`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.options import Debug, LogLines, Quiet, TrackingUri, Verbose
from engagement_ml.cli.terminal import command

EXAMPLE = (
    "engagement-ml train runs/demo/shop.yaml",
    "engagement-ml promote shop-engagement --dry-run",
)


def promote(
    model: Annotated[
        str,
        typer.Argument(
            help="A model's name (its challenger), models:/NAME@challenger or models:/NAME/3."
        ),
    ],
    config: Annotated[
        Path | None,
        typer.Argument(
            help="YAML file that names other data, for example newer data, and the gate. "
            "[default: those of the version's run]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Folder for promote.html, gate.json and backcast.json."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure and decide; change and log nothing.")
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Make the previous champion the champion again.")
    ] = False,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Make a version of a metric the champion, if it passes the gate.

    Measures it and the champion on the same customers, and prints each check with what was wanted
    and found. Exit status 1: the gate said no, and the champion stays.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.promotion import show_promotion, show_rollback
        from engagement_ml.errors import ConfigError, GateFailedError
        from engagement_ml.workflow import promote as run_promote
        from engagement_ml.workflow import roll_back

        if rollback:
            if dry_run or output is not None or config is not None:
                raise ConfigError(
                    "--rollback: takes no CONFIG, --dry-run or --output; it measures nothing"
                )
            name, old, new = roll_back(model, tracking_uri=tracking_uri, on_step=progress.start)
            if not quiet:
                show_rollback(name, old, new)
            return
        result = run_promote(
            model,
            config,
            output=output,
            dry_run=dry_run,
            tracking_uri=tracking_uri,
            progress=progress,
        )
        if not quiet:
            show_promotion(result)
        if not result.passed:
            raise GateFailedError(f"{result.outcome}: {result.decision.reason}")
