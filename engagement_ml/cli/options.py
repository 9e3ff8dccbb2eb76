"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.completion import (
    Shell,
    dataset_completions,
    engine_completions,
    install_completion,
    preset_completions,
    show_completion,
)
from engagement_ml.cli.logs import LogFormat

MODEL_HELP = (
    "A results folder that 'train' wrote, models:/NAME@champion, models:/NAME/3 or runs:/ID."
)
Config = Annotated[Path, typer.Argument(help="The pipeline's YAML file.")]
Model = Annotated[str, typer.Argument(help=MODEL_HELP)]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        help="Folder for the results. [default: runs/NAME/TIME]",
        show_default=False,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print errors and warnings only.")]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", help="The same as --log-format text."),
]
LogLines = Annotated[
    LogFormat | None,
    typer.Option(
        "--log-format",
        help="Log steps, notes and errors on standard error, a line or a JSON object for each.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        help="MLflow tracking store, for models given by URI. "
        "[default: MLFLOW_TRACKING_URI, else sqlite:///mlruns/mlflow.db]",
        show_default=False,
    ),
]

MaxScoreAge = Annotated[
    int,
    typer.Option(min=0, help="Days for which a score from elsewhere holds."),
]

Dataset = Annotated[
    str,
    typer.Option(
        help="Data set: shop (simulated), complete-journey or online-retail.",
        autocompletion=dataset_completions,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        help="Instead of a data set, a simulated company with its measures and a scorecard: "
        "e-commerce, saas, media, healthcare, professional-services, channel-partners, employees.",
        show_default=False,
        autocompletion=preset_completions,
    ),
]
Customers = Annotated[
    str | None,
    typer.Option(
        help="Table of the customers to score. [default: every customer with an event]",
        show_default=False,
    ),
]
CustomersFile = Annotated[
    Path,
    typer.Option("--output", help="A .parquet or .csv file, file.duckdb::table, or a folder."),
]
EngineOfRun = Annotated[
    str | None,
    typer.Option(
        help="duckdb or spark. [default: the engine of the run]",
        show_default=False,
        autocompletion=engine_completions,
    ),
]
InstallCompletion = Annotated[
    Shell | None,
    typer.Option(
        "--install-completion",
        callback=install_completion,
        is_eager=True,
        help="Install completion of commands and options. [default: the current shell]",
        show_default=False,
    ),
]
ShowCompletion = Annotated[
    Shell | None,
    typer.Option(
        "--show-completion",
        callback=show_completion,
        is_eager=True,
        help="Print the script of the completion. [default: the current shell]",
        show_default=False,
    ),
]


def example(*commands: str) -> str:
    """Return examples as the end of a command's help."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in commands)
