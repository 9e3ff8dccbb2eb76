"""Sums over the windows of several cutoffs, in arrays, from one pass over a daily ledger.

What ``spans.window_totals`` does in an engine, for tables whose entities fit into memory: it takes
the ledger chunk by chunk and adds each row to a place of an array, without a hash table.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from engagement_ml.features.spans import Total
from engagement_ml.windows import DAY, Window

Array = npt.NDArray[Any]
Spans = Mapping[str, Window]
"""The windows of one cutoff, by kind."""

NEVER = np.iinfo(np.int64).min
"""The largest value of nothing."""
BLOCK = 32_768
"""Places whose days are counted at a time: a processor's cache holds their words."""
WORD_DAYS = 63
"""Days in a word of a calendar: whole weeks, which then never lie in two words."""
_EVERY_DAY = (1 << WORD_DAYS) - 1
_EVERY_WEEK = sum(1 << day for day in range(0, WORD_DAYS, 7))


@dataclass(frozen=True)
class Added:
    """What was added up over the windows of one cutoff, by place.

    Attributes
    ----------
    arrays : mapping of total to int64 array (places,)
        Sums and largest values, and what was counted already.
    days : calendar or None
        What other days and weeks are counted of, when they are asked for.
    spans : mapping of kind to Window
    """

    arrays: Mapping[str, Array]
    days: _Days | None
    spans: Spans

    def between(self, start: int, stop: int, totals: Sequence[Total]) -> dict[str, Array]:
        """Return totals of the places from `start` to before `stop`.

        Sums and counts are 0 where nothing is, largest values ``NEVER``. Counts of days and weeks
        are float64, as features are.
        """
        found: dict[str, Array] = {}
        for total in totals:
            if total.name in self.arrays:
                found[total.name] = self.arrays[total.name][start:stop]
            else:
                assert self.days is not None
                count = self.days.weeks if total.how == "weeks" else self.days.days
                blocks = [*range(start, stop, BLOCK), stop]
                each = [count(self.spans[total.kind], *ends) for ends in pairwise(blocks)]
                found[total.name] = np.concatenate(each) if each else np.zeros(0)
        return found


def in_arrays(
    found: Mapping[str, Array], places: int, spans: Spans, totals: Sequence[Total]
) -> Added:
    """Put totals that an engine added up, a row per place that has any, into arrays.

    Parameters
    ----------
    found : mapping of column to array
        ``place_`` and a column per total; largest values as NaN or integers.
    places : int
    spans : mapping of kind to Window
    totals : sequence of Total
    """
    arrays = {total.name: _empty(total, places) for total in totals}
    for name, array in arrays.items():
        given = ~np.isnan(found[name])
        array[found["place_"][given]] = found[name][given]
    return Added(arrays, None, spans)


def window_arrays(
    chunks: Iterable[Mapping[str, Array]],
    places: int,
    cutoffs: Sequence[Spans],
    totals: Sequence[Total],
    threads: int = 1,
) -> list[Added]:
    """Add up a daily ledger over the windows of each cutoff.

    Parameters
    ----------
    chunks : iterable of mapping of column to array
        Rows with ``place_`` (int64, from 0), ``day`` (int64, since 1970) and the columns that
        `totals` name (int64). Where days or weeks are asked for, no place has a day twice.
    places : int
    cutoffs : sequence of mapping of kind to Window
    totals : sequence of Total
    threads : int, default 1
        Cutoffs are added up at the same time.

    Returns
    -------
    list of Added
        One a cutoff.

    Examples
    --------
    >>> day = dt.date(2024, 1, 1)
    >>> window = {"observation": Window(day, day + 14 * DAY)}
    >>> totals = [Total(how, "n", how, "observation") for how in ("sum", "max", "days", "weeks")]
    >>> chunk = {"place_": [1, 1, 1], "day": [19_723, 19_725, 19_730], "n": [5, 1, 2]}
    >>> chunks = [{name: np.array(values) for name, values in chunk.items()}]
    >>> found = window_arrays(chunks, 2, [window], totals)[0].between(1, 2, totals)
    >>> {name: values.item() for name, values in found.items()}
    {'sum': 8, 'max': 5, 'days': 3.0, 'weeks': 2.0}
    """
    found = [{t.name: _empty(t, places) for t in totals if _adds(t)} for _ in cutoffs]
    counted = [total for total in totals if not _adds(total)]
    days = _Days.over([spans[total.kind] for spans in cutoffs for total in counted], places)

    def add(chunk: Mapping[str, Array], cutoff: int | None) -> None:
        place, day = chunk["place_"], chunk["day"]
        if cutoff is None:
            if days is not None:
                days.add(place, day)
            return
        for kind, rows in _inside(cutoffs[cutoff], totals, day):
            for total in totals:
                if total.kind == kind and _adds(total):
                    values = chunk[total.column][rows]
                    _put(found[cutoff][total.name], total, place[rows], values)

    with ThreadPoolExecutor(threads) as pool:
        adding: list[Future[None]] = []
        for chunk in chunks:
            # One chunk is added while the next is fetched; no array has two at a time.
            for each in adding:
                each.result()
            adding = [pool.submit(add, chunk, cutoff) for cutoff in (None, *range(len(cutoffs)))]
        for each in adding:
            each.result()
    return [Added(arrays, days, spans) for arrays, spans in zip(found, cutoffs, strict=True)]


