"""The command line: its commands in the order of their use.

Each command loads its libraries when it runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Annotated

import typer

from engagement_ml.cli.commands import (
    act,
    audit,
    check,
    demo,
    evaluate,
    features,
    init,
    monitor,
    predict,
    promote,
    register,
    report,
    score,
    scorecard,
    sql,
    train,
)
from engagement_ml.cli.completion import PROGRAM, complete_if_asked, with_shell_named
from engagement_ml.cli.memory import keep_freed_memory
from engagement_ml.cli.options import InstallCompletion, ShowCompletion, example
from engagement_ml.version import __version__

COMMANDS: tuple[ModuleType, ...] = (
    demo,
    init,
    check,
    train,
    register,
    evaluate,
    audit,
    promote,
    score,
    predict,
    act,
    monitor,
    scorecard,
    sql,
    report,
    features,
)
"""Modules of the commands, in the order of ``--help``."""

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

    Exit status 0: done (a metric that abstains is a result too); 1: a quality gate failed, or an
    alarm; 2: invalid input, or a fault of the machine such as a full disk; 70: a defect; 130 or
    143: ended by Ctrl-C or SIGTERM.
    """


for _module in COMMANDS:
    _name = _module.__name__.rpartition(".")[2]
    app.command(epilog=example(*_module.EXAMPLE))(getattr(_module, _name))


def main() -> None:
    """Run the command line and exit with its status."""
    keep_freed_memory()
    complete_if_asked()
    app(with_shell_named(sys.argv[1:]), prog_name=PROGRAM)
