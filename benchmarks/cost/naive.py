"""SHAP ranking: LightGBM with early stopping on the same features, the top three by SHAP value."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
FOLDS = 5
MAX_TREES = 2_000
PATIENCE = 50
PARAMETERS = {"objective": "regression", "learning_rate": 0.05, "num_leaves": 31, "verbosity": -1}
MAX_BEHAVIOURS = 3


def run(config: Path, seed: int = 0) -> dict[str, Any]:
    """Return the three behaviours with the largest mean |SHAP|, and the seconds of each step.

    Cross-validation folds group rows by customer. SHAP values of all rows are used; a behaviour's
    importance is the sum over its features.
    """
    import lightgbm as lgb
    import shap
    from sklearn.model_selection import GroupKFold

    seconds: dict[str, float] = {}

    def timed(step: str, work: Callable[[], T]) -> T:
        started = time.perf_counter()
        result = work()
        seconds[step] = time.perf_counter() - started
        return result

    panel = timed("features", lambda: _panel(config))
    frame = panel.frame
    names = [c for columns in panel.behaviour_features.values() for c in columns]
    X, y = frame[[*names, *panel.history_features]], frame["margin"]
    folds = GroupKFold(FOLDS).split(X, groups=frame["customer_id"])
    parameters = {**PARAMETERS, "seed": seed}

    def choose_trees() -> int:
        history = lgb.cv(
            parameters,
            lgb.Dataset(X, y),
            num_boost_round=MAX_TREES,
            folds=folds,
            callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        )
        return len(history["valid l2-mean"])

    trees = timed("cross-validation", choose_trees)
    model = timed("fit", lambda: lgb.train(parameters, lgb.Dataset(X, y), num_boost_round=trees))
    values = timed("SHAP", lambda: np.abs(shap.TreeExplainer(model).shap_values(X)))
    mean_abs_shap = dict(zip(X.columns, values.mean(axis=0), strict=True))
    importance = {
        behaviour: sum(mean_abs_shap[column] for column in columns)
        for behaviour, columns in panel.behaviour_features.items()
    }
    chosen = sorted(importance, key=lambda behaviour: -importance[behaviour])[:MAX_BEHAVIOURS]
    return {
        "chosen": chosen, "trees": trees, "rows": len(X), "columns": X.shape[1], "steps": seconds
    }  # fmt: skip


def _panel(config: Path) -> Any:
    from engagement_ml.config import read_config
    from engagement_ml.engine import open_engine
    from engagement_ml.features import build_panel
    from engagement_ml.inputs import read_tables
    from engagement_ml.windows import plan_windows

    settings = read_config(config)
    with open_engine(settings.engine) as engine:
        tables = read_tables(settings, engine)
        return build_panel(tables, settings, plan_windows(tables.history, settings.windows))


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]))))
