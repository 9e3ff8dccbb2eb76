"""Progress reporting: the steps of a run, timed, and shown as a bar, as log records or not at all.

`progress_for` chooses among the implementations. No class here configures logging.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from html import escape
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from engagement_ml.errors import ConfigError

if TYPE_CHECKING:
    from rich import progress as rich_progress
    from rich.console import Console

ProgressOption = Literal["auto", "bar", "log", False]
OnStep = Callable[[str], object]

_OPTIONS = ("auto", "bar", "log")
_logger = logging.getLogger(__name__)


class Progress:
    """Times the steps of a run and shows nothing; subclasses show the steps.

    Used as a context manager, it empties `seconds` on entry, and on exit ends the step that runs.
    One object can serve several runs, one after the other.

    Parameters
    ----------
    on_step : callable, optional
        Called with the name and detail of each step as it starts.
    check : callable, optional
        Called without arguments before each start of a step and each report of progress within it.
        An exception that it raises ends the run: this is how a run is cancelled.

    Attributes
    ----------
    seconds : dict of str to float
        Wall time of each finished step, in the order in which the steps started. The times of
        steps with the same name are added up.

    Examples
    --------
    >>> with Progress(print) as progress:
    ...     progress.start("Reading tables")
    ...     progress.update(1, 2)
    ...     progress.start("Building features", "of 100 of 400 customers")
    Reading tables
    Building features of 100 of 400 customers
    >>> list(progress.seconds)
    ['Reading tables', 'Building features']
    """

    def __init__(
        self, on_step: OnStep | None = None, *, check: Callable[[], object] | None = None
    ) -> None:
        self.seconds: dict[str, float] = {}
        self._on_step = on_step
        self._check = check
        self._step: str | None = None
        self._title = ""
        self._started = 0.0

    def start(self, name: str, detail: str = "") -> None:
        """Start a step and finish the previous one; `detail` is shown but not recorded."""
        if self._check is not None:
            self._check()
        self.finish()
        text = f"{name} {detail}".strip()
        if self._on_step is not None:
            self._on_step(text)
        self._title, self._started = text[:1].upper() + text[1:], time.perf_counter()
        self._show_start(self._title)
        self._step = name

    def update(self, done: int, total: int) -> None:
        """Report progress within the current step: `done` of `total` parts."""
        if self._check is not None:
            self._check()
        if self._step is not None:
            self._show_update(self._title, done, total)

    def finish(self) -> None:
        """Finish the current step, if any."""
        if self._step is not None:
            self._show_finish(self._title, self._end_step())

    def abort(self) -> None:
        """End the current step, if any, without showing it as finished."""
        if self._step is not None:
            self._show_abort(self._title, self._end_step())

    def __enter__(self) -> Self:
        """Start a run: empty `seconds`."""
        self.finish()
        self.seconds = {}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the current step; after an exception, abort it."""
        if kind is None:
            self.finish()
        else:
            self.abort()

    def _end_step(self) -> float:
        """Record the time of the current step and return it."""
        assert self._step is not None
        elapsed = time.perf_counter() - self._started
        self.seconds[self._step] = self.seconds.get(self._step, 0.0) + elapsed
        self._step = None
        return elapsed

    def _show_start(self, title: str) -> None:
        """Show that a step has started."""

    def _show_update(self, title: str, done: int, total: int) -> None:
        """Show progress within the step."""

    def _show_finish(self, title: str, seconds: float) -> None:
        """Show that the step has finished."""

    def _show_abort(self, title: str, seconds: float) -> None:
        """Show that the step has ended early."""


class LogProgress(Progress):
    """Writes log records at level INFO when a step starts and when it ends, with its duration.

    The logger is ``engagement_ml.progress``. The records have the attributes ``step`` and, at the
    end of a step, ``seconds``. Progress within a step is logged at level DEBUG.
    """

    def _show_start(self, title: str) -> None:
        _logger.info("%s: started", title, extra={"step": title})

    def _show_update(self, title: str, done: int, total: int) -> None:
        _logger.debug("%s: %d of %d", title, done, total, extra={"step": title})

    def _show_finish(self, title: str, seconds: float) -> None:
        extra = {"step": title, "seconds": seconds}
        _logger.info("%s: finished in %.1f s", title, seconds, extra=extra)

    def _show_abort(self, title: str, seconds: float) -> None:
        extra = {"step": title, "seconds": seconds}
        _logger.info("%s: stopped after %.1f s", title, seconds, extra=extra)


