"""What the commands share: errors in one line, steps while they run."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

import typer

from engagement_ml.errors import EngagementError
from engagement_ml.progress import Progress

DEFECT, INTERRUPTED, PIPE_CLOSED = 70, 130, 141


class ShownSteps:
    """Shows the step that runs on standard error; nothing where nobody watches.

    Examples
    --------
    >>> with ShownSteps(quiet=True) as steps:
    ...     steps("Reading tables")
    """

    def __init__(self, quiet: bool = False) -> None:
        self._progress = Progress(quiet=quiet)
        self._running = ExitStack()

    def __call__(self, name: str) -> None:
        """Begin a step; the one before is over."""
        self._running.close()
        self._running = ExitStack()
        self._running.enter_context(self._progress.step(name[:1].upper() + name[1:]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.__exit__(kind, error, trace)


@contextmanager
def plain_errors(debug: bool) -> Iterator[None]:
    """Turn exceptions of the block into one line on standard error and an exit status.

    Parameters
    ----------
    debug : bool
        Show the traceback as well, and libraries' warnings.

    Raises
    ------
    typer.Exit
        With the error's own status; 70 for a defect, 130 when interrupted, 141 when whoever read
        the output stopped reading.
    """
    try:
        with warnings.catch_warnings():
            if not debug:
                warnings.simplefilter("ignore")
            yield
    except (typer.Exit, typer.Abort):
        raise
    except EngagementError as error:
        _say(f"error: {error}", debug)
        raise typer.Exit(error.exit_status) from None
    except KeyboardInterrupt:
        _say("interrupted: nothing was written", debug)
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        raise typer.Exit(PIPE_CLOSED) from None
    except Exception as error:
        hint = "" if debug else "; run it again with --debug and report what that shows"
        _say(f"error: this is a defect: {type(error).__name__}: {error}{hint}", debug)
        raise typer.Exit(DEFECT) from None


def _say(message: str, debug: bool) -> None:
    if debug:
        typer.echo(traceback.format_exc(), err=True)
    typer.echo(" ".join(message.split()), err=True)
