"""Grouped, time-ordered validation splits: later rows validate, of entities not fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engagement_ml_25b4c1dbed4f7e43._typing import IntArray


@dataclass(frozen=True)
class Split:
    """Row numbers to fit on and row numbers to validate on; no entity is in both."""

    fit: IntArray
    validation: IntArray


def entity_folds(entities: npt.ArrayLike, *, n_folds: int, seed: int) -> IntArray:
    """Assign each entity's rows to one fold; folds differ by at most one entity in size.

    Parameters
    ----------
    entities : array-like of shape (n_rows,)
        Identifiers without nulls; rows of one entity share a fold.
    n_folds : int
        With fewer entities than folds, some folds stay empty.
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
    codes, n_entities = _factorise(entities)
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
    """Return splits that validate on the last cutoff, fold by fold of entities.

    In split k, the validation rows are those of the last cutoff and fold k. The rows to fit on are
    those of all other folds whose outcome windows had ended by the last cutoff. If no outcome
    window had ended, all earlier cutoffs are fitted on; if there is only one cutoff, that one is.
    The entities still differ, so no row's outcome is used for both.

    Parameters
    ----------
    entities : array-like of shape (n_rows,)
    cutoffs : array-like of datetimes, shape (n_rows,)
    horizon_days : int
        Length of the outcome window in days, without the gap. The outcome window of cutoff c ends
        before that of the last cutoff begins if ``c + horizon_days <= last``.
    n_folds, seed : int

    Returns
    -------
    tuple of Split
        At most `n_folds`; splits with an empty side are left out, so it is empty with one entity.

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


def _factorise(entities: npt.ArrayLike) -> tuple[IntArray, int]:
    import pandas as pd

    values: Any = np.asarray(entities)
    codes, unique = pd.factorize(values)
    return codes, len(unique)
