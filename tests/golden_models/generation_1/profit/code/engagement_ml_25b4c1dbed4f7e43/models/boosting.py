"""Gradient boosting with LightGBM: cross-validated number of rounds, SHAP values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml_25b4c1dbed4f7e43._typing import FloatArray
from engagement_ml_25b4c1dbed4f7e43.models.design_matrix import Design
from engagement_ml_25b4c1dbed4f7e43.models.splits import Split

if TYPE_CHECKING:
    import pandas as pd

MAX_ROUNDS = 400
PATIENCE = 25
THREADS = 2
ONE_THREAD_CELLS = 20_000_000
"""Matrices with fewer cells are fitted in one thread. Each tree waits for its slowest thread, so
on busy cores two threads take many times longer than one."""


@dataclass(frozen=True)
class Boosted:
    """A fitted booster with its out-of-fold predictions.

    Attributes
    ----------
    booster : lightgbm.Booster
    rounds : int
    out_of_fold : array of shape (n_rows,)
        Raw scores from boosters that saw neither the row's entity nor anything after its cutoff;
        NaN for rows that are in no validation part.
    """

    booster: Any
    rounds: int
    out_of_fold: FloatArray


def parameters(objective: str, *, n_rows: int, n_columns: int, seed: int) -> dict[str, Any]:
    """Return LightGBM's parameters: small trees, large leaves, deterministic results."""
    return {
        "objective": objective,
        "learning_rate": 0.05,
        "num_leaves": 15,
        "min_data_in_leaf": int(np.clip(n_rows // 200, 10, 200)),
        "feature_fraction": 0.5 if n_columns > 8 else 1.0,
        "max_bin": 127,
        "lambda_l2": 1.0,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": n_threads(n_rows * n_columns),
        "verbosity": -1,
    }


def n_threads(cells: int) -> int:
    """Return the number of threads to fit with: 2 from 20 million cells, else 1."""
    return 1 if cells < ONE_THREAD_CELLS else THREADS


def fit_boosted(
    X: FloatArray,
    y: FloatArray,
    design: Design,
    params: Mapping[str, Any],
    splits: Sequence[Split],
    *,
    default_rounds: int = 50,
) -> Boosted:
    """Choose the number of rounds by the mean loss over `splits`, then refit on all rows.

    Parameters
    ----------
    X : array of shape (n_rows, n_columns)
    y : array of shape (n_rows,)
    design : Design
        Gives the columns' names, and which of them are categorical.
    params : mapping
        As `parameters` returns them.
    splits : sequence of Split
        If empty, `default_rounds` are fitted.
    """
    import lightgbm as lgb

    def dataset() -> Any:
        return lgb.Dataset(
            X,
            y,
            feature_name=list(design.safe_names),
            categorical_feature=design.categorical,
            params=dict(params),
            free_raw_data=False,
        )

    out_of_fold = np.full(len(y), np.nan)
    rounds = default_rounds
    data = dataset()
    if splits:
        history = lgb.cv(
            dict(params),
            data,
            num_boost_round=MAX_ROUNDS,
            folds=[(split.fit, split.validation) for split in splits],
            callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
            return_cvbooster=True,
        )
        cross_validated: Any = history["cvbooster"]
        rounds = max(int(cross_validated.best_iteration), 1)
        for split, booster in zip(splits, cross_validated.boosters, strict=True):
            out_of_fold[split.validation] = booster.predict(
                X[split.validation],
                num_iteration=rounds,
                raw_score=True,
                num_threads=THREADS,
            )
    booster = lgb.train(dict(params), data, num_boost_round=rounds)
    return Boosted(booster=booster, rounds=rounds, out_of_fold=out_of_fold)


def sum_of_trees(booster: Any, X: FloatArray) -> FloatArray:
    """Return the sum of the trees for each row, shape (n_rows,)."""
    raw: FloatArray = np.asarray(booster.predict(X, raw_score=True, num_threads=THREADS))
    return raw


def shap_values(
    booster: Any | None, design: Design, frame: pd.DataFrame
) -> tuple[list[str], FloatArray]:
    """Return SHAP values of the sum of the trees, by group of features.

    Returns
    -------
    names : list of str
        The behaviours, then history, covariates and base, as `Design.grouped` returns them.
    values : array of shape (n_rows, n_names)
        One row for each of `frame`'s; zeros without a booster.
    """
    X = design.matrix(frame)
    raw = np.zeros((len(X), len(design.columns) + 1))
    if booster is not None and len(X):
        raw = np.asarray(booster.predict(X, pred_contrib=True, num_threads=THREADS))
    return design.grouped(raw)
