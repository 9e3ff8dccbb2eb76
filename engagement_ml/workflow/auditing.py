"""Audit workflow: the score that a company has, beside what its data could give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.errors import InputError
from engagement_ml.faults import machine_faults_named
from engagement_ml.inputs.external_scores import MAX_AGE_DAYS
from engagement_ml.lifecycle.auditing.audit import Audit
from engagement_ml.lifecycle.auditing.facts import Facts
from engagement_ml.metric import EngagementMetric
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.sources import new_folder_whole
from engagement_ml.windows import Windows
from engagement_ml.workflow.audit_facts import audit_facts, measure_columns
from engagement_ml.workflow.audit_parts import Parts, ScoreParts, choose_parts, read_score_parts
from engagement_ml.workflow.contest_data import ContestData
from engagement_ml.workflow.contest_plan import Plan
from engagement_ml.workflow.contest_reading import read_contest
from engagement_ml.workflow.contest_results import contest_results
from engagement_ml.workflow.contestants import (
    Contestant,
    Model,
    is_weights,
    named_scores,
    read_contestants,
)
from engagement_ml.workflow.evaluating import as_days, base_config, check_windows
from engagement_ml.workflow.fitting import fit_pipeline
from engagement_ml.workflow.settings import as_config

AUDIT, AUDIT_PAGE = "audit.json", "audit.html"
_METRIC = "metric"


@dataclass(frozen=True)
class AuditResult:
    """The result of an audit.

    Attributes
    ----------
    audit : Audit
        The answers, and the facts behind them.
    metric : EngagementMetric
        The metric of a few behaviours that the score is compared with.
    folder : Path or None
        Contains ``audit.json`` and ``audit.html``; None if nothing was written.
    """

    audit: Audit
    metric: EngagementMetric
    folder: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``audit.json``."""
        return self.audit.to_dict()

    def __repr__(self) -> str:
        """Return the headline and the answers."""
        return "\n".join([self.audit.headline, *self.audit.answers().values()])


@dataclass(frozen=True)
class _Ground:
    """What is read of the tables before anything is trained."""

    config: PipelineConfig
    windows: Windows
    plan: Plan
    data: ContestData
    parts: ScoreParts
    notes: tuple[str, ...]


