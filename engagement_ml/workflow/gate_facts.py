"""Facts that the gate decides on, from the results of a training or a comparison of versions."""

from __future__ import annotations

from engagement_ml.config import PipelineConfig
from engagement_ml.lifecycle.estimates import Estimate
from engagement_ml.lifecycle.facts import (
    Champion,
    GateFacts,
    dropped_shares,
    measured_facts,
    stability_facts,
)
from engagement_ml.lifecycle.promotion import Promotion
from engagement_ml.records import RunRecord
from engagement_ml.tracking.promotion import Candidate
from engagement_ml.workflow.version_data import Version, VersionData


def record_facts(record: RunRecord, config: PipelineConfig) -> GateFacts:
    """Return the facts in the results of a training, of a version without a champion."""
    evaluation, evidence = record.evaluation, str(record.metric.get("evidence"))
    return GateFacts(
        evidence=evidence,
        unseen=True if evaluation.get("test_cutoffs") else None,
        customers=evaluation.get("n_entities"),
        dropped=dropped_shares(record.tables),
        entity=record.entity,
        **measured_facts(evaluation.get("metric") or {}, evidence, config.label),
        **stability_facts(record.drivers, record.evidence.checks),
    )


def version_facts(
    record: RunRecord,
    candidate: Candidate,
    version: Version,
    champion: Version | None,
    config: PipelineConfig,
    data: VersionData,
) -> GateFacts:
    """Return the facts about a version and the champion, measured on the same tables."""
    measured = data.measured
    rival = None
    if champion is not None and candidate.champion is not None:
        across, within = (
            Estimate.of(((measured.get(side) or {}).get("champion") or {}).get("difference"))
            for side in ("across", "within")
        )
        rival = Champion(candidate.champion, champion.metric.evidence, across, within)
    return GateFacts(
        evidence=version.metric.evidence,
        champion=rival,
        unseen=data.unseen,
        customers=data.customers,
        dropped=dropped_shares(data.quality),
        tags=candidate.tags,
        entity=record.entity,
        **measured_facts(measured, version.metric.evidence, config.label),
        **stability_facts(record.drivers, record.evidence.checks),
    )


def decision_figures(result: Promotion, facts: GateFacts) -> dict[str, float]:
    """Return the numbers of the run in the tracking store."""
    figures: dict[str, float] = {"gate/failed": len(result.decision.failed)}
    rival = facts.champion
    estimates = {
        "between": facts.between,
        "within": facts.within,
        "difference_between": None if rival is None else rival.between,
        "difference_within": None if rival is None else rival.within,
    }
    for name, estimate in estimates.items():
        if estimate is not None:
            figures[f"gate/{name}"] = estimate.value
            figures[f"gate/{name}_low"] = estimate.low
    if result.backcast is not None:
        figures["backcast/moved_share"] = result.backcast.last.change.moved_share
        figures["backcast/top_tenth_turnover"] = result.backcast.last.turnover
    return figures
