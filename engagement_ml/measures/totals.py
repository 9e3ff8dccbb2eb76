"""Totals by group: the engine sums the columns of measures over customers, by period and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import permutations
from operator import mul
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml.measures.context import ALL, Cell, MeasureContext
from engagement_ml.measures.kinds.kind import SMALL, Totals
from engagement_ml.measures.on_board import FLAG, with_flag
from engagement_ml.measures.small_cells import add_rows
from engagement_ml.measures.wanted import ON_BOARD, Wanted

KEYS = ("customer_id", "period")


def totals_of(
    context: MeasureContext,
    measures: Sequence[Wanted],
    on_board: Mapping[str, Mapping[Cell, int]],
) -> dict[tuple[str, str], dict[Cell, Totals]]:
    """Return the totals of measures that share their rows, by measure and dimension.

    Parameters
    ----------
    context : MeasureContext
    measures : sequence of Wanted
        With the same ``rows.key``.
    on_board : mapping of dimension to mapping of cell to int
        See ``customers_on_board``; by touchpoint it is that of all customers.
    """
    found: dict[tuple[str, str], dict[Cell, Totals]] = {}
    base = _by_customer(context, measures, KEYS, measures[0].rows.frame())
    keys = {ALL: nw.lit(""), **{name: nw.col(key) for key, name in context.segments.items()}}
    for dimension, key in keys.items():
        board = on_board[dimension]
        for measure, totals in _by_group(context, measures, base, key, board).items():
            found[measure, dimension] = totals
    everybody = {period: n for (period, _), n in on_board[ALL].items()}
    for split, rows in measures[0].rows.split_rows().items():
        parts = _by_customer(context, measures, (*KEYS, split), rows)
        by_part = _by_group(context, measures, parts, nw.col(split), everybody)
        found |= {(measure, split): totals for measure, totals in by_part.items()}
    return found


def _by_customer(
    context: MeasureContext,
    measures: Sequence[Wanted],
    keys: Sequence[str],
    rows: nw.LazyFrame[Any],
) -> nw.LazyFrame[Any]:
    """Return the columns of all measures, a row for each customer and period, computed once."""
    sums = {alias: e for each in measures for alias, e in each.sums.items()}
    inside = rows.join(context.calendar, on="day", how="inner")
    split = [key for key in keys if key not in KEYS]
    inside = inside.filter(*(~nw.col(key).is_null() for key in split)) if split else inside
    grouped = inside.group_by(*keys).agg(e.alias(alias) for alias, e in sums.items())
    numbers = [nw.col(a).cast(nw.Float64).fill_null(0.0).alias(a) for a in sums]
    flags: list[str] = []
    if any(each.rows.on_board for each in measures):
        grouped, flags = with_flag(context, grouped), [FLAG]
    grouped = grouped.select(*keys, *flags, *numbers)
    if not split:
        grouped = context.with_segments(grouped)
    return context.engine.persist(grouped)


def _by_group(
    context: MeasureContext,
    measures: Sequence[Wanted],
    base: nw.LazyFrame[Any],
    key: nw.Expr,
    board: Mapping[Cell, int] | Mapping[int, int],
) -> dict[str, dict[Cell, Totals]]:
    """Return totals by measure and cell; `board` is by cell or, for touchpoints, by period."""
    keyed = base.with_columns(group_=key).filter(~nw.col("group_").is_null())
    aggregates = [expression for each in measures for expression in _moments(each)]
    rows = context.engine.rows(
        keyed.group_by("period", "group_").agg(*aggregates), source="measures"
    )
    found: dict[str, dict[Cell, Totals]] = {}
    for each in measures:
        cells = {}
        for row in rows:
            cell = (int(row["period"]), str(row["group_"]))
            there = board.get(cell, board.get(cell[0], 0))  # type: ignore[call-overload]
            cells[cell] = _totals(each, row, int(there))
        if each.rows.on_board:
            cells |= _only_on_board(each, board, cells)
        found[each.name] = cells
    small = {
        each.name: [cell for cell, totals in found[each.name].items() if 0 < totals.n < SMALL]
        for each in measures
    }
    return add_rows(context.engine, measures, keyed, found, small)


def _moments(each: Wanted) -> list[nw.Expr]:
    """Return the expressions of a measure's sums, and of the sums of products."""
    aliases = list(each.aliases.values())
    one, none = nw.lit(1), nw.lit(0)
    made = [nw.when(each.present).then(one).otherwise(none).sum().alias(f"{each.prefix}_n")]
    if each.rows.on_board:
        stray = each.present & (nw.col(FLAG) == 0)
        made.append(nw.when(stray).then(one).otherwise(none).sum().alias(f"{each.prefix}_strays"))
    for places in each.places:
        factors = [nw.col(aliases[place]) for place in places]
        if {aliases[place] for place in places} != {FLAG}:
            made.append(reduce(mul, factors).sum().alias(each.sum_name(places)))
    return made


def _totals(each: Wanted, row: Mapping[str, Any], on_board: int) -> Totals:
    """Return the totals of one cell; customers on board without a row add to ``on_board`` only."""
    aliases = list(each.aliases.values())
    arrays = [np.zeros((len(aliases),) * size) for size in (1, 2, 3)]
    for places in each.places:
        only_flag = {aliases[place] for place in places} == {FLAG}
        total = on_board if only_flag else row[each.sum_name(places)]
        for order in set(permutations(places)):
            arrays[len(places) - 1][order] = total
    sums, products, cubes = arrays
    n = int(row[f"{each.prefix}_n"])
    if each.rows.on_board:
        n = on_board + int(row[f"{each.prefix}_strays"])
    return Totals(n, sums, products, cubes=cubes if each.cubes else None)


def _only_on_board(
    each: Wanted, board: Mapping[Any, int], cells: Mapping[Cell, Totals]
) -> dict[Cell, Totals]:
    """Return totals of the cells in which customers were there and none has a row."""
    place = each.columns.index(ON_BOARD)
    groups = {group for _, group in cells}
    made = {}
    for key, n in board.items():
        for cell in [key] if isinstance(key, tuple) else [(key, group) for group in groups]:
            if cell not in cells and n:
                arrays = [np.zeros((len(each.columns),) * size) for size in (1, 2, 3)]
                for array in arrays:
                    array[(place,) * array.ndim] = n
                sums, products, cubes = arrays
                made[cell] = Totals(n, sums, products, cubes=cubes if each.cubes else None)
    return made
