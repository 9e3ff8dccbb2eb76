"""Margin of parts of the transactions, such as products: by period, and by outcome window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.features.daily_totals import transaction_amounts
from engagement_ml.features.panel import Panel
from engagement_ml.features.period_panel import Periods, calendar, period_span
from engagement_ml.features.population import Codes, collect, read_population
from engagement_ml.features.rfm import TENURE
from engagement_ml.inputs import Tables
from engagement_ml.ledger.daily import MICRO
from engagement_ml.windows import DAY, Windows

Value = tuple[str | None, ...]
"""The values of one row in the columns that tell parts apart."""
_AMOUNTS = ("gain", "loss", "orders")
_KEPT = ("customer_id", "cutoff", "part", TENURE, "churned")
_NULL = ""  # no text is empty: it is read as null, which a join would not find


@dataclass(frozen=True)
class PartTotals:
    """Gain, loss and orders of every part, as rows of sparse arrays.

    Attributes
    ----------
    names : tuple of str
        Parts, by their number.
    ids : array (n,)
        Customers, by their number.
    by_period : mapping of column to array
        ``entity_, part_, period_`` (numbers), ``gain, loss`` (millionths), ``orders``.
    by_cutoff : mapping of column to array
        ``entity_, part_, cutoff_`` and the same amounts, over the outcome window of each cutoff.
    """

    names: tuple[str, ...]
    ids: AnyArray
    by_period: Mapping[str, AnyArray]
    by_cutoff: Mapping[str, AnyArray]

    def periods(self, name: str, periods: Periods) -> Periods:
        """Return the period panel with amounts of one part; events stay as they are."""
        shape = periods.gain.shape
        place = _places(self.ids, periods.entities)
        gain, loss, orders = self._amounts(name, self.by_period, "period_", place, shape)
        return replace(periods, gain=gain, loss=loss, orders=orders.astype(np.float32))

    def panel(self, name: str, panel: Panel, windows: Windows) -> Panel:
        """Return the panel with the outcome of one part: its gain, loss and margin."""
        frame = panel.frame
        cutoffs = np.array(windows.cutoffs, dtype="datetime64[us]")
        ids = np.unique(frame["customer_id"].to_numpy())
        place = _places(self.ids, ids)
        shape = (len(ids), len(cutoffs))
        row = np.searchsorted(ids, frame["customer_id"].to_numpy())
        column = np.searchsorted(cutoffs, frame["cutoff"].to_numpy().astype("datetime64[us]"))
        amounts = self._amounts(name, self.by_cutoff, "cutoff_", place, shape)
        gain, loss = (amount[row, column] for amount in amounts[:2])
        kept = frame[[c for c in _KEPT if c in frame]]
        return replace(panel, frame=kept.assign(gain=gain, loss=loss, margin=gain - loss))

    def _amounts(
        self,
        name: str,
        rows: Mapping[str, AnyArray],
        column: str,
        place: AnyArray,
        shape: tuple[int, ...],
    ) -> list[FloatArray]:
        """Return gain, loss (in currency) and orders of one part as dense arrays."""
        mine = rows["part_"] == self.names.index(name)
        entity, second = place[rows["entity_"][mine]], rows[column][mine]
        known = entity >= 0
        dense = [np.zeros(shape) for _ in _AMOUNTS]
        for amounts, total in zip(dense, _AMOUNTS, strict=True):
            amounts[entity[known], second[known]] = rows[total][mine][known]
        return [dense[0] / MICRO, dense[1] / MICRO, dense[2]]


def part_values(
    engine: Engine, transactions: nw.LazyFrame[Any], columns: Sequence[str]
) -> dict[Value, float]:
    """Return the amounts of every combination of values that the transactions have in `columns`.

    Returns
    -------
    dict
        Values as they are in the table, null as None. Amounts are gain and loss together, in
        currency: 0 only if no transaction has a margin.
    """
    tagged = transactions.select(*columns, *transaction_amounts(transactions))
    grouped = tagged.group_by(*columns).agg(*(_total(c) for c in ("gain", "loss")))
    rows = engine.rows(grouped, source="transactions")
    return {tuple(row[c] for c in columns): (row["gain"] + row["loss"]) / MICRO for row in rows}


def part_totals(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    *,
    period_days: int,
    columns: Sequence[str],
    members: Mapping[str, Sequence[Value]],
    other: str | None,
) -> PartTotals:
    """Add up gain, loss and orders of each part, by period and by outcome window.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    windows : Windows
        Periods end at ``windows.fit_until``.
    period_days : int
    columns : sequence of str
        Columns of transactions that tell parts apart.
    members : mapping of part to sequence of Value
        The combinations of values of each part; one may be in several parts.
    other : str or None
        Name of the part of all other rows, null values included; None leaves these out.
    """
    engine = tables.engine
    names = (*members, *(() if other is None else (other,)))
    population = read_population(tables, config)
    codes = Codes.of(tables, population)
    keys = [(value, i) for i, part in enumerate(members.values()) for value in part]
    lookup = {c: [value[i] or _NULL for value, _ in keys] for i, c in enumerate(columns)}
    parts = engine.small({**lookup, "part_": np.array([i for _, i in keys], dtype=np.int32)})
    rows = tables.transactions.select(
        "customer_id",
        nw.col("timestamp").dt.date().alias("day"),
        *(nw.col(c).fill_null(_NULL) for c in columns),
        *transaction_amounts(tables.transactions),
    ).join(parts, on=list(columns), how="inner" if other is None else "left")
    if other is not None:
        rows = rows.with_columns(part_=nw.col("part_").fill_null(len(members)))
    rows = engine.persist(
        codes.add(rows.group_by("customer_id", "part_", "day").agg(*(_total(c) for c in _AMOUNTS)))
    )
    start, n_periods = period_span(tables.history, windows.fit_until, period_days)
    in_periods = calendar(tables, start, n_periods, period_days)
    days = [
        (day, i)
        for i, cutoff in enumerate(windows.cutoffs)
        for day in _outcome_days(windows, cutoff)
    ]
    in_windows = engine.small(
        {"day": [day for day, _ in days], "cutoff_": np.array([i for _, i in days], dtype=np.int32)}
    )
    return PartTotals(
        names,
        population.ids,
        _totals(rows, in_periods, "period_"),
        _totals(rows, in_windows, "cutoff_"),
    )


def _outcome_days(windows: Windows, cutoff: Any) -> list[Any]:
    window = windows.outcome(cutoff)
    return [window.start + i * DAY for i in range(window.days)]


def _totals(rows: nw.LazyFrame[Any], days: nw.LazyFrame[Any], column: str) -> dict[str, AnyArray]:
    inside = rows.join(days, on="day", how="inner")
    return collect(inside.group_by("entity_", "part_", column).agg(*(_total(c) for c in _AMOUNTS)))


def _total(column: str) -> nw.Expr:
    return nw.col(column).sum().cast(nw.Int64)


def _places(ids: AnyArray, among: AnyArray) -> AnyArray:
    """Return the place of each id among sorted ids, −1 if it is not there."""
    place = np.searchsorted(among, ids)
    inside = np.minimum(place, max(len(among) - 1, 0))
    return np.where((place < len(among)) & (among[inside] == ids), inside, -1)