def _adds(total: Total) -> bool:
    return total.how in ("sum", "max")


def _empty(total: Total, places: int) -> Array:
    # Pages of zeros cost no memory before something is added there.
    return np.full(places, NEVER) if total.how == "max" else np.zeros(places, np.int64)


def _put(array: Array, total: Total, place: Array, values: Array) -> None:
    if total.how == "max":
        np.maximum.at(array, place, values)
        return
    some = values != 0
    if not some.all():
        place, values = place[some], values[some]
    np.add.at(array, place, values)


def _inside(spans: Spans, totals: Sequence[Total], day: Array) -> Iterator[tuple[str, Any]]:
    """Yield which rows lie in the window of each kind, where any does."""
    if not len(day):
        return
    first, last = day.min(), day.max()
    for kind in dict.fromkeys(total.kind for total in totals if _adds(total)):
        start, end = _number(spans[kind].start), _number(spans[kind].end)
        if start <= first and last < end:
            yield kind, slice(None)
        elif first < end and start <= last:
            yield kind, np.flatnonzero((day >= start) & (day < end))


class _Days:
    """A calendar per place: a bit for each day on which anything happened, the last day first."""

    def __init__(self, window: Window, places: int) -> None:
        self.first, self.end = _number(window.start), _number(window.end)
        self.places = places
        words = -(-window.days // WORD_DAYS)
        self.bits = np.zeros(words * places, np.uint64)

    @classmethod
    def over(cls, windows: Sequence[Window], places: int) -> _Days | None:
        """Return an empty calendar of the days of all windows."""
        if not windows:
            return None
        return cls(Window(min(w.start for w in windows), max(w.end for w in windows)), places)

    def add(self, place: Array, day: Array) -> None:
        """Mark days; no place has a day twice, so that sums set bits."""
        if len(day) and not (self.first <= day.min() and day.max() < self.end):
            inside = (day >= self.first) & (day < self.end)
            place, day = place[inside], day[inside]
        word, bit = np.divmod(self.end - 1 - day, WORD_DAYS)
        np.add.at(self.bits, word * self.places + place, np.uint64(1) << bit.astype(np.uint64))

    def days(self, window: Window, start: int, stop: int) -> Array:
        """Return how many days of a window are marked, by place."""
        counted = np.zeros(stop - start)
        for days in self._words(window, window.days, start, stop):
            counted += np.bitwise_count(days)
        return counted

    def weeks(self, window: Window, start: int, stop: int) -> Array:
        """Return in how many of a window's whole weeks, counted back, any day is marked."""
        counted = np.zeros(stop - start)
        for days in self._words(window, window.days // 7 * 7, start, stop):
            # The first day of each week collects its other six.
            pairs = days | days >> 1
            fours = pairs | pairs >> 2
            counted += np.bitwise_count((fours | fours >> 3) & _EVERY_WEEK)
        return counted

    def _words(self, window: Window, days: int, start: int, stop: int) -> Iterator[Array]:
        """Yield the marks of the last `days` of a window, in words of their own."""
        words = self.bits.reshape(-1, self.places)[:, start:stop]
        for begin in range(0, days, WORD_DAYS):
            number, shift = divmod(self.end - _number(window.end) + begin, WORD_DAYS)
            word = words[number] >> shift
            if shift and number + 1 < len(words):
                word |= words[number + 1] << (WORD_DAYS - shift)
            word &= min(_EVERY_DAY, (1 << (days - begin)) - 1)
            yield word


def _number(day: dt.date) -> int:
    """Return the days from 1970."""
    return (day - dt.date(1970, 1, 1)) // DAY
