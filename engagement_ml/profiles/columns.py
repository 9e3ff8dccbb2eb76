"""Columns that a profile may split by, as numbered bins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

MOST_CUTS = 24
"""Limits of a number that are tried, at quantiles."""
RARE = 20
"""A level with fewer customers in the growing half forms one level with other rare ones."""


@dataclass(frozen=True)
class Column:
    """One column in bins.

    Attributes
    ----------
    name : str
        Its name in the panel.
    label : str
        What people read.
    kind : {"count", "number", "level"}
    bins : int array (n,)
        The bin of each customer; the last bin, `n_bins` − 1, holds missing values.
    n_bins : int
    cuts : array (n_bins − 2,)
        For numbers: bin k has values from ``cuts[k − 1]`` on and below ``cuts[k]``.
    levels : tuple of tuple of str
        For levels: the values of each bin; rare ones share a bin.
    """

    name: str
    label: str
    kind: Literal["count", "number", "level"]
    bins: IntArray
    n_bins: int
    cuts: FloatArray
    levels: tuple[tuple[str, ...], ...] = ()


def binned_columns(
    frame: pd.DataFrame, kinds: Mapping[str, str], labels: Mapping[str, str], growing: BoolArray
) -> tuple[Column, ...]:
    """Return the columns that differ between customers, in bins.

    Parameters
    ----------
    frame : DataFrame
        A row per customer.
    kinds : mapping of column to {"count", "number", "level"}
    labels : mapping of column to str
    growing : bool array (n,)
        The customers whose values decide on bins.
    """
    made = (
        _of_levels(name, labels[name], frame[name], growing)
        if kind == "level"
        else _of_numbers(name, labels[name], kind, frame[name], growing)
        for name, kind in kinds.items()
    )
    return tuple(column for column in made if len(np.unique(column.bins[growing])) > 1)


def _of_numbers(name: str, label: str, kind: str, values: pd.Series, growing: BoolArray) -> Column:
    x = values.to_numpy(dtype=float, na_value=np.nan)
    known = x[growing & np.isfinite(x)]
    cuts = np.zeros(0)
    if known.size:
        at = np.linspace(0, 1, MOST_CUTS + 2)[1:-1]
        # A limit is a value that occurs, so that a rule names one.
        cuts = np.unique(np.quantile(known, at, method="higher"))
        cuts = cuts[cuts > known.min()]
    bins = np.searchsorted(cuts, x, side="right")
    bins = np.where(np.isfinite(x), bins, len(cuts) + 1)
    return Column(name, label, "count" if kind == "count" else "number", bins, len(cuts) + 2, cuts)


def _of_levels(name: str, label: str, values: pd.Series, growing: BoolArray) -> Column:
    known = values.notna().to_numpy()
    text = values.astype(object).where(values.notna(), "").map(str).to_numpy(dtype=object)
    known = known & (text != "")
    levels, code = np.unique(text[known].astype(str), return_inverse=True)
    size = np.bincount(code[growing[known]], minlength=len(levels))
    common = np.flatnonzero(size >= RARE)
    rare = np.flatnonzero(size < RARE)
    place = np.full(len(levels), len(common))
    place[common] = np.arange(len(common))
    groups: list[tuple[str, ...]] = [(str(levels[i]),) for i in common]
    groups += [tuple(str(levels[i]) for i in rare)] if rare.size else []
    bins = np.full(len(text), len(groups))
    bins[known] = place[code]
    return Column(name, label, "level", bins, len(groups) + 1, np.zeros(0), tuple(groups))
