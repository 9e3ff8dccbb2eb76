"""The command `act`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.options import (
    MODEL_HELP,
    Config,
    Debug,
    LogLines,
    Quiet,
    TrackingUri,
    Verbose,
)
from engagement_ml.cli.terminal import command

EXAMPLE = (
    "engagement-ml act runs/demo/shop.yaml --output runs/demo-actions/first",
    "engagement-ml act runs/demo/shop.yaml --record runs/demo-actions",
)


def act(
    config: Config,
    model: Annotated[
        str | None,
        typer.Option(
            help=f"The trained run for verdicts and gains. {MODEL_HELP} [default: a run in the "
            "configuration's folder, the newest in runs/NAME, or the registered champion; without "
            "any, one is trained]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            help="New folder for the list. [default: runs/NAME/actions/TIME]",
            show_default=False,
        ),
    ] = None,
    control_share: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=0.9,
            help="Share of the list that is left alone at random. [default: act.control_share, "
            "which is 0.2]",
            show_default=False,
        ),
    ] = None,
    at_most: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Most customers on the list, the largest gains first. [default: act.at_most]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Of the random draw. [default: random_seed]", show_default=False),
    ] = None,
    read: Annotated[
        Path | None,
        typer.Option(
            "--read",
            help="Instead: read the list in this folder back, from the later tables of CONFIG.",
            show_default=False,
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            help="Instead: write the track record of all lists in this folder.",
            show_default=False,
        ),
    ] = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """List customers to act on, hold out a control group, and read back what came of it.

    Writes actions.csv (the customers to treat, and why), assignment.csv (who is treated and who
    is left alone) and action.json. Once margin is known, --read compares the two groups and prints
    the lines by which train uses the result. --record sums up all lists.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml import workflow
        from engagement_ml.cli import action_results
        from engagement_ml.errors import NothingToActOnError
        from engagement_ml.workflow.results import default_folder
        from engagement_ml.workflow.settings import as_config

        making = {
            "--output": output, "--control-share": control_share, "--at-most": at_most,
            "--seed": seed, "--model": model,
        }  # fmt: skip
        action_results.refuse_together(read, record, making)
        if read is not None:
            reading = workflow.read_action(config, read, progress=progress)
            action_results.show_reading(reading, quiet=quiet)
        elif record is not None:
            settings = as_config(config)
            action_results.show_record(
                workflow.track_record(record, name=settings.name), quiet=quiet
            )
        else:
            try:
                made = workflow.act(
                    config,
                    model=model,
                    output=output or default_folder(f"{as_config(config).name}/actions"),
                    control_share=control_share,
                    at_most=at_most,
                    seed=seed,
                    tracking_uri=tracking_uri,
                    progress=progress,
                )
            except NothingToActOnError as why:
                action_results.show_nothing(why)
            else:
                action_results.show_action(made, quiet=quiet)
