"""Scoring workflow: the engine counts events, and expressions of the metric score the counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import Engine, open_engine
from engagement_ml.errors import InputError, NotEnoughDataError
from engagement_ml.faults import machine_faults_named
from engagement_ml.inputs.scoring_reader import ScoringTable, read_scoring_tables, scoring_notes
from engagement_ml.metric import EngagementMetric
from engagement_ml.metric.moments import as_utc
from engagement_ml.metric.scoring import explain_counts, require_behaviours
from engagement_ml.plain_types import as_path
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.tables.schema import listed
from engagement_ml.windows import DAY
from engagement_ml.workflow.results import RECORD
from engagement_ml.workflow.run_log import log_notes
from engagement_ml.workflow.runs import open_run
from engagement_ml.workflow.score_files import (
    CUSTOMER,
    is_csv,
    read_scores,
    scores_path,
    write_scores,
)
from engagement_ml.workflow.score_notes import last_event

if TYPE_CHECKING:
    import pandas as pd

SCORE = "score"
EPOCH, MICROSECOND = dt.datetime(1970, 1, 1), dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class Scores:
    """The scores of customers, and their file.

    Attributes
    ----------
    metric : EngagementMetric
    as_of : datetime
        End of the observation window, exclusive, in UTC.
    n_entities : int
        Number of customers.
    mean : float
        Mean score, 0 to 100.
    path : Path or None
        The file with ``customer_id``, ``score`` and the points of each behaviour
        (``<behaviour>__points``), sorted by customer; on Spark a folder of Parquet files without
        order. None if the scores were not written.
    last_event : date or None
        The last day with events; a few events far after all others do not count.
    notes : tuple of str
        Sentences on the tables: what was dropped or assumed, a warning if the events are old, and
        how customers and events meet.
    warnings : tuple of str
        Those of the `notes` that say which days do not count, or that the events are old.
    """

    metric: EngagementMetric
    as_of: dt.datetime
    n_entities: int
    mean: float
    path: Path | None
    last_event: dt.date | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    _frame: pd.DataFrame | None = field(default=None, repr=False)
    _integer_ids: bool = field(default=False, repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """The scores as a frame; read from `path` if they were written."""
        import pandas as pd

        if self._frame is not None or self.path is None:
            return pd.DataFrame() if self._frame is None else self._frame
        return read_scores(self.path, integer_ids=self._integer_ids)


@machine_faults_named()
def score(
    model: EngagementMetric | str | Path,
    events: Any,
    *,
    customers: Any = None,
    identities: Any = None,
    as_of: dt.date | dt.datetime | str | None = None,
    output: str | Path | None = None,
    engine: str | None = None,
    tracking_uri: str | None = None,
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
    as_of : date, datetime or ISO 8601 text, optional
        Events in ``[as_of - observation_days, as_of)`` count; by default the day after the last,
        except for a few events far after all others.
    output : path, optional
        A file that ends in ``.parquet`` or ``.csv``, or a folder for ``scores.parquet``. It is
        written completely or not at all. By default the scores are only returned.
    engine : {"duckdb", "spark"}, optional
        By default the engine of the run's configuration; if it names none, Spark for PySpark
        frames and DuckDB otherwise.
    tracking_uri : str, optional
        Tracking store for URIs; by default the one that MLflow is set to, else
        ``sqlite:///mlruns/mlflow.db``.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    Scores

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
      customer_id  score  visit__points
    0         ann   50.0           50.0
    1         bob    0.0            0.0
    """
    target = None if output is None else scores_path(output)
    with progress_for(progress, on_step) as steps:
        steps.start("Reading the model")
        metric, config = read_model(model, tracking_uri, steps)
        if engine is not None:
            config = _on_engine(config, engine)
        scores = score_frames(
            metric,
            events,
            config=config,
            customers=customers,
            identities=identities,
            as_of=as_of,
            target=target,
            progress=steps,
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
    as_of: dt.date | dt.datetime | str | None = None,
    target: Path | None = None,
    progress: Progress | None = None,
) -> Scores:
    """Score customers with a metric; `config` maps the columns of the tables."""
    progress = progress or Progress()
    require_behaviours(metric)
    moment = None if as_of is None else as_utc(as_of)
    optional = {"customers": customers, "identities": identities}
    frames = {"events": events} | {n: each for n, each in optional.items() if each is not None}
    progress.start("Reading tables")
    with open_engine(config.engine, frames) as engine:
        if target is not None and is_csv(target) and not engine.local:
            raise InputError(f"{target}: Spark writes scores as Parquet; name it .parquet")
        read = read_scoring_tables(config, engine, frames)
        quality = read["events"].quality
        _check_behaviours(metric, read["events"])
        last, warnings = last_event(read["events"], moment, config.history)
        notes = (*warnings, *scoring_notes(engine, read, config.entity))
        if moment is None:
            moment = dt.datetime.combine(last + DAY, dt.time())
        progress.start("Scoring")
        scored = _score(engine, metric, read, moment)
        integers = scored.collect_schema()[CUSTOMER].is_integer()
        summary = scored.select(n=nw.len(), mean=nw.col(SCORE).mean())
        (totals,) = engine.rows(summary, source=quality.source)
        if not totals["n"]:
            raise NotEnoughDataError(
                f"{quality.source}: no customer has an event before {moment:%Y-%m-%d}, so there "
                "is no customer to score; give a later date, or a table of customers"
            )
        frame = None
        if target is None:
            frame = engine.pandas(scored.sort(CUSTOMER))
        else:
            write_scores(engine, scored, target)
    n, mean = totals["n"], totals["mean"]
    return Scores(metric, moment, n, mean, target, last, notes, warnings, frame, integers)


