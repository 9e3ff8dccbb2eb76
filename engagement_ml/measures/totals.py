"""Totals by group: the engine sums the columns of measures over customers, by period and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.features.daily_totals import entities
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.definition import Rows
from engagement_ml.measures.kinds.kind import SMALL, Totals

ALL, TOUCHPOINT = "all", "touchpoint"
ON_BOARD = "on_board"
_KEYS = ("customer_id", "period")

Cell = tuple[int, str]
"""Period and group; the group is empty if customers are not split."""


@dataclass(frozen=True)
class Wanted:
    """The columns of one measure, as parts of a pass over rows that several measures share.

    Attributes
    ----------
    name : str
    columns : tuple of str
        Of the measure's kind, in order.
    rows : Rows
    """

    name: str
    columns: tuple[str, ...]
    rows: Rows

    def aliases(self, place: int) -> dict[str, str]:
        """Return the column of the pass for each column that rows give."""
        return {c: f"c{place}_{i}" for i, c in enumerate(self.columns) if c != ON_BOARD}


def dimensions(context: MeasureContext, rows: Rows) -> tuple[str, ...]:
    """Return by what the rows can be split: not at all, by touchpoint, by each segment."""
    present = rows.frame().collect_schema().names()
    groups = [] if context.groups is None else context.groups.collect_schema().names()[1:]
    touched = [TOUCHPOINT] if TOUCHPOINT in present else []
    return (ALL, *touched, *groups)


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
    rows = measures[0].rows
    found: dict[tuple[str, str], dict[Cell, Totals]] = {}
    by_customer: dict[bool, nw.LazyFrame[Any]] = {}
    for dimension in dimensions(context, rows):
        touched = dimension == TOUCHPOINT
        if touched not in by_customer:
            by_customer[touched] = _by_customer(context, measures, touched)
        base = by_customer[touched]
        board = on_board[ALL if touched else dimension]
        for measure, totals in _by_group(context, measures, base, dimension, board).items():
            found[measure, dimension] = totals
    return found


def customers_on_board(context: MeasureContext) -> dict[str, dict[Cell, int]]:
    """Return how many customers were there in each period, by dimension and group.

    A customer is there from the entry (sign-up or, without one, the first event or transaction)
    to the churn event, if churn is an event.
    """
    frame = entities(context.tables, context.config)
    dims: tuple[str, ...] = (ALL,)
    if context.groups is not None:
        dims = (ALL, *context.groups.collect_schema().names()[1:])
        frame = frame.join(context.groups, on="customer_id", how="left")
    entry, left = nw.col("entry").dt.date(), nw.col("exit").dt.date()
    there = {
        f"p{place}": nw.when((entry < period.end) & (left.is_null() | (left >= period.start)))
        .then(nw.lit(1))
        .otherwise(nw.lit(0))
        for place, period in enumerate(context.periods.each)
    }
    marked = context.engine.persist(frame.select(*dims[1:], **there))
    return {dimension: _on_board_by(context, marked, dimension, there) for dimension in dims}


def _on_board_by(
    context: MeasureContext, marked: nw.LazyFrame[Any], dimension: str, there: Mapping[str, Any]
) -> dict[Cell, int]:
    key = nw.lit("") if dimension == ALL else nw.col(dimension)
    grouped = (
        marked.with_columns(group_=key).group_by("group_").agg(nw.col(name).sum() for name in there)
    )
    return {
        (place, row["group_"]): int(row[f"p{place}"])
        for row in context.engine.rows(grouped, source="customers")
        for place in range(len(there))
        if row["group_"] is not None
    }


def _by_customer(
    context: MeasureContext, measures: Sequence[Wanted], touched: bool
) -> nw.LazyFrame[Any]:
    """Return the columns of all measures, a row for each customer and period, computed once."""
    keys = [*_KEYS, *([TOUCHPOINT] if touched else [])]
    sums = {
        alias: each.rows.columns[column]
        for place, each in enumerate(measures)
        for column, alias in each.aliases(place).items()
    }
    inside = (
        measures[0]
        .rows.frame()
        .join(context.periods.calendar(context.engine), on="day", how="inner")
    )
    if touched:
        inside = inside.filter(~nw.col(TOUCHPOINT).is_null())
    grouped = inside.group_by(*keys).agg(e.alias(alias) for alias, e in sums.items())
    numbers = (nw.col(a).cast(nw.Float64).fill_null(0.0).alias(a) for a in sums)
    grouped = grouped.select(*keys, *numbers)
    if not touched and context.groups is not None:
        grouped = grouped.join(context.groups, on="customer_id", how="left")
    return context.engine.persist(grouped)


def _by_group(
    context: MeasureContext,
    measures: Sequence[Wanted],
    base: nw.LazyFrame[Any],
    dimension: str,
    board: Mapping[Cell, int],
) -> dict[str, dict[Cell, Totals]]:
    keyed = base.with_columns(group_=nw.lit("") if dimension == ALL else nw.col(dimension))
    keyed = keyed.filter(~nw.col("group_").is_null())
    rows = context.engine.rows(
        keyed.group_by("period", "group_").agg(*_moments(measures)), source="measures"
    )
    found: dict[str, dict[Cell, Totals]] = {}
    for place, each in enumerate(measures):
        cells = {
            (int(row["period"]), str(row["group_"])): _totals(
                each, place, row, board.get((int(row["period"]), str(row["group_"])), 0)
            )
            for row in rows
        }
        if each.rows.on_board:
            cells |= _only_on_board(each, board, cells)
        found[each.name] = cells
    _add_small_rows(context, measures, keyed, found)
    return found


def _moments(measures: Sequence[Wanted]) -> list[nw.Expr]:
    """Return the expressions of sums and of sums of products, of each measure by itself."""
    made: list[nw.Expr] = []
    for place, each in enumerate(measures):
        aliases = list(each.aliases(place).values())
        present = nw.any_horizontal(*(nw.col(a) != 0 for a in aliases), ignore_nulls=True)
        counted = nw.when(present).then(nw.lit(1)).otherwise(nw.lit(0))
        made.append(counted.sum().alias(f"n{place}"))
        for i, first in enumerate(aliases):
            made.append(nw.col(first).sum().alias(f"s_{first}"))
            made += [
                (nw.col(first) * nw.col(second)).sum().alias(f"q_{first}_{second}")
                for second in aliases[i:]
            ]
    return made


def _totals(each: Wanted, place: int, row: Mapping[str, Any], on_board: int) -> Totals:
    aliases = each.aliases(place)
    k = len(each.columns)
    sums, products = np.zeros(k), np.zeros((k, k))
    for i, column in enumerate(each.columns):
        sums[i] = on_board if column == ON_BOARD else row[f"s_{aliases[column]}"]
        for j, other in enumerate(each.columns[i:], start=i):
            products[i, j] = products[j, i] = _product(column, other, aliases, row, on_board)
    n = on_board if each.rows.on_board else int(row[f"n{place}"])
    return Totals(n, sums, products)


def _product(
    column: str, other: str, aliases: Mapping[str, str], row: Mapping[str, Any], on_board: int
) -> float:
    """Return the sum of products; ``on_board`` is 1 for every customer."""
    if column == ON_BOARD and other == ON_BOARD:
        return float(on_board)
    if ON_BOARD in (column, other):
        return float(row[f"s_{aliases[other if column == ON_BOARD else column]}"])
    return float(row[f"q_{aliases[column]}_{aliases[other]}"])


def _only_on_board(
    each: Wanted, board: Mapping[Cell, int], cells: Mapping[Cell, Totals]
) -> dict[Cell, Totals]:
    """Return totals of the cells in which customers were there and none has a row."""
    place = each.columns.index(ON_BOARD)
    made = {}
    for cell, n in board.items():
        if cell not in cells and n:
            sums = np.zeros(len(each.columns))
            sums[place] = n
            made[cell] = Totals(n, sums, np.diag(sums))
    return made


def _add_small_rows(
    context: MeasureContext,
    measures: Sequence[Wanted],
    keyed: nw.LazyFrame[Any],
    found: dict[str, dict[Cell, Totals]],
) -> None:
    """Add the rows of each customer to cells with few of them, for the bootstrap."""
    small = sorted(
        {cell for cells in found.values() for cell, totals in cells.items() if totals.n < SMALL}
    )
    if not small:
        return
    periods, groups = zip(*small, strict=True)
    few = context.engine.small({"period": list(periods), "group_": list(groups)})
    collected = keyed.join(few, on=["period", "group_"], how="inner").collect("pyarrow")
    columns = {name: np.asarray(collected[name].to_numpy()) for name in collected.columns}
    cell_of = list(zip(columns["period"].tolist(), columns["group_"].tolist(), strict=True))
    for place, each in enumerate(measures):
        for cell in small:
            totals = found[each.name].get(cell)
            if totals is not None and totals.n < SMALL:
                chosen = np.array([other == cell for other in cell_of], dtype=bool)
                rows = _customer_rows(each, place, columns, chosen, totals.n)
                found[each.name][cell] = Totals(totals.n, totals.sums, totals.products, rows)


def _customer_rows(
    each: Wanted, place: int, columns: Mapping[str, Any], chosen: FloatArray, n: int
) -> FloatArray:
    """Return the columns of each customer in a cell, sorted; those without a row are zeros."""
    aliases = each.aliases(place)
    made = np.zeros((n, len(each.columns)))
    for i, column in enumerate(each.columns):
        if column == ON_BOARD:
            made[:, i] = 1.0
    values = np.column_stack([columns[a][chosen] for a in aliases.values()])
    values = values[np.any(values != 0, axis=1)][:n]
    places = [i for i, column in enumerate(each.columns) if column != ON_BOARD]
    made[: len(values), places] = values
    ordered: FloatArray = made[np.lexsort(made.T[::-1])]
    return ordered
