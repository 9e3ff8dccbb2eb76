"""Log records of a run: its notes, each once, and its result.

Steps and their durations are logged by ``progress``. Nothing here configures logging.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from engagement_ml.formatting import listed
from engagement_ml.metric import EngagementMetric

_logger = logging.getLogger(__name__)


def log_notes(notes: Iterable[str], warnings: Collection[str] = ()) -> None:
    """Log notes; those that are among `warnings` as warnings, others as information."""
    for note in notes:
        _logger.log(logging.WARNING if note in warnings else logging.INFO, "%s", note)


def log_evaluation_notes(evaluation: Mapping[str, Any]) -> None:
    """Log the notes of the content of ``evaluation.json``."""
    metric = evaluation.get("metric") or {}
    log_notes((*evaluation.get("notes", ()), *metric.get("notes", ())))


def log_result(metric: EngagementMetric, folder: Path) -> None:
    """Log what a training run found, and where its results are."""
    if metric.abstained:
        _logger.info("the metric abstains: %s; results in %s", metric.reason, folder)
        return
    names = listed([behaviour.behaviour for behaviour in metric.behaviours])
    _logger.info("the metric is made of %s; results in %s", names, folder)
