"""The command `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.options import Dataset, Debug, LogLines, Output, Preset, Quiet, Verbose
from engagement_ml.cli.terminal import command

EXAMPLE = (
    "engagement-ml demo --output runs/demo",
    "engagement-ml demo --preset saas --output runs/saas",
)


def demo(
    dataset: Dataset = "shop",
    path: Annotated[
        Path | None, typer.Option(help="For online-retail: the file with the invoice lines.")
    ] = None,
    preset: Preset = None,
    output: Output = None,
    no_effects: Annotated[
        bool,
        typer.Option("--no-effects", help="For shop: simulate data in which nothing moves margin."),
    ] = False,
    customers: Annotated[
        int | None,
        typer.Option(
            help="For shop and presets: number of customers to simulate. [default: 4000, or the "
            "preset's own]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="For shop and presets: random seed of the simulation.")
    ] = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Run the whole pipeline on a built-in data set.

    The results folder also gets the tables and the pipeline's YAML file, which you can change and
    train again. With --preset, it also gets a scorecard of all measures.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.results import show_demo

        if preset is not None:
            from engagement_ml.cli.preset_demo import run_preset
            from engagement_ml.cli.scorecard_results import show_scorecard

            result, events, made = run_preset(
                preset,
                alone=dataset == "shop" and path is None and not no_effects,
                output=output,
                customers=customers,
                seed=seed,
                progress=progress,
            )
            if not quiet:
                show_demo(result, events)
                show_scorecard(made.card, made.folder)
            return
        from engagement_ml.cli.demo import run_demo

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
