"""SHAP importance by behaviour, between and within customers.

Both are mean absolute TreeSHAP values (Lundberg et al. 2020, Nature Machine Intelligence 2) of a
small LightGBM regression. Between customers, the model predicts later margin from counts. Within
customers, it predicts the deviation of a customer's margin from the expected one from the
deviations of the customer's log counts from their means, beside those of what precedes; it explains
customers that it was not fitted to (cross-fitting).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engagement_ml._typing import FloatArray, Int64Array
from engagement_ml.drivers.selection.cross_section import clipped
from engagement_ml.drivers.selection.window_rows import WindowRows

_MOST_ROWS = 60_000
_MOST_EXPLAINED = 15_000
_FEWEST_ROWS = 50
_ROUNDS = 120
_THREADS = 1
"""One thread, so that sums are taken in one order and results are the same bytes everywhere."""


@dataclass(frozen=True)
class FittedBooster:
    """A booster and the rows that it was fitted on.

    Attributes
    ----------
    booster : lightgbm.Booster
    x : array (R, B)
        At most 60,000 rows, drawn at random if there were more.
    """

    booster: Any
    x: FloatArray

    def shap_values(self, x: FloatArray) -> FloatArray:
        """Return TreeSHAP values, shape (R, B + 1); the last column is the base value."""
        values = self.booster.predict(x, pred_contrib=True, num_threads=_THREADS)
        return np.asarray(values, dtype=np.float64)


def across_shap(rows: WindowRows, *, seed: int) -> FloatArray:
    """Mean absolute SHAP of a model of later margin on counts: the usual ranking.

    Returns
    -------
    array (B,)
        In currency. Kept as the baseline that the report shows beside the verdicts.
    """
    fitted = _fit_booster(rows.counts, clipped(rows.margin), seed=seed)
    return _mean_absolute_shap(fitted, rows.counts.shape[1], seed=seed)


def within_shap(rows: WindowRows, preceding: FloatArray | None = None, *, seed: int) -> FloatArray:
    """Mean absolute SHAP of models of within-customer change, cross-fitted by customer.

    A model is fitted to one random half of the customers and explains the other, and the reverse,
    so that no customer's noise is part of the customer's own explanation.

    Parameters
    ----------
    rows : WindowRows
    preceding : array (R, P), optional
        What precedes each row, non-negative (`preceding`); further features, whose SHAP values are
        not returned.
    seed : int

    Returns
    -------
    array (B,)
        In currency per outcome window; 0 if a half has fewer than 50 rows or does not vary.
    """
    n_behaviours = rows.counts.shape[1]
    if rows.margin.size == 0:
        return np.zeros(n_behaviours)
    features = rows.counts if preceding is None else np.hstack([rows.counts, preceding])
    change, target, repeated = _changes_and_target(rows, features)
    unit = rows.unit[repeated]
    first = np.random.default_rng([seed, 9]).permutation(int(unit.max(initial=0)) + 1) % 2 == 0
    in_first = first[unit]
    total, n_explained = np.zeros(n_behaviours), 0
    for half in (in_first, ~in_first):
        fitted = _fit_booster(change[half], target[half], seed=seed, most=_MOST_ROWS // 2)
        if fitted is None or not (~half).any():
            return np.zeros(n_behaviours)
        explained, _ = _sample(change[~half], target[~half], seed + 1, _MOST_EXPLAINED // 2)
        total += np.abs(fitted.shap_values(explained)[:, :n_behaviours]).sum(axis=0)
        n_explained += explained.shape[0]
    return np.asarray(total / n_explained, dtype=np.float64)


def fit_within_booster(rows: WindowRows, *, seed: int) -> FittedBooster | None:
    """Fit the model of a customer's change of margin on the customer's changes of behaviour.

    The target is margin less the expected margin: the customer's level times the cutoff's mean
    margin relative to the overall mean. The features are those of `within_changes`, of customers
    with at least two rows.

    Returns
    -------
    FittedBooster or None
        None with fewer than 50 rows, or if the target does not vary.
    """
    if rows.margin.size == 0:
        return None
    change, target, _ = _changes_and_target(rows, rows.counts)
    return _fit_booster(change, target, seed=seed)


def _changes_and_target(
    rows: WindowRows, features: FloatArray
) -> tuple[FloatArray, FloatArray, Int64Array]:
    """Return changes of features, change of margin and the row, of repeated customers."""
    _, place = np.unique(rows.entity, return_inverse=True)
    _, when = np.unique(rows.cutoff, return_inverse=True)
    margin = clipped(rows.margin)
    season = np.bincount(when, margin) / np.bincount(when)
    season = season / season.mean() if season.mean() > 0 else np.ones_like(season)
    # A cutoff with hardly any margin must not blow up the customers' levels.
    season = np.clip(season, 0.1, 10.0)
    level = np.bincount(place, margin) / np.maximum(np.bincount(place, season[when]), 1e-9)
    target = margin - level[place] * season[when]
    change, repeated = within_changes(features, place, when)
    return change, target[repeated], repeated


def within_changes(
    counts: FloatArray, entity: Int64Array, cutoff: Int64Array
) -> tuple[FloatArray, Int64Array]:
    """Return log counts less the customer's mean, then less the cutoff's mean.

    Parameters
    ----------
    counts : array (R, B)
        Events in the observation window.
    entity, cutoff : int arrays (R,)
        Codes of the row's customer and cutoff, each from 0 on without gaps.

    Returns
    -------
    change : array (N, B)
        Of the N rows whose customer has at least two rows.
    rows : int array (N,)
        Their numbers.

    Examples
    --------
    >>> counts = np.expm1([[1.0], [3.0], [5.0]])
    >>> change, rows = within_changes(counts, np.array([0, 0, 1]), np.array([0, 0, 0]))
    >>> change.round(9).tolist(), rows.tolist()
    ([[-1.0], [1.0]], [0, 1])
    """
    size = np.bincount(entity)
    n_cutoffs = int(cutoff.max()) + 1
    x = np.log1p(counts)
    mean = np.stack([np.bincount(entity, column) / size for column in x.T], axis=1)
    repeated = np.nonzero(size[entity] > 1)[0]
    change = (x - mean[entity])[repeated]
    when = cutoff[repeated]
    change -= (
        np.stack([np.bincount(when, column, n_cutoffs) for column in change.T], axis=1)[when]
        / np.maximum(np.bincount(when, minlength=n_cutoffs), 1)[when, None]
    )
    return change, repeated


def boosted(x: FloatArray, y: FloatArray, *, seed: int, rounds: int = _ROUNDS) -> Any:
    """Fit a small, deterministic LightGBM regression; columns are named by their place."""
    import lightgbm as lgb

    parameters = {
        "objective": "regression",
        "learning_rate": 0.06,
        "num_leaves": 15,
        "min_data_in_leaf": max(20, x.shape[0] // 500),
        "lambda_l2": 10.0,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "max_bin": 127,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": _THREADS,
        "verbosity": -1,
    }
    data = lgb.Dataset(x, y, feature_name=[f"f{i}" for i in range(x.shape[1])])
    return lgb.train(parameters, data, num_boost_round=rounds)


def _fit_booster(
    x: FloatArray, y: FloatArray, *, seed: int, most: int = _MOST_ROWS
) -> FittedBooster | None:
    if x.shape[0] < _FEWEST_ROWS or x.shape[1] == 0 or np.ptp(y) == 0:
        return None
    x, y = _sample(x, y, seed, most)
    return FittedBooster(boosted(x, y, seed=seed), x)


def _mean_absolute_shap(fitted: FittedBooster | None, n_columns: int, *, seed: int) -> FloatArray:
    if fitted is None:
        return np.zeros(n_columns)
    explained, _ = _sample(fitted.x, fitted.x[:, 0], seed + 1, _MOST_EXPLAINED)
    values = fitted.shap_values(explained)
    return np.asarray(np.abs(values[:, :-1]).mean(axis=0), dtype=np.float64)


def _sample(x: FloatArray, y: FloatArray, seed: int, most: int) -> tuple[FloatArray, FloatArray]:
    if x.shape[0] <= most:
        return x, y
    rows = np.sort(np.random.default_rng(seed).choice(x.shape[0], most, replace=False))
    return x[rows], y[rows]
