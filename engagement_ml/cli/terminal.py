"""What all commands share: exit statuses, one-line errors, progress and interruption."""

from __future__ import annotations

import logging
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import typer

from engagement_ml.errors import EngagementError
from engagement_ml.faults import machine_fault
from engagement_ml.progress import Progress, ProgressOption, progress_for

DEFECT, PIPE_CLOSED = 70, 141
"""Exit statuses: EX_SOFTWARE of sysexits.h, and 128 plus the number of SIGPIPE."""
INTERRUPTIONS = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "terminated",
    **({signal.SIGHUP: "hung up"} if hasattr(signal, "SIGHUP") else {}),
}
"""Signals that end a run cleanly, with the first word of the message; the exit status is 128 plus
the number: 130, 143, 129."""


@contextmanager
def command(
    *, quiet: bool = False, verbose: bool = False, debug: bool = False
) -> Iterator[Progress]:
    """Run a command: show its steps, and turn exceptions into one line and an exit status.

    Parameters
    ----------
    quiet : bool
        Show no steps.
    verbose : bool
        Write a log record on standard error when a step starts and when it ends, unless `quiet`;
        otherwise steps are shown on a terminal only.
    debug : bool
        Show the traceback of an error as well, and the warnings of libraries.

    Yields
    ------
    Progress

    Raises
    ------
    typer.Exit
        With the status of the error; 70 for a defect, 130 after Ctrl-C, 143 after SIGTERM, 129
        after SIGHUP, 141 if the reader of the output has closed the pipe.
    """
    with _interrupts_noted() as interrupts:

        def check() -> None:
            # A library may swallow the exception of an interruption; the next step then raises it.
            if interrupts:
                raise KeyboardInterrupt

        try:
            with warnings.catch_warnings(), _progress(quiet, verbose, check) as progress:
                if not debug:
                    warnings.simplefilter("ignore")
                yield progress
        except (typer.Exit, typer.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            status, message = _status_and_message(error, interrupts)
            if message:
                _print_error(message, debug)
            raise typer.Exit(status) from None


def _progress(quiet: bool, verbose: bool, check: Callable[[], None]) -> Progress:
    """Return the progress display of a command; with `verbose`, configure logging for it."""
    option: ProgressOption = "auto"
    if quiet:
        option = False
    elif verbose:
        option = "log"
        logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        # Other libraries keep to warnings.
        logging.getLogger("engagement_ml").setLevel(logging.INFO)
    return progress_for(option, check=check)


def _status_and_message(error: BaseException, interrupts: Sequence[int]) -> tuple[int, str]:
    if interrupts or isinstance(error, KeyboardInterrupt):
        number = signal.Signals(interrupts[0] if interrupts else signal.SIGINT)
        return 128 + number, f"{INTERRUPTIONS[number]}: nothing was written"
    if isinstance(error, EngagementError):
        return error.exit_status, f"error: {error}"
    if isinstance(error, BrokenPipeError):
        return PIPE_CLOSED, ""
    if fault := machine_fault(error):
        return fault.exit_status, f"error: {fault}"
    return DEFECT, (
        f"error: this is a defect: {type(error).__name__}: {error}; run it with --debug and "
        "report the traceback"
    )


@contextmanager
def _interrupts_noted() -> Iterator[list[int]]:
    """Yield a list that holds the number of the signal after Ctrl-C, SIGTERM or SIGHUP.

    DuckDB turns the interruption of a query into an error of another kind, so that the exception
    alone does not show it. A signal that the caller ignores or handles (``nohup``) is left alone.
    """
    interrupts: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)
        signal.default_int_handler(number, frame)

    defaults = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: signal.getsignal(number) for number in INTERRUPTIONS}
    noted = [number for number, handler in before.items() if handler in defaults]
    if threading.current_thread() is not threading.main_thread():
        noted = []
    for number in noted:
        signal.signal(number, note)
    try:
        yield interrupts
    finally:
        for number in noted:
            signal.signal(number, before[number])


def _print_error(message: str, debug: bool) -> None:
    if debug:
        typer.echo(traceback.format_exc(), err=True)
    typer.echo(" ".join(message.split()), err=True)
