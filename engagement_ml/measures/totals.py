"""Totals by group: the engine sums the columns of measures over customers, by period and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    base = _by_customer(context, measures, KEYS)
    keys = {ALL: nw.lit(""), **{name: nw.col(key) for key, name in context.segments.items()}}
    for dimension, key in keys.items():
        board = on_board[dimension]
        for measure, totals in _by_group(context, measures, base, key, board).items():
            found[measure, dimension] = totals
    everybody = {period: n for (period, _), n in on_board[ALL].items()}
    for split in measures[0].rows.split_by():
        parts = _by_customer(context, measures, (*KEYS, split))
        by_part = _by_group(context, measures, parts, nw.col(split), everybody)
        found |= {(measure, split): totals for measure, totals in by_part.items()}
    return found


def _by_customer(
    context: MeasureContext, measures: Sequence[Wanted], keys: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return the columns of all measures, a row for each customer and period, computed once."""
    sums = {alias: e for each in measures for alias, e in each.sums.items()}
    calendar = context.periods.calendar(context.engine)
    inside = measures[0].rows.frame().join(calendar, on="day", how="inner")
    bounds = ("period_start", "period_end")
    split = [key for key in keys if key not in KEYS]
    inside = inside.filter(*(~nw.col(key).is_null() for key in split)) if split else inside
    grouped = inside.group_by(*keys, *bounds).agg(e.alias(alias) for alias, e in sums.items())
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
    for i, first in enumerate(aliases):
        if first != FLAG:
            made.append(nw.col(first).sum().alias(_sum_name(each, i)))
        made += [
            (nw.col(first) * nw.col(second)).sum().alias(_product_name(each, i, j))
            for j, second in enumerate(aliases[i:], start=i)
            if first != FLAG or second != FLAG
        ]
    return made


def _sum_name(each: Wanted, i: int) -> str:
    return f"{each.prefix}_s{i}"


def _product_name(each: Wanted, i: int, j: int) -> str:
    return f"{each.prefix}_q{i}_{j}"


def _totals(each: Wanted, row: Mapping[str, Any], on_board: int) -> Totals:
    """Return the totals of one cell; customers on board without a row add to ``on_board`` only."""
    aliases = list(each.aliases.values())
    k = len(aliases)
    sums, products = np.zeros(k), np.zeros((k, k))
    for i, first in enumerate(aliases):
        sums[i] = on_board if first == FLAG else row[_sum_name(each, i)]
        for j, second in enumerate(aliases[i:], start=i):
            both = first == second == FLAG
            product = on_board if both else row[_product_name(each, i, j)]
            products[i, j] = products[j, i] = product
    if not each.rows.on_board:
        return Totals(int(row[f"{each.prefix}_n"]), sums, products)
    return Totals(on_board + int(row[f"{each.prefix}_strays"]), sums, products)


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
                sums = np.zeros(len(each.columns))
                sums[place] = n
                made[cell] = Totals(n, sums, np.diag(sums))
    return made
