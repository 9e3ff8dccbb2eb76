"""Scoring everybody from events: the engine counts, the metric's expressions score."""

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
from engagement_ml.inputs.scoring_reader import ScoringTable, read_scoring_tables
from engagement_ml.metric import EngagementMetric
from engagement_ml.metric.moments import as_utc
from engagement_ml.metric.scoring import explain_counts, require_behaviours
from engagement_ml.sources import write_whole
from engagement_ml.tables.schema import listed
from engagement_ml.windows import DAY
from engagement_ml.workflow.results import RECORD
from engagement_ml.workflow.runs import open_run
from engagement_ml.workflow.steps import OnStep, Steps

if TYPE_CHECKING:
    import pandas as pd

CUSTOMER, SCORE = "customer_id", "score"
EPOCH, MICROSECOND = dt.datetime(1970, 1, 1), dt.timedelta(microseconds=1)
SCORES = "scores.parquet"
_PARQUET, _CSV = (".parquet", ".parq", ".pq"), (".csv",)


@dataclass(frozen=True)
class Scores:
    """The scores of all entities, and where they lie.

    Attributes
    ----------
    metric : EngagementMetric
    as_of : datetime
        Counts are of the observation window that ends here (left out), in UTC.
    n_entities : int
    mean : float
        Of the scores.
    path : Path or None
        The file with ``customer_id``, ``score`` and the points of each behaviour
        (``<behaviour>__points``), sorted by customer; on Spark a folder of Parquet files in no
        order. None where none was asked for.
    """

    metric: EngagementMetric
    as_of: dt.datetime
    n_entities: int
    mean: float
    path: Path | None
    _frame: pd.DataFrame | None = field(default=None, repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """The scores as a frame; read from `path` where they were written."""
        import pandas as pd

        if self._frame is not None or self.path is None:
            return pd.DataFrame() if self._frame is None else self._frame
        return pd.read_csv(self.path) if _is_csv(self.path) else pd.read_parquet(self.path)


def score(
    model: EngagementMetric | str | Path,
    events: Any,
    *,
    customers: Any = None,
    as_of: dt.date | dt.datetime | str | None = None,
    output: str | Path | None = None,
    engine: str | None = None,
    tracking_uri: str | None = None,
    on_step: OnStep | None = None,
) -> Scores:
    """Score every customer from a table of events.

    Parameters
    ----------
    model : EngagementMetric, path or str
        Or the folder that `train` left, a ``metric.json``, or an MLflow URI. Columns are read as
        the run's configuration maps them.
    events : path or frame
        Whatever ``sources.events`` may be, or any frame Narwhals takes.
    customers : path or frame, optional
        Whom to score, by ``customer_id``; by default everyone with an event before `as_of`.
    as_of : date, datetime or ISO 8601 text, optional
        Counts are of ``[as_of - observation_days, as_of)``; by default the day after the last
        event.
    output : path, optional
        A file that ends in ``.parquet`` or ``.csv``, or a folder for ``scores.parquet``; the
        engine writes it, whole or not at all. Without it the scores are only returned.
    engine : {"duckdb", "spark"}, optional
        What counts and scores; by default what the run's configuration says or, where that does
        not, Spark for PySpark frames and DuckDB for all else.
    tracking_uri : str, optional
        For URIs; by default the one MLflow has been told, else ``sqlite:///mlruns/mlflow.db``.
    on_step : callable, optional
        Called with the name of each step as it begins.

    Returns
    -------
    Scores

    Raises
    ------
    InputError
        Where the metric abstained, the events cannot be read, or none of them is of its
        behaviours.
    NotEnoughDataError
        Where there is nobody to score.
    ConfigError
        Where there is no such engine.
    MissingDependencyError
        Where it is Spark, and PySpark or Java is absent.
    OutputError, TrackingError

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
    steps = Steps(on_step)
    steps("Reading the model")
    metric, config = _read_model(model, tracking_uri, steps)
    if engine is not None:
        config = _on_engine(config, engine)
    return score_frames(
        metric, events, config=config, customers=customers, as_of=as_of, target=target, steps=steps
    )


def score_frames(
    metric: EngagementMetric,
    events: Any,
    *,
    config: PipelineConfig,
    customers: Any = None,
    as_of: dt.date | dt.datetime | str | None = None,
    target: Path | None = None,
    steps: Steps | None = None,
) -> Scores:
    """Score with a metric at hand, events and customers in the columns that `config` maps."""
    step = steps or Steps()
    require_behaviours(metric)
    moment = None if as_of is None else as_utc(as_of)
    frames = {"events": events, **({} if customers is None else {"customers": customers})}
    step("Reading tables")
    with open_engine(config.engine, frames) as engine:
        if target is not None and _is_csv(target) and not engine.local:
            raise InputError(f"{target}: Spark writes scores as Parquet; name it .parquet")
        read = read_scoring_tables(config, engine, frames)
        quality = read["events"].quality
        _check_behaviours(metric, read["events"])
        if moment is None:
            assert quality.last is not None
            moment = dt.datetime.combine(quality.last.date() + DAY, dt.time())
        step("Scoring")
        scored = _score(engine, metric, read, moment)
        told = scored.select(n=nw.len(), mean=nw.col(SCORE).mean())
        (found,) = engine.rows(told, source=quality.source)
        if not found["n"]:
            raise NotEnoughDataError(
                f"{quality.source}: nobody has an event before {moment:%Y-%m-%d}, so there is "
                "nobody to score; give a later date, or the customers"
            )
        frame = None
        if target is None:
            frame = engine.pandas(scored.sort(CUSTOMER))
        else:
            _write(engine, scored, target)
    return Scores(metric, moment, found["n"], found["mean"], target, frame)


def scores_path(output: str | Path) -> Path:
    """Return the file that scores go to.

    Raises
    ------
    InputError
        Where it is named as neither Parquet nor CSV.

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
            f"{path}: scores are written as .parquet or .csv, not as {path.suffix}; name a file of "
            "one of the two, or a folder"
        )
    return path / SCORES


