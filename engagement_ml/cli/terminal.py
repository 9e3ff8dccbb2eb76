"""What all commands share: exit statuses, one-line errors, progress and interruption."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import typer

from engagement_ml.cli.logs import LogFormat, log_lines, write_error
from engagement_ml.errors import EngagementError
from engagement_ml.faults import machine_fault
from engagement_ml.progress import Progress, ProgressOption, progress_for
from engagement_ml.written import Written, collect_written

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
    *,
    quiet: bool = False,
    verbose: bool = False,
    debug: bool = False,
    log_format: LogFormat | None = None,
) -> Iterator[Progress]:
    """Run a command: show its steps, and turn exceptions into one line and an exit status.

    Parameters
    ----------
    quiet : bool
        Show no steps.
    verbose : bool
        The same as the log format ``text``.
    debug : bool
        Show the traceback of an error as well, and the warnings of libraries.
    log_format : LogFormat, optional
        Write steps, notes, warnings and the error as log lines on standard error, on a terminal
        as well. By default steps are shown on a terminal only, by a bar.

    Yields
    ------
    Progress

    Raises
    ------
    typer.Exit
        With the status of the error; 70 for a defect, 130 after Ctrl-C, 143 after SIGTERM, 129
        after SIGHUP, 141 if the reader of the output has closed the pipe.
    """
    if verbose and log_format is None:
        log_format = LogFormat.text
    noted, lines = _interrupts_noted(), log_lines(log_format, quiet=quiet)
    with noted as interrupts, lines, collect_written() as written:

        def check() -> None:
            # A library may swallow the exception of an interruption; the next step then raises it.
            if interrupts:
                raise KeyboardInterrupt

        try:
            with warnings.catch_warnings(), _progress(quiet, log_format, check) as progress:
                if not debug:
                    warnings.simplefilter("ignore")
                yield progress
        except (typer.Exit, typer.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            status, message = _status_and_message(error, interrupts, written)
            if message:
                write_error(message, status, log_format, debug=debug)
            raise typer.Exit(status) from None


def _progress(quiet: bool, log_format: LogFormat | None, check: Callable[[], None]) -> Progress:
    """Return the progress display of a command."""
    option: ProgressOption = "auto"
    if quiet:
        option = False
    elif log_format is not None:
        option = "log"
    return progress_for(option, check=check)


def _status_and_message(
    error: BaseException, interrupts: Sequence[int], written: Written
) -> tuple[int, str]:
    if interrupts or isinstance(error, KeyboardInterrupt):
        number = signal.Signals(interrupts[0] if interrupts else signal.SIGINT)
        return 128 + number, f"{INTERRUPTIONS[number]}: {written.sentence()}"
    if isinstance(error, EngagementError):
        return error.exit_status, f"error: {error}"
    if isinstance(error, BrokenPipeError):
        return PIPE_CLOSED, ""
    if fault := machine_fault(error):
        return fault.exit_status, f"error: {fault}"
    kept = f"; {written.sentence()}" if written.places else ""
    return DEFECT, (
        f"error: this is a defect: {type(error).__name__}: {error}{kept}; run it with --debug and "
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
