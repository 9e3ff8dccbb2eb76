"""Contestants of an evaluation: runs, metrics, weights by hand, and scores from elsewhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import InputError
from engagement_ml.evaluation.names import BEST_SINGLE, EQUAL, FULL, RFM, TOTAL
from engagement_ml.metric import EngagementMetric
from engagement_ml.plain_types import as_path
from engagement_ml.sources import describe_source
from engagement_ml.tracking.load import is_uri
from engagement_ml.workflow.results import METRIC, RECORD
from engagement_ml.workflow.runs import open_run

if TYPE_CHECKING:
    from engagement_ml.models import ChurnModel, ProfitModel
    from engagement_ml.progress import OnStep
    from engagement_ml.records import RunRecord

Kind = Literal["run", "metric", "scores"]
Model = EngagementMetric | str | Path
_YAML = (".yaml", ".yml")
_WEIGHTS = "weights"
_FORMS = (
    "give the folder that 'train' wrote, models:/name@champion, models:/name/3, runs:/<run id>, a "
    "metric.json or a YAML file of weights"
)


@dataclass(frozen=True)
class Contestant:
    """One score to evaluate.

    Attributes
    ----------
    name : str
        Unique among the contestants.
    kind : {"run", "metric", "scores"}
        A trained run with its models; a metric alone, such as weights by hand; a table of scores.
    source : str
        Where it was read from.
    metric : EngagementMetric or None
        None for scores from elsewhere.
    record : RunRecord or None
        The record of a trained run.
    config : PipelineConfig or None
        The configuration of a trained run.
    profit, churn : fitted models or None
        Those of a trained run.
    scores : path, frame or None
        The table of scores.
    uri : str or None
        The MLflow URI that it was loaded by.
    """

    name: str
    kind: Kind
    source: str
    metric: EngagementMetric | None = None
    record: RunRecord | None = None
    config: PipelineConfig | None = None
    profit: ProfitModel | None = None
    churn: ChurnModel | None = None
    scores: Any = None
    uri: str | None = None

    @property
    def fit_until(self) -> dt.date | None:
        """The first day whose data was not used for fitting; None if it is not known."""
        return None if self.record is None else self.record.windows.fit_until


def read_contestants(
    models: Model | Sequence[Model],
    *,
    scores: Mapping[str, Any] | Sequence[Any] | Any = None,
    tracking_uri: str | None = None,
    on_status: OnStep | None = None,
) -> tuple[Contestant, ...]:
    """Read the contestants of an evaluation.

    Parameters
    ----------
    models : EngagementMetric, path or str, or a sequence of these
        A run's folder, an MLflow URI, a ``metric.json``, or a YAML file of weights, which has the
        key ``weights``.
    scores : mapping of name to path or frame, a sequence of these, or one, optional
        Tables of customer, date and score.
    tracking_uri : str, optional
        Tracking store for URIs.
    on_status : callable, optional
        Called with a short text before each operation that takes seconds.

    Returns
    -------
    tuple of Contestant
        The models in their order, then the scores; names are made unique by a number.

    Raises
    ------
    InputError
        If one of them cannot be read.
    TrackingError
        If the tracking store cannot be used.
    """
    read = [_read(model, tracking_uri, on_status) for model in as_models(models)]
    read += [
        Contestant(name, "scores", describe_source(source, "scores"), scores=source)
        for name, source in named_scores(scores)
    ]
    return tuple(_with_unique_names(read))


def as_models(models: Model | Sequence[Model]) -> list[Model]:
    """Return one model, or a list or tuple of them, as a list."""
    if isinstance(models, list | tuple):
        return list(models)
    return [cast("Model", models)]


def named_scores(scores: Mapping[str, Any] | Sequence[Any] | Any) -> list[tuple[str, Any]]:
    """Return tables of scores with their names: as given, else the file's name.

    Examples
    --------
    >>> [name for name, _ in named_scores(["vendor/health.csv"])]
    ['health']
    """
    if scores is None:
        return []
    if isinstance(scores, Mapping):
        return [(str(name), source) for name, source in scores.items()]
    several = isinstance(scores, list | tuple)
    return [(_stem(source), source) for source in (scores if several else [scores])]


def split_names(arguments: Iterable[str]) -> dict[str, str] | None:
    """Return the tables of ``--scores [NAME=]FILE`` by name; None without any.

    Raises
    ------
    InputError
        If two tables have the same name.

    Examples
    --------
    >>> split_names(["vendor=scores/2024.csv", "old.csv"])
    {'vendor': 'scores/2024.csv', 'old': 'old.csv'}
    """
    tables: dict[str, str] = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not equals or Path(argument).exists() or not name:
            name, path = _stem(argument), argument
        if name in tables:
            raise InputError(f"--scores {argument}: '{name}' is given twice; write NAME=FILE")
        tables[name] = path
    return tables or None


def is_weights(path: Path) -> bool:
    """Return whether a path is a YAML file of weights, rather than a pipeline's configuration.

    The file of weights has the key ``weights``, which a configuration has not.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    import yaml

    if path.suffix.lower() not in _YAML or not path.is_file():
        return False
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as YAML: {reason:.200}") from None
    return isinstance(raw, dict) and _WEIGHTS in raw


