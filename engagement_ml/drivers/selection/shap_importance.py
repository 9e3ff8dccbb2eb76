"""SHAP values by behaviour: of the usual model across entities, and of change within entities."""

from __future__ import annotations

from typing import Any

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.selection.cross_section import clipped
from engagement_ml.drivers.selection.window_rows import WindowRows

_MOST_ROWS = 60_000
_MOST_EXPLAINED = 15_000
_ROUNDS = 120


def across_shap(rows: WindowRows, *, seed: int) -> FloatArray:
    """Mean absolute SHAP of a model of later margin on counts: what everyone ranks by.

    Returns
    -------
    array (B,)
        In currency. Kept as the baseline that the report shows beside the verdicts.
    """
    return _mean_absolute_shap(rows.counts, clipped(rows.margin), seed=seed)


def within_shap(rows: WindowRows, *, seed: int) -> FloatArray:
    """Mean absolute SHAP of a model of an entity's change of margin on its changes of behaviour.

    The target is margin less what the entity's own level and the cutoff make expect (level times
    the cutoff's mean margin over all); the features are log counts less the entity's mean.

    Returns
    -------
    array (B,)
        In currency per outcome window.
    """
    if rows.margin.size == 0:
        return np.zeros(rows.counts.shape[1])
    _, place = np.unique(rows.entity, return_inverse=True)
    _, when = np.unique(rows.cutoff, return_inverse=True)
    margin = clipped(rows.margin)
    size = np.bincount(place)
    season = np.bincount(when, margin) / np.bincount(when)
    season = season / season.mean() if season.mean() > 0 else np.ones_like(season)
    season = np.clip(season, 0.1, 10.0)
    level = np.bincount(place, margin) / np.maximum(np.bincount(place, season[when]), 1e-9)
    target = margin - level[place] * season[when]
    x = np.log1p(rows.counts)
    mean = np.stack([np.bincount(place, column) / size for column in x.T], axis=1)
    repeated = size[place] > 1
    change = (x - mean[place])[repeated]
    change -= (
        np.stack([np.bincount(when[repeated], c, season.size) for c in change.T], axis=1)[
            when[repeated]
        ]
        / np.maximum(np.bincount(when[repeated], minlength=season.size), 1)[when[repeated], None]
    )
    return _mean_absolute_shap(change, target[repeated], seed=seed)


def _mean_absolute_shap(x: FloatArray, y: FloatArray, *, seed: int) -> FloatArray:
    if x.shape[0] < 50 or x.shape[1] == 0 or np.ptp(y) == 0:
        return np.zeros(x.shape[1])
    x, y = _sample(x, y, seed, _MOST_ROWS)
    explained, _ = _sample(x, y, seed + 1, _MOST_EXPLAINED)
    contributions = boosted(x, y, seed=seed).predict(explained, pred_contrib=True, num_threads=2)
    return np.asarray(np.abs(contributions[:, :-1]).mean(axis=0), dtype=np.float64)


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
        "num_threads": 2,
        "verbosity": -1,
    }
    data = lgb.Dataset(x, y, feature_name=[f"f{i}" for i in range(x.shape[1])])
    return lgb.train(parameters, data, num_boost_round=rounds)


def _sample(x: FloatArray, y: FloatArray, seed: int, most: int) -> tuple[FloatArray, FloatArray]:
    if x.shape[0] <= most:
        return x, y
    rows = np.sort(np.random.default_rng(seed).choice(x.shape[0], most, replace=False))
    return x[rows], y[rows]
