"""The command `check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.options import Config, Debug, LogLines, Quiet, Verbose
from engagement_ml.cli.terminal import command

EXAMPLE = ("engagement-ml check runs/demo/shop.yaml",)


def check(
    config: Config,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead of tables.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            help="A .md file for the data maturity page, or a .json file; without it, only print.",
        ),
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Find all faults of the tables, and what they allow, without training.

    Prints every fault, not only the first; how the tables meet; how large an effect must be to be
    found; and what to record next. The exit status is 2 if there is a fault that would stop
    training.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.check import print_check
        from engagement_ml.workflow import check as run_check

        result = run_check(config, output=output, progress=progress)
        print_check(result, as_json=as_json, quiet=quiet)
    if not result.usable:
        raise typer.Exit(2)
