"""The way to a leaf of the tree as conditions, and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml._typing import BoolArray
from engagement_ml.formatting import number, quantity
from engagement_ml.profiles.columns import Column
from engagement_ml.profiles.evidence import Condition
from engagement_ml.profiles.tree import Path

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 5
"""Levels that a rule names."""


def conditions_of(columns: Sequence[Column], path: Path) -> tuple[Condition, ...]:
    """Return one condition for each column on the way to a leaf, in the order of the way."""
    allowed: dict[int, set[int]] = {}
    for split, left in path:
        column = columns[split.column]
        side = set(split.left) if left else set(range(column.n_bins)) - set(split.left)
        allowed[split.column] = allowed.get(split.column, set(range(column.n_bins))) & side
    return tuple(_condition(columns[place], bins) for place, bins in allowed.items())


def _condition(column: Column, bins: set[int]) -> Condition:
    missing = column.n_bins - 1
    known = sorted(bins - {missing})
    if column.kind == "level":
        levels = tuple(level for b in known for level in column.levels[b])
        return Condition(column.name, levels=levels, missing=missing in bins)
    if not known:
        return Condition(column.name, levels=(), missing=True)
    first, last = known[0], known[-1]
    low = float(column.cuts[first - 1]) if first > 0 else None
    high = float(column.cuts[last]) if last < len(column.cuts) else None
    return Condition(column.name, None, low, high, missing in bins)


def meets(frame: pd.DataFrame, conditions: Sequence[Condition]) -> BoolArray:
    """Return which rows of a panel meet all conditions.

    Rare levels of the data that made the rule are among its levels; a new level meets none.
    """
    met = np.ones(len(frame), dtype=bool)
    for condition in conditions:
        values = frame[condition.column]
        if condition.levels is not None:
            known = values.notna() & (values.astype(object) != "")
            inside = values.astype(object).map(str).isin(condition.levels).to_numpy()
        else:
            x = values.to_numpy(dtype=float, na_value=np.nan)
            known = values.notna()
            inside = np.ones(len(x), dtype=bool)
            inside &= x >= condition.low if condition.low is not None else True
            inside &= x < condition.high if condition.high is not None else True
        met &= np.where(known.to_numpy(), inside, condition.missing)
    return met


def in_words(
    conditions: Sequence[Condition],
    columns: Sequence[Column],
    present: Mapping[str, bool],
) -> str:
    """Return conditions as a clause, such as ``"region is north, and 2 or more events of Call"``.

    Parameters
    ----------
    conditions : sequence of Condition
    columns : sequence of Column
    present : mapping of column to bool
        Whether it has missing values, which a rule then speaks of.
    """
    by_name = {column.name: column for column in columns}
    clauses = [
        _clause(condition, by_name[condition.column], present[condition.column])
        for condition in conditions
    ]
    return ", and ".join(clauses) or "all"


def _clause(condition: Condition, column: Column, has_missing: bool) -> str:
    if column.kind == "count":
        return f"{_counted(condition)} of {column.label}"
    unknown = " or not known" if condition.missing and has_missing else ""
    if condition.levels is None:
        return f"{column.label} is {_range(condition.low, condition.high)}{unknown}"
    if not condition.levels:
        return f"{column.label} is not known"
    every = [level for levels in column.levels for level in levels]
    others = [level for level in every if level not in condition.levels]
    if has_missing and not condition.missing:
        if not others:
            return f"{column.label} is known"
    elif others and len(others) < len(condition.levels):
        return f"{column.label} is not {_either(others)}"
    return f"{column.label} is {_either(condition.levels)}{unknown}"


def _counted(condition: Condition) -> str:
    low = 0 if condition.low is None else round(condition.low)
    high = None if condition.high is None else round(condition.high)
    if high is None:
        return f"{number(low)} or more events"
    if high - 1 <= low:
        return "no event" if low == 0 else f"exactly {quantity(low, 'event')}"
    if low == 0:
        return f"fewer than {number(high)} events"
    return f"{number(low)} to {number(high - 1)} events"


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"below {number(high)}" if high is not None else "known"
    if high is None:
        return f"{number(low)} or more"
    return f"from {number(low)} to below {number(high)}"


def _either(levels: Sequence[str]) -> str:
    shown = list(levels[:_SHOWN])
    if len(levels) > _SHOWN:
        shown.append(f"one of {len(levels) - _SHOWN} others")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
