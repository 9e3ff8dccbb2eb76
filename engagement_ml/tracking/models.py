"""MLflow models: the metric and the boosters, with signatures and requirements, no pickle."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.metric import EngagementMetric

if TYPE_CHECKING:
    import pandas as pd

METRIC_FILE = "metric.json"
METRIC_MODEL = "metric"
_SCRIPT = Path(__file__).with_name("scoring_script.py")


def log_metric_model(metric: EngagementMetric, version: str) -> Any:
    """Log the metric to the active run as a model from code that reads its ``metric.json``.

    Each behaviour is an optional input column of type double; the output is the column ``score``.
    MLflow accepts float32 and int32 for double and refuses int64: cast counts to float64.

    Parameters
    ----------
    metric : EngagementMetric
    version : str
        The version of engagement-ml, which the model requires; MLflow adds itself.

    Returns
    -------
    mlflow.models.model.ModelInfo
    """
    import mlflow
    import pandas as pd

    names = [behaviour.behaviour for behaviour in metric.behaviours]
    example = pd.DataFrame(
        {b.behaviour: [0.0, 1.0, float(b.transform.cap)] for b in metric.behaviours}
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / METRIC_FILE
        metric.to_json(file)
        return mlflow.pyfunc.log_model(
            name=METRIC_MODEL,
            python_model=str(_SCRIPT),
            artifacts={"metric": str(file)},
            signature=_signature(names, "score", required=False),
            input_example=example,
            pip_requirements=[f"engagement-ml=={version}"],
        )


def log_booster(model: Any, name: str, *, example: pd.DataFrame | None = None) -> Any:
    """Log a LightGBM model to the active run in LightGBM's own text format.

    Parameters
    ----------
    model : lightgbm.Booster or estimator
        For an estimator, its ``booster_`` is logged.
    name : str
        The model's name in the run.
    example : DataFrame, optional
        A few rows; its columns give the names of the signature. By default the names are the
        booster's feature names.

    Returns
    -------
    mlflow.models.model.ModelInfo
    """
    import lightgbm
    import mlflow.lightgbm

    booster = getattr(model, "booster_", model)
    names = booster.feature_name() if example is None else [str(c) for c in example.columns]
    if example is not None:
        example = example.astype("float64").set_axis(names, axis=1)
    return mlflow.lightgbm.log_model(
        booster,
        name=name,
        signature=_signature(names, "prediction", required=True),
        input_example=example,
        pip_requirements=[f"lightgbm=={lightgbm.__version__}"],
    )


def _signature(columns: list[str], output: str, *, required: bool) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs = Schema([ColSpec("double", name, required=required) for name in columns])
    return ModelSignature(inputs, Schema([ColSpec("double", output)]))
