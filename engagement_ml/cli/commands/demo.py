"""The command `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.options import Dataset, Debug, LogLines, Output, Quiet, Verbose
from engagement_ml.cli.terminal import command

EXAMPLE = ("engagement-ml demo --output runs/demo",)


def demo(
    dataset: Dataset = "shop",
    path: Annotated[
        Path | None, typer.Option(help="For online-retail: the file with the invoice lines.")
    ] = None,
    output: Output = None,
    no_effects: Annotated[
        bool,
        typer.Option("--no-effects", help="For shop: simulate data in which nothing moves margin."),
    ] = False,
    customers: Annotated[
        int, typer.Option(help="For shop: number of customers to simulate.")
    ] = 4000,
    seed: Annotated[int, typer.Option(help="For shop: random seed of the simulation.")] = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Run the whole pipeline on a built-in data set.

    The results folder also gets the tables and the pipeline's YAML file, which you can change and
    train again.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.demo import run_demo
        from engagement_ml.cli.results import show_demo

        result, events = run_demo(
            dataset,
            path=path,
            output=output,
            effects=not no_effects,
            customers=customers,
            seed=seed,
            progress=progress,
        )
        if not quiet:
            show_demo(result, events)
