"""Splits for validation: later rows judge earlier ones, and no entity stands on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import IntArray


@dataclass(frozen=True)
class Split:
    """Row numbers to fit on and row numbers to validate on; no entity is in both."""

    fit: IntArray
    validation: IntArray


def entity_folds(entities: npt.ArrayLike, *, n_folds: int, seed: int) -> IntArray:
    """Give every row the fold of its entity; folds differ by at most one entity in size.

    Parameters
    ----------
    entities : array-like of shape (n_rows,)
        Identifiers without nulls; rows of one entity share a fold.
    n_folds : int
        With fewer entities than folds, the last folds stay empty.
    seed : int

    Returns
    -------
    array of shape (n_rows,)
        Fold numbers, ``0 … n_folds - 1``; they depend on the order in which entities first occur.

    Examples
    --------
    >>> entity_folds(["a", "b", "a", "c"], n_folds=3, seed=0).tolist()
    [2, 0, 2, 1]
    """
    codes, n_entities = _codes(entities)
    order = np.random.default_rng(seed).permutation(n_entities)
    return (order % n_folds)[codes]


def time_ordered_splits(
    entities: npt.ArrayLike,
    cutoffs: npt.ArrayLike,
    *,
    horizon_days: int,
    n_folds: int = 3,
    seed: int = 0,
) -> tuple[Split, ...]:
    """Validate on the last cutoff, fold by fold of entities, what was over by then fits.

    In split k the rows of the last cutoff that belong to fold k validate; the rows of all other
    folds whose outcome windows had ended by then fit. Where no earlier outcome window had ended,
    all earlier cutoffs fit; where there is one cutoff only, that one does. The entities still
    differ, so no row's outcome is seen twice.

    Parameters
    ----------
    entities : array-like of shape (n_rows,)
    cutoffs : array-like of datetimes, shape (n_rows,)
    horizon_days : int
        Days from the cutoff to the end of its outcome window, less the gap: rows at cutoff c had
        ended before the last cutoff's outcome window began where ``c + horizon_days <= last``.
    n_folds, seed : int

    Returns
    -------
    tuple of Split
        At most `n_folds`, those with an empty side left out; empty where there is one entity.

    Examples
    --------
    >>> days = np.array(["2024-01-01", "2024-04-01"] * 2, dtype="datetime64[D]")
    >>> splits = time_ordered_splits(["a", "a", "b", "b"], days, horizon_days=84, n_folds=2)
    >>> [(s.fit.tolist(), s.validation.tolist()) for s in splits]
    [([2], [1]), ([0], [3])]
    """
    times = np.asarray(cutoffs, dtype="datetime64[us]")
    if times.size == 0:
        return ()
    last = times.max()
    fit_rows = times + np.timedelta64(horizon_days, "D") <= last
    if horizon_days < 1 or not fit_rows.any():
        fit_rows = times < last
    if not fit_rows.any():
        fit_rows = times == last
    folds = entity_folds(entities, n_folds=n_folds, seed=seed)
    splits = (
        Split(
            fit=np.flatnonzero(fit_rows & (folds != fold)),
            validation=np.flatnonzero((times == last) & (folds == fold)),
        )
        for fold in range(n_folds)
    )
    return tuple(split for split in splits if split.fit.size and split.validation.size)


def _codes(entities: npt.ArrayLike) -> tuple[IntArray, int]:
    import pandas as pd

    values: Any = np.asarray(entities)
    codes, unique = pd.factorize(values)
    return codes, len(unique)
