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
from engagement_ml.inputs.scoring_reader import ScoringTable, read_scoring_tables
from engagement_ml.metric import EngagementMetric
from engagement_ml.metric.moments import as_utc
from engagement_ml.metric.scoring import explain_counts, require_behaviours
from engagement_ml.plain_types import as_path
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.sources import write_whole
from engagement_ml.tables.schema import listed
from engagement_ml.windows import DAY
from engagement_ml.workflow.results import RECORD
from engagement_ml.workflow.runs import open_run
from engagement_ml.workflow.scores_csv import read_scores, write_scores

if TYPE_CHECKING:
    import pandas as pd

CUSTOMER, SCORE = "customer_id", "score"
EPOCH, MICROSECOND = dt.datetime(1970, 1, 1), dt.timedelta(microseconds=1)
SCORES = "scores.parquet"
_PARQUET, _CSV = (".parquet", ".parq", ".pq"), (".csv",)


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
    """

    metric: EngagementMetric
    as_of: dt.datetime
    n_entities: int
    mean: float
    path: Path | None
    _frame: pd.DataFrame | None = field(default=None, repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """The scores as a frame; read from `path` if they were written."""
        import pandas as pd

        if self._frame is not None or self.path is None:
            return pd.DataFrame() if self._frame is None else self._frame
        return read_scores(self.path) if _is_csv(self.path) else pd.read_parquet(self.path)


@machine_faults_named()
def score(
    model: EngagementMetric | str | Path,
    events: Any,
    *,
    customers: Any = None,
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
    as_of : date, datetime or ISO 8601 text, optional
        Events in ``[as_of - observation_days, as_of)`` count; by default the day after the last
        event.
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
        If the metric abstains, if the events cannot be read, or if none of them is of the metric's
        behaviours.
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
        metric, config = _read_model(model, tracking_uri, steps)
        if engine is not None:
            config = _on_engine(config, engine)
        return score_frames(
            metric,
            events,
            config=config,
            customers=customers,
            as_of=as_of,
            target=target,
            progress=steps,
        )


def score_frames(
    metric: EngagementMetric,
    events: Any,
    *,
    config: PipelineConfig,
    customers: Any = None,
    as_of: dt.date | dt.datetime | str | None = None,
    target: Path | None = None,
    progress: Progress | None = None,
) -> Scores:
    """Score customers with a metric; `config` maps the columns of events and customers."""
    progress = progress or Progress()
    require_behaviours(metric)
    moment = None if as_of is None else as_utc(as_of)
    frames = {"events": events, **({} if customers is None else {"customers": customers})}
    progress.start("Reading tables")
    with open_engine(config.engine, frames) as engine:
        if target is not None and _is_csv(target) and not engine.local:
            raise InputError(f"{target}: Spark writes scores as Parquet; name it .parquet")
        read = read_scoring_tables(config, engine, frames)
        quality = read["events"].quality
        _check_behaviours(metric, read["events"])
        if moment is None:
            assert quality.last is not None
            moment = dt.datetime.combine(quality.last.date() + DAY, dt.time())
        progress.start("Scoring")
        scored = _score(engine, metric, read, moment)
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
            _write(engine, scored, target)
    return Scores(metric, moment, totals["n"], totals["mean"], target, frame)


def scores_path(output: str | Path) -> Path:
    """Return the file that the scores are written to.

    Raises
    ------
    InputError
        If its ending is that of another file format.

    Examples
    --------
    >>> scores_path("scores").as_posix(), scores_path("out/today.csv").as_posix()
    ('scores/scores.parquet', 'out/today.csv')
    """
    path = Path(output)
    if path.suffix.lower() in (*_PARQUET, *_CSV):
        return path
    if path.suffix.lower() in (".json", ".xlsx", ".tsv", ".gz", ".txt", ".html"):
        raise InputError(
            f"{path}: scores are written as .parquet or .csv, not as {path.suffix}; give a file "
            "name with one of these endings, or a folder"
        )
    return path / SCORES


def _read_model(
    model: EngagementMetric | str | Path, tracking_uri: str | None, progress: Progress
) -> tuple[EngagementMetric, PipelineConfig]:
    if isinstance(model, EngagementMetric):
        return model, PipelineConfig(name="metric")
    path = as_path(model, "the folder that 'train' wrote, or an MLflow URI")
    if path.is_file():
        return EngagementMetric.from_json(path), PipelineConfig(name="metric")
    with open_run(model, tracking_uri=tracking_uri, on_status=progress.start) as run:
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


def _write(engine: Engine, scored: nw.LazyFrame[Any], target: Path) -> None:
    with write_whole(target, parts=not engine.local) as temporary:
        if not engine.local:
            engine.save(scored, temporary)
        elif _is_csv(target):
            write_scores(scored.sort(CUSTOMER), temporary)
        else:
            engine.save(scored.sort(CUSTOMER), temporary)


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() in _CSV
