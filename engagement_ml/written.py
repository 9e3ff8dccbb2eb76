"""What a command has written so far: what it says if it is interrupted must be true."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FrameType

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Signals by which a user or a scheduler ends a run."""


@dataclass
class Written:
    """What was put in place, and what remains to do.

    Attributes
    ----------
    places : list of str
        Files, folders and versions that are complete, in their order.
    unfinished : str
        What is under way and not complete, as the end of a sentence; "" if nothing is.
    """

    places: list[str] = field(default_factory=list)
    unfinished: str = ""

    def sentence(self) -> str:
        """Return what an interruption leaves.

        Examples
        --------
        >>> Written().sentence(), Written(["runs/shop"]).sentence()
        ('no results were written', 'runs/shop was written')
        >>> Written(["a.csv", "b.csv"], "its registration did not finish").sentence()
        'a.csv and b.csv were written; its registration did not finish'
        """
        names = list(dict.fromkeys(self.places))
        if not names:
            done = "no results were written"
        elif len(names) == 1:
            done = f"{names[0]} was written"
        else:
            done = f"{', '.join(names[:-1])} and {names[-1]} were written"
        return f"{done}; {self.unfinished}" if self.unfinished else done


_current: ContextVar[Written | None] = ContextVar("written", default=None)


@contextmanager
def collect_written() -> Iterator[Written]:
    """Yield what the block writes, as `note_written` and `unfinished` are called in it."""
    written = Written()
    token = _current.set(written)
    try:
        yield written
    finally:
        _current.reset(token)


def note_written(place: object) -> None:
    """Note that a file, folder or version is complete and in its place."""
    if (written := _current.get()) is not None:
        written.places.append(str(place))


@contextmanager
def unfinished(what: str) -> Iterator[None]:
    """Note what is under way in the block; it stays noted if the block does not complete.

    Parameters
    ----------
    what : str
        As the end of a sentence: ``its registration did not finish``.
    """
    written = _current.get()
    if written is None:
        yield
        return
    before, written.unfinished = written.unfinished, what
    yield
    written.unfinished = before


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C, SIGTERM and SIGHUP back until the end of the block.

    For moves of files, which take no time: an interruption then comes before all of them or after
    the last, and `note_written` is true. Other threads are never interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    handled = [number for number, handler in before.items() if callable(handler)]
    for number in handled:
        signal.signal(number, lambda number, frame: held.append((number, frame)))
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])
        for number, frame in held:
            before[number](number, frame)  # type: ignore[operator,misc]
