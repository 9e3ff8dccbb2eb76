"""Files of an MLflow run: those of the run's folder, the table of drivers, and plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml.drivers.evidence import row_dict
from engagement_ml.errors import TrackingError
from engagement_ml.plain_types import plain
from engagement_ml.records import RunRecord
from engagement_ml.tracking.run_values import DRIVER_COLUMNS, OUTCOME_COLUMNS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRIVER_TABLE = "tables/drivers.json"
OUTCOME_TABLE = "tables/outcomes.json"
PLOTS = "plots"
MODELS = "models"
MODEL_NAMES = ("profit", "churn")
_DOTS_PER_INCH = 110
_MOST_DRIVERS = 60
_MOST_RESPONSES = 6


def model_files(folder: Path) -> dict[str, Path]:
    """Return the texts of the profit and churn models that a run's folder holds, by name."""
    paths = {name: folder / MODELS / f"{name}.txt" for name in MODEL_NAMES}
    return {name: path for name, path in paths.items() if path.is_file()}


def folder_files(folder: Path) -> list[Path]:
    """Return the files of a run's folder and those of its models; not those of other folders."""
    own = sorted(path for path in folder.iterdir() if path.is_file())
    return [*own, *model_files(folder).values()]


def log_paths(client: Any, run_id: str, paths: Sequence[Path]) -> None:
    """Log files, all in one folder.

    Raises
    ------
    TrackingError
        If a file is missing.
    """
    for path in paths:
        if not path.is_file():
            raise TrackingError(f"{path}: no such file to log with run {run_id}")
        client.log_artifact(run_id, str(path))


def log_driver_table(client: Any, run_id: str, record: RunRecord) -> None:
    """Log the drivers, and verdicts by other outcomes, as tables that MLflow shows and compares."""
    import pandas as pd

    rows = [plain(row_dict(row)) for row in record.drivers]
    if rows:
        client.log_table(run_id, pd.DataFrame(rows)[list(DRIVER_COLUMNS)], DRIVER_TABLE)
    others = [plain(row_dict(row)) for row in record.further.outcome_rows]
    if others:
        columns = [name for name in OUTCOME_COLUMNS if any(name in row for row in others)]
        client.log_table(run_id, pd.DataFrame(others)[columns], OUTCOME_TABLE)


def log_plots(client: Any, run_id: str, record: RunRecord) -> None:
    """Log plots of the drivers, of the responses and of the weights, as far as there are any."""
    from engagement_ml.metric import EngagementMetric
    from engagement_ml.plots import plot_drivers, plot_responses, plot_weights

    metric = EngagementMetric.from_dict(record.metric)
    weighted = [behaviour.behaviour for behaviour in metric.behaviours]
    shown = _most_important(record)
    # The figures are not pyplot's, which a notebook would show below the cell.
    if shown.drivers:
        figure = _figure(8.5, 1.3 + 0.34 * len(shown.drivers))
        plot_drivers(shown, ax=figure.subplots())
        _log_figure(client, run_id, figure, "drivers")
    if curves := _with_responses(record, weighted):
        figure = _figure(4.2 * len(curves), 3.4)
        plot_responses(record, ax=np.atleast_1d(figure.subplots(1, len(curves))), behaviours=curves)
        _log_figure(client, run_id, figure, "responses")
    if weighted:
        figure = _figure(7.0, 1.4 + 0.4 * len(weighted))
        plot_weights(metric, ax=figure.subplots())
        _log_figure(client, run_id, figure, "weights")


def _most_important(record: RunRecord) -> RunRecord:
    """Return a record with as many drivers as a plot can show: selected ones, then by SHAP."""
    if len(record.drivers) <= _MOST_DRIVERS:
        return record
    few = replace(record.evidence, drivers=record.drivers[:_MOST_DRIVERS])
    return replace(record, evidence=few)


def _with_responses(record: RunRecord, weighted: Sequence[str]) -> list[str]:
    """Return the behaviours of the metric, and harmful ones that have a curve."""
    harmful = [row.behaviour for row in record.drivers if row.verdict == "harmful"]
    curves = record.evidence.responses
    return [*weighted, *(name for name in harmful if name in curves)][:_MOST_RESPONSES]


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _log_figure(client: Any, run_id: str, figure: Figure, name: str) -> None:
    settings = {"dpi": _DOTS_PER_INCH, "bbox_inches": "tight"}
    client.log_figure(run_id, figure, f"{PLOTS}/{name}.png", save_kwargs=settings)
