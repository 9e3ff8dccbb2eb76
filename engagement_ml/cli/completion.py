"""Completion of commands and options in a shell, which the user names or which is detected."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from engagement_ml.cli.terminal import command

PROGRAM = "engagement-ml"
_VARIABLE = "_ENGAGEMENT_ML_COMPLETE"
"""Environment variable by which the shell's script asks for completions."""
_OPTIONS = ("--install-completion", "--show-completion")


class Shell(StrEnum):
    """Shells that completion works in."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def show_completion(shell: Shell | None) -> None:
    """Print the script that a shell needs, and exit."""
    if shell is not None:
        typer.echo(_script(shell))
        raise typer.Exit


def install_completion(shell: Shell | None) -> None:
    """Write the script to where a shell finds it, and exit."""
    if shell is not None:
        with command(quiet=True):
            _, path = _typer_completion().install(
                shell=shell.value, prog_name=PROGRAM, complete_var=_VARIABLE
            )
        typer.echo(f"{path}: completion for {shell.value}; it works in new terminals")
        raise typer.Exit


def complete_if_asked() -> None:
    """Prepare the answer if a shell's script asks for completions."""
    if _VARIABLE in os.environ:
        _typer_completion().completion_init()


def with_shell_named(arguments: Sequence[str]) -> list[str]:
    """Return arguments with the name of the current shell where it is left out.

    Examples
    --------
    >>> with_shell_named(["--show-completion", "zsh"]), with_shell_named(["train", "shop.yaml"])
    (['--show-completion', 'zsh'], ['train', 'shop.yaml'])
    """
    alone = len(arguments) == 1 and arguments[0] in _OPTIONS
    return [*arguments, *([_current_shell()] if alone else [])]


def dataset_completions() -> list[str]:
    """Return the values of ``--dataset``."""
    from engagement_ml.datasets import dataset_names

    return list(dataset_names)


def preset_completions() -> list[str]:
    """Return the values of ``--preset``."""
    from engagement_ml.datasets import preset_names

    return list(preset_names)


def engine_completions() -> list[str]:
    """Return the values of ``--engine``."""
    from engagement_ml.config.engine import KINDS

    return list(KINDS)


def _script(shell: Shell) -> str:
    script = _typer_completion().get_completion_script(
        prog_name=PROGRAM, complete_var=_VARIABLE, shell=shell.value
    )
    return str(script)


def _typer_completion() -> Any:
    # The module is public, but does not say which of its names are.
    return import_module("typer.completion")


def _current_shell() -> str:
    """Return the name of the shell that runs this program, else that of the login shell."""
    try:
        shellingham: Any = import_module("shellingham")
        return str(shellingham.detect_shell()[0])
    except Exception:  # without shellingham, or started by no shell that it knows
        return Path(os.environ.get("SHELL", "")).name
