"""Sums over many overlapping windows from one pass: days into blocks, blocks into windows."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.windows import DAY, Window


@dataclass(frozen=True)
class Span:
    """A window of a cutoff; `kind` says which (``"observation"``, ``"before"``, …)."""

    cutoff: dt.date
    kind: str
    window: Window


@dataclass(frozen=True)
class Total:
    """One column of totals: `how` (``"sum"``, ``"max"`` or ``"days"``) of `column` over `kind`."""

    name: str
    column: str
    how: str
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
    union of blocks, so the ledger is read once whatever the number of windows.

    Parameters
    ----------
    engine : Engine
    daily : LazyFrame
        One row per `keys` and ``day``.
    keys : sequence of str
    spans : sequence of Span
    totals : sequence of Total
        ``"days"`` counts the ledger's rows, which are days.

    Returns
    -------
    LazyFrame
        One row per `keys` and ``cutoff`` with anything in any window of it.
    """
    bounds = sorted({day for s in spans for day in (s.window.start, s.window.end)})
    summed = sorted({t.column for t in totals if t.how == "sum"})
    largest = sorted({t.column for t in totals if t.how == "max"})
    blocks = (
        daily.join(_calendar(engine, bounds), on="day", how="inner")
        .group_by(*keys, "block")
        .agg(
            nw.len().alias("days_"),
            *(nw.col(c).sum().cast(nw.Int64) for c in summed),
            *(nw.col(c).max() for c in largest),
        )
    )
    spread = blocks.join(_block_spans(engine, bounds, spans), on="block", how="inner")
    return spread.group_by(*keys, "cutoff").agg(*(_total(t) for t in totals))


def weeks_active(
    engine: Engine,
    daily: nw.LazyFrame[Any],
    keys: Sequence[str],
    windows: Mapping[dt.date, Window],
) -> nw.LazyFrame[Any]:
    """Count the 7-day periods, counted back from each cutoff, in which anything happened.

    Parameters
    ----------
    windows : mapping of cutoff to Window
        Only whole weeks of the window count: the days left over at its start are ignored.

    Returns
    -------
    LazyFrame
        One row per `keys` and ``cutoff`` with ``active_weeks``.
    """
    by_phase: dict[int, list[dt.date]] = {}
    for cutoff in sorted(windows):
        by_phase.setdefault(cutoff.toordinal() % 7, []).append(cutoff)
    parts = []
    for phase, cutoffs in by_phase.items():
        rows: dict[str, list[Any]] = {"week": [], "cutoff": []}
        for cutoff in cutoffs:
            last = (cutoff.toordinal() - phase) // 7
            for week in range(last - windows[cutoff].days // 7, last):
                rows["week"].append(week)
                rows["cutoff"].append(_midnight(cutoff))
        if not rows["week"]:
            continue
        start, end = min(w.start for w in windows.values()), max(windows)
        days = [start + i * DAY for i in range((end - start).days)]
        calendar = engine.small(
            {"day": days, "week": [(d.toordinal() - phase) // 7 for d in days]}
        )
        weeks = daily.join(calendar, on="day", how="inner").select(*keys, "week").unique()
        parts.append(weeks.join(engine.small(rows), on="week", how="inner").select(*keys, "cutoff"))
    if not parts:
        never = daily.filter(nw.lit(False)).with_columns(cutoff=nw.col("last"))
        parts.append(never.select(*keys, "cutoff"))
    return nw.concat(parts).group_by(*keys, "cutoff").agg(nw.len().alias("active_weeks"))


def _total(total: Total) -> nw.Expr:
    column = nw.col("days_" if total.how == "days" else total.column)
    inside = nw.when(nw.col("kind") == total.kind).then(column)
    if total.how == "max":
        return inside.max().alias(total.name)
    return inside.sum().cast(nw.Int64).alias(total.name)


def _calendar(engine: Engine, bounds: Sequence[dt.date]) -> nw.LazyFrame[Any]:
    days = [bounds[0] + i * DAY for i in range((bounds[-1] - bounds[0]).days)]
    return engine.small({"day": days, "block": [bisect_right(bounds, d) - 1 for d in days]})


def _block_spans(
    engine: Engine, bounds: Sequence[dt.date], spans: Sequence[Span]
) -> nw.LazyFrame[Any]:
    rows: dict[str, list[Any]] = {"block": [], "cutoff": [], "kind": []}
    for span in spans:
        for block in range(bounds.index(span.window.start), bounds.index(span.window.end)):
            rows["block"].append(block)
            rows["cutoff"].append(_midnight(span.cutoff))
            rows["kind"].append(span.kind)
    return engine.small(rows)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time())
