"""From tables to a metric, its models and its evidence; nothing is written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.experiments import ExperimentResult, read_experiments
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.metric import EngagementMetric
from engagement_ml.records import RunRecord
from engagement_ml.version import __version__
from engagement_ml.windows import Windows, plan_windows
from engagement_ml.workflow.metric_builder import equal_weights_score_function, make_metric, scorer
from engagement_ml.workflow.sampling import draw, in_words, size_of, stated
from engagement_ml.workflow.settings import resolved
from engagement_ml.workflow.steps import Steps

if TYPE_CHECKING:
    from engagement_ml.drivers import DriverEvidence
    from engagement_ml.features import Panel, Periods
    from engagement_ml.features.stratified_sample import Sample
    from engagement_ml.models import ChurnModel, ProfitModel


@dataclass(frozen=True)
class Learned:
    """What a run found, before any of it is written.

    Attributes
    ----------
    config : PipelineConfig
        As kept with the run: source paths absolute, none for tables that were given as frames.
    metric : EngagementMetric
    profit, churn : fitted models
    record : RunRecord
        ``registered`` is null.
    """

    config: PipelineConfig
    metric: EngagementMetric
    profit: ProfitModel
    churn: ChurnModel
    record: RunRecord


def learn(
    config: PipelineConfig,
    *,
    frames: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    steps: Steps | None = None,
) -> Learned:
    """Read the tables, fit the models, find the drivers, define the metric and measure it.

    Parameters
    ----------
    config : PipelineConfig
    frames : mapping of table name to path or frame, optional
        Takes the place of ``config.sources``.
    notes : sequence of str
        What readers of the results must know besides: what an assumed margin rests on.
    steps : Steps, optional
        Told of each step.

    Raises
    ------
    EngagementError
        Where tables or configuration cannot be used; see ``read_tables``, ``plan_windows``,
        ``build_panel``.
    """
    step = steps or Steps()
    step("Reading tables")
    with open_engine(config.engine, frames) as engine:
        tables = read_tables(config, engine, frames, on_part=step.part)
        experiments = read_experiments(config, engine)
        windows = plan_windows(tables.history, config.windows)
        quality = [asdict(each) for each in tables.quality]
        tables, sample = draw(tables, config, windows, step)
        step("Building features", in_words(sample, config.entity))
        panel, periods = _build(tables, config, windows)
    # The engine is closed: what it held of the tables is memory for the estimates.
    profit, churn, evidence = _fit(panel, periods, config, windows, experiments, step)
    metric = make_metric(config, evidence)
    from engagement_ml.drivers.evidence import row_dict

    drivers = [row_dict(row) for row in evidence.drivers]
    step("Evaluating out of time")
    evaluation = measure(
        panel, windows, metric, profit, churn, drivers, config.random_seed, sample=sample
    )
    kept = resolved(config, frames)
    record = RunRecord(
        name=config.name,
        entity=config.entity,
        currency=config.currency,
        created_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        version=__version__,
        config=kept.to_dict(),
        windows=asdict(windows),
        tables=quality,
        n_entities=int(panel.frame["customer_id"].nunique()),
        n_rows=len(panel.frame),
        sample=stated(sample, drivers),
        metric=metric.to_dict(),
        drivers=drivers,
        evaluation=evaluation,
        naive=[row_dict(row) for row in evidence.naive],
        responses=dict(evidence.responses),
        checks=[row_dict(row) for row in evidence.checks],
        segments=[row_dict(row) for row in evidence.segments],
        pairs=[row_dict(row) for row in evidence.pairs],
        unprofitable=None if evidence.unprofitable is None else row_dict(evidence.unprofitable),
        experiments=row_dict(evidence.experiments),
        notes=[*notes, *evidence.notes],
    )
    return Learned(config=kept, metric=metric, profit=profit, churn=churn, record=record)


def measure(
    panel: Panel,
    windows: Windows,
    metric: EngagementMetric,
    profit: ProfitModel,
    churn: ChurnModel,
    drivers: Sequence[Mapping[str, Any]],
    seed: int,
    *,
    fit_until: dt.date | None = None,
    sample: Sample | None = None,
) -> dict[str, Any]:
    """Measure models and metric on the panel's test cutoffs: what ``evaluation.json`` holds.

    Where they were fitted on other data, `fit_until` is the day from which they saw nothing. Where
    the panel is of a `sample`, its size is added.
    """
    from engagement_ml.evaluation import evaluate

    present = set(panel.behaviours)
    found = evaluate(
        panel,
        profit=profit,
        churn=churn,
        score=scorer(metric),
        equal_weights=equal_weights_score_function(metric),
        windows=windows,
        vanity=[
            str(row["behaviour"])
            for row in drivers
            if row.get("verdict") == "vanity" and row["behaviour"] in present
        ],
        seed=seed,
        fit_until=fit_until,
    )
    return found if sample is None else {**found, "sample": size_of(sample)}


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
    step: Steps,
) -> tuple[ProfitModel, ChurnModel, DriverEvidence]:
    from engagement_ml import drivers
    from engagement_ml.models import ChurnModel, ProfitModel

    step("Fitting the profit and churn models")
    profit = ProfitModel().fit(panel, config.random_seed, windows=windows)
    churn = ChurnModel().fit(panel, config.random_seed, windows=windows)
    step("Finding drivers")
    evidence = drivers.find_drivers(
        periods, panel, windows, config, experiments=experiments, on_step=step
    )
    return profit, churn, evidence
