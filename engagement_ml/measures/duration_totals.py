"""Requests by how long they took: counted in the engine, by period and group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import AnyArray
from engagement_ml.measures.context import ALL, TOUCHPOINT, Cell, MeasureContext
from engagement_ml.measures.definition import Rows
from engagement_ml.measures.kinds.durations import Durations, DurationTotals, influences, until

KEYS = ["period", "group_", "time", "answered"]


def duration_totals(
    context: MeasureContext, rows: Rows, kind: Durations
) -> dict[str, dict[Cell, DurationTotals]]:
    """Return the distinct durations of each dimension's groups and periods, with their counts."""
    base = _by_customer(context, rows, kind)
    keys = {ALL: nw.lit(""), **{name: nw.col(key) for key, name in context.segments.items()}}
    if TOUCHPOINT in rows.frame().collect_schema().names():
        keys[TOUCHPOINT] = nw.col(TOUCHPOINT)
    limit = None if rows.limit is None else rows.limit / kind.step
    return {
        dimension: _by_group(context, base, key, kind, limit) for dimension, key in keys.items()
    }


def _by_customer(context: MeasureContext, rows: Rows, kind: Durations) -> nw.LazyFrame[Any]:
    """Return counts of equal durations of one customer in one period, computed once."""
    frame = rows.frame()
    touched = [TOUCHPOINT] if TOUCHPOINT in frame.collect_schema().names() else []
    inside = frame.join(context.calendar, on="day", how="inner")
    inside = inside.filter(nw.col("micros") >= 0).with_columns(
        time=(nw.col("micros") + (kind.step - 1)) // kind.step,
        answered=nw.col("answered").cast(nw.Int64),
    )
    counted = inside.group_by("customer_id", "period", "time", "answered", *touched).agg(
        nw.len().cast(nw.Int64).alias("requests")
    )
    return context.engine.persist(context.with_segments(counted))


def _by_group(
    context: MeasureContext,
    base: nw.LazyFrame[Any],
    key: nw.Expr,
    kind: Durations,
    limit: float | None,
) -> dict[Cell, DurationTotals]:
    keyed = base.with_columns(group_=key).filter(~nw.col("group_").is_null())
    counted = keyed.group_by(*KEYS).agg(nw.col("requests").sum())
    columns = _collected(context, counted)
    cells: dict[Cell, DurationTotals] = {}
    order = np.lexsort([columns[name] for name in ("answered", "time", "group_", "period")])
    columns = {name: values[order] for name, values in columns.items()}
    names = list(zip(columns["period"].tolist(), columns["group_"].tolist(), strict=True))
    starts = [i for i, cell in enumerate(names) if i == 0 or names[i - 1] != cell]
    for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
        part = {name: values[start:end] for name, values in columns.items()}
        cells[int(names[start][0]), str(names[start][1])] = _distinct(part, limit)
    return _with_customers(context, keyed, cells, kind)


def _collected(context: MeasureContext, frame: nw.LazyFrame[Any]) -> dict[str, AnyArray]:
    """Return a frame of few rows as arrays."""
    collected = frame.collect("pyarrow")
    return {name: np.asarray(collected[name].to_numpy()) for name in collected.columns}


def _distinct(part: Mapping[str, AnyArray], limit: float | None) -> DurationTotals:
    times, places = np.unique(part["time"].astype(np.int64), return_inverse=True)
    counts = np.zeros((2, len(times)), dtype=np.int64)
    np.add.at(counts, (part["answered"].astype(int), places), part["requests"])
    return DurationTotals(0, times, counts[1], counts[0], limit)


def _with_customers(
    context: MeasureContext,
    keyed: nw.LazyFrame[Any],
    cells: Mapping[Cell, DurationTotals],
    kind: Durations,
) -> dict[Cell, DurationTotals]:
    """Add the number of customers, and the design effect if some have several requests.

    The design effect is the variance of the cumulative hazard with customers as clusters, divided
    by that with requests as if they were independent.
    """
    if not cells:
        return {}
    made: dict[str, list[Any]] = {name: [] for name in (*KEYS, "influence")}
    alone: dict[Cell, float] = {}
    for cell, totals in cells.items():
        answered, unanswered = influences(totals, until(totals, kind.shows))
        alone[cell] = float(totals.answered @ answered**2 + totals.unanswered @ unanswered**2)
        for flag, values in ((1, answered), (0, unanswered)):
            size = len(values)
            row = ([cell[0]] * size, [cell[1]] * size, totals.times.tolist(), [flag] * size)
            for name, column in zip(made, (*row, values.tolist()), strict=True):
                made[name] += column
    joined = keyed.join(context.engine.small(made), on=KEYS, how="inner")
    by_customer = joined.group_by("period", "group_", "customer_id").agg(
        (nw.col("requests") * nw.col("influence")).sum().alias("influence")
    )
    clustered = by_customer.group_by("period", "group_").agg(
        nw.len().alias("n"), (nw.col("influence") * nw.col("influence")).sum().alias("variance")
    )
    found = {}
    for counts in context.engine.rows(clustered, source="measures"):
        cell = (int(counts["period"]), str(counts["group_"]))
        n, effect = int(counts["n"]), 1.0
        if n > 1 and alone[cell] > 0:
            effect = max(counts["variance"] / alone[cell] * n / (n - 1), 1.0)
        found[cell] = replace(cells[cell], n=n, design_effect=round(effect, 9))
    return found
