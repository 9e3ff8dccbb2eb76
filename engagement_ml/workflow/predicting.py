"""Prediction workflow: expected margin with an interval, and churn risk, for each customer."""

# Not named predict.py: a submodule `predict` would shadow the function that the package exports.

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.engine import open_duckdb, open_engine
from engagement_ml.faults import machine_faults_named
from engagement_ml.metric.moments import as_utc
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.workflow.parameters import ConfigLike
from engagement_ml.workflow.predictor import COLUMNS, MARGIN, Predicted, read_predictor
from engagement_ml.workflow.run_log import log_notes
from engagement_ml.workflow.runs import open_run
from engagement_ml.workflow.score_files import (
    CUSTOMER,
    destination,
    read_scores,
    scores_path,
    write_scores,
)
from engagement_ml.workflow.scored.file_facts import facts_for
from engagement_ml.workflow.scored.names import customer_name
from engagement_ml.workflow.scored.predictions import predicted_frame
from engagement_ml.workflow.settings import as_config, on_engine

if TYPE_CHECKING:
    import pandas as pd

PREDICTIONS = "predictions.parquet"


@dataclass(frozen=True)
class Predictions:
    """Predictions of customers, and their file.

    Attributes
    ----------
    as_of : date
        The day from which the outcome window is predicted.
    n_entities : int
        Number of customers.
    mean : float
        Mean expected margin, in currency.
    currency : str
    path : Path or None
        The file, or ``file.duckdb::table``; None if nothing was written.
    notes : tuple of str
        Sentences on coverage, on what is empty, and on the tables.
    warnings : tuple of str
        Those of the `notes` that say that the tables end too early.
    customer : str
        The name of the column of customers: the user's own.
    """

    as_of: dt.date
    n_entities: int
    mean: float
    currency: str
    path: Path | None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    customer: str = CUSTOMER
    _frame: pd.DataFrame | None = field(default=None, repr=False)
    _integer_ids: bool = field(default=False, repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """The predictions as a frame; read from `path` if they were written."""
        if self._frame is not None or self.path is None:
            assert self._frame is not None, "a frame or a file is kept"
            return self._frame
        return read_scores(self.path, integer_ids=self._integer_ids, customer=self.customer)


@machine_faults_named()
def predict(
    model: str | Path,
    config: ConfigLike | None = None,
    *,
    frames: Mapping[str, Any] | None = None,
    as_of: dt.date | dt.datetime | str | None = None,
    output: str | Path | None = None,
    engine: str | None = None,
    tracking_uri: str | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> Predictions:
    """Predict each customer's margin, with an interval, and churn over the outcome window.

    Parameters
    ----------
    model : path or str
        The folder that `train` wrote, or an MLflow URI. Its profit and churn models predict.
    config : PipelineConfig, path or mapping, optional
        Says where the tables are and how they are read; features are built as in training. By
        default the run's configuration.
    frames : mapping of table name to path or frame, optional
        Replaces the configuration's ``sources``: ``events``, ``transactions``, ``customers``.
    as_of : date, datetime or ISO 8601 text, optional
        The day from which the outcome window is predicted; only what is earlier is used. By
        default the first day that events or transactions do not cover.
    output : path, optional
        A ``.parquet`` or ``.csv`` file, ``file.duckdb::table``, or a folder for
        ``predictions.parquet``. It is written completely or not at all.
    engine : {"duckdb", "spark"}, optional
        By default the engine of the configuration.
    tracking_uri : str, optional
        Tracking store for URIs; by default the one that MLflow is set to, else
        ``sqlite:///mlruns/mlflow.db``.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    Predictions
        With a row per customer who was there before the day, sorted: the customer under the
        user's own name of the column, ``expected_margin``, ``margin_low``, ``margin_high``
        (currency), and ``churn_risk`` (0 to 1, null if not at risk).

    Raises
    ------
    InputError
        If the run, the tables or `as_of` cannot be used.
    OutputError, TrackingError
        If the predictions cannot be written, or if the tracking store cannot be used.

    Examples
    --------
    >>> import engagement_ml as em
    >>> em.predict("runs/demo", as_of="2025-02-24").frame  # doctest: +SKIP
    """
    target = None if output is None else scores_path(output, PREDICTIONS)
    moment = None if as_of is None else as_utc(as_of)
    data = None if config is None else as_config(config)
    with progress_for(progress, on_step) as steps, destination(target) as file:
        steps.start("Reading the model")
        with open_run(model, tracking_uri=tracking_uri, on_status=steps.start) as run:
            predictor, metric = read_predictor(run, data), run.metric()
        settings = predictor.config
        if engine is not None:
            settings = on_engine(settings, engine, "predict")
        with open_engine(settings.engine, frames) as opened:
            steps.start("Reading tables")
            predicted = predictor.predict(opened, frames or {}, moment, steps)
        customer, notes = customer_name(settings, COLUMNS)
        notes = (*predicted.notes, *notes)
        facts = facts_for(metric, dt.datetime.combine(predicted.as_of, dt.time()))
        frame = None if file is not None else _as_pandas(predicted, customer)
        if file is not None:
            steps.start("Writing predictions")
            with open_duckdb() as writer:
                write_scores(
                    writer, predicted_frame(writer, predicted, customer), file, facts, customer
                )
    log_notes(notes, predicted.warnings)
    return Predictions(
        as_of=predicted.as_of,
        n_entities=len(predicted.ids),
        mean=float(predicted.columns[MARGIN].mean()),
        currency=settings.currency,
        path=target,
        notes=(*notes, *predicted.table_notes),
        warnings=predicted.warnings,
        customer=customer,
        _frame=frame,
        _integer_ids=predicted.ids.dtype.kind in "iu",
    )


def _as_pandas(predicted: Predicted, customer: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({customer: predicted.ids, **predicted.columns})
