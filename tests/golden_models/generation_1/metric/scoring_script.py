"""The metric as an MLflow model from code: this script reads ``metric.json``; no pickle.

The model holds a copy of this script and of the modules that it imports; see `model_code`.
"""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd

with warnings.catch_warnings():
    # MLflow warns about type hints of its own modules when it is first imported.
    warnings.simplefilter("ignore")
    from mlflow.models import set_model
    from mlflow.pyfunc.model import PythonModel

from engagement_ml_4db869136ba376b9.metric.definition import EngagementMetric
from engagement_ml_4db869136ba376b9.tracking.model_input import refused_as_mlflow, serve_csv, with_numbers


class EngagementScore(PythonModel):
    """Scores counts of events; a missing column or value counts as zero events."""

    def load_context(self, context: Any) -> None:
        """Read the metric that was logged with the model."""
        self.metric = EngagementMetric.from_json(context.artifacts["metric"])
        serve_csv()

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return the column ``score``, from 0 to 100, with the index of the input."""
        names = [behaviour.behaviour for behaviour in self.metric.behaviours]
        with refused_as_mlflow():
            scored: pd.DataFrame = self.metric.score(with_numbers(model_input, names))
        return scored[["score"]]


set_model(EngagementScore())
