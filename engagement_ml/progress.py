"""A progress line for long steps: silent where nobody watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Progress:
    """Shows which step is running, on standard error, and keeps how long each took.

    Parameters
    ----------
    quiet : bool, default False
        Show nothing; nothing is shown either where standard error is no terminal.

    Attributes
    ----------
    seconds : dict of str to float
        Wall time per step, in the order they ran.

    Examples
    --------
    >>> progress = Progress(quiet=True)
    >>> with progress.step("Reading tables"):
    ...     pass
    >>> list(progress.seconds)
    ['Reading tables']
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet or not sys.stderr.isatty()
        self.seconds: dict[str, float] = {}
        self._advance: Callable[[int, int], None] | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show `name` while the block runs; a line with its time once it is done."""
        start = time.perf_counter()
        try:
            if self.quiet:
                yield
            else:
                with self._shown(name):
                    yield
        finally:
            took = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + took

    def part(self, done: int, total: int) -> None:
        """Show how far the running step is: so many parts of so many."""
        if self._advance is not None:
            self._advance(done, total)

    @contextmanager
    def _shown(self, name: str) -> Iterator[None]:
        from rich import progress as bars
        from rich.console import Console

        console = Console(stderr=True)
        start = time.perf_counter()
        columns = (bars.SpinnerColumn(), bars.TextColumn("{task.description}"))
        with bars.Progress(*columns, console=console, transient=True) as shown:
            task = shown.add_task(name, total=None)

            def advance(done: int, total: int) -> None:
                if len(shown.columns) == len(columns):
                    remaining = bars.TimeRemainingColumn(compact=True)
                    shown.columns = (
                        *columns,
                        bars.BarColumn(),
                        bars.MofNCompleteColumn(),
                        remaining,
                    )
                shown.update(task, completed=done, total=total)

            self._advance = advance
            try:
                yield
            finally:
                self._advance = None
        console.print(f"[green]✓[/green] {name} [dim]{time.perf_counter() - start:.1f} s[/dim]")
