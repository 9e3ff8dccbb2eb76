"""The command `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.options import (
    CustomersFile,
    Debug,
    EngineOfRun,
    LogLines,
    Model,
    Quiet,
    TrackingUri,
    Verbose,
)
from engagement_ml.cli.terminal import command

EXAMPLE = ("engagement-ml predict runs/demo --output predictions.parquet",)


def predict(
    model: Model,
    config: Annotated[
        Path | None,
        typer.Argument(
            help="YAML file that says where the tables are. [default: that of the run]",
            show_default=False,
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Day from which to predict, YYYY-MM-DD; only what is earlier is used. "
            "[default: the day after the tables end]",
            show_default=False,
        ),
    ] = None,
    output: CustomersFile = Path("predictions.parquet"),
    engine: EngineOfRun = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Predict each customer's margin, with an interval, and churn.

    The output has a row per customer: the customer, expected_margin, margin_low, margin_high and
    churn_risk, over the outcome window that begins on the day.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.results import show_predictions
        from engagement_ml.workflow import predict as run_predict

        predictions = run_predict(
            model,
            config,
            as_of=as_of,
            output=output,
            engine=engine,
            tracking_uri=tracking_uri,
            progress=progress,
        )
        show_predictions(predictions, quiet=quiet)
