"""Training workflow: from tables to a registered metric and a folder of results."""

# Not named train.py: a submodule `train` would shadow the function that the package exports.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.faults import machine_faults_named
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.sources import new_folder_whole
from engagement_ml.tracking import check_store
from engagement_ml.workflow.fitting import fit_pipeline
from engagement_ml.workflow.registering import track_results
from engagement_ml.workflow.results import (
    TrainResult,
    default_folder,
    with_registration,
    write_record,
    write_tables,
)
from engagement_ml.workflow.run_log import log_result
from engagement_ml.workflow.settings import as_config


@machine_faults_named()
def train(
    config: PipelineConfig | str | Path,
    *,
    frames: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    notes: Sequence[str] = (),
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> TrainResult:
    """Find the behaviours that move margin, and combine them into one weighted, registered metric.

    Parameters
    ----------
    config : PipelineConfig or path
        The configuration, or the path of its YAML file.
    frames : mapping of table name to path or frame, optional
        ``events``, ``transactions``, ``customers``, ``surveys``, ``identities``, ``links``: any
        frame that Narwhals accepts, or a path. They replace the configuration's ``sources``.
    output : path, optional
        The results folder; by default ``runs/<name>/<time>``. It is written completely or not at
        all. In a folder that exists, files of the same names are replaced. If the tracking store
        fails afterwards, the folder stays, and `register` registers it later.
    notes : sequence of str
        Notes for readers of the report, for example on how the margin was derived.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    TrainResult

    Raises
    ------
    ConfigError, InputError, NotEnoughDataError
        If the configuration or the tables cannot be used.
    OutputError, TrackingError
        If the results cannot be written or logged; checked before the long work where possible.

    Notes
    -----
    A metric that abstains is a result: its ``reason`` explains why.

    Examples
    --------
    >>> from engagement_ml import PipelineConfig, make_shop, train
    >>> shop = make_shop()
    >>> frames = {"events": shop.events, "transactions": shop.transactions}
    >>> result = train(PipelineConfig(name="shop"), frames=frames)  # doctest: +SKIP
    >>> result.metric.score_events(shop.events, as_of="2025-02-24")  # doctest: +SKIP
    """
    settings = as_config(config)
    target = Path(output) if output is not None else default_folder(settings.name)
    with progress_for(progress, on_step) as steps:
        steps.start("Checking the output folder and tracking store")
        if settings.tracking.uri is not None:
            check_store(settings.tracking.uri)
        with new_folder_whole(target) as folder:
            fitted = fit_pipeline(settings, frames=frames, notes=notes, progress=steps)
            steps.start("Writing results")
            write_tables(fitted, folder)
            steps.start("Writing the report")
            steps.finish()
            record = with_registration(fitted.record, None, steps.seconds)
            write_record(record, folder)
        # The results are complete: whatever happens to the store, they stay.
        if settings.tracking.uri is not None:
            tracking = settings.tracking.model_copy(update={"experiment": settings.experiment})
            record = track_results(record, fitted.metric, target, tracking, steps)
    log_result(fitted.metric, target)
    return TrainResult(metric=fitted.metric, record=record, folder=target)
