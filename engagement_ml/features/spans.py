"""Sums over many overlapping windows from one pass: days into blocks, blocks into windows."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.windows import DAY, Window

WORD_WEEKS = 8
"""Weeks whose days are kept as the bits of one 64-bit integer."""
WORD_DAYS = 7 * WORD_WEEKS


@dataclass(frozen=True)
class Span:
    """A window of a cutoff; `kind` says which (``"observation"``, ``"before"``, …).

    `cutoff` is the cutoff's place among the cutoffs, from 0.
    """

    cutoff: int
    kind: str
    window: Window


@dataclass(frozen=True)
class Total:
    """One column of totals over the windows of a kind.

    `how` is ``"sum"`` or ``"max"`` of `column`, ``"days"`` (the ledger's rows, which are days)
    or ``"weeks"`` (7-day periods counted back from the window's end in which anything happened;
    only whole ones, the days left over at the window's start are ignored).
    """

    name: str
    column: str
    how: Literal["sum", "max", "days", "weeks"]
    kind: str


def span_totals(
    engine: Engine,
    daily: nw.LazyFrame[Any],
    keys: Sequence[str],
    spans: Sequence[Span],
    totals: Sequence[Total],
) -> nw.LazyFrame[Any]:
    """Add up a daily ledger over many windows.

    The bounds of all windows cut time into blocks; each day lies in one block and each window is a
    union of blocks, so the ledger is read once whatever the number of windows. Active days are
    bits of integers, which add up without a distinct count.

    Parameters
    ----------
    engine : Engine
    daily : LazyFrame
        One row per `keys` and ``day``.
    keys : sequence of str
    spans : sequence of Span
    totals : sequence of Total

    Returns
    -------
    LazyFrame
        One row per `keys` and ``cutoff_`` with anything in any of its windows; sums and counts are
        int64 and 0 where nothing is, largest values null.
    """
    weekly = {t.kind for t in totals if t.how == "weeks"}
    bounds = _bounds(spans, weekly)
    summed = sorted({t.column for t in totals if t.how == "sum"})
    largest = sorted({t.column for t in totals if t.how == "max"})
    blocks = (
        daily.join(_calendar(engine, bounds), on="day", how="inner")
        .group_by(*keys, "block_")
        .agg(
            nw.len().cast(nw.Int64).alias("days_"),
            nw.col("bit_").sum().cast(nw.Int64).alias("mask_"),
            *(nw.col(c).sum().cast(nw.Int64) for c in summed),
            *(nw.col(c).max() for c in largest),
        )
    )
    kinds = sorted({s.kind for s in spans})
    words = {t: _n_words(t, spans) for t in totals if t.how == "weeks"}
    windows = _block_spans(engine, bounds, spans, kinds, weekly)
    spread = blocks.join(windows, on="block_", how="inner")
    parts: list[nw.Expr] = []
    for total in totals:
        inside = nw.col("kind_") == kinds.index(total.kind)
        if total.how == "weeks":
            parts.extend(_words(total.name, inside, words[total]))
        else:
            parts.append(_total(total, inside))
    grouped = spread.group_by(*keys, "cutoff_").agg(*parts)
    plain = (nw.col(t.name) for t in totals if t.how != "weeks")
    weeks = (_weeks(t, spans).alias(t.name) for t in words)
    return grouped.select(*keys, "cutoff_", *plain, *weeks)


def _total(total: Total, inside: nw.Expr) -> nw.Expr:
    column = nw.when(inside).then(nw.col("days_" if total.how == "days" else total.column))
    if total.how == "max":
        return column.max().alias(total.name)
    return column.sum().cast(nw.Int64).alias(total.name)


def _words(name: str, inside: nw.Expr, n_words: int) -> list[nw.Expr]:
    moved = nw.col("mask_") * nw.col("shift_")
    return [
        nw.when(inside & (nw.col("word_") == word))
        .then(moved)
        .sum()
        .cast(nw.Int64)
        .alias(f"{name}_{word}")
        for word in range(n_words)
    ]


def _weeks(total: Total, spans: Sequence[Span]) -> nw.Expr:
    whole = next(s.window.days for s in spans if s.kind == total.kind) // 7
    weeks = [
        nw.when((nw.col(f"{total.name}_{word}") // 2 ** (7 * place)) % 128 > 0)
        .then(nw.lit(1))
        .otherwise(nw.lit(0))
        for word, place in (divmod(week, WORD_WEEKS) for week in range(whole))
    ]
    return nw.sum_horizontal(*weeks) if weeks else nw.lit(0)


def _n_words(total: Total, spans: Sequence[Span]) -> int:
    days = next(s.window.days for s in spans if s.kind == total.kind)
    return -(-days // WORD_DAYS)


def _bounds(spans: Sequence[Span], weekly: set[str]) -> list[dt.date]:
    """Where blocks begin and end: no block is longer than a word or lies in two of one window."""
    bounds = {day for s in spans for day in (s.window.start, s.window.end)}
    for span in spans:
        if span.kind in weekly:
            words = -(-span.window.days // WORD_DAYS)
            bounds |= {span.window.end - i * WORD_DAYS * DAY for i in range(1, words)}
    return sorted(bounds)


def _calendar(engine: Engine, bounds: Sequence[dt.date]) -> nw.LazyFrame[Any]:
    days = [bounds[0] + i * DAY for i in range((bounds[-1] - bounds[0]).days)]
    blocks = [bisect_right(bounds, day) - 1 for day in days]
    # The latest day of a block is its lowest bit: weeks count back from the window's end.
    offsets = [(bounds[block + 1] - day).days - 1 for block, day in zip(blocks, days, strict=True)]
    bits = [1 << offset if offset < WORD_DAYS else 0 for offset in offsets]
    return engine.small({"day": days, "block_": blocks, "bit_": bits})


def _block_spans(
    engine: Engine,
    bounds: Sequence[dt.date],
    spans: Sequence[Span],
    kinds: Sequence[str],
    weekly: set[str],
) -> nw.LazyFrame[Any]:
    place = {bound: i for i, bound in enumerate(bounds)}
    names = ("block_", "cutoff_", "kind_", "word_", "shift_")
    rows: dict[str, list[int]] = {name: [] for name in names}
    for span in spans:
        for block in range(place[span.window.start], place[span.window.end]):
            word, moved = divmod((span.window.end - bounds[block + 1]).days, WORD_DAYS)
            shift = 1 << moved if span.kind in weekly else 0
            values = (block, span.cutoff, kinds.index(span.kind), word, shift)
            for name, value in zip(names, values, strict=True):
                rows[name].append(value)
    return engine.small(rows)
