"""Sums over the windows of several cutoffs, in arrays, from one pass over a daily ledger.

What ``spans.window_totals`` does in an engine, for tables whose entities fit into memory: it takes
the ledger chunk by chunk and adds each row to a place of an array, without a hash table.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from mmap import mmap
from typing import Any

import numpy as np

from engagement_ml._typing import AnyArray
from engagement_ml.features.window_aggregates import Total
from engagement_ml.ordered_map import ordered_map
from engagement_ml.windows import DAY, Window

Spans = Mapping[str, Window]
"""The windows of one cutoff, by kind."""

NEVER = np.iinfo(np.int64).min
"""The largest value of nothing."""
WORD_DAYS = 63
"""Days in a word of a calendar: whole weeks, which then never lie in two words."""
_MOST_INT32 = (1 << 31) - 1
_SIGN = np.uint64(1 << 63)
_EVERY_DAY = (1 << WORD_DAYS) - 1


@dataclass(frozen=True)
class Added:
    """What was added up over the windows of one cutoff, by place.

    Attributes
    ----------
    pieces : mapping of (column, how) to Pieces
        What sums and largest values are put together of.
    days : calendar or None
        What days and weeks are counted of, when they are asked for.
    counted : mapping of total to array (places,)
        What an engine has counted already.
    spans : mapping of kind to Window
    """

    pieces: Mapping[tuple[str, str], _Pieces]
    days: _Days | None
    counted: Mapping[str, AnyArray]
    spans: Spans

    def between(self, start: int, stop: int, totals: Sequence[Total]) -> dict[str, AnyArray]:
        """Return totals of the places from `start` to before `stop`.

        Sums and counts are 0 where nothing is, largest values ``NEVER``. Counts of days and weeks
        are float64, as features are.
        """
        words: dict[str, list[AnyArray]] = {}
        found: dict[str, AnyArray] = {}
        for total in totals:
            window = self.spans[total.kind]
            if total.name in self.counted:
                found[total.name] = self.counted[total.name][start:stop]
            elif _adds(total):
                pieces = self.pieces[total.column, total.how]
                found[total.name] = pieces.over(window, start, stop)
            else:
                assert self.days is not None
                if total.kind not in words:
                    words[total.kind] = self.days.words(window, start, stop)
                count = _weeks if total.how == "weeks" else _days
                found[total.name] = count(words[total.kind], window.days)
        return found


def in_arrays(
    found: Mapping[str, AnyArray], places: int, spans: Spans, totals: Sequence[Total]
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
    arrays = {t.name: np.full(places, NEVER if t.how == "max" else 0) for t in totals}
    for name, array in arrays.items():
        given = ~np.isnan(found[name])
        array[found["place_"][given]] = found[name][given]
    return Added({}, None, arrays, spans)


def window_arrays(
    chunks: Iterable[Mapping[str, AnyArray]],
    places: int,
    cutoffs: Sequence[Spans],
    totals: Sequence[Total],
) -> list[Added]:
    """Add up a daily ledger over the windows of each cutoff.

    However many windows a day lies in, its rows are added once: to what lies between two borders
    of windows, of which each window is put together when it is asked for.

    Parameters
    ----------
    chunks : iterable of mapping of column to array
        Rows with ``place_`` (int64, from 0), ``day`` (int64, since 1970) and the columns that
        `totals` name (int64). Where days or weeks are asked for, no place has a day twice.
    places : int
    cutoffs : sequence of mapping of kind to Window
    totals : sequence of Total

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
    asked: dict[tuple[str, str], list[Window]] = {}
    for total in filter(_adds, totals):
        windows = asked.setdefault((total.column, total.how), [])
        windows += (spans[total.kind] for spans in cutoffs)
    pieces = {key: _Pieces(key[1], windows, places) for key, windows in asked.items()}
    counted = [total for total in totals if not _adds(total)]
    days = _Days.over([spans[total.kind] for spans in cutoffs for total in counted], places)

    def add(chunk: Mapping[str, AnyArray]) -> None:
        place, day = chunk["place_"], chunk["day"]
        if not len(day):
            return
        if days is not None:
            days.add(place, day)
        for (column, _), each in pieces.items():
            each.add(place, day, chunk[column])

    for _ in ordered_map(add, chunks, threads=1):
        # One chunk is added while the next is fetched.
        pass
    return [Added(pieces, days, {}, spans) for spans in cutoffs]


def _adds(total: Total) -> bool:
    return total.how in ("sum", "max")


def _zeros(places: int, kind: Any) -> AnyArray:
    """Return zeros whose pages cost neither memory nor time before something is put there.

    NumPy's own ask for huge pages: one touch then fetches and clears two megabytes.
    """
    return np.frombuffer(mmap(-1, max(1, places) * np.dtype(kind).itemsize), kind, places)


