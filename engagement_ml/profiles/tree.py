"""A shallow regression tree whose splits must hold on customers that did not choose them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, IntArray
from engagement_ml.profiles.columns import Column


@dataclass(frozen=True)
class TreeLimits:
    """Limits of a tree.

    Attributes
    ----------
    depth : int
        Most splits on the way to a leaf.
    min_growing, min_measuring : int
        Fewest customers of a leaf in each half.
    folds : int
        Folds of the growing half, on each of which a split found on the others must hold.
    min_z : float
        z from which it holds, over all folds.
    """

    depth: int = 3
    min_growing: int = 50
    min_measuring: int = 30
    folds: int = 5
    min_z: float = 2.5


@dataclass(frozen=True)
class Split:
    """The bins of a column that go to the left."""

    column: int
    left: tuple[int, ...]


Path = tuple[tuple[Split, bool], ...]
"""The splits on the way to a leaf, and whether it goes left at each."""


def grow(
    columns: Sequence[Column],
    y: FloatArray,
    growing: BoolArray,
    limits: TreeLimits,
    rng: np.random.Generator,
) -> list[tuple[Path, IntArray]]:
    """Return the leaves: the way to each, and its customers of both halves.

    A split is the one that reduces the squared error most (Breiman et al. 1984; bins of levels in
    the order of their means). It is made only if splits found the same way on all but one fold
    tell apart customers of that fold who earn less: Welch's z over all folds of `min_z` or more.

    Parameters
    ----------
    columns : sequence of Column
    y : array (n,)
        Values of customers that do not grow the tree are never read.
    growing : bool array (n,)
    limits : TreeLimits
    rng : Generator
        Draws the folds.

    Returns
    -------
    list of (Path, array)
        One leaf with an empty path if no split holds.
    """
    fold = rng.permutation(len(y)) % limits.folds
    leaves: list[tuple[Path, IntArray]] = []

    def extend(path: Path, rows: IntArray) -> None:
        inside = rows[growing[rows]]
        split = None
        if len(path) < limits.depth and holds(columns, y, inside, fold, limits):
            split = best_split(columns, y, inside, limits.min_growing)
        if split is not None:
            left = goes_left(columns, split, rows)
            measured = ~growing[rows]
            if min((left & measured).sum(), (~left & measured).sum()) >= limits.min_measuring:
                extend((*path, (split, True)), rows[left])
                extend((*path, (split, False)), rows[~left])
                return
        leaves.append((path, rows))

    extend((), np.arange(len(y)))
    return leaves


def goes_left(columns: Sequence[Column], split: Split, rows: IntArray) -> BoolArray:
    """Return which customers go to the left."""
    return np.isin(columns[split.column].bins[rows], split.left)


def holds(
    columns: Sequence[Column], y: FloatArray, rows: IntArray, fold: IntArray, limits: TreeLimits
) -> bool:
    """Return whether splits found without a fold tell apart who earns less in it."""
    lower: list[FloatArray] = []
    higher: list[FloatArray] = []
    smallest = int(np.ceil(limits.min_growing * (1 - 1 / limits.folds)))
    for k in range(limits.folds):
        others, held = rows[fold[rows] != k], rows[fold[rows] == k]
        split = best_split(columns, y, others, smallest)
        if split is None:
            return False
        left, held_left = goes_left(columns, split, others), goes_left(columns, split, held)
        left_is_lower = y[others[left]].mean() < y[others[~left]].mean()
        lower.append(y[held[held_left == left_is_lower]])
        higher.append(y[held[held_left != left_is_lower]])
    return _welch(np.concatenate(higher), np.concatenate(lower)) >= limits.min_z


def best_split(
    columns: Sequence[Column], y: FloatArray, rows: IntArray, smallest: int
) -> Split | None:
    """Return the split that reduces the squared error most; None if none leaves enough."""
    if len(rows) < 2 * smallest:
        return None
    best, most = None, 1e-9 * float(np.square(y[rows] - y[rows].mean()).sum())
    for place, column in enumerate(columns):
        bins = column.bins[rows]
        n = np.asarray(np.bincount(bins, minlength=column.n_bins), dtype=np.float64)
        total = np.asarray(np.bincount(bins, y[rows], column.n_bins), dtype=np.float64)
        for order in _orders(column, n, total):
            left, reduction = _best_cut(n[order], total[order], smallest)
            if reduction > most:
                best, most = Split(place, tuple(int(b) for b in order[:left])), reduction
    return best


def _orders(column: Column, n: FloatArray, total: FloatArray) -> list[IntArray]:
    """Return the orders in which bins may be cut in two; missing values go to either side."""
    missing = column.n_bins - 1
    if column.kind != "level":
        known = np.arange(missing)
        if not n[missing]:
            return [known]
        return [np.append(known, missing), np.append(missing, known)]
    present = np.flatnonzero(n)
    return [present[np.argsort(total[present] / n[present], kind="stable")]]


def _best_cut(n: FloatArray, total: FloatArray, smallest: int) -> tuple[int, float]:
    """Return how many bins go to the left, and by how much that reduces the squared error."""
    n_left, sum_left = np.cumsum(n)[:-1], np.cumsum(total)[:-1]
    n_right, sum_right = n.sum() - n_left, total.sum() - sum_left
    allowed = (n_left >= smallest) & (n_right >= smallest)
    if not allowed.any():
        return 0, 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = sum_left**2 / n_left + sum_right**2 / n_right
    explained = np.where(allowed, explained, -np.inf)
    cut = int(np.argmax(explained))
    return cut + 1, float(explained[cut] - total.sum() ** 2 / n.sum())


def _welch(higher: FloatArray, lower: FloatArray) -> float:
    """Return Welch's statistic of two means; 0 if it is not defined."""
    if min(len(higher), len(lower)) < 2:
        return 0.0
    error = np.sqrt(higher.var(ddof=1) / len(higher) + lower.var(ddof=1) / len(lower))
    return float((higher.mean() - lower.mean()) / error) if error > 0 else 0.0
