"""The command `train`."""

from __future__ import annotations

from engagement_ml.cli.options import Config, Debug, LogLines, Output, Quiet, Verbose
from engagement_ml.cli.terminal import command

EXAMPLE = ("engagement-ml train runs/demo/shop.yaml --output runs/shop",)


def train(
    config: Config,
    output: Output = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Find drivers, define the metric and evaluate it.

    The evaluation is out of time: it uses the last cutoffs, which are not used for training. The
    results folder also gets a report, and the metric is registered in MLflow.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.results import show_train
        from engagement_ml.workflow import train as run_train

        result = run_train(config, output=output, progress=progress)
        if not quiet:
            show_train(result)