class _Pieces:
    """Sums or largest values of a column between the borders of windows, by place.

    Largest values are unsigned, their order as it was, so that 0 is ``NEVER``: pages of zeros
    cost no memory before something is put there. Sums have 32 bits as long as these hold them.
    """

    def __init__(self, how: str, windows: Sequence[Window], places: int) -> None:
        ends = {(_number(window.start), _number(window.end)) for window in windows}
        self.how = how
        self.borders = np.array(sorted({day for each in ends for day in each}))
        self.places = places
        self.needed = [
            any(a <= start and end <= b for a, b in ends) for start, end in pairwise(self.borders)
        ]
        self.arrays: dict[int, AnyArray] = {}
        self.most = [0] * len(self.needed)

    def add(self, place: AnyArray, day: AnyArray, values: AnyArray) -> None:
        """Add rows of a ledger, there is at least one."""
        first, last = (self._piece(end) for end in (day.min(), day.max()))
        for i in range(max(first, 0), min(last + 1, len(self.needed))):
            if not self.needed[i]:
                continue
            if first == last:
                self._put(i, place, values)
            else:
                inside = (day >= self.borders[i]) & (day < self.borders[i + 1])
                self._put(i, place[inside], values[inside])

    def over(self, window: Window, start: int, stop: int) -> AnyArray:
        """Return what comes of a window, for the places from `start` to before `stop`."""
        first, end = self._piece(_number(window.start)), self._piece(_number(window.end))
        arrays = [self.arrays[i][start:stop] for i in range(first, end) if i in self.arrays]
        if self.how == "max":
            nothing = np.zeros(stop - start, np.uint64)
            return (reduce(np.maximum, arrays, nothing) ^ _SIGN).view(np.int64)
        return reduce(np.add, arrays, np.zeros(stop - start, np.int64))

    def _piece(self, day: Any) -> int:
        return int(np.searchsorted(self.borders, day, side="right")) - 1

    def _put(self, i: int, place: AnyArray, values: AnyArray) -> None:
        if self.how == "max":
            np.maximum.at(self._array(i, np.uint64), place, values.view(np.uint64) ^ _SIGN)
            return
        some = values != 0
        if not some.all():
            place, values = place[some], values[some]
        self.most[i] += int(np.abs(values).sum())
        array = self._array(i, np.int32 if self.most[i] <= _MOST_INT32 else np.int64)
        np.add.at(array, place, values.astype(array.dtype, copy=False))

    def _array(self, i: int, kind: type[np.generic]) -> AnyArray:
        """Return the array of a piece, made at its first use and widened where it has to be."""
        held = self.arrays.get(i)
        if held is None or held.dtype != kind:
            made = self.arrays[i] = _zeros(self.places, kind)
            if held is not None:
                some = np.flatnonzero(held)
                made[some] = held[some]
        return self.arrays[i]


class _Days:
    """A calendar per place: a bit for each day on which anything happened, the last day first."""

    def __init__(self, window: Window, places: int) -> None:
        self.first, self.end = _number(window.start), _number(window.end)
        self.places = places
        words = -(-window.days // WORD_DAYS)
        self.bits = _zeros(words * places, np.uint64)

    @classmethod
    def over(cls, windows: Sequence[Window], places: int) -> _Days | None:
        """Return an empty calendar of the days of all windows."""
        if not windows:
            return None
        return cls(Window(min(w.start for w in windows), max(w.end for w in windows)), places)

    def add(self, place: AnyArray, day: AnyArray) -> None:
        """Mark days, at least one; no place has a day twice, so that sums set bits."""
        if not (self.first <= day.min() and day.max() < self.end):
            inside = (day >= self.first) & (day < self.end)
            place, day = place[inside], day[inside]
        word, bit = np.divmod(self.end - 1 - day, WORD_DAYS)
        np.add.at(self.bits, word * self.places + place, np.uint64(1) << bit.astype(np.uint64))

    def words(self, window: Window, start: int, stop: int) -> list[AnyArray]:
        """Return the marks of the days of a window, the last day first, in words of their own."""
        every = self.bits.reshape(-1, self.places)[:, start:stop]
        found = []
        for begin in range(0, window.days, WORD_DAYS):
            number, shift = divmod(self.end - _number(window.end) + begin, WORD_DAYS)
            word = every[number] >> shift
            if shift and number + 1 < len(every):
                word |= every[number + 1] << (WORD_DAYS - shift)
            word &= min(_EVERY_DAY, (1 << (window.days - begin)) - 1)
            found.append(word)
        return found


def _days(words: Sequence[AnyArray], _: int) -> AnyArray:
    """Return how many days are marked, by place."""
    counted = np.zeros(len(words[0]))
    for word in words:
        counted += np.bitwise_count(word)
    return counted


def _weeks(words: Sequence[AnyArray], days: int) -> AnyArray:
    """Return in how many of the whole weeks of so many days, counted back, any day is marked."""
    counted = np.zeros(len(words[0]))
    for i, word in enumerate(words):
        # The first day of each week collects its other six.
        pairs = word | word >> 1
        fours = pairs | pairs >> 2
        whole = days // 7 * 7 - i * WORD_DAYS
        first = sum(1 << day for day in range(0, min(WORD_DAYS, whole), 7))
        counted += np.bitwise_count((fours | fours >> 3) & first)
    return counted


def _number(day: dt.date) -> int:
    """Return the days from 1970."""
    return (day - dt.date(1970, 1, 1)) // DAY
