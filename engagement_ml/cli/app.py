"""The commands; each loads its libraries when it runs, so that ``--help`` answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.checking import check
from engagement_ml.cli.completion import PROGRAM, complete_if_asked, with_shell_named
from engagement_ml.cli.memory import keep_freed_memory
from engagement_ml.cli.options import (
    Config,
    Dataset,
    Debug,
    EngineOfRun,
    InstallCompletion,
    LogLines,
    Model,
    Output,
    Quiet,
    ShowCompletion,
    TrackingUri,
    Verbose,
    example,
)
from engagement_ml.cli.starting import init
from engagement_ml.cli.terminal import command
from engagement_ml.version import __version__

app = typer.Typer(
    name=PROGRAM,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"engagement-ml {__version__}")
        raise typer.Exit


@app.callback(
    epilog=example(
        "engagement-ml demo --output runs/demo", "engagement-ml train runs/demo/shop.yaml"
    )
)
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
    install: InstallCompletion = None,
    show: ShowCompletion = None,
) -> None:
    """Find the behaviours that move margin, and combine them into one weighted engagement metric.

    Exit status 0: done (a metric that abstains is a result too); 1: a quality gate failed; 2:
    invalid input, or a fault of the machine such as a full disk; 70: a defect; 130 or 143: ended by
    Ctrl-C or SIGTERM.
    """


@app.command(epilog=example("engagement-ml demo --output runs/demo"))
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


app.command(
    epilog=example(
        "engagement-ml init runs/demo/data/events.parquet runs/demo/data/transactions.parquet"
    )
)(init)
app.command(epilog=example("engagement-ml check runs/demo/shop.yaml"))(check)


@app.command(epilog=example("engagement-ml train runs/demo/shop.yaml --output runs/shop"))
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


@app.command(epilog=example("engagement-ml evaluate runs/demo --output runs/demo-evaluation"))
def evaluate(
    model: Model,
    config: Annotated[
        Path | None,
        typer.Argument(
            help="YAML file that names other data, for example newer data. "
            "[default: the data of the run]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Folder for evaluation.json; without it, only print."),
    ] = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Evaluate a trained metric and its models out of time.

    Prints the metric and its baselines, measured on the last cutoffs of the data.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.results import show_evaluation
        from engagement_ml.workflow import evaluate as run_evaluate

        evaluation = run_evaluate(
            model, config, output=output, tracking_uri=tracking_uri, progress=progress
        )
        if not quiet:
            show_evaluation(evaluation, output)


@app.command(
    epilog=example(
        "engagement-ml score runs/demo runs/demo/data/events.parquet --output scores.parquet"
    )
)
def score(
    model: Model,
    events: Annotated[
        str,
        typer.Argument(help="Events: a file, folder or glob, or file.duckdb::table."),
    ],
    customers: Annotated[
        str | None,
        typer.Option(
            help="Table of the customers to score. [default: every customer with an event]",
            show_default=False,
        ),
    ] = None,
    identities: Annotated[
        str | None,
        typer.Option(help="Table of the customer of each anonymous_id.", show_default=False),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Date of the score, YYYY-MM-DD; only earlier events count. "
            "[default: the day after the last event]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", help="A .parquet or .csv file, or a folder.")
    ] = Path("scores.parquet"),
    engine: EngineOfRun = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Score customers from their events.

    The output has a row per customer: customer_id, score (0 to 100) and the points of each
    behaviour.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.cli.results import show_scores
        from engagement_ml.workflow import score as run_score

        scores = run_score(
            model,
            events,
            customers=customers,
            identities=identities,
            as_of=as_of,
            output=output,
            engine=engine,
            tracking_uri=tracking_uri,
            progress=progress,
        )
        show_scores(scores, quiet=quiet)


@app.command(epilog=example("engagement-ml report runs/demo --output report.html"))
def report(
    model: Model,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            help="An .html file or a folder. [default: report.html in the run's folder]",
            show_default=False,
        ),
    ] = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Write the report of a run again.

    The report is one self-contained HTML file.
    """
    with command(quiet=quiet, verbose=verbose, debug=debug, log_format=log_format) as progress:
        from engagement_ml.workflow import report as run_report

        path = run_report(model, output, tracking_uri=tracking_uri, progress=progress)
        if not quiet:
            typer.echo(str(path))


@app.command(epilog=example("engagement-ml features runs/demo/shop.yaml --output features"))
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


def main() -> None:
    """Run the command line and exit with its status."""
    keep_freed_memory()
    complete_if_asked()
    app(with_shell_named(sys.argv[1:]), prog_name=PROGRAM)
