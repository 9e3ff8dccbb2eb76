"""The command `features`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.options import Config, Debug, LogLines, Quiet, Verbose
from engagement_ml.cli.terminal import command

EXAMPLE = ("engagement-ml features runs/demo/shop.yaml --output features",)


def features(
    config: Config,
    output: Annotated[Path, typer.Option("--output", help="Folder for the files.")],
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Write the features of every customer at every cutoff.

    The folder also gets catalogue.md, which defines each feature.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.workflow import write_features

        folder, n_rows, n_columns = write_features(config, output, progress=progress)
        if not quiet:
            typer.echo(f"{folder}: {n_rows:,} rows, {n_columns} columns, and catalogue.md")
