"""Scoring workflow: the engine counts events, and expressions of the metric score the counts."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine, open_engine
from engagement_ml.errors import InputError, NotEnoughDataError
from engagement_ml.faults import machine_faults_named
from engagement_ml.inputs.scoring_links import with_scoring_links
from engagement_ml.inputs.scoring_reader import ScoringTable, read_scoring_tables, scoring_notes
from engagement_ml.metric import EngagementMetric
from engagement_ml.metric.moments import as_utc
from engagement_ml.metric.scoring import require_behaviours, scored_counts
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.tables.schema import listed
from engagement_ml.windows import DAY
from engagement_ml.workflow.parameters import ConfigLike
from engagement_ml.workflow.run_log import log_notes
from engagement_ml.workflow.score_files import destination, is_csv, scores_path, write_scores
from engagement_ml.workflow.score_notes import last_event
from engagement_ml.workflow.score_result import ScoreColumns, Scores
from engagement_ml.workflow.scored.columns import with_columns
from engagement_ml.workflow.scored.file_facts import facts_for
from engagement_ml.workflow.scored.table import CUSTOMER, SCORE, ScoreTable, counts_of, points_of
from engagement_ml.workflow.scoring_model import read_scoring_model
from engagement_ml.workflow.settings import as_config, on_engine

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.records import RunRecord
    from engagement_ml.workflow.predictor import Predictor

EPOCH, MICROSECOND = dt.datetime(1970, 1, 1), dt.timedelta(microseconds=1)


@machine_faults_named()
def score(
    model: EngagementMetric | str | Path,
    events: Any,
    *,
    customers: Any = None,
    identities: Any = None,
    links: Any = None,
    as_of: dt.date | dt.datetime | str | None = None,
    output: str | Path | None = None,
    engine: str | None = None,
    tracking_uri: str | None = None,
    since: Any = None,
    reasons: bool = False,
    next_best: bool = False,
    predict: bool = False,
    config: ConfigLike | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> Scores:
    """Score customers from a table of events.

    Parameters
    ----------
    model : EngagementMetric, path or str
        The metric, the folder that `train` wrote, a ``metric.json``, or an MLflow URI. Columns of
        the tables are mapped as in the run's configuration.
    events : path or frame
        Any source that ``sources.events`` accepts, or any frame that Narwhals accepts.
    customers : path or frame, optional
        A table with the ``customer_id`` of each customer to score; by default every customer with
        an event before `as_of`. Customers without events get the score 0.
    identities : path or frame, optional
        A table with the ``customer_id`` of each ``anonymous_id``, by which anonymous events count
        for their customer; by default anonymous events are dropped.
    links : path or frame, optional
        The customers whom each actor serves, if the metric counts what actors do; by default the
        table that the configuration names.
    as_of : date, datetime or ISO 8601 text, optional
        Events in ``[as_of - observation_days, as_of)`` count; by default the day after the last,
        except for a few events far after all others.
    output : path, optional
        A file that ends in ``.parquet`` or ``.csv``, ``file.duckdb::table``, or a folder for
        ``scores.parquet``. It is written completely or not at all. By default the scores are only
        returned.
    engine : {"duckdb", "spark"}, optional
        By default the engine of the run's configuration; if it names none, Spark for PySpark
        frames and DuckDB otherwise.
    tracking_uri : str, optional
        Tracking store for URIs; by default the one that MLflow is set to, else
        ``sqlite:///mlruns/mlflow.db``.
    since : path or frame, optional
        Earlier scores, for the columns ``score_before`` and ``change``; scores of another
        definition are refused.
    reasons : bool, default False
        Add ``reason_codes`` and ``reasons``.
    next_best : bool, default False
        Add ``next_best``, ``next_best_gain`` (currency) and ``next_best_evidence``; drivers only.
    predict : bool, default False
        Add ``expected_margin``, ``margin_low``, ``margin_high`` and ``churn_risk``; this reads the
        run's transactions and customers, too.
    config : PipelineConfig, path or mapping, optional
        Says where other tables are and how all are read; by default the run's configuration.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    Scores
        With a row per customer: the customer under the user's own name of the column, ``score``,
        ``<behaviour>__points``, ``percentile``, ``percentile_in_training`` if the metric keeps
        its quantiles, then what was asked for.

    Raises
    ------
    InputError
        If the metric abstains, if the events cannot be read, if none of them is of the metric's
        behaviours, or if none of the `customers` has an event.
    NotEnoughDataError
        If there is no customer to score.
    ConfigError
        If the engine is unknown.
    MissingDependencyError
        If the engine is Spark and PySpark or Java is not installed.
    OutputError, TrackingError
        If the scores cannot be written, or if the tracking store cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
    >>> straight = Transform("linear", scale=None, shape=None, cap=4)
    >>> visit = WeightedBehaviour("visit", 100, None, None, "frequency", "events", straight)
    >>> metric = EngagementMetric("shop", "driver", 84, 84, (visit,))
    >>> events = pd.DataFrame({"customer_id": ["ann", "ann", "bob"], "event_type": "visit",
    ...     "timestamp": pd.to_datetime(["2024-03-01", "2024-03-02", "2023-01-01"])})
    >>> score(metric, events).frame
      customer_id  score  visit__points  percentile
    0         ann   50.0           50.0        75.0
    1         bob    0.0            0.0        25.0
    """
    target = None if output is None else scores_path(output)
    data = None if config is None else as_config(config)
    columns = ScoreColumns(since, reasons, next_best)
    with progress_for(progress, on_step) as steps:
        steps.start("Reading the model")
        read = read_scoring_model(model, tracking_uri, steps, data, predict=predict)
        if engine is not None:
            read = dataclasses.replace(read, config=on_engine(read.config, engine, "score"))
        scores = score_frames(
            read.metric,
            events,
            config=read.config,
            customers=customers,
            identities=identities,
            links=links,
            as_of=as_of,
            target=target,
            progress=steps,
            columns=columns,
            record=read.record,
            predictor=read.predictor,
        )
    log_notes(scores.notes, scores.warnings)
    return scores


def score_frames(
    metric: EngagementMetric,
    events: Any,
    *,
    config: PipelineConfig,
    customers: Any = None,
    identities: Any = None,
    links: Any = None,
    as_of: dt.date | dt.datetime | str | None = None,
    target: Path | None = None,
    progress: Progress | None = None,
    columns: ScoreColumns | None = None,
    record: RunRecord | None = None,
    predictor: Predictor | None = None,
) -> Scores:
    """Score customers with a metric; `config` maps the columns of the tables.

    `columns` are those to add; they need the `record` and the `predictor` of the run.
    """
    progress = progress or Progress()
    require_behaviours(metric)
    moment = None if as_of is None else as_utc(as_of)
    if links is None and metric.derived:
        links = config.sources.links
    optional = {"customers": customers, "identities": identities, "links": links}
    frames = {"events": events} | {n: each for n, each in optional.items() if each is not None}
    progress.start("Reading tables")
    with destination(target) as file, open_engine(config.engine, frames) as engine:
        if target is not None and is_csv(target) and not engine.local:
            raise InputError(f"{target}: Spark writes scores as Parquet; name it .parquet")
        read = read_scoring_tables(config, engine, frames)
        source = read["events"].quality.source
        last, warnings = last_event(read["events"], moment, config.history)
        notes = (*warnings, *scoring_notes(engine, read, config.entity))
        if moment is None:
            moment = dt.datetime.combine(last + DAY, dt.time())
        read, linked = with_scoring_links(engine, read, config, moment.date(), metric.derived)
        notes += linked
        _check_behaviours(metric, read["events"])
        progress.start("Scoring")
        table = _score(engine, metric, read, moment)
        totals = _totals(table, source)
        predicted = None
        if predictor is not None:
            # The list of customers to score is not the table of covariates.
            inputs = {name: each for name, each in frames.items() if name != "customers"}
            predicted = predictor.predict(engine, inputs, moment, progress)
            warnings = (*warnings, *predicted.warnings)
        table, customer = with_columns(table, columns or ScoreColumns(), config, record, predicted)
        frame, integers = _returned_or_written(table, file, customer)
    return Scores(
        metric, moment, totals["n"], totals["mean"], target, last, (*notes, *table.notes), warnings,
        customer, frame, integers,
    )  # fmt: skip


def _returned_or_written(
    table: ScoreTable, file: Path | None, customer: str
) -> tuple[pd.DataFrame | None, bool]:
    """Write the scores, or return them as a frame; and whether ids are integers."""
    scored = table.output()
    integers = scored.collect_schema()[customer].is_integer()
    if file is None:
        return table.engine.pandas(scored.sort(customer)), integers
    facts = facts_for(table.metric, table.as_of)
    write_scores(table.engine, scored, file, facts, customer)
    return None, integers


def _totals(table: ScoreTable, source: str) -> dict[str, Any]:
    """Return the number of customers and their mean score."""
    summary = table.frame.select(n=nw.len(), mean=nw.col(SCORE).mean())
    (totals,) = table.engine.rows(summary, source=source)
    if not totals["n"]:
        raise NotEnoughDataError(
            f"{source}: no customer has an event before {table.as_of:%Y-%m-%d}, so there "
            "is no customer to score; give a later date, or a table of customers"
        )
    return totals


def _check_behaviours(metric: EngagementMetric, events: ScoringTable) -> None:
    behaviours = [behaviour.behaviour for behaviour in metric.behaviours]
    if not set(behaviours) & set(events.counts):
        raise InputError(
            f"{events.quality.source}: contains no event of the metric's behaviours "
            f"({', '.join(behaviours)}); its event types are {listed(sorted(events.counts))}"
        )


def _score(
    engine: Engine, metric: EngagementMetric, read: Mapping[str, ScoringTable], until: dt.datetime
) -> ScoreTable:
    """Return customer, score and points, computed and cached by the engine."""
    # Integers, as some engines read a literal timestamp in the time zone of the session.
    end = (until - EPOCH) // MICROSECOND
    start = end - metric.observation_days * (DAY // MICROSECOND)
    names = dict(zip((b.behaviour for b in metric.behaviours), counts_of(metric), strict=True))
    events = engine.micros(read["events"].frame, "timestamp").filter(nw.col("timestamp") < end)
    in_window = nw.col("timestamp") >= start
    indicators = events.select(
        CUSTOMER,
        *(
            (in_window & (nw.col("event_type") == behaviour)).cast(nw.Int64()).alias(name)
            for behaviour, name in names.items()
        ),
    )
    counts = indicators.group_by(CUSTOMER).agg(*(nw.col(name).sum() for name in names.values()))
    if "customers" in read:
        customers = read["customers"].frame.select(CUSTOMER).unique()
        counts = customers.join(counts, on=CUSTOMER, how="left")
    frame = engine.persist(scored_counts(metric, counts, names))
    points = zip(metric.behaviours, points_of(metric), strict=True)
    columns = {CUSTOMER: CUSTOMER, SCORE: SCORE}
    columns |= {f"{b.behaviour}__points": column for b, column in points}
    return ScoreTable(engine, metric, until, frame, columns)
