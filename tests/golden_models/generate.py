"""Make the golden models: what MLflow holds of a metric, a profit model and a churn model.

    python -m tests.golden_models.generate

They are models as they were registered by one version. A later version must load them and predict
the same, so they are made again only if a version is allowed to break that. Then increase
`GENERATION` and keep the older folders, as stores still hold such models.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from engagement_ml.features.panel import Panel
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.models import ChurnModel, ProfitModel

GENERATION = 1
HERE = Path(__file__).parent
NAMES = ("metric", "profit", "churn")
FEATURES = ("call__frequency", "page view__frequency")
HISTORY = ("history__recency_days", "history__past_margin")
COVARIATES = ("covariate__age", "covariate__plan")


def metric() -> EngagementMetric:
    """Return a metric with each kind of transform."""
    unit = "events in 84 days"
    kinds = {
        "call": Transform("linear", None, None, 6),
        "page view": Transform("log1p", 3, None, 40),
        "Fragen & <b>": Transform("hill", 2, 1.5, 20),
    }
    weights = (50.0, 30.0, 20.0)
    return EngagementMetric(
        name="golden",
        evidence="driver",
        observation_days=84,
        outcome_days=84,
        behaviours=tuple(
            WeightedBehaviour(name, weight, None, None, "frequency", unit, transform)
            for weight, (name, transform) in zip(weights, kinds.items(), strict=True)
        ),
    )


def panel(n_rows: int = 240, seed: int = 0) -> Panel:
    """Return a panel with whole numbers, nulls, text and a heavy tail."""
    rng = np.random.default_rng(seed)
    calls = rng.poisson(2, n_rows)
    past = rng.lognormal(2, 1.2, n_rows)
    age = np.where(rng.random(n_rows) < 0.2, np.nan, rng.integers(18, 80, n_rows))
    plan = rng.choice(np.array(["01", "basic", "plus", None], dtype=object), n_rows)
    margin = 5 * calls + past + np.where(plan == "plus", 20, 0) + rng.normal(0, 4, n_rows)
    churned = (rng.random(n_rows) < 1 / (1 + np.exp(calls - 1))).astype(float)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(n_rows),
            "cutoff": pd.Timestamp("2024-03-25"),
            "part": "train",
            "call__frequency": calls,
            "page view__frequency": rng.poisson(9, n_rows).astype(float),
            "history__recency_days": np.where(rng.random(n_rows) < 0.1, np.nan, past),
            "history__past_margin": past,
            "covariate__age": age,
            "covariate__plan": plan,
            "margin": margin,
            "churned": churned,
        }
    )
    of_behaviour = {"call": FEATURES[:1], "page view": FEATURES[1:]}
    return Panel(frame, ("call", "page view"), of_behaviour, HISTORY, COVARIATES)


def fitted(rows: Panel) -> dict[str, Any]:
    """Return models with few trees, so that their texts are short."""
    with patch("engagement_ml.models.boosting.MAX_ROUNDS", 12):
        return {"profit": ProfitModel().fit(rows), "churn": ChurnModel().fit(rows)}


def counts() -> pd.DataFrame:
    """Return counts to score."""
    return pd.DataFrame(
        {
            "call": [0, 1, 3, 6, 9],
            "page view": [0.0, np.nan, 7.0, 40.0, 1e9],
            "Fragen & <b>": [0, 1, 2, 20, 21],
        }
    )


def columns_of(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return a frame as JSON types that are read back to the last bit; null for NaN."""
    present = frame.astype(object).where(frame.notna(), None)
    return {str(name): column.tolist() for name, column in present.items()}


def save(folder: Path, texts: dict[str, str]) -> None:
    """Write the three models as MLflow writes them."""
    import mlflow.pyfunc

    from engagement_ml.tracking.models import metric_model, prediction_model

    with metric_model(metric()) as arguments:
        mlflow.pyfunc.save_model(folder / "metric", **arguments)
    for name, text in texts.items():
        file = folder / f"{name}.txt"
        file.write_text(text, encoding="utf-8", newline="\n")
        with prediction_model(file) as arguments:
            mlflow.pyfunc.save_model(folder / name, **arguments)
        file.unlink()


def main() -> None:
    """Write models, inputs and expected predictions."""
    folder = HERE / f"generation_{GENERATION}"
    if folder.exists():
        sys.exit(f"{folder} exists; increase GENERATION and keep it")
    folder.mkdir()
    rows = panel()
    models = fitted(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(folder, {name: model.to_text() for name, model in models.items()})
    features = rows.frame.head(8)[[*FEATURES, *HISTORY, *COVARIATES]]
    inputs = {"metric": counts(), "profit": features, "churn": features}
    expected = {
        "metric": metric().score(counts())["score"].tolist(),
        **{name: model.predict_frame(features).tolist() for name, model in models.items()},
    }
    cases = {
        name: {"input": columns_of(inputs[name]), "expected": expected[name]} for name in NAMES
    }
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
