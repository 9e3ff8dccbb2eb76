"""Ordered parallel map: order of results, bounded look-ahead, exceptions."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from engagement_ml.ordered_map import ordered_map


def test_results_come_in_the_order_of_the_items() -> None:
    second_done = threading.Event()

    def wait_for_the_second(item: int) -> int:
        if item == 0:
            assert second_done.wait(10)
        else:
            second_done.set()
        return 10 * item

    assert list(ordered_map(wait_for_the_second, range(3), threads=2)) == [0, 10, 20]


def test_look_ahead_is_bounded() -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = ordered_map(abs, items(), threads=2)
    assert next(results) == 0
    assert len(taken) <= 4


def test_an_exception_is_raised_when_its_result_is_due() -> None:
    results = ordered_map(lambda item: 1 // item, [1, 0], threads=1)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_no_items_give_no_results() -> None:
    assert list(ordered_map(abs, [], threads=3)) == []
