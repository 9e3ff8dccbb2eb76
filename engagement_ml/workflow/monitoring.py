"""Monitoring workflow: compares newer data with what a metric was built on."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engagement_ml.config import FailOn, PipelineConfig
from engagement_ml.engine import Engine, open_engine
from engagement_ml.errors import ConfigError, NotEnoughDataError, TrackingError
from engagement_ml.faults import machine_faults_named
from engagement_ml.inputs import read_tables
from engagement_ml.inputs.reading import sources_of
from engagement_ml.inputs.scoring_links import with_scoring_links
from engagement_ml.inputs.scoring_reader import ScoringTable, read_scoring_tables, scoring_notes
from engagement_ml.lifecycle.monitoring.events import check_events
from engagement_ml.lifecycle.monitoring.rows import CheckResult, in_order
from engagement_ml.metric import EngagementMetric
from engagement_ml.metric.moments import as_utc
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.records import RunRecord
from engagement_ml.sources import new_folder_whole
from engagement_ml.tracking.load import is_uri
from engagement_ml.tracking.monitoring import log_monitoring, version_of
from engagement_ml.windows import DAY
from engagement_ml.workflow.monitor_files import MonitorResult, write_monitor
from engagement_ml.workflow.runs import Run, open_run
from engagement_ml.workflow.score_notes import last_event
from engagement_ml.workflow.settings import as_config
from engagement_ml.workflow.weekly_totals import (
    last_week_counts,
    logging_shares,
    weekly_events,
    weekly_totals,
)
from engagement_ml.workflow.window_shapes import window_shapes

_logger = logging.getLogger(__name__)
FAIL_ON = ("alarm", "warning", "never")


@dataclass(frozen=True)
class _Version:
    """The version of a registered model that is monitored, and the store that has it."""

    name: str
    version: str
    uri: str | None


@machine_faults_named()
def monitor(
    model: str | Path,
    config: PipelineConfig | str | Path,
    *,
    frames: Mapping[str, Any] | None = None,
    as_of: dt.date | dt.datetime | str | None = None,
    output: str | Path | None = None,
    fail_on: FailOn | None = None,
    tracking_uri: str | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> MonitorResult:
    """Check whether what a metric was built on is still so in newer data.

    The last complete week of events is compared with the weeks before it; the links from the
    metric to margin and the models' calibration are measured on outcomes that have matured since
    training; and customers who fall below their own usual are listed.

    Parameters
    ----------
    model : path or str
        The folder that `train` wrote, or an MLflow URI: ``models:/name@champion``,
        ``models:/name/3``, ``runs:/<run id>``.
    config : PipelineConfig or path
        Names the newer data; its section ``monitor`` has the thresholds.
    frames : mapping of table name to path or frame, optional
        Replaces the configuration's ``sources``.
    as_of : date, datetime or ISO 8601 text, optional
        Weeks are counted back from this day, which does not count; by default the day after the
        last event.
    output : path, optional
        A folder for ``monitor.csv``, ``.parquet``, ``.json`` and ``.html``, and
        ``early_warnings.csv`` and ``.parquet``; by default nothing is written.
    fail_on : {"alarm", "warning", "never"}, optional
        By default the configuration's ``monitor.fail_on``.
    tracking_uri : str, optional
        Tracking store for URIs; by default the configuration's, else the one that MLflow is set
        to, else ``sqlite:///mlruns/mlflow.db``.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    MonitorResult

    Raises
    ------
    ConfigError
        If the configuration's windows differ from the metric's, or `fail_on` is unknown.
    InputError, NotEnoughDataError, OutputError, TrackingError
        If the model or the tables cannot be used, or if the result cannot be written.
    """
    settings = as_config(config)
    if fail_on is not None and fail_on not in FAIL_ON:
        raise ConfigError(f"fail_on: {fail_on!r} is not known; give one of {', '.join(FAIL_ON)}")
    until = None if as_of is None else as_utc(as_of).date()
    uri = settings.tracking.uri if tracking_uri is None else tracking_uri
    with progress_for(progress, on_step) as steps:
        steps.start("Reading the model")
        with open_run(model, tracking_uri=uri, on_status=steps.start) as run:
            version = _version(model, run.record(), uri)
            on = fail_on or settings.monitor.fail_on
            if output is None:
                result = replace(_monitor(run, settings, frames, until, steps), fail_on=on)
                return _log(result, [], version, settings, steps)
            target = Path(output)
            with new_folder_whole(target) as folder:
                found = _monitor(run, settings, frames, until, steps)
                result = replace(found, fail_on=on, folder=target)
                names = [file.name for file in write_monitor(result, folder)]
            return _log(result, [target / name for name in names], version, settings, steps)


def _monitor(
    run: Run,
    settings: PipelineConfig,
    frames: Mapping[str, Any] | None,
    as_of: dt.date | None,
    progress: Progress,
) -> MonitorResult:
    record, metric = run.record(), run.metric()
    config = _as_trained(run.config(), settings, metric)
    progress.start("Reading events")
    with open_engine(config.engine, frames) as engine:
        sources = sources_of(config, frames or {})
        end, events, notes = _check_events(engine, config, sources, as_of, record, metric, progress)
        outcomes, warnings = _check_outcomes(engine, run, config, frames, end, progress)
    rows = (*events.rows, *outcomes.rows)
    # The same table is read for both parts.
    notes = tuple(dict.fromkeys((*notes, *events.notes, *outcomes.notes)))
    details = {**events.details, **outcomes.details}
    return MonitorResult(
        metric.name, end, tuple(in_order(rows)), notes, details, "alarm", _warnings=warnings
    )


def _check_events(
    engine: Engine,
    config: PipelineConfig,
    sources: Mapping[str, Any],
    as_of: dt.date | None,
    record: RunRecord,
    metric: EngagementMetric,
    progress: Progress,
) -> tuple[dt.date, CheckResult, tuple[str, ...]]:
    """Check the events of the last week before `as_of`; return the end of that week, too."""
    tables = {name: sources[name] for name in ("events", "identities", "links") if name in sources}
    read = read_scoring_tables(config, engine, tables)
    events = read["events"]
    moment = None if as_of is None else dt.datetime.combine(as_of, dt.time())
    last, warnings = last_event(events, moment, config.history)
    end = last + DAY if as_of is None else as_of
    source = events.quality.source
    progress.start("Checking events")
    linked, link_notes = with_scoring_links(engine, read, config, end, metric.derived)
    weekly = weekly_events(engine, linked["events"].frame, end, source=source)
    known, others = _known_types(config, record, metric)
    totals = weekly_totals(engine, weekly, others, known, source)
    latest = last_week_counts(engine, weekly, source)
    raw = _with_repeats(engine, config, tables, events)
    checked = check_events(
        totals,
        logging_shares(engine, weekly, events.frame, raw, source),
        None if metric.abstained else window_shapes(engine, metric, weekly, source),
        config.monitor.false_alarm_rate,
        smallest_change=config.monitor.smallest_change,
        holidays=config.monitor.holidays,
        # Types that the training counted together are no types of their own.
        known=known,
        new_counts={
            name: n
            for name, n in latest.items()
            if name not in known and name not in record.grouped_event_types
        },
    )
    return end, checked, (*warnings, *scoring_notes(engine, read, config.entity), *link_notes)


def _with_repeats(
    engine: Engine, config: PipelineConfig, tables: Mapping[str, Any], events: ScoringTable
) -> Any:
    """Return the events with repeated ids among them; None if they have no ids."""
    if "event_id" not in events.frame.collect_schema().names():
        return None
    columns = {**config.columns, "events": {**config.columns.get("events", {}), "event_id": None}}
    without_ids = config.model_copy(update={"columns": columns})
    return read_scoring_tables(without_ids, engine, tables)["events"].frame


def _check_outcomes(
    engine: Engine,
    run: Run,
    config: PipelineConfig,
    frames: Mapping[str, Any] | None,
    end: dt.date,
    progress: Progress,
) -> tuple[CheckResult, Any]:
    """Return the checks that need outcomes, and the table of early warnings."""
    from engagement_ml.workflow.outcome_checks import check_outcomes

    progress.start("Reading tables")
    try:
        tables = read_tables(config, engine, frames, on_part=progress.update)
        checked = check_outcomes(run, tables, config, end, progress)
    except NotEnoughDataError as error:
        note = f"Links, calibration and early warnings were not checked: {error}."
        return CheckResult(notes=(note,)), None
    result = checked.result
    return replace(result, notes=(*tables.notes, *result.notes)), checked.warnings


def _known_types(
    config: PipelineConfig, record: RunRecord, metric: EngagementMetric
) -> tuple[set[str], str | None]:
    """Return the event types that training knew, and the name of those that it counted together."""
    known = {row.behaviour for row in record.drivers}
    known |= {behaviour.behaviour for behaviour in metric.behaviours} | set(config.behaviours)
    if config.churn.event_type is not None:
        known.add(config.churn.event_type)
    if not record.grouped_event_types:
        return known, None
    return known - {config.event_types.others}, config.event_types.others


def _as_trained(
    trained: PipelineConfig, settings: PipelineConfig, metric: EngagementMetric
) -> PipelineConfig:
    """Return the configuration of the data, with the groups of event types of the training."""
    for key in ("observation_days", "outcome_days", "gap_days"):
        value, required = getattr(settings.windows, key), getattr(metric, key)
        if value != required:
            raise ConfigError(
                f"key 'windows.{key}': {value}, but metric '{metric.name}' was made with {required}"
                f"; set it to {required}, or train again"
            )
    if trained.event_types.keep is None:
        return settings
    return settings.model_copy(update={"event_types": trained.event_types})


def _version(model: str | Path, record: RunRecord, uri: str | None) -> _Version | None:
    """Return the registered version that is monitored; None if there is none."""
    if isinstance(model, str) and is_uri(model) and (found := version_of(model, uri)):
        return _Version(*found, uri)
    registered = record.registered or {}
    if registered.get("model") is None or registered.get("version") is None:
        return None
    store = uri if isinstance(model, str) and is_uri(model) else registered["tracking_uri"]
    return _Version(registered["model"], str(registered["version"]), store)


def _log(
    result: MonitorResult,
    files: list[Path],
    version: _Version | None,
    settings: PipelineConfig,
    progress: Progress,
) -> MonitorResult:
    """Log the week to the run of the version, if tracking is on and there is a version.

    A store that fails does not lose the result: a note says so.
    """
    if version is None or settings.tracking.uri is None:
        return result
    progress.start("Logging the week")
    try:
        logged = log_monitoring(
            result.rows,
            files,
            model=version.name,
            version=version.version,
            as_of=result.as_of,
            experiment=settings.experiment,
            uri=version.uri,
            on_status=progress.start,
        )
    except TrackingError as error:
        # An alarm must not be lost because the tracking store is down.
        note = f"the week was not logged: {error}; run this again to log it"
        _logger.warning("%s", note)
        return replace(result, notes=(*result.notes, note))
    notes = result.notes if logged.note is None else (*result.notes, logged.note)
    return replace(result, run_id=logged.run_id, notes=notes)
