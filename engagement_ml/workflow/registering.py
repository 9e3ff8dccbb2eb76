"""Registration of a finished run in MLflow: at the end of training, or later from its folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engagement_ml.config import TrackingConfig
from engagement_ml.errors import ConfigError, EngagementError, InputError, TrackingError
from engagement_ml.faults import machine_fault, machine_faults_named
from engagement_ml.file_locks import locked
from engagement_ml.metric import EngagementMetric
from engagement_ml.plain_types import as_path
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.records import RunRecord
from engagement_ml.sources import new_folder_whole
from engagement_ml.tracking import LoggedRun, check_store, log_files, log_run
from engagement_ml.tracking.load import is_uri
from engagement_ml.tracking.registered import find_registration
from engagement_ml.workflow.first_version import first_version
from engagement_ml.workflow.results import METRIC, RECORD, REPORT, with_registration, write_record
from engagement_ml.workflow.runs import open_run
from engagement_ml.written import note_written, unfinished

LOCK_SECONDS = 600.0
"""How long one registration of a folder waits for another one of the same folder."""


@dataclass(frozen=True)
class Registration:
    """A run in the tracking store.

    Attributes
    ----------
    folder : Path
        The folder of the run.
    metric : EngagementMetric
    record : RunRecord
        With the entry in the model registry, as ``run.json`` in the folder has it.
    already : bool
        Whether the store had the run before.
    """

    folder: Path
    metric: EngagementMetric
    record: RunRecord
    already: bool

    @property
    def registered(self) -> dict[str, Any]:
        """The registered model's name, version, alias and URI."""
        return self.record.registered or {}


@machine_faults_named()
def register(
    run: str | Path,
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    again: bool = False,
    version: bool = True,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> Registration:
    """Log a trained run to MLflow and register its metric, as `train` does at its end.

    For a run whose tracking failed, that was trained without tracking, or that another store is
    to have, too. A run that the store has already is not registered a second time.

    Parameters
    ----------
    run : path
        The folder that `train` wrote.
    tracking_uri : str, optional
        The tracking store; by default the one of the run's configuration. ``${NAME}`` in it is an
        environment variable.
    experiment : str, optional
        Name of the MLflow experiment; by default as in the run's configuration.
    again : bool, default False
        Whether another version is made if the store has one of this run.
    version : bool, default True
        Whether a version is registered; if not, run and models are logged only.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    Registration

    Raises
    ------
    ConfigError
        If neither the run nor the call names a store.
    InputError
        If the folder has no complete run.
    OutputError, TrackingError
        If the store cannot be used, or the record cannot be written.

    Examples
    --------
    >>> register("runs/shop").registered["version"]  # doctest: +SKIP
    1
    """
    if is_uri(run):
        raise InputError(f"{run}: is registered already, as it is a URI; give a run's folder")
    with progress_for(progress, on_step) as steps:
        steps.start("Reading the run")
        with open_run(as_path(run, "the folder that 'train' wrote")) as opened:
            record, metric, config = opened.record(), opened.metric(), opened.config()
        _check_whole(record, metric, opened.origin)
        uri = tracking_uri if tracking_uri is not None else config.tracking.uri
        if uri is None:
            raise ConfigError(
                f"{opened.origin}: was trained with 'tracking: {{uri: null}}'; name a store with "
                "--tracking-uri"
            )
        tracking = TrackingConfig(
            uri=uri, experiment=experiment or config.experiment, register=version
        )
        steps.start("Checking the tracking store")
        check_store(uri)
        logged, already = _registered_once(record, metric, opened.folder, tracking, again, steps)
        record = _with_entry(record, logged, opened.folder, uri, record.seconds, steps)
    return Registration(opened.folder, metric, record, already)


def track_results(
    record: RunRecord,
    metric: EngagementMetric,
    folder: Path,
    tracking: TrackingConfig,
    progress: Progress,
) -> RunRecord:
    """Log and register the results in a folder; return the record with its entry.

    Parameters
    ----------
    record : RunRecord
    metric : EngagementMetric
    folder : Path
        Holds all results; only the record and the report are written again.
    tracking : TrackingConfig
        With the name of the experiment.
    progress : Progress
        The durations of its steps become part of the record.

    Raises
    ------
    TrackingError
        If anything fails; the message says that the results are kept, and how to register them.
    """
    assert tracking.uri is not None
    later = f"engagement-ml register {shlex.quote(str(folder))}"
    try:
        with unfinished(f"its registration did not finish; complete it with: {later}"):
            timed = with_registration(record, None, progress.seconds)
            logged, _ = _registered_once(timed, metric, folder, tracking, True, progress)
            return _with_entry(record, logged, folder, tracking.uri, None, progress)
    except Exception as error:
        known = error if isinstance(error, EngagementError) else machine_fault(error)
        if known is None:
            raise
        raise TrackingError(
            f"{known}; all results are in {folder}; register them with: {later}"
        ) from error


def _registered_once(
    record: RunRecord,
    metric: EngagementMetric,
    folder: Path,
    tracking: TrackingConfig,
    again: bool,
    progress: Progress,
) -> tuple[LoggedRun, bool]:
    """Return the run in the store, and whether it was there before."""
    assert tracking.uri is not None
    experiment = tracking.experiment or record.name

    def waiting() -> None:
        progress.start("Waiting for another registration of this run")

    with locked(folder / METRIC, seconds=LOCK_SECONDS, on_wait=waiting):
        if not again:
            found = find_registration(
                record, metric, uri=tracking.uri, experiment=experiment, on_status=progress.start
            )
            if found is not None:
                return found, True
        logged = log_run(
            record,
            metric,
            folder,
            uri=tracking.uri,
            experiment=experiment,
            register=tracking.register_,
            on_status=progress.start,
        )
    entry = f"version {logged.version} of {logged.model}" if logged.version else "its MLflow run"
    note_written(entry)
    return logged, False


def _with_entry(
    record: RunRecord,
    logged: LoggedRun,
    folder: Path,
    uri: str,
    seconds: Mapping[str, float] | None,
    progress: Progress,
) -> RunRecord:
    """Write the record and the report with the entry in the registry, also to the store."""
    registered = first_version(record, logged.to_dict(), uri=uri)
    progress.start("Writing the report")
    if seconds is None:
        progress.finish()
        seconds = progress.seconds
    record = with_registration(record, registered, seconds)
    with new_folder_whole(folder) as temporary:
        write_record(record, temporary)
    log_files(uri, logged.run_id, folder / RECORD, folder / REPORT)
    return record


def _check_whole(record: RunRecord, metric: EngagementMetric, origin: str) -> None:
    """Refuse a folder in which a run that was killed has replaced some files of another run."""
    if record.metric.get("definition_hash") != metric.definition_hash:
        raise InputError(
            f"{origin}: {METRIC} and {RECORD} are of different runs, as of a training that was "
            "killed while it replaced an older one; train again"
        )
