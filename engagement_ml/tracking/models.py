"""MLflow models: the metric and the profit and churn models, as scripts over text; no pickle."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.metric import EngagementMetric
from engagement_ml.tracking.model_code import model_code

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.models.boosted_model import BoostedModel

METRIC_FILE = "metric.json"
METRIC_MODEL = "metric"
_HERE = Path(__file__).parent
_METRIC_SCRIPT = _HERE / "scoring_script.py"
_PREDICTION_SCRIPT = _HERE / "prediction_script.py"
_METRIC_REQUIREMENTS = ("narwhals", "numpy", "pandas")
_PREDICTION_REQUIREMENTS = ("lightgbm", "numpy", "pandas", "scipy")
OUTPUTS = {"profit": "expected_margin", "churn": "churn_probability"}


@contextmanager
def metric_model(metric: EngagementMetric) -> Iterator[dict[str, Any]]:
    """Return the metric's MLflow model, as arguments of ``mlflow.pyfunc.save_model``.

    Each behaviour is an optional input column of any numeric type, the number of its events; the
    output is the column ``score``. The model needs NumPy, Narwhals, pandas and MLflow.
    """
    names = [behaviour.behaviour for behaviour in metric.behaviours]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, METRIC_FILE)
        metric.to_json(file)
        with _model(
            _METRIC_SCRIPT,
            folder,
            artifacts={"metric": str(file)},
            signature=_signature(names, "score", required=False),
            input_example=_metric_example(metric),
            pip_requirements=_pinned(_METRIC_REQUIREMENTS),
        ) as arguments:
            yield arguments


@contextmanager
def prediction_model(path: Path) -> Iterator[dict[str, Any]]:
    """Return a profit or churn model's MLflow model, as arguments of ``mlflow.pyfunc.save_model``.

    Its inputs are the columns of ``features.parquet`` that the model was fitted with: numbers of
    any type, and text or categories for covariates of text; each may be null. Its output is
    ``expected_margin`` in currency, or ``churn_probability``. The model needs LightGBM, SciPy,
    NumPy, pandas and MLflow.

    Parameters
    ----------
    path : Path
        ``profit.txt`` or ``churn.txt`` of a run.

    Raises
    ------
    InputError
        If the text is damaged.
    """
    model = _read_model(path)
    with (
        tempfile.TemporaryDirectory() as folder,
        _model(
            _PREDICTION_SCRIPT,
            folder,
            artifacts={model.kind: str(path)},
            signature=_signature(model.design_.columns, OUTPUTS[model.kind], required=True),
            input_example=_prediction_example(model),
            pip_requirements=_pinned(_PREDICTION_REQUIREMENTS),
        ) as arguments,
    ):
        yield arguments


def log_model(
    client: Any, run_id: str, experiment_id: str, name: str, arguments: Mapping[str, Any]
) -> Any:
    """Log an MLflow model to a run, which need not be the active one.

    Returns
    -------
    mlflow.models.model.ModelInfo
    """
    import mlflow.pyfunc
    from mlflow.models import Model

    # MLflow's own `log_model` would create it in the active experiment, not in that of the run.
    created = client.create_logged_model(experiment_id, name, source_run_id=run_id)
    return Model.log(
        artifact_path=None,
        flavor=mlflow.pyfunc,
        name=name,
        run_id=run_id,
        model_id=created.model_id,
        **arguments,
    )


@contextmanager
def _model(script: Path, folder: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    code_folder = Path(folder, "code")
    code_folder.mkdir()
    with model_code(script, code_folder) as (copied_script, package):
        yield {"python_model": str(copied_script), "code_paths": [str(package)], **arguments}


def _read_model(path: Path) -> BoostedModel:
    from engagement_ml.models import ChurnModel, ProfitModel

    kind = ProfitModel if path.stem == ProfitModel.kind else ChurnModel
    return kind.from_text(path.read_text(encoding="utf-8"))


def _metric_example(metric: EngagementMetric) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {b.behaviour: [0.0, 1.0, float(b.transform.cap)] for b in metric.behaviours}
    )


def _prediction_example(model: BoostedModel) -> pd.DataFrame:
    """Return two rows: a customer about whom nothing is known, and one with 1 in each column."""
    import pandas as pd

    levels = model.design_.levels
    columns = {
        column: [None, levels[column][0] if levels.get(column) else 1.0]
        for column in model.design_.columns
    }
    return pd.DataFrame(columns)


def _pinned(names: Sequence[str]) -> list[str]:
    return [f"{name}=={version(name)}" for name in names]


def _signature(columns: Sequence[str], output: str, *, required: bool) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    # A column of type double would refuse whole numbers (int64), one of type long refuses floats.
    kind = AnyType()  # type: ignore[no-untyped-call]
    inputs = Schema([ColSpec(kind, name, required=required) for name in columns])
    return ModelSignature(inputs, Schema([ColSpec("double", output)]))
