"""What the commands share: errors in one line, steps while they run."""

from __future__ import annotations

import signal
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType, TracebackType
from typing import Self

import typer

from engagement_ml.errors import EngagementError
from engagement_ml.progress import Progress

DEFECT, INTERRUPTED, PIPE_CLOSED = 70, 130, 141


class ShownSteps:
    """Shows the step that runs on standard error; nothing where nobody watches.

    Parameters
    ----------
    quiet : bool, default False
    interrupts : sequence of int, optional
        No longer empty once Ctrl-C was pressed. A library may swallow the exception; the next step
        or part of one then does not begin.

    Examples
    --------
    >>> with ShownSteps(quiet=True) as steps:
    ...     steps("Reading tables")
    """

    def __init__(self, quiet: bool = False, interrupts: Sequence[int] = ()) -> None:
        self._progress = Progress(quiet=quiet)
        self._interrupts = interrupts
        self._running = ExitStack()

    def __call__(self, name: str) -> None:
        """Begin a step; the one before is over."""
        self._stop_where_asked()
        self._running.close()
        self._running = ExitStack()
        self._running.enter_context(self._progress.step(name[:1].upper() + name[1:]))

    def part(self, done: int, total: int) -> None:
        """Show how many parts of the running step are done, of how many."""
        self._stop_where_asked()
        self._progress.part(done, total)

    def _stop_where_asked(self) -> None:
        if self._interrupts:
            raise KeyboardInterrupt

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
def plain_errors(debug: bool) -> Iterator[list[int]]:
    """Turn exceptions of the block into one line on standard error and an exit status.

    Yields a list that is no longer empty once Ctrl-C was pressed.

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
    with _noting_interrupts() as interrupts:
        try:
            with warnings.catch_warnings():
                if not debug:
                    warnings.simplefilter("ignore")
                yield interrupts
        except (typer.Exit, typer.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            status, message = _verdict(error, interrupted=bool(interrupts))
            if message:
                _say(message, debug)
            raise typer.Exit(status) from None


def _verdict(error: BaseException, *, interrupted: bool) -> tuple[int, str]:
    if interrupted or isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted: nothing was written"
    if isinstance(error, EngagementError):
        return error.exit_status, f"error: {error}"
    if isinstance(error, BrokenPipeError):
        return PIPE_CLOSED, ""
    return DEFECT, (
        f"error: this is a defect: {type(error).__name__}: {error}; run it with --debug and "
        "report what that shows"
    )


@contextmanager
def _noting_interrupts() -> Iterator[list[int]]:
    """Yield a list that is no longer empty once Ctrl-C was pressed.

    DuckDB turns the interruption of a query into an error of another kind.
    """
    noted: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        signal.default_int_handler(number, frame)

    in_use = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not (in_use and threading.current_thread() is threading.main_thread()):
        yield noted
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _say(message: str, debug: bool) -> None:
    if debug:
        typer.echo(traceback.format_exc(), err=True)
    typer.echo(" ".join(message.split()), err=True)
