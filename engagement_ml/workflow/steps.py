"""The steps of a run: told to whoever watches, and timed."""

from __future__ import annotations

import time
from collections.abc import Callable

OnStep = Callable[[str], None]


class Steps:
    """Passes on each step's name as it begins, and keeps how long each took.

    Parameters
    ----------
    on_step : callable, optional
        Called with the name of each step as it begins.

    Attributes
    ----------
    seconds : dict of str to float
        Wall time of each step that is over, in the order they began.

    Examples
    --------
    >>> steps = Steps(print)
    >>> steps("Reading tables")
    Reading tables
    >>> steps("Building features")
    Building features
    >>> list(steps.seconds)
    ['Reading tables']
    """

    def __init__(self, on_step: OnStep | None = None) -> None:
        self._on_step = on_step
        self._current: str | None = None
        self._since = 0.0
        self.seconds: dict[str, float] = {}

    def __call__(self, name: str, detail: str = "") -> None:
        """Begin a step; the one before is over. A detail is told besides, and not kept."""
        self.finish()
        self._current, self._since = name, time.perf_counter()
        if self._on_step is not None:
            self._on_step(f"{name} {detail}".strip())

    def part(self, done: int, total: int) -> None:
        """Tell whoever watches parts, too, how many of the running step are done."""
        watch = getattr(self._on_step, "part", None)
        if watch is not None:
            watch(done, total)

    def finish(self) -> None:
        """End the step that runs, if any."""
        if self._current is not None:
            took = time.perf_counter() - self._since
            self.seconds[self._current] = self.seconds.get(self._current, 0.0) + took
        self._current = None
