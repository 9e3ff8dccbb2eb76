"""Promotion workflow: a version of the metric becomes champion if the gate lets it through."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.faults import machine_faults_named
from engagement_ml.lifecycle.backcast import backcast
from engagement_ml.lifecycle.gate import decide
from engagement_ml.lifecycle.promotion import Promotion
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.records import RunRecord
from engagement_ml.sources import new_folder_whole
from engagement_ml.tracking.promotion import (
    Candidate,
    find_candidate,
    log_decision,
    roll_back_champion,
)
from engagement_ml.workflow.gate_facts import decision_figures, version_facts
from engagement_ml.workflow.run_log import log_notes
from engagement_ml.workflow.runs import Run, open_run
from engagement_ml.workflow.settings import as_config
from engagement_ml.workflow.version_data import Version, VersionData, measure_version

PAGE, GATE, BACKCAST = "promote.html", "gate.json", "backcast.json"


@machine_faults_named()
def promote(
    model: str,
    config: PipelineConfig | str | Path | None = None,
    *,
    frames: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    dry_run: bool = False,
    tracking_uri: str | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> Promotion:
    """Make a version of a metric the champion, if it passes the gate.

    The version and the champion are measured on the same customers and cutoffs. If the gate lets
    the version through, the alias ``champion`` moves to it, and the old champion gets the alias
    ``previous``. The decision is logged as an MLflow run, and as tags of the version.

    Parameters
    ----------
    model : str
        A model's name, which means its challenger, ``models:/name@challenger`` or
        ``models:/name/3``.
    config : PipelineConfig or path, optional
        Names the data, for example newer data, and the gate; by default the configuration of the
        run that made the version.
    frames : mapping of table name to path or frame, optional
        Replaces the configuration's ``sources``.
    output : path, optional
        A folder for ``promote.html``, ``gate.json`` and ``backcast.json``.
    dry_run : bool, default False
        Measure and decide, but change and log nothing.
    tracking_uri : str, optional
        Tracking store; by default the configuration's, else the one that MLflow is set to, else
        ``sqlite:///mlruns/mlflow.db``.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    Promotion
        A version that fails the gate is a result, not an error.

    Raises
    ------
    InputError
        If `model` is no version in the registry, or the champion already.
    TrackingError
        If the store cannot be used, or another version became champion meanwhile.
    ConfigError, NotEnoughDataError, OutputError
        If the configuration or the tables cannot be used, or the result cannot be written.

    Examples
    --------
    >>> from engagement_ml import promote
    >>> result = promote("shop-engagement", dry_run=True)  # doctest: +SKIP
    >>> result.passed, result.backcast.last.change.moved_share  # doctest: +SKIP
    (True, 0.12)
    """
    settings = None if config is None else as_config(config)
    if tracking_uri is None and settings is not None:
        tracking_uri = settings.tracking.uri
    with progress_for(progress, on_step) as steps:
        steps.start("Reading the versions")
        candidate = find_candidate(model, tracking_uri=tracking_uri, on_status=steps.start)
        if output is None:
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder)
                return _promote(candidate, settings, frames, place, dry_run, tracking_uri, steps)
        with new_folder_whole(Path(output)) as folder_whole:
            result = _promote(
                candidate, settings, frames, folder_whole, dry_run, tracking_uri, steps
            )
    return dataclasses.replace(result, folder=Path(output))


@machine_faults_named()
def roll_back(
    model: str,
    *,
    tracking_uri: str | None = None,
    on_step: OnStep | None = None,
) -> tuple[str, int, int]:
    """Make the previous champion of a model the champion again.

    Parameters
    ----------
    model : str
        A model's name, or the URI of one of its versions.
    tracking_uri : str, optional
        As in `promote`.
    on_step : callable, optional
        Called with a short text before each operation that takes seconds.

    Returns
    -------
    name : str
    old, new : int
        The champion before and after.

    Raises
    ------
    InputError
        If there is no previous champion.
    TrackingError
        If the store cannot be used.
    """
    return roll_back_champion(model, tracking_uri=tracking_uri, on_status=on_step)


def _promote(
    candidate: Candidate,
    settings: PipelineConfig | None,
    frames: Mapping[str, Any] | None,
    folder: Path,
    dry_run: bool,
    tracking_uri: str | None,
    progress: Progress,
) -> Promotion:
    with open_run(candidate.uri, tracking_uri=tracking_uri, on_status=progress.start) as run:
        record, trained = run.record(), run.config()
        version = _version(run)
    champion = None
    if candidate.champion_uri is not None:
        with open_run(
            candidate.champion_uri, tracking_uri=tracking_uri, on_status=progress.start
        ) as run:
            champion = _version(run)
    config = trained if settings is None else _with_groups(settings, trained)
    vanity = [row.behaviour for row in record.drivers if row.verdict == "vanity"]
    data = measure_version(version, champion, config, frames, vanity, progress)
    change = None
    if champion is not None and data.counts:
        change = backcast(champion.metric, version.metric, data.counts)
    facts = version_facts(record, candidate, version, champion, config, data)
    if change is not None:
        facts = dataclasses.replace(facts, moved_share=change.last.change.moved_share)
    decision = decide(facts, config.gate)
    notes = _notes(candidate, record, config, data)
    log_notes(notes)
    result = Promotion(
        model=candidate.name,
        version=candidate.version,
        champion=candidate.champion,
        decision=decision,
        promoted=decision.passed and not dry_run,
        dry_run=dry_run,
        measured={key: data.measured.get(key) or {} for key in ("across", "within", "vanity")},
        cutoffs=data.cutoffs if data.measured else (),
        backcast=change,
        notes=notes,
        entity=record.entity,
        created_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        labels=_labels(config, vanity, version, champion),
    )
    _write(result, folder)
    if dry_run:
        return result
    progress.start("Logging the decision")
    run_id = log_decision(
        candidate,
        [check.name for check in decision.failed],
        sorted(folder.iterdir()),
        decision_figures(result, facts),
        tracking_uri=tracking_uri,
        on_status=progress.start,
    )
    return dataclasses.replace(result, run_id=run_id)


def _version(run: Run) -> Version:
    return Version(run.metric(), run.record().windows.fit_until)


def _with_groups(settings: PipelineConfig, trained: PipelineConfig) -> PipelineConfig:
    """Return the configuration of the data, with the groups of event types of the training."""
    if trained.event_types.keep is None:
        return settings
    return settings.model_copy(update={"event_types": trained.event_types})


def _labels(
    config: PipelineConfig, vanity: Sequence[str], version: Version, champion: Version | None
) -> dict[str, str]:
    """Return the labels of behaviours, those of the newer metric first."""
    metrics = [champion.metric] if champion is not None else []
    labels = {name: config.label(name) for name in vanity}
    for metric in (*metrics, version.metric):
        labels |= {each.behaviour: each.label or each.behaviour for each in metric.behaviours}
    return labels


def _notes(
    candidate: Candidate, record: RunRecord, config: PipelineConfig, data: VersionData
) -> tuple[str, ...]:
    notes = list(data.notes)
    checks = {check.name for check in record.evidence.checks}
    if unknown := [name for name in config.gate.allow_failed if name not in checks]:
        notes.append(f"key 'gate.allow_failed': this run has no check {', '.join(unknown)}")
    if candidate.abstained:
        notes.append(f"a training of this model abstained: {candidate.abstained}")
    return tuple(notes)


def _write(result: Promotion, folder: Path) -> None:
    from engagement_ml.report.promotion import render_promotion

    files = {GATE: result.to_dict()}
    if result.backcast is not None:
        files[BACKCAST] = result.backcast.to_dict()
    for name, values in files.items():
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        (folder / name).write_text(text, encoding="utf-8")
    (folder / PAGE).write_text(render_promotion(result), encoding="utf-8")
