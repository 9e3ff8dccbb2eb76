"""Ordered parallel map: calls run in threads, results come in the order of the inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
    """Map `function` over `items` in threads and yield the results in the order of the items.

    Look-ahead is bounded: at most ``threads + 1`` calls are submitted and not yet yielded, so that
    results do not pile up in memory when the consumer is slower than the threads.

    Parameters
    ----------
    function : callable
        Called with one item; an exception it raises is raised when its result is due.
    items : iterable
    threads : int
        Size of the thread pool, from 1 on.

    Yields
    ------
    Result

    Examples
    --------
    >>> list(ordered_map(str.upper, "abc", 2))
    ['A', 'B', 'C']
    """
    remaining = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        pending = [pool.submit(function, item) for item in islice(remaining, threads + 1)]
        while pending:
            result = pending.pop(0).result()
            pending += [pool.submit(function, item) for item in islice(remaining, 1)]
            yield result
