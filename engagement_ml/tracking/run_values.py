"""Parameters, metrics, data sets, tags and times of an MLflow run."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engagement_ml.metric import EngagementMetric
from engagement_ml.plain_types import plain
from engagement_ml.records import RunRecord
from engagement_ml.tracking.flatten import flat_texts, safe_key
from engagement_ml.tracking.registry import RECORD_TAG, results_hash

if TYPE_CHECKING:
    from engagement_ml.tables.quality import TableQuality

# Limits of MLflow: per call of log_batch, and on the digest of a data set.
_PARAMS_PER_CALL = 100
_MAX_DIGEST_LENGTH = 36
_MOST_BEHAVIOURS = 5
_VERDICTS = ("driver", "harmful", "vanity", "consequence", "inert", "unverifiable")
_BASELINES = {
    "full_model": "full_model",
    "recency_frequency_monetary": "rfm",
    "total_events": "total_events",
    "best_single_behaviour": "best_behaviour",
}
DRIVER_COLUMNS = (
    "behaviour", "label", "verdict", "selected", "effect", "effect_low", "effect_high",
    "shap_rank", "mean_abs_shap", "selection_frequency", "spearman", "reason",
)  # fmt: skip
OUTCOME_COLUMNS = (
    "outcome", "behaviour", "label", "verdict", "effect", "effect_low", "effect_high", "unit",
    "hazard_ratio", "hazard_ratio_low", "hazard_ratio_high", "reason",
)  # fmt: skip


def run_name(record: RunRecord) -> str:
    """Return the name of a run: the pipeline's, and when it was trained, in UTC.

    Metrics are the same wherever the clock of the reader stands, so the time is not local.
    """
    return f"{record.name} {_created_at(record):%Y-%m-%d %H:%M}"


def run_times(record: RunRecord) -> tuple[int, int]:
    """Return when the training started and ended, in milliseconds since 1970."""
    end = _created_at(record).timestamp()
    return int(1000 * (end - math.fsum(record.seconds.values()))), int(1000 * end)


def run_tags(record: RunRecord, metric: EngagementMetric, commit: str | None) -> dict[str, str]:
    """Return the tags of a run, by which it is found and compared."""
    config = json.dumps(record.config, sort_keys=True)
    tags = {
        "engagement_ml.version": record.version,
        RECORD_TAG: results_hash(record),
        "engagement_ml.definition_hash": metric.definition_hash,
        "engagement_ml.evidence": metric.evidence,
        "engagement_ml.abstained": str(metric.abstained).lower(),
        "engagement_ml.config_fingerprint": hashlib.sha256(config.encode()).hexdigest(),
        "engagement_ml.data_fingerprint": data_fingerprint(record),
        **_commit_tag(commit),
    }
    if outcomes := record.further.outcomes:
        tags["engagement_ml.outcomes"] = ", ".join(outcome.outcome for outcome in outcomes)
    for table in record.tables:
        tags[safe_key("engagement_ml", "fingerprint", table.table)] = table.fingerprint
    return tags


def version_tags(record: RunRecord, metric: EngagementMetric, commit: str | None) -> dict[str, str]:
    """Return the tags of a version in the model registry."""
    tags = {
        RECORD_TAG: results_hash(record),
        "definition_hash": metric.definition_hash,
        "data_fingerprint": data_fingerprint(record),
        "evidence": metric.evidence,
        "behaviours": ", ".join(behaviour.behaviour for behaviour in metric.behaviours),
        **{key.removeprefix("engagement_ml."): text for key, text in _commit_tag(commit).items()},
    }
    for side, name in (("across", "between_spearman"), ("within", "within_spearman")):
        value = _nested(record.evaluation, "metric", side, "metric", "spearman", "value")
        if _is_number(value):
            tags[name] = f"{value:.3g}"
    return tags


def data_fingerprint(record: RunRecord) -> str:
    """Return one SHA-256 for all input tables: the same tables give the same one."""
    fingerprints = sorted((table.table, table.fingerprint) for table in record.tables)
    return hashlib.sha256(json.dumps(fingerprints).encode()).hexdigest()


def main_metrics(record: RunRecord, metric: EngagementMetric) -> dict[str, float]:
    """Return some 40 numbers, whatever the number of behaviours, grouped by the part before "/".

    All other numbers are in the run's files. A number that was not measured is left out.
    """
    pairs = (
        *_metric_values(record.evaluation, metric),
        *_model_values(record.evaluation),
        *_driver_values(record, metric),
        *_data_values(record),
    )
    values: dict[str, float] = {}
    for key, value in pairs:
        if _is_number(value):
            values.setdefault(key, float(value))
    return values


def _metric_values(
    evaluation: Mapping[str, Any], metric: EngagementMetric
) -> Iterator[tuple[str, Any]]:
    sides = {"between": "across", "within": "within"}
    for name, side in sides.items():
        for bound in ("value", "low", "high"):
            suffix = "" if bound == "value" else f"_{bound}"
            yield (
                f"metric/{name}_spearman{suffix}",
                _nested(evaluation, "metric", side, "metric", "spearman", bound),
            )
    for measure in ("top_decile_lift", "signal_kept"):
        path = ("metric", "across", "metric", measure, "value")
        yield f"metric/{measure}", _nested(evaluation, *path)
    for baseline, short in _BASELINES.items():
        for name, side in sides.items():
            path = ("metric", side, baseline, "spearman", "value")
            yield f"baseline/{short}_{name}_spearman", _nested(evaluation, *path)
    for behaviour in metric.behaviours[:_MOST_BEHAVIOURS]:
        yield f"metric/weight_{_key(behaviour.behaviour)}", behaviour.weight


def _model_values(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for measure in ("r2", "spearman", "gini"):
        yield f"profit/{measure}", _nested(evaluation, "profit", measure, "value")
    for measure in ("roc_auc", "pr_auc", "brier", "rate"):
        yield f"churn/{measure}", _nested(evaluation, "churn", measure, "value")


def _driver_values(record: RunRecord, metric: EngagementMetric) -> Iterator[tuple[str, Any]]:
    verdicts = Counter(row.verdict for row in record.drivers)
    yield "drivers/candidates", len(record.drivers)
    for verdict in _VERDICTS:
        yield f"drivers/{verdict}", verdicts[verdict]
    effects = {row.behaviour: row.effect for row in record.drivers}
    for behaviour in metric.behaviours[:_MOST_BEHAVIOURS]:
        name = behaviour.behaviour
        yield f"drivers/effect_{_key(name)}", effects.get(name)
    checks = [check.passed for check in record.evidence.checks]
    yield "checks/passed", checks.count(True)
    yield "checks/failed", checks.count(False)


def _data_values(record: RunRecord) -> Iterator[tuple[str, Any]]:
    read = sum(table.rows_read for table in record.tables)
    yield "data/customers", record.n_entities
    yield "data/panel_rows", record.n_rows
    yield "data/rows_read", read
    if read:
        kept = sum(table.rows_kept for table in record.tables)
        yield "data/dropped_share", 1 - kept / read
    yield "training/seconds", math.fsum(record.seconds.values())


def log_values(
    client: Any, run_id: str, record: RunRecord, metric: EngagementMetric, models: Mapping[str, str]
) -> None:
    """Log parameters, metrics and data sets.

    Parameters
    ----------
    models : mapping of str to str
        The id of each logged model; metrics of its group are shown on its page, too.
    """
    from mlflow.entities import Metric, Param

    params = flat_texts(record.config)
    for key, text in flat_texts(plain(record.windows), "planned_windows").items():
        params.setdefault(key, text)
    for key, text in flat_texts(plain(record.sample) or {}, "drawn_sample").items():
        params.setdefault(key, text)
    entries = [Param(key, text) for key, text in params.items()]
    for start in range(0, len(entries), _PARAMS_PER_CALL):
        client.log_batch(run_id, params=entries[start : start + _PARAMS_PER_CALL])
    _, moment = run_times(record)
    metrics = [
        Metric(key, value, moment, 0, model_id=models.get(key.split("/")[0]), run_id=run_id)
        for key, value in main_metrics(record, metric).items()
    ]
    client.log_batch(run_id, metrics=metrics)
    if inputs := [_dataset_input(table) for table in record.tables]:
        client.log_inputs(run_id, inputs)


def _dataset_input(table: TableQuality) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    values = plain(table)
    profile = {key: values[key] for key in ("rows_read", "rows_kept", "first", "last")}
    dataset = Dataset(
        name=table.table,
        digest=table.fingerprint[:_MAX_DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": table.source}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def _created_at(record: RunRecord) -> dt.datetime:
    created = dt.datetime.fromisoformat(record.created_at)
    return created.astimezone(dt.UTC) if created.tzinfo else created.replace(tzinfo=dt.UTC)


def _commit_tag(commit: str | None) -> dict[str, str]:
    return {} if commit is None else {"engagement_ml.git_commit": commit}


def _key(behaviour: str) -> str:
    return safe_key(behaviour)[:200]


def _nested(values: Any, *path: str) -> Any:
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)
