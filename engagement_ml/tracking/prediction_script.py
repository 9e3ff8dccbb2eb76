"""The profit or churn model as an MLflow model from code: this script reads its text; no pickle.

The model holds a copy of this script and of the modules that it imports; see `model_code`.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd

with warnings.catch_warnings():
    # MLflow warns about type hints of its own modules when it is first imported.
    warnings.simplefilter("ignore")
    from mlflow.models import set_model
    from mlflow.pyfunc.model import PythonModel

from engagement_ml.models.churn import ChurnModel
from engagement_ml.models.profit import ProfitModel
from engagement_ml.tracking.model_input import refused_as_mlflow, serve_csv, with_numbers


class Prediction(PythonModel):
    """Predicts margin or churn from the columns of ``features.parquet``."""

    def load_context(self, context: Any) -> None:
        """Read the model that was logged."""
        [(kind, path)] = context.artifacts.items()
        text = Path(path).read_text(encoding="utf-8")
        self.model: ProfitModel | ChurnModel
        self.model = (ProfitModel if kind == "profit" else ChurnModel).from_text(text)
        self.output = "expected_margin" if kind == "profit" else "churn_probability"
        serve_csv()

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return the prediction of each row, with the index of the input."""
        design = self.model.design_
        numeric = [column for column in design.columns if column not in design.levels]
        with refused_as_mlflow():
            predicted = self.model.predict_frame(with_numbers(model_input, numeric))
        return pd.DataFrame({self.output: predicted}, index=model_input.index)


set_model(Prediction())
