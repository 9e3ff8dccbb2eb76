"""The trained run that a scorecard or a list takes its verdicts, metric and models from."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import ConfigError, EngagementError, TrackingError
from engagement_ml.progress import Progress
from engagement_ml.tracking.load import is_uri
from engagement_ml.workflow.fitting import fit_pipeline
from engagement_ml.workflow.results import METRIC, RECORD, write_tables
from engagement_ml.workflow.runs import Run, open_run

_TRAINED = (
    "Verdicts, metric and models are of a run that was trained for this and is not kept, as there "
    "was none; train first, and that run is used."
)
_LENGTHS = ("observation_days", "outcome_days", "gap_days")


@dataclass(frozen=True)
class ChosenRun:
    """A run, and why it is this one.

    Attributes
    ----------
    run : Run
    notes : tuple of str
        Which run it is, and which ones could not be used.
    """

    run: Run
    notes: tuple[str, ...]


@contextmanager
def chosen_run(
    config: PipelineConfig,
    folder: Path | None,
    *,
    model: str | Path | None,
    frames: Mapping[str, Any] | None,
    tracking_uri: str | None,
    progress: Progress,
) -> Iterator[ChosenRun]:
    """Open the run that is given or, without one, find one, or train.

    A run of the same name and windows is looked for in the configuration's folder, among the
    newest in ``runs/<name>``, and in the tracking store (the champion, else the newest version).

    Parameters
    ----------
    config : PipelineConfig
    folder : Path or None
        The folder of the configuration's file.
    model : path or str or None
        A folder that `train` wrote, or an MLflow URI.
    frames : mapping of table name to path or frame, or None
        For training.
    tracking_uri : str or None
        By default the configuration's.
    progress : Progress

    Raises
    ------
    ConfigError
        If the windows of the given run are not those of the configuration.
    InputError, TrackingError
        If the given run cannot be read.
    EngagementError
        If no run is found and training fails.
    """
    uri = config.tracking.uri if tracking_uri is None else tracking_uri
    with ExitStack() as opened:
        if model is not None:
            run = opened.enter_context(_open(model, uri, progress))
            if (problem := _other_windows(run, config)) is not None:
                raise ConfigError(problem)
            yield ChosenRun(run, (_used(run),))
            return
        notes: list[str] = []
        for candidate in _candidates(config, folder, uri, notes, progress):
            try:
                run = opened.enter_context(_open(candidate, uri, progress))
                unusable = _unusable(run, config)
            except EngagementError as error:
                unusable = str(error)
            if unusable is None:
                yield ChosenRun(run, (_used(run), *notes))
                return
            notes.append(f"The run {candidate} was not used: {unusable}.")
        run = _trained(config, frames, opened, progress)
        yield ChosenRun(run, (_TRAINED, *notes))


def as_trained(config: PipelineConfig, chosen: ChosenRun) -> PipelineConfig:
    """Return the configuration with the groups of event types of the training."""
    trained = chosen.run.config()
    if trained.event_types.keep is None:
        return config
    return config.model_copy(update={"event_types": trained.event_types})


def _open(model: str | Path, uri: str | None, progress: Progress) -> AbstractContextManager[Run]:
    return open_run(model, tracking_uri=uri, on_status=progress.start)


def _trained(
    config: PipelineConfig, frames: Mapping[str, Any] | None, opened: ExitStack, progress: Progress
) -> Run:
    """Train, and return the run in a temporary folder."""
    folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
    fitted = fit_pipeline(config, frames=frames, progress=progress)
    write_tables(fitted, folder)
    fitted.record.to_json(folder / RECORD)
    return Run(folder, "the run trained for this")


def _candidates(
    config: PipelineConfig,
    folder: Path | None,
    uri: str | None,
    notes: list[str],
    progress: Progress,
) -> Iterator[str | Path]:
    if folder is not None and _is_run(folder):
        yield folder
    runs = [path for path in Path("runs", config.name).glob("*") if _is_run(path)]
    yield from sorted(runs, key=lambda path: (path / RECORD).stat().st_mtime, reverse=True)
    if (version := _registered(config, uri, notes, progress)) is not None:
        yield version


def _is_run(folder: Path) -> bool:
    return (folder / RECORD).is_file() and (folder / METRIC).is_file()


def _registered(
    config: PipelineConfig, uri: str | None, notes: list[str], progress: Progress
) -> str | None:
    """Return the URI of the champion, else of the newest version; None without any."""
    from engagement_ml.tracking.connectivity import sqlite_file
    from engagement_ml.tracking.newest import newest_version

    if uri is None or ((file := sqlite_file(uri)) is not None and not file.is_file()):
        return None
    try:
        return newest_version(config.name, uri, on_status=progress.start)
    except TrackingError as error:
        notes.append(f"No run was looked for in the tracking store: {error}.")
        return None


def _unusable(run: Run, config: PipelineConfig) -> str | None:
    if run.record().name != config.name:
        return f"it is of the pipeline '{run.record().name}'"
    run.models()
    return _other_windows(run, config)


def _other_windows(run: Run, config: PipelineConfig) -> str | None:
    metric = run.metric()
    for key in _LENGTHS:
        value, required = getattr(config.windows, key), getattr(metric, key)
        if value != required:
            return (
                f"key 'windows.{key}': {value}, but the run {run.origin} was made with {required}; "
                f"set it to {required}, or train again"
            )
    return None


def _used(run: Run) -> str:
    made = run.record().created_at[:10]
    where = run.origin if is_uri(run.origin) else f"in {run.origin}"
    return f"Verdicts, metric and models are those of the run {where}, trained on {made}."
