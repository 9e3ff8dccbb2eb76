"""NumPy aggregator: totals over the windows of several cutoffs, in one pass over daily totals.

The dense counterpart of ``window_aggregates.window_totals``, for entities that fit into memory: it
reads the daily totals chunk by chunk and adds each row to a place of an array, without hashing.
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
"""Sentinel for the maximum of an empty set."""
WORD_DAYS = 63
"""Days in a word of the calendar: nine whole weeks, so that no week spans two words."""
_MAX_INT32 = (1 << 31) - 1
_SIGN = np.uint64(1 << 63)
_EVERY_DAY = (1 << WORD_DAYS) - 1


@dataclass(frozen=True)
class WindowTotals:
    """Totals over the windows of one cutoff, by place.

    Attributes
    ----------
    segments : mapping of (column, how) to segments
        Sums and largest values between the borders of windows.
    calendar : calendar or None
        Active days, if days or weeks are counted.
    precomputed : mapping of total to array (places,)
        Totals that an engine has computed already.
    spans : mapping of kind to Window
    """

    segments: Mapping[tuple[str, str], _Segments]
    calendar: _Calendar | None
    precomputed: Mapping[str, AnyArray]
    spans: Spans

    def between(self, start: int, stop: int, totals: Sequence[Total]) -> dict[str, AnyArray]:
        """Return totals of the places from `start` to before `stop`.

        Sums and counts are 0 and largest values ``NEVER`` for an empty window. Counts of days and
        weeks are float64, as features are.
        """
        words: dict[str, list[AnyArray]] = {}
        arrays: dict[str, AnyArray] = {}
        for total in totals:
            window = self.spans[total.kind]
            if total.name in self.precomputed:
                arrays[total.name] = self.precomputed[total.name][start:stop]
            elif _is_sum_or_max(total):
                segments = self.segments[total.column, total.how]
                arrays[total.name] = segments.over(window, start, stop)
            else:
                assert self.calendar is not None
                if total.kind not in words:
                    words[total.kind] = self.calendar.words(window, start, stop)
                count = _count_weeks if total.how == "weeks" else _count_days
                arrays[total.name] = count(words[total.kind], window.days)
        return arrays


def from_engine_totals(
    rows: Mapping[str, AnyArray], places: int, spans: Spans, totals: Sequence[Total]
) -> WindowTotals:
    """Scatter totals that an engine computed, a row per place with any, into dense arrays.

    Parameters
    ----------
    rows : mapping of column to array
        ``place_`` and a column per total; largest values as NaN or integers.
    places : int
    spans : mapping of kind to Window
    totals : sequence of Total
    """
    arrays = {t.name: np.full(places, NEVER if t.how == "max" else 0) for t in totals}
    for name, array in arrays.items():
        present = ~np.isnan(rows[name])
        array[rows["place_"][present]] = rows[name][present]
    return WindowTotals({}, None, arrays, spans)


def aggregate_chunks(
    chunks: Iterable[Mapping[str, AnyArray]],
    places: int,
    cutoffs: Sequence[Spans],
    totals: Sequence[Total],
) -> list[WindowTotals]:
    """Aggregate daily totals over the windows of each cutoff.

    The borders of all windows split time into segments. Each row is added once, to the segment of
    its day; a window is the sum (or maximum) of its segments, computed when it is requested.

    Parameters
    ----------
    chunks : iterable of mapping of column to array
        Rows with ``place_`` (int64, from 0), ``day`` (int64, since 1970) and the columns that
        `totals` name (int64). If days or weeks are counted, no place has a day twice.
    places : int
    cutoffs : sequence of mapping of kind to Window
    totals : sequence of Total

    Returns
    -------
    list of WindowTotals
        One per cutoff.

    Examples
    --------
    >>> day = dt.date(2024, 1, 1)
    >>> window = {"observation": Window(day, day + 14 * DAY)}
    >>> totals = [Total(how, "n", how, "observation") for how in ("sum", "max", "days", "weeks")]
    >>> chunk = {"place_": [1, 1, 1], "day": [19_723, 19_725, 19_730], "n": [5, 1, 2]}
    >>> chunks = [{name: np.array(values) for name, values in chunk.items()}]
    >>> (at_cutoff,) = aggregate_chunks(chunks, 2, [window], totals)
    >>> {name: values.item() for name, values in at_cutoff.between(1, 2, totals).items()}
    {'sum': 8, 'max': 5, 'days': 3.0, 'weeks': 2.0}
    """
    windows_of: dict[tuple[str, str], list[Window]] = {}
    for total in filter(_is_sum_or_max, totals):
        windows = windows_of.setdefault((total.column, total.how), [])
        windows += (spans[total.kind] for spans in cutoffs)
    segments = {key: _Segments(key[1], windows, places) for key, windows in windows_of.items()}
    counts = [total for total in totals if not _is_sum_or_max(total)]
    calendar = _Calendar.over([spans[total.kind] for spans in cutoffs for total in counts], places)

    def add(chunk: Mapping[str, AnyArray]) -> None:
        place, day = chunk["place_"], chunk["day"]
        if not len(day):
            return
        if calendar is not None:
            calendar.add(place, day)
        for (column, _), accumulator in segments.items():
            accumulator.add(place, day, chunk[column])

    for _ in ordered_map(add, chunks, threads=1):
        # One chunk is added while the next is fetched.
        pass
    return [WindowTotals(segments, calendar, {}, spans) for spans in cutoffs]


def _is_sum_or_max(total: Total) -> bool:
    return total.how in ("sum", "max")


def _zeros(places: int, kind: Any) -> AnyArray:
    """Allocate lazily committed zeros with `mmap`: untouched pages cost neither memory nor time.

    `np.zeros` requests huge pages, of which one write fetches and clears two megabytes.
    """
    return np.frombuffer(mmap(-1, max(1, places) * np.dtype(kind).itemsize), kind, places)


class _Segments:
    """Sums or largest values of a column between the borders of windows, by place.

    Largest values are stored unsigned with the sign bit flipped, which keeps their order and makes
    0 stand for ``NEVER``: untouched pages of zeros cost no memory. Sums have 32 bits until one
    might not fit.
    """

    def __init__(self, how: str, windows: Sequence[Window], places: int) -> None:
        ends = {(_number(window.start), _number(window.end)) for window in windows}
        self.how = how
        self.borders = np.array(sorted({day for window in ends for day in window}))
        self.places = places
        self.needed = [
            any(a <= start and end <= b for a, b in ends) for start, end in pairwise(self.borders)
        ]
        self.arrays: dict[int, AnyArray] = {}
        self.bounds = [0] * len(self.needed)

    def add(self, place: AnyArray, day: AnyArray, values: AnyArray) -> None:
        """Accumulate rows of daily totals; `place` must not be empty."""
        first, last = (self._segment(end) for end in (day.min(), day.max()))
        for i in range(max(first, 0), min(last + 1, len(self.needed))):
            if not self.needed[i]:
                continue
            if first == last:
                self._put(i, place, values)
            else:
                inside = (day >= self.borders[i]) & (day < self.borders[i + 1])
                self._put(i, place[inside], values[inside])

    def over(self, window: Window, start: int, stop: int) -> AnyArray:
        """Return the total over a window, for the places from `start` to before `stop`."""
        first, end = self._segment(_number(window.start)), self._segment(_number(window.end))
        arrays = [self.arrays[i][start:stop] for i in range(first, end) if i in self.arrays]
        if self.how == "max":
            never = np.zeros(stop - start, np.uint64)
            return (reduce(np.maximum, arrays, never) ^ _SIGN).view(np.int64)
        return reduce(np.add, arrays, np.zeros(stop - start, np.int64))

    def _segment(self, day: Any) -> int:
        return int(np.searchsorted(self.borders, day, side="right")) - 1

    def _put(self, i: int, place: AnyArray, values: AnyArray) -> None:
        if self.how == "max":
            np.maximum.at(self._array(i, np.uint64), place, values.view(np.uint64) ^ _SIGN)
            return
        nonzero = values != 0
        if not nonzero.all():
            place, values = place[nonzero], values[nonzero]
        # The sum of absolute values bounds every partial sum.
        self.bounds[i] += int(np.abs(values).sum())
        array = self._array(i, np.int32 if self.bounds[i] <= _MAX_INT32 else np.int64)
        np.add.at(array, place, values.astype(array.dtype, copy=False))

    def _array(self, i: int, kind: type[np.generic]) -> AnyArray:
        """Return the array of a segment, allocated at first use and widened if `kind` differs."""
        current = self.arrays.get(i)
        if current is None or current.dtype != kind:
            array = self.arrays[i] = _zeros(self.places, kind)
            if current is not None:
                # Copy nonzero values only, so that the other pages stay untouched.
                nonzero = np.flatnonzero(current)
                array[nonzero] = current[nonzero]
        return self.arrays[i]


class _Calendar:
    """A bitmap per place: a bit for each active day, the last day first."""

    def __init__(self, window: Window, places: int) -> None:
        self.first, self.end = _number(window.start), _number(window.end)
        self.places = places
        words = -(-window.days // WORD_DAYS)
        self.bits = _zeros(words * places, np.uint64)

    @classmethod
    def over(cls, windows: Sequence[Window], places: int) -> _Calendar | None:
        """Return an empty calendar over the days of all windows, None without windows."""
        if not windows:
            return None
        return cls(Window(min(w.start for w in windows), max(w.end for w in windows)), places)

    def add(self, place: AnyArray, day: AnyArray) -> None:
        """Mark days, at least one; no place has a day twice, so that addition sets bits."""
        if not (self.first <= day.min() and day.max() < self.end):
            inside = (day >= self.first) & (day < self.end)
            place, day = place[inside], day[inside]
        word, bit = np.divmod(self.end - 1 - day, WORD_DAYS)
        np.add.at(self.bits, word * self.places + place, np.uint64(1) << bit.astype(np.uint64))

    def words(self, window: Window, start: int, stop: int) -> list[AnyArray]:
        """Return the bits of a window, the last day first, shifted to begin at a word."""
        bits = self.bits.reshape(-1, self.places)[:, start:stop]
        words = []
        for begin in range(0, window.days, WORD_DAYS):
            number, shift = divmod(self.end - _number(window.end) + begin, WORD_DAYS)
            word = bits[number] >> shift
            if shift and number + 1 < len(bits):
                word |= bits[number + 1] << (WORD_DAYS - shift)
            word &= min(_EVERY_DAY, (1 << (window.days - begin)) - 1)
            words.append(word)
        return words


def _count_days(words: Sequence[AnyArray], _: int) -> AnyArray:
    """Return the number of active days, by place."""
    count = np.zeros(len(words[0]))
    for word in words:
        count += np.bitwise_count(word)
    return count


def _count_weeks(words: Sequence[AnyArray], days: int) -> AnyArray:
    """Return the number of active weeks among the whole weeks of `days`, counted back."""
    count = np.zeros(len(words[0]))
    for i, word in enumerate(words):
        # Fold each week: its lowest bit becomes the OR of its seven days.
        pairs = word | word >> 1
        fours = pairs | pairs >> 2
        whole = days // 7 * 7 - i * WORD_DAYS
        first = sum(1 << day for day in range(0, min(WORD_DAYS, whole), 7))
        count += np.bitwise_count((fours | fours >> 3) & first)
    return count


def _number(day: dt.date) -> int:
    """Return the days from 1970."""
    return (day - dt.date(1970, 1, 1)) // DAY
