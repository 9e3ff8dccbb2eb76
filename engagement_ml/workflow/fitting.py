"""Fitting: from tables to the metric, its models and its evidence; writes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.experiments import ExperimentResult, read_experiments
from engagement_ml.inputs import Tables, read_tables, with_grouped_types
from engagement_ml.metric import EngagementMetric
from engagement_ml.progress import Progress
from engagement_ml.records import RunRecord
from engagement_ml.tables.quality import with_notes
from engagement_ml.version import __version__
from engagement_ml.windows import Windows, plan_windows
from engagement_ml.workflow.intervals import out_of_time_intervals
from engagement_ml.workflow.metric_builder import (
    equal_weights_score_function,
    make_metric,
    score_function,
    with_score_quantiles,
)
from engagement_ml.workflow.run_log import log_evaluation_notes, log_notes
from engagement_ml.workflow.sampling import (
    draw_training_sample,
    sample_detail,
    sample_size,
    sample_summary,
)
from engagement_ml.workflow.settings import resolved

if TYPE_CHECKING:
    from engagement_ml.drivers import DriverEvidence
    from engagement_ml.drivers.evidence import DriverRow
    from engagement_ml.features import Panel, Periods
    from engagement_ml.features.stratified_sample import Sample
    from engagement_ml.models import ChurnModel, ProfitModel
    from engagement_ml.workflow.explaining import ExplanationData


@dataclass(frozen=True)
class FittedPipeline:
    """The results of a run before they are written.

    Attributes
    ----------
    config : PipelineConfig
        The configuration that the run records: source paths are absolute, and null for tables
        that were given as frames.
    metric : EngagementMetric
    profit, churn : fitted models
    record : RunRecord
        Its ``registered`` is None.
    explanation : ExplanationData or None
        The rows that SHAP explanations are drawn from; None unless they were asked for.
    files : mapping of str to str
        Further files of the run's folder: their names and texts.
    """

    config: PipelineConfig
    metric: EngagementMetric
    profit: ProfitModel
    churn: ChurnModel
    record: RunRecord
    explanation: ExplanationData | None = None
    files: Mapping[str, str] = field(default_factory=dict)


def fit_pipeline(
    config: PipelineConfig,
    *,
    frames: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    progress: Progress | None = None,
    keep_explanation: bool = False,
) -> FittedPipeline:
    """Read the tables, fit the models, find the drivers, define the metric and measure it.

    Parameters
    ----------
    config : PipelineConfig
    frames : mapping of table name to path or frame, optional
        Replaces ``config.sources``.
    notes : sequence of str
        Notes for readers of the report, for example on how the margin was derived.
    progress : Progress, optional
        Shows and times the steps.
    keep_explanation : bool, default False
        Fit the within-customer model again and keep rows of the panel for SHAP explanations.

    Raises
    ------
    EngagementError
        If the tables or the configuration cannot be used; see ``read_tables``, ``plan_windows``
        and ``build_panel``.
    """
    from engagement_ml.models.covariate_screening import screen_covariates
    from engagement_ml.workflow.further.part import Fitted, Sources
    from engagement_ml.workflow.further.parts import find, gather
    from engagement_ml.workflow.further.unprofitable import unprofitable_files

    progress = progress or Progress()
    progress.start("Reading tables")
    with open_engine(config.engine, frames) as engine:
        tables = read_tables(
            config, engine, frames, on_part=progress.update, extra=config.reads_extra
        )
        experiments = read_experiments(config, engine)
        windows = plan_windows(tables.history, config.windows)
        quality, data_notes, grouped = tables.quality, tables.notes, tables.grouped_types
        config = with_grouped_types(config, grouped)
        everyone = tables
        tables, sample = draw_training_sample(tables, config, windows, progress)
        progress.start("Building features", sample_detail(sample, config.entity))
        tables, covariate_notes = screen_covariates(tables, config, windows)
        quality = with_notes(quality, "customers", covariate_notes)
        panel, periods = _build(tables, config, windows)
        gathered = gather(Sources(everyone, tables, config, windows))
    # The engine is closed before estimation, which needs the memory that its tables held.
    profit, churn, evidence = _fit(panel, periods, config, windows, experiments, progress)
    log_notes(evidence.notes)
    metric = make_metric(config, evidence, everyone.derived_types)
    metric = with_score_quantiles(metric, panel, windows)
    further = find(
        gathered, Fitted(config, windows, panel, periods, evidence, metric, experiments), progress
    )
    progress.start("Evaluating out of time")
    evaluation = evaluate_panel(
        panel, windows, metric, profit, churn, evidence.drivers, config.random_seed, sample=sample
    )
    log_evaluation_notes(evaluation)
    recorded_config = resolved(config, frames)
    record = RunRecord(
        name=config.name,
        entity=config.entity,
        currency=config.currency,
        created_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        version=__version__,
        config=recorded_config.to_dict(),
        windows=windows,
        tables=quality,
        n_entities=int(panel.frame["customer_id"].nunique()),
        n_rows=len(panel.frame),
        sample=sample_summary(sample, evidence.drivers),
        metric=metric.to_dict(),
        evidence=replace(evidence, notes=(*notes, *data_notes, *covariate_notes, *evidence.notes)),
        evaluation=evaluation,
        grouped_event_types=dict(grouped.counts),
        prediction_intervals=out_of_time_intervals(panel, profit, config.random_seed),
        further=further,
    )
    explanation = None
    if keep_explanation:
        from engagement_ml.workflow.explaining import explanation_data

        explanation = explanation_data(panel, periods, config, metric)
    return FittedPipeline(
        recorded_config,
        metric,
        profit,
        churn,
        record,
        explanation,
        unprofitable_files(further, panel, config, metric),
    )


def evaluate_panel(
    panel: Panel,
    windows: Windows,
    metric: EngagementMetric,
    profit: ProfitModel,
    churn: ChurnModel,
    drivers: Sequence[DriverRow],
    seed: int,
    *,
    fit_until: dt.date | None = None,
    sample: Sample | None = None,
) -> dict[str, Any]:
    """Evaluate metric and models on the panel's test cutoffs; return ``evaluation.json``'s content.

    If they were fitted on other data, `fit_until` is the first day that was not used for fitting.
    If the panel holds a `sample` of the customers, the result has its size.
    """
    from engagement_ml.evaluation import evaluate

    present = set(panel.behaviours)
    evaluation = evaluate(
        panel,
        profit=profit,
        churn=churn,
        score=score_function(metric),
        equal_weights=equal_weights_score_function(metric),
        windows=windows,
        vanity=[
            row.behaviour for row in drivers if row.verdict == "vanity" and row.behaviour in present
        ],
        seed=seed,
        fit_until=fit_until,
    )
    return evaluation if sample is None else {**evaluation, "sample": sample_size(sample)}


def _build(tables: Tables, config: PipelineConfig, windows: Windows) -> tuple[Panel, Periods]:
    from engagement_ml.drivers import period_days
    from engagement_ml.features import build_panel, build_periods

    panel = build_panel(tables, config, windows)
    days = period_days(config.windows)
    return panel, build_periods(tables, config, until=windows.fit_until, period_days=days)


def _fit(
    panel: Panel,
    periods: Periods,
    config: PipelineConfig,
    windows: Windows,
    experiments: Sequence[ExperimentResult],
    progress: Progress,
) -> tuple[ProfitModel, ChurnModel, DriverEvidence]:
    from engagement_ml import drivers
    from engagement_ml.models import ChurnModel, ProfitModel

    progress.start("Fitting the profit and churn models")
    profit = ProfitModel().fit(panel, config.random_seed, windows=windows)
    churn = ChurnModel().fit(panel, config.random_seed, windows=windows)
    progress.start("Finding drivers")
    evidence = drivers.find_drivers(
        periods, panel, windows, config, experiments=experiments, on_step=progress.start
    )
    return profit, churn, evidence