def read_model(
    model: EngagementMetric | str | Path,
    tracking_uri: str | None,
    progress: Progress | None = None,
) -> tuple[EngagementMetric, PipelineConfig]:
    """Return the metric of a run, and its configuration if it is known, else the defaults."""
    if isinstance(model, EngagementMetric):
        return model, PipelineConfig(name="metric")
    path = as_path(model, "the folder that 'train' wrote, or an MLflow URI")
    if path.is_file():
        return EngagementMetric.from_json(path), PipelineConfig(name="metric")
    on_status = None if progress is None else progress.start
    with open_run(model, tracking_uri=tracking_uri, on_status=on_status) as run:
        config = run.config() if run.has(RECORD) else PipelineConfig(name="metric")
        return run.metric(), config


def _on_engine(config: PipelineConfig, kind: str) -> PipelineConfig:
    limits = config.engine.model_dump(exclude={"kind", *(() if kind == "spark" else ("options",))})
    keys = {"name": config.name, "engine": {**limits, "kind": kind}}
    return config.model_copy(update={"engine": parse_config(keys, origin="score").engine})


def _check_behaviours(metric: EngagementMetric, events: ScoringTable) -> None:
    behaviours = [behaviour.behaviour for behaviour in metric.behaviours]
    if not set(behaviours) & set(events.counts):
        raise InputError(
            f"{events.quality.source}: contains no event of the metric's behaviours "
            f"({', '.join(behaviours)}); its event types are {listed(sorted(events.counts))}"
        )


def _score(
    engine: Engine, metric: EngagementMetric, read: Mapping[str, ScoringTable], until: dt.datetime
) -> nw.LazyFrame[Any]:
    """Return customer, score and points, computed and cached by the engine."""
    # Integers, as some engines read a literal timestamp in the time zone of the session.
    end = (until - EPOCH) // MICROSECOND
    start = end - metric.observation_days * (DAY // MICROSECOND)
    names = {b.behaviour: f"n_{place}" for place, b in enumerate(metric.behaviours)}
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
    return engine.persist(explain_counts(metric, counts, names))