@machine_faults_named()
def audit(
    scores: Any,
    config: PipelineConfig | str | Path,
    *,
    model: Model | None = None,
    parts: Parts | None = None,
    max_score_age: int = MAX_AGE_DAYS,
    frames: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    tracking_uri: str | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> AuditResult:
    """Audit a score: whether it predicts margin, and whether margin follows its changes.

    The score is measured at the last cutoffs beside recency-frequency-monetary, total events, the
    best single behaviour, the full profit model, and a metric of two or three behaviours that is
    trained on the same data.

    Parameters
    ----------
    scores : path or frame, mapping of one name to one of these, or EngagementMetric
        A table of ``customer_id``, ``date`` and ``score``, in any source that the tables accept.
        Weights by hand, or their YAML file, are a score that is computed from the events.
    config : PipelineConfig or path
        Names the data. Its ``columns.scores`` map the columns of the scores.
    model : path or str, optional
        A trained run that is used instead of training: its folder, or an MLflow URI.
    parts : EngagementMetric, path or sequence of str, optional
        The parts of the score: weights of behaviours or their YAML file, or columns of the table.
        By default, all its other columns of numbers.
    max_score_age : int, default 31
        Days for which a score holds.
    frames : mapping of table name to path or frame, optional
        Replaces the configuration's ``sources``.
    output : path, optional
        A folder for ``audit.json`` and ``audit.html``, written completely or not at all; by
        default nothing is written.
    tracking_uri : str, optional
        Tracking store, if `model` is an MLflow URI.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    AuditResult

    Raises
    ------
    ConfigError, InputError, NotEnoughDataError
        If the scores or the tables cannot be used, or no score is dated at a test cutoff.
    OutputError, TrackingError
        If the result cannot be written, or the model cannot be loaded.

    Examples
    --------
    >>> import engagement_ml as em
    >>> result = em.audit("health.csv", "shop.yaml")  # doctest: +SKIP
    >>> result.audit.headline  # doctest: +SKIP
    'health is a vanity score: margin does not follow its changes.'
    """
    settings, age = as_config(config), as_days(max_score_age)
    with progress_for(progress, on_step) as steps:
        steps.start("Reading the scores")
        score, run = _score(scores), None
        if model is not None:
            run = _run(model, tracking_uri, steps)
        with nullcontext() if output is None else new_folder_whole(Path(output)) as folder:
            ground = _read(score, run, settings, parts, frames, age, steps)
            if run is None:
                run = _trained(settings, frames, steps)
            steps.start("Auditing the score")
            result = contest_results(
                [score, run], ground.config, ground.windows, ground.plan, ground.data,
                max_age_days=age,
            )  # fmt: skip
            audited = Audit.of(_facts(score, run, ground, result))
            if folder is not None:
                _write(audited, folder)
    assert run.metric is not None
    return AuditResult(audited, run.metric, None if output is None else Path(output))


def _score(scores: Any) -> Contestant:
    """Return the score to audit as a contestant."""
    if isinstance(scores, EngagementMetric):
        return Contestant(scores.name, "metric", "weights", metric=scores)
    if isinstance(scores, str | Path) and is_weights(Path(scores)):
        (read,) = read_contestants([scores])
        return read
    named = named_scores(scores)
    if len(named) != 1:
        raise InputError(f"scores: found {len(named)} tables; audit one score at a time")
    (read,) = read_contestants([], scores=dict(named))
    return read


def _run(model: Model, tracking_uri: str | None, progress: Progress) -> Contestant:
    (run,) = read_contestants([model], tracking_uri=tracking_uri, on_status=progress.start)
    if run.kind != "run":
        raise InputError(f"{model}: is not a trained run; give the folder that 'train' wrote")
    return run


def _read(
    score: Contestant,
    run: Contestant | None,
    config: PipelineConfig,
    parts: Parts | None,
    frames: Mapping[str, Any] | None,
    max_age_days: int,
    progress: Progress,
) -> _Ground:
    contestants = [score] if run is None else [score, run]
    config = base_config(contestants, config)
    for each in contestants:
        check_windows(config, each)
    progress.start("Reading tables")
    with open_engine(config.engine, frames) as engine:
        chosen = choose_parts(engine, config, score, parts)
        read = read_contest(
            engine, contestants, config, frames, max_age_days, progress,
            too_short="audit: the history is too short to keep a cutoff for evaluation; a longer "
            "history would allow one",
        )  # fmt: skip
        of_parts = read_score_parts(
            engine, config, score, chosen, read.data, read.plan, max_age_days=max_age_days
        )
    return _Ground(config, read.windows, read.plan, read.data, of_parts, read.notes)


def _trained(
    config: PipelineConfig, frames: Mapping[str, Any] | None, progress: Progress
) -> Contestant:
    """Train on the same data, and return the run as a contestant."""
    fitted = fit_pipeline(config, frames=frames, progress=progress)
    return Contestant(
        _METRIC, "run", "trained for the audit", fitted.metric, fitted.record, fitted.config,
        fitted.profit, fitted.churn,
    )  # fmt: skip


def _facts(
    score: Contestant, run: Contestant, ground: _Ground, results: Mapping[str, Any]
) -> Facts:
    columns, notes = measure_columns(
        ground.data, ground.windows, ground.plan, ground.parts, ground.config
    )
    return audit_facts(
        score, run, results, ground.plan, ground.parts, columns, ground.config,
        (*notes, *ground.notes),
    )  # fmt: skip


def _write(audited: Audit, folder: Path) -> None:
    from engagement_ml.report.audit_page import render_audit

    text = json.dumps(audited.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / AUDIT).write_text(text, encoding="utf-8")
    (folder / AUDIT_PAGE).write_text(render_audit(audited), encoding="utf-8", newline="\n")
