"""A progress line for long steps: silent where nobody watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
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

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show `name` while the block runs; a line with its time once it is done."""
        start = time.perf_counter()
        try:
            if self.quiet:
                yield
            else:
                with self._spinner(name):
                    yield
        finally:
            took = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + took

    @contextmanager
    def _spinner(self, name: str) -> Iterator[None]:
        from rich.console import Console

        console = Console(stderr=True)
        start = time.perf_counter()
        with console.status(name):
            yield
        console.print(f"[green]✓[/green] {name} [dim]{time.perf_counter() - start:.1f} s[/dim]")
