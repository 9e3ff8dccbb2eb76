"""The commands; what they need is loaded when they run, so that ``--help`` answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engagement_ml.cli.memory import keep_freed_memory
from engagement_ml.cli.terminal import ShownSteps, plain_errors
from engagement_ml.version import __version__

app = typer.Typer(
    name="engagement-ml",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_MODEL_HELP = "The folder that 'train' wrote, models:/NAME@champion, models:/NAME/3 or runs:/ID."
Config = Annotated[Path, typer.Argument(help="The pipeline's YAML file.")]
Model = Annotated[str, typer.Argument(help=_MODEL_HELP)]
Output = Annotated[Path | None, typer.Option("--output", help="Where results go.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        help="MLflow's tracking store, for models given by URI. "
        "[default: MLFLOW_TRACKING_URI, else sqlite:///mlruns/mlflow.db]",
        show_default=False,
    ),
]


def _example(*commands: str) -> str:
    return "\b\nExample:\n" + "\n".join(f"  {command}" for command in commands)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"engagement-ml {__version__}")
        raise typer.Exit


@app.callback(
    epilog=_example(
        "engagement-ml demo --output runs/demo", "engagement-ml train runs/demo/shop.yaml"
    )
)
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and stop."
        ),
    ] = False,
) -> None:
    """Find the behaviours that move margin, and make one weighted engagement metric of them.

    Exit status: 0 done (that no behaviour passes is a result too), 1 a gate said no, 2 what was
    given cannot be used.
    """


@app.command(epilog=_example("engagement-ml demo --output runs/demo"))
def demo(
    dataset: Annotated[
        str, typer.Option(help="shop (simulated), complete-journey or online-retail.")
    ] = "shop",
    path: Annotated[
        Path | None, typer.Option(help="online-retail: the file with the invoice lines.")
    ] = None,
    output: Output = None,
    no_effects: Annotated[
        bool, typer.Option("--no-effects", help="shop: a world in which nothing moves margin.")
    ] = False,
    customers: Annotated[int, typer.Option(help="shop: how many customers to simulate.")] = 4000,
    seed: Annotated[int, typer.Option(help="shop: another seed, another shop.")] = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run the whole job on an embedded data set.

    The tables and their pipeline's YAML file go to the folder of results, to look at and to change.
    """
    with plain_errors(debug) as interrupts:
        from engagement_ml.cli.demo import run_demo
        from engagement_ml.cli.results import show_demo

        with ShownSteps(quiet, interrupts) as steps:
            result, events = run_demo(
                dataset,
                path=path,
                output=output,
                effects=not no_effects,
                customers=customers,
                seed=seed,
                on_step=steps,
            )
        if not quiet:
            show_demo(result, events)


@app.command(epilog=_example("engagement-ml train runs/demo/shop.yaml --output runs/shop"))
def train(
    config: Config, output: Output = None, quiet: Quiet = False, debug: Debug = False
) -> None:
    """Find drivers, make the metric, evaluate, report, register.

    Evaluation is out of time: on the last cutoffs, which no fitting saw. Results go to
    runs/NAME/TIME unless --output says where.
    """
    with plain_errors(debug) as interrupts:
        from engagement_ml.cli.results import show_train
        from engagement_ml.workflow import train as run_train

        with ShownSteps(quiet, interrupts) as steps:
            result = run_train(config, output=output, on_step=steps)
        if not quiet:
            show_train(result)


@app.command(epilog=_example("engagement-ml evaluate runs/demo --output runs/demo-evaluation"))
def evaluate(
    model: Model,
    config: Annotated[
        Path | None,
        typer.Argument(help="A YAML file that says where other data lies; else the run's own."),
    ] = None,
    output: Output = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure a trained metric and its models out of time.

    Prints the metric beside its baselines, on the last cutoffs of the data; --output DIR gets
    evaluation.json.
    """
    with plain_errors(debug) as interrupts:
        from engagement_ml.cli.results import show_evaluation
        from engagement_ml.workflow import evaluate as run_evaluate

        with ShownSteps(quiet, interrupts) as steps:
            found = run_evaluate(
                model, config, output=output, tracking_uri=tracking_uri, on_step=steps
            )
        if not quiet:
            show_evaluation(found, output)


@app.command(
    epilog=_example(
        "engagement-ml score runs/demo runs/demo/data/events.parquet --output scores.parquet"
    )
)
def score(
    model: Model,
    events: Annotated[
        str, typer.Argument(help="Parquet file, folder or glob, CSV file, or file.duckdb::table.")
    ],
    customers: Annotated[
        str | None, typer.Option(help="Whom to score; else everyone who has an event.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Score what was done before this day; else all.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", help="A .parquet or .csv file, or a folder.")
    ] = Path("scores.parquet"),
    engine: Annotated[
        str | None, typer.Option(help="duckdb or spark; else what the run was made with.")
    ] = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score every customer from their events.

    Each gets customer_id, score (0 to 100) and the points of each behaviour.
    """
    with plain_errors(debug) as interrupts:
        from engagement_ml.workflow import score as run_score

        with ShownSteps(quiet, interrupts) as steps:
            scores = run_score(
                model,
                events,
                customers=customers,
                as_of=as_of,
                output=output,
                engine=engine,
                tracking_uri=tracking_uri,
                on_step=steps,
            )
        if not quiet:
            typer.echo(
                f"{scores.path}: {scores.n_entities:,} scores as of {scores.as_of:%Y-%m-%d}, "
                f"{scores.mean:.1f} on average"
            )


@app.command(epilog=_example("engagement-ml report runs/demo --output report.html"))
def report(
    model: Model,
    output: Output = None,
    tracking_uri: TrackingUri = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write the report of a run again.

    It is one self-contained HTML file. By default it replaces the one in the run's folder.
    """
    with plain_errors(debug) as interrupts:
        from engagement_ml.workflow import report as run_report

        with ShownSteps(quiet, interrupts) as steps:
            written = run_report(model, output, tracking_uri=tracking_uri, on_step=steps)
        if not quiet:
            typer.echo(str(written))


@app.command(epilog=_example("engagement-ml features runs/demo/shop.yaml --output features"))
def features(
    config: Config,
    output: Annotated[Path, typer.Option("--output", help="A folder for the files.")],
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write the features of every customer at every cutoff.

    With them goes a catalogue that says what each feature is.
    """
    with plain_errors(debug) as interrupts:
        from engagement_ml.workflow import write_features

        with ShownSteps(quiet, interrupts) as steps:
            folder, n_rows, n_columns = write_features(config, output, on_step=steps)
        if not quiet:
            typer.echo(f"{folder}: {n_rows:,} rows, {n_columns} columns, and catalogue.md")


def main() -> None:
    """Run the command line; leaves with its exit status."""
    keep_freed_memory()
    app(prog_name="engagement-ml")
