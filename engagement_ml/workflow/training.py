"""Training: from tables to a registered metric, and a folder with all that was found."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.sources import new_folder_whole
from engagement_ml.tracking import check_store, log_files, log_run
from engagement_ml.workflow.fitting import Learned, learn
from engagement_ml.workflow.results import (
    CHURN,
    PROFIT,
    RECORD,
    REPORT,
    TrainResult,
    default_folder,
    with_registration,
    write_learned,
    write_record,
)
from engagement_ml.workflow.settings import as_config


def train(
    config: PipelineConfig | str | Path,
    *,
    frames: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    notes: Sequence[str] = (),
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> TrainResult:
    """Find the behaviours that move margin and make one weighted, registered metric of them.

    Parameters
    ----------
    config : PipelineConfig or path
        Or the path of its YAML file.
    frames : mapping of table name to path or frame, optional
        ``events``, ``transactions``, ``customers``, ``surveys``: any frame Narwhals takes, in
        place of the configuration's ``sources``.
    output : path, optional
        The folder of results; by default ``runs/<name>/<time>``. It appears whole or not at all;
        where it exists, files of the same names are replaced.
    notes : sequence of str
        What the report tells its readers besides: what an assumed margin rests on.
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
        Where configuration or tables cannot be used.
    OutputError, TrackingError
        Where results could not be kept; found out before the long work where possible.

    Notes
    -----
    A metric that abstains is a result: its ``reason`` says why.

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
        steps.start("Checking where results go")
        if settings.tracking.uri is not None:
            check_store(settings.tracking.uri)
        with new_folder_whole(target) as folder:
            learned = learn(settings, frames=frames, notes=notes, progress=steps)
            steps.start("Writing results")
            write_learned(learned, folder)
            learned = _track(learned, folder, steps)
    return TrainResult(metric=learned.metric, record=learned.record, folder=target)


def _track(learned: Learned, folder: Path, progress: Progress) -> Learned:
    """Log and register the run; return what was learned with what became of it."""
    tracking, registered = learned.config.tracking, None
    if tracking.uri is not None:
        # Metrics of the run hold the time of each step so far.
        timed = with_registration(learned.record, None, progress.seconds)
        logged = log_run(
            timed,
            learned.metric,
            folder,
            uri=tracking.uri,
            experiment=learned.config.experiment,
            register=tracking.register_,
            models={**learned.profit.boosters, **learned.churn.boosters},
            on_status=progress.start,
        )
        registered = logged.to_dict()
    progress.start("Writing the report")
    progress.finish()
    record = with_registration(learned.record, registered, progress.seconds)
    write_record(record, folder)
    if tracking.uri is not None and registered is not None:
        files = [folder / name for name in (RECORD, REPORT, PROFIT, CHURN)]
        log_files(tracking.uri, registered["run_id"], *files)
    return dataclasses.replace(learned, record=record)
