"""Scores by hand beside the metric: an audit of each, as the scorecard shows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.lifecycle.auditing.facts import Estimate, Measured
from engagement_ml.progress import Progress
from engagement_ml.workflow.runs import Run

_METRIC = "metric"


def contestants(
    config: PipelineConfig, run: Run, frames: Mapping[str, Any] | None, progress: Progress
) -> tuple[Mapping[str, Any], ...]:
    """Return the metric and the company's own scores, each with what it predicts and moves.

    The scores are those of ``scorecard.weights`` and ``scorecard.scores``; none of them, none.

    Returns
    -------
    tuple of mapping
        ``name``, ``predicts`` and ``moves`` (each ``value``, ``low``, ``high``, or None),
        ``verdict`` and ``sentence``.

    Raises
    ------
    InputError, NotEnoughDataError
        See ``workflow.audit``.
    """
    from engagement_ml.workflow.auditing import audit

    keys = (config.scorecard.weights, config.scorecard.scores)
    rows: list[Mapping[str, Any]] = []
    for source in (key for key in keys if key is not None):
        result = audit(
            Path(source), config, model=run.folder, frames=frames, progress=progress
        ).audit  # fmt: skip
        facts = result.facts
        if not rows and (metric := facts.others.get(_METRIC)) is not None:
            evidence = run.metric().evidence
            rows.append(
                _row(run.record().name, metric, evidence, "The metric, learned from the data.")
            )
        verdict = result.judgement.verdict
        rows.append(_row(facts.name, facts.score, verdict, result.headline))
    return tuple(rows)


def _row(name: str, measured: Measured, verdict: str, sentence: str) -> Mapping[str, Any]:
    return {
        "name": name,
        "predicts": _estimate(measured.predicts),
        "moves": _estimate(measured.moves),
        "verdict": verdict,
        "sentence": sentence,
    }


def _estimate(estimate: Estimate | None) -> Mapping[str, float] | None:
    if estimate is None:
        return None
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
