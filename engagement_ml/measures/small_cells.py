"""The columns of every customer in groups with few of them, for the bootstrap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.engine import Engine
from engagement_ml.measures.context import Cell
from engagement_ml.measures.kinds.kind import Totals
from engagement_ml.measures.on_board import FLAG
from engagement_ml.measures.wanted import Wanted


def add_rows(
    engine: Engine,
    measures: Sequence[Wanted],
    keyed: nw.LazyFrame[Any],
    found: Mapping[str, Mapping[Cell, Totals]],
    small: Mapping[str, Sequence[Cell]],
) -> dict[str, dict[Cell, Totals]]:
    """Return totals of which those of small cells have the rows of their customers.

    Parameters
    ----------
    engine : Engine
    measures : sequence of Wanted
    keyed : LazyFrame
        A row for each customer, with ``period``, ``group_`` and the columns of the measures.
    found : mapping of measure to mapping of cell to Totals
    small : mapping of measure to sequence of cells
    """
    made = {name: dict(cells) for name, cells in found.items()}
    cells = sorted({cell for chosen in small.values() for cell in chosen})
    if not cells:
        return made
    columns = _collected(engine, measures, keyed, cells, small)
    places = {cell: place for place, cell in enumerate(cells)}
    cell_of = np.array(
        [places[cell] for cell in zip(columns["period"], columns["group_"], strict=True)], dtype=int
    )
    for each in measures:
        for cell in small[each.name]:
            totals = made[each.name][cell]
            chosen = {a: columns[a][cell_of == places[cell]] for a in each.aliases.values()}
            made[each.name][cell] = replace(totals, rows=_customer_rows(each, chosen, totals))
    return made


def _collected(
    engine: Engine,
    measures: Sequence[Wanted],
    keyed: nw.LazyFrame[Any],
    cells: Sequence[Cell],
    small: Mapping[str, Sequence[Cell]],
) -> dict[str, AnyArray]:
    """Return the rows of customers with a number in a measure whose cell is small."""
    few: dict[str, list[Any]] = {
        "period": [period for period, _ in cells],
        "group_": [group for _, group in cells],
    }
    wanted = [each for each in measures if small[each.name]]
    for each in wanted:
        chosen = set(small[each.name])
        few[f"few_{each.prefix}"] = [int(cell in chosen) for cell in cells]
    conditions = ((nw.col(f"few_{each.prefix}") == 1) & each.present for each in wanted)
    joined = keyed.join(engine.small(few), on=["period", "group_"], how="inner")
    aliases = dict.fromkeys(alias for each in measures for alias in each.aliases.values())
    selected = joined.filter(nw.any_horizontal(*conditions, ignore_nulls=True)).select(
        "period", "group_", *aliases
    )
    rows = engine.rows(selected, source="measures")
    return {name: np.array([row[name] for row in rows]) for name in ("period", "group_", *aliases)}


def _customer_rows(each: Wanted, columns: Mapping[str, AnyArray], totals: Totals) -> FloatArray:
    """Return the columns of each customer in a cell, sorted.

    Customers who were there and have no row have 1 in ``on_board`` and 0 elsewhere.
    """
    values = np.column_stack([columns[a] for a in each.aliases.values()]).astype(np.float64)
    given = [place for place, alias in enumerate(each.aliases.values()) if alias != FLAG]
    values = values[np.any(values[:, given] != 0, axis=1)]
    idle = np.zeros((max(totals.n - len(values), 0), len(each.columns)))
    idle[:, [place for place in range(len(each.columns)) if place not in given]] = 1.0
    made = np.vstack([values, idle])
    ordered: FloatArray = made[np.lexsort(made.T[::-1])]
    return ordered