def _read_model(
    model: EngagementMetric | str | Path, tracking_uri: str | None, steps: Steps
) -> tuple[EngagementMetric, PipelineConfig]:
    if isinstance(model, EngagementMetric):
        return model, PipelineConfig(name="metric")
    path = Path(model)
    if path.is_file():
        return EngagementMetric.from_json(path), PipelineConfig(name="metric")
    with open_run(model, tracking_uri=tracking_uri, on_status=steps) as run:
        config = run.config() if run.has(RECORD) else PipelineConfig(name="metric")
        return run.metric(), config


def _on_engine(config: PipelineConfig, kind: str) -> PipelineConfig:
    limits = config.engine.model_dump(exclude={"kind", *(() if kind == "spark" else ("options",))})
    told = {"name": config.name, "engine": {**limits, "kind": kind}}
    return config.model_copy(update={"engine": parse_config(told, origin="score").engine})


def _check_behaviours(metric: EngagementMetric, events: ScoringTable) -> None:
    wanted = [behaviour.behaviour for behaviour in metric.behaviours]
    if not set(wanted) & set(events.counts):
        raise InputError(
            f"{events.quality.source}: holds no event of the metric's behaviours "
            f"({', '.join(wanted)}); its event types are {listed(sorted(events.counts))}"
        )


def _score(
    engine: Engine, metric: EngagementMetric, read: Mapping[str, ScoringTable], until: dt.datetime
) -> nw.LazyFrame[Any]:
    """Return customer, score and points, computed once by the engine."""
    # Whole numbers: a literal timestamp is read in the time zone of a session by some engines.
    end = (until - EPOCH) // MICROSECOND
    start = end - metric.observation_days * (DAY // MICROSECOND)
    names = {b.behaviour: f"n_{place}" for place, b in enumerate(metric.behaviours)}
    events = engine.micros(read["events"].frame, "timestamp").filter(nw.col("timestamp") < end)
    inside = nw.col("timestamp") >= start
    marked = events.select(
        CUSTOMER,
        *(
            (inside & (nw.col("event_type") == behaviour)).cast(nw.Int64()).alias(name)
            for behaviour, name in names.items()
        ),
    )
    counts = marked.group_by(CUSTOMER).agg(*(nw.col(name).sum() for name in names.values()))
    if "customers" in read:
        everyone = read["customers"].frame.select(CUSTOMER).unique()
        counts = everyone.join(counts, on=CUSTOMER, how="left")
    return engine.persist(explain_counts(metric, counts, names))


def _write(engine: Engine, scored: nw.LazyFrame[Any], target: Path) -> None:
    with write_whole(target, parts=not engine.local) as temporary:
        if not engine.local:
            engine.save(scored, temporary)
        elif _is_csv(target):
            scored.sort(CUSTOMER).to_native().write_csv(str(temporary), header=True)
        else:
            engine.save(scored.sort(CUSTOMER), temporary)


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() in _CSV