class TerminalProgress(Progress):
    """Draws a bar on standard error for the current step, and a line for each finished step."""

    _bar: rich_progress.Progress
    _console: Console

    def _show_start(self, title: str) -> None:
        from rich import progress as rich_progress
        from rich.console import Console

        columns = (
            rich_progress.SpinnerColumn(),
            rich_progress.TextColumn("{task.description}", markup=False),
        )
        self._console = Console(stderr=True)
        self._bar = rich_progress.Progress(*columns, console=self._console, transient=True)
        self._bar.add_task(title, total=None)
        self._bar.start()

    def _show_update(self, title: str, done: int, total: int) -> None:
        from rich import progress as rich_progress

        task = self._bar.tasks[0]
        if task.total is None:
            self._bar.columns = (
                *self._bar.columns,
                rich_progress.BarColumn(),
                rich_progress.MofNCompleteColumn(),
                rich_progress.TimeRemainingColumn(compact=True),
            )
        self._bar.update(task.id, completed=done, total=total)

    def _show_finish(self, title: str, seconds: float) -> None:
        from rich.markup import escape as escape_markup

        self._bar.stop()
        line = f"[green]✓[/green] {escape_markup(title)} [dim]{seconds:.1f} s[/dim]"
        self._console.print(line, highlight=False)

    def _show_abort(self, title: str, seconds: float) -> None:
        self._bar.stop()


class NotebookProgress(Progress):
    """Draws finished steps and a bar for the current one in the output of a notebook cell."""

    def __init__(
        self, on_step: OnStep | None = None, *, check: Callable[[], object] | None = None
    ) -> None:
        super().__init__(on_step, check=check)
        self._output: Any = None
        self._lines: list[str] = []

    def __enter__(self) -> Self:
        """Start a run, in a new output area."""
        super().__enter__()
        self._output, self._lines = None, []
        return self

    def _show_start(self, title: str) -> None:
        self._draw(f"{escape(title)} …")

    def _show_update(self, title: str, done: int, total: int) -> None:
        bar = f'<progress value="{done}" max="{total}"></progress>'
        self._draw(f"{escape(title)} {bar} {done}/{total}")

    def _show_finish(self, title: str, seconds: float) -> None:
        self._lines.append(f"✓ {escape(title)} {seconds:.1f} s")
        self._draw()

    def _show_abort(self, title: str, seconds: float) -> None:
        self._lines.append(f"✗ {escape(title)} {seconds:.1f} s")
        self._draw()

    def _draw(self, *current: str) -> None:
        # IPython's functions have no types; it is there, as the code runs in its kernel.
        ipython: Any = import_module("IPython.display")
        page = ipython.HTML("<br>".join([*self._lines, *current]))
        if self._output is None:
            self._output = ipython.display(page, display_id=True)
        else:
            self._output.update(page)


def progress_for(
    progress: ProgressOption | Progress = "auto",
    on_step: OnStep | None = None,
    *,
    check: Callable[[], object] | None = None,
) -> Progress:
    """Return the progress display for an option.

    Parameters
    ----------
    progress : {"auto", "bar", "log", False} or Progress, default "auto"
        ``"bar"`` draws a bar, in the output of the cell in a notebook and on standard error
        elsewhere; ``"log"`` writes log records; ``False`` shows nothing. ``"auto"`` draws a bar in
        a notebook or on a terminal, and writes log records elsewhere. A `Progress` is returned as
        it is.
    on_step, check : callable, optional
        As in `Progress`; a `Progress` that is passed in has its own.

    Raises
    ------
    ConfigError
        If the option is unknown, or if callbacks are given for a `Progress` that exists already.

    Examples
    --------
    >>> with progress_for(False, on_step=print) as progress:
    ...     progress.start("Reading tables")
    Reading tables
    """
    if isinstance(progress, Progress):
        if on_step is not None or check is not None:
            raise ConfigError("on_step: give it to the Progress that you pass as progress")
        return progress
    if progress is not False and progress not in _OPTIONS:
        raise ConfigError(
            f"progress: {progress!r} is unknown; give 'auto', 'bar', 'log', False or a Progress"
        )
    kind: type[Progress] = Progress
    if progress == "log" or (progress == "auto" and not (_in_notebook() or _on_terminal())):
        kind = LogProgress
    elif progress:
        kind = NotebookProgress if _in_notebook() else TerminalProgress
    return kind(on_step, check=check)


def _on_terminal() -> bool:
    # Some schedulers and windowed programs run without a standard error.
    return sys.stderr is not None and sys.stderr.isatty()


def _in_notebook() -> bool:
    """Return whether this code runs in a Jupyter kernel; a terminal's IPython is none."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None
