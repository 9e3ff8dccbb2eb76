"""Scorecard workflow: a company's measures, each with what it has to do with margin."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.errors import InputError
from engagement_ml.faults import machine_faults_named
from engagement_ml.inputs import read_tables
from engagement_ml.metric.moments import as_utc
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.sources import new_folder_whole
from engagement_ml.workflow.scorecards.assembling import assemble
from engagement_ml.workflow.scorecards.contestants import contestants
from engagement_ml.workflow.scorecards.files import ScorecardResult, write_scorecard
from engagement_ml.workflow.scorecards.gathering import chosen_measures, gather
from engagement_ml.workflow.scorecards.run import ChosenRun, as_trained, chosen_run
from engagement_ml.workflow.settings import as_config


@machine_faults_named()
def scorecard(
    config: PipelineConfig | str | Path | Mapping[str, Any],
    *,
    since: dt.date | dt.datetime | str | None = None,
    model: str | Path | None = None,
    frames: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    tracking_uri: str | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> ScorecardResult:
    """Make the scorecard of a company: its measures by journey stage, each linked to margin or not.

    Parameters
    ----------
    config : PipelineConfig, path or mapping
        Names the tables; its sections ``measures``, ``journey``, ``goals``, ``benchmarks`` and
        ``scorecard`` say what is on the scorecard. Without them, all measures are that the tables
        allow.
    since : date, datetime or ISO 8601 text, optional
        Day of the last review: what changed since, and which of it is beyond noise.
    model : path or str, optional
        The trained run for verdicts, metric and models: its folder, or an MLflow URI. By default
        a run in the configuration's folder, the newest in ``runs/<name>``, the champion or the
        newest version in the tracking store; without any of these, one is trained and not kept.
    frames : mapping of table name to path or frame, optional
        Replaces the configuration's ``sources``.
    output : path, optional
        A folder for ``scorecard.parquet``, ``.json`` and ``.html``, written completely or not at
        all; by default nothing is written.
    tracking_uri : str, optional
        Tracking store; by default the configuration's.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    ScorecardResult

    Raises
    ------
    ConfigError
        If a measure, stage or goal is not known, or the windows of `model` are others.
    InputError, NotEnoughDataError
        If the tables or the model cannot be used, no period is complete, or none ended by `since`.
    OutputError, TrackingError
        If the result cannot be written, or the model cannot be loaded.

    Examples
    --------
    >>> import engagement_ml as em
    >>> result = em.scorecard("runs/demo/shop.yaml")  # doctest: +SKIP
    >>> result.card.measure("page_view").link.kind  # doctest: +SKIP
    'vanity'
    """
    settings = as_config(config)
    day = _day(since)
    folder = Path(config).resolve().parent if isinstance(config, str | Path) else None
    with (
        progress_for(progress, on_step) as steps,
        nullcontext() if output is None else new_folder_whole(Path(output)) as target,
    ):
        steps.start("Reading the model")
        with chosen_run(
            settings, folder, model=model, frames=frames, tracking_uri=tracking_uri, progress=steps
        ) as chosen:
            result = _made(settings, chosen, day, frames, steps)
        if target is not None:
            steps.start("Writing the scorecard")
            write_scorecard(result, target)
    return result if output is None else replace(result, folder=Path(output))


def _made(
    config: PipelineConfig,
    chosen: ChosenRun,
    since: dt.date | None,
    frames: Mapping[str, Any] | None,
    progress: Progress,
) -> ScorecardResult:
    settings = as_trained(config, chosen)
    measures = chosen_measures(settings, chosen.run.record())
    progress.start("Reading tables")
    with open_engine(settings.engine, frames) as engine:
        tables = read_tables(settings, engine, frames, extra=True, on_part=progress.update)
        parts = gather(tables, settings, chosen.run, measures, since, progress)
    rivals = contestants(settings, chosen.run, frames, progress)
    progress.start("Assembling the scorecard")
    card, rows = assemble(parts, settings, since)
    card = replace(card, contestants=rivals, notes=(*chosen.notes, *card.notes))
    return ScorecardResult(card, None, rows)


def _day(since: dt.date | dt.datetime | str | None) -> dt.date | None:
    if since is None:
        return None
    try:
        return as_utc(since).date()
    except InputError as error:
        raise InputError(f"since: {error}") from None