def split_arguments(arguments: Iterable[str]) -> tuple[list[str], str | None]:
    """Split the arguments of `evaluate` into the models and the pipeline's configuration.

    A YAML file without the key ``weights`` is the configuration; everything else is a model.

    Raises
    ------
    InputError
        If there are two configurations, or a file is missing.
    """
    models: list[str] = []
    configs: list[str] = []
    for argument in arguments:
        path = Path(argument)
        yaml_file = not is_uri(argument) and path.suffix.lower() in _YAML and not path.is_dir()
        if yaml_file and not path.is_file():
            raise InputError(
                f"{argument}: no such file; give a YAML file of weights or a pipeline's"
            )
        (configs if yaml_file and not is_weights(path) else models).append(argument)
    if len(configs) > 1:
        raise InputError(
            f"{configs[0]} and {configs[1]} are both configurations of a pipeline; give one. A "
            "YAML file of weights has the key 'weights'"
        )
    return models, configs[0] if configs else None


def _read(model: Model, tracking_uri: str | None, on_status: OnStep | None) -> Contestant:
    if isinstance(model, EngagementMetric):
        return Contestant(model.name, "metric", "metric", metric=model)
    if not is_uri(model):
        path = as_path(model, _FORMS)
        if path.is_file() and path.suffix.lower() in _YAML:
            metric = EngagementMetric.from_yaml(path)
            return Contestant(metric.name, "metric", str(path), metric=metric)
        alone = path.name != METRIC or not (path.parent / RECORD).is_file()
        if path.is_file() and alone:
            metric = EngagementMetric.from_json(path)
            return Contestant(metric.name, "metric", str(path), metric=metric)
    with open_run(model, tracking_uri=tracking_uri, on_status=on_status) as run:
        record, metric = run.record(), run.metric()
        profit, churn = run.models()
        uri = str(model) if is_uri(model) else None
        name = str(model).rstrip("/") if uri else _run_name(Path(model))
        return Contestant(
            name, "run", str(model), metric, record, run.config(), profit, churn, uri=uri
        )


def _run_name(path: Path) -> str:
    folder = path.parent if path.is_file() else path
    return folder.resolve().name or str(path)


def _stem(source: Any) -> str:
    if isinstance(source, str | Path):
        return Path(str(source).partition("::")[0]).name.partition(".")[0] or "scores"
    return "scores"


def _with_unique_names(contestants: Sequence[Contestant]) -> list[Contestant]:
    taken = {EQUAL, BEST_SINGLE, TOTAL, RFM, FULL}
    unique = []
    for each in contestants:
        name, number = each.name, 2
        while name in taken:
            name, number = f"{each.name} ({number})", number + 1
        taken.add(name)
        unique.append(replace(each, name=name))
    return unique
