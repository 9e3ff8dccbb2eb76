"""Work done in threads, its results taken in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def by_turns(make: Callable[[Given], Made], given: Iterable[Given], threads: int) -> Iterator[Made]:
    """Yield what is made of each, in order, some of it ahead in threads.

    Examples
    --------
    >>> list(by_turns(str.upper, "abc", 2))
    ['A', 'B', 'C']
    """
    waiting = iter(given)
    with ThreadPoolExecutor(threads) as pool:
        pending = [pool.submit(make, each) for each in islice(waiting, threads + 1)]
        while pending:
            done = pending.pop(0).result()
            pending += [pool.submit(make, each) for each in islice(waiting, 1)]
            yield done
