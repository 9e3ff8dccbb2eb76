"""Descriptions of runs, registered models and versions in Markdown, for MLflow's pages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from engagement_ml.formatting import DASH, day, listed, number, one_line, sentence, spread
from engagement_ml.metric import EngagementMetric
from engagement_ml.records import RunRecord
from engagement_ml.report import checks_text, comparison_text, text
from engagement_ml.report.view import Run, effect_of, measure

MAX_LENGTH = 5000
"""MLflow's limit on the description of a registered model and of a version."""
_DESCRIBED_TAG = "engagement_ml.description"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#!~$])")


def run_description(record: RunRecord, metric: EngagementMetric) -> str:
    """Return what a run found: the metric in words and currency, how good it is, what failed."""
    run = _run(record, metric)
    parts = [*_finding(run), *_table(run), _out_of_time(run), _models(run), *_failed(run)]
    return _joined(parts)


def version_description(record: RunRecord, metric: EngagementMetric) -> str:
    """Return what one version of the metric is, in words and currency."""
    run = _run(record, metric)
    parts = [
        *_finding(run),
        *_table(run),
        _out_of_time(run),
        *_failed(run),
        f"Trained on what was known before {day(record.windows.fit_until)}. Definition "
        f"`{metric.definition_hash[:12]}`.",
    ]
    return _joined(parts)


def model_description(record: RunRecord, metric: EngagementMetric, version: int) -> str:
    """Return what the registered model is, and what its newest version measures."""
    run = _run(record, metric)
    about = (
        f"An engagement score from 0 to 100 for each {_escaped(run.entity)}, from counts of "
        f"events in {metric.observation_days} days. Inputs: a column of counts for each "
        "behaviour; a missing column or value counts as none. The newest version is "
        f"{version}:"
    )
    return _joined([about, *_finding(run), *_table(run)])


def describe_model(client: Any, record: RunRecord, metric: EngagementMetric, version: int) -> None:
    """Describe the registered model by its newest version, unless a person has described it."""
    name = metric.name
    model = client.get_registered_model(name)
    if model.description and model.tags.get(_DESCRIBED_TAG) != _digest(model.description):
        return
    description = model_description(record, metric, version)
    # A process that is killed in between leaves the old text, which then counts as a person's.
    client.update_registered_model(name, description)
    client.set_registered_model_tag(name, _DESCRIBED_TAG, _digest(description))


def _run(record: RunRecord, metric: EngagementMetric) -> Run:
    """Return the record of the metric that is logged, as a caution depends on its evidence."""
    return Run.of(replace(record, metric=metric.to_dict()))


def _finding(run: Run) -> list[str]:
    return [f"**{_escaped(text.headline(run))}**", *(_escaped(part) for part in text.lead(run))]


def _table(run: Run) -> list[str]:
    """Return the weights, and for drivers the worth of one more event, as a Markdown table."""
    if not run.weighted:
        return []
    head = ["behaviour", "weight", "95% interval"]
    if not run.indicator:
        head.append("one more event is worth")
    lines = [_row(head), _row(["---"] * len(head))]
    for each in run.weighted:
        interval = spread(each.weight_low, each.weight_high, 1)
        cells = [_escaped(run.label(each.behaviour)), number(each.weight, 1), interval]
        if not run.indicator:
            row = run.by_behaviour.get(each.behaviour)
            worth = DASH if row is None else run.money.estimate(*effect_of(row))
            cells.append(_escaped(worth))
        lines.append(_row(cells))
    return ["\n".join(lines)]


def _out_of_time(run: Run) -> str:
    across, within, vanity = run.comparisons
    if measure(across.get("metric"), "spearman")[0] is None:
        return ""
    labelled = [(run.label(name), row) for name, row in vanity.items()]
    sentences = [
        comparison_text.predicts(across, indicator=run.indicator),
        comparison_text.moves_with_margin(within, labelled),
    ]
    return _escaped("Out of time, on dates that training did not use: " + " ".join(sentences))


def _models(run: Run) -> str:
    evaluation = run.record.evaluation
    profit = measure(evaluation.get("profit"), "r2")[0]
    churn = measure(evaluation.get("churn"), "roc_auc")[0]
    parts = []
    if profit is not None:
        parts.append(f"the profit model has an R² of {number(profit, 2)}")
    if churn is not None:
        parts.append(f"the churn model has a ROC AUC of {number(churn, 2)}")
    return sentence(listed(parts)) if parts else ""


def _failed(run: Run) -> Iterable[str]:
    if checks_text.failed(run):
        yield _escaped(checks_text.outcome(run))
    not_converged = [run.label(row.behaviour) for row in run.drivers if not row.converged]
    if not_converged:
        yield _escaped(f"Fits did not converge for {listed(not_converged)}.")


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(words: str) -> str:
    r"""Return text of a user so that Markdown shows it as it is.

    Examples
    --------
    >>> print(_escaped("page_view <b>"))
    page\_view \<b\>
    """
    return _MARKDOWN.sub(r"\\\1", one_line(words))


def _joined(parts: Iterable[str]) -> str:
    """Join paragraphs, as many as MLflow's limit allows."""
    joined = ""
    for part in parts:
        longer = f"{joined}\n\n{part}".strip()
        if len(longer) <= MAX_LENGTH:
            joined = longer
    return joined


def _digest(description: str) -> str:
    return hashlib.sha256(description.encode()).hexdigest()[:16]
