"""Verdicts on every behaviour by one part of margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.drivers.finding import BIASED
from engagement_ml.drivers.outcome_search import judge_outcome
from engagement_ml.features.panel import Panel
from engagement_ml.features.period_panel import Periods
from engagement_ml.formatting import plural
from engagement_ml.outcomes.evidence import OutcomeEvidence
from engagement_ml.windows import Windows

ACTING = ("driver", "harmful")


def judge_part(
    name: str,
    periods: Periods,
    panel: Panel,
    windows: Windows,
    config: PipelineConfig,
    drivers: Sequence[DriverRow],
    *,
    n_parts: int,
) -> OutcomeEvidence:
    """Judge every behaviour by one part of margin.

    Effects are before `cost_per_event`, which lowers margin as a whole and belongs to no part; so
    effects on all parts add up to the effect on margin before that cost. What follows purchases
    by the verdict on margin does so for every part, and a bias that is found there is a bias here.

    Parameters
    ----------
    name : str
    periods : Periods
        With gain, loss and orders of the part.
    panel : Panel
        With the outcomes of the part.
    windows : Windows
    config : PipelineConfig
    drivers : sequence of DriverRow
        The rows of margin.
    n_parts : int
        Parts that are tested together.
    """
    outcome = config.outcomes.get(name)
    label = (outcome.label if outcome else None) or name
    by_behaviour = {row.behaviour: row for row in drivers}
    found = judge_outcome(
        periods,
        panel,
        windows,
        _part_config(config, drivers),
        name=f"margin of {label}",
        n_outcomes=n_parts,
    )
    rows = (_settled(row, by_behaviour[row.behaviour]) for row in found.rows)
    paying = periods.gain.any(axis=1) | periods.loss.any(axis=1)
    return OutcomeEvidence(
        outcome=name,
        kind="part",
        label=label,
        unit=config.currency,
        n_entities=int(paying.sum()),
        level=found.level,
        drivers=tuple(replace(row, outcome=name, unit=config.currency) for row in rows),
        reason=None if found.obstacle is None else f"there are {found.obstacle}",
        facts={"rows": len(panel.frame), "converged": found.converged},
        notes=(*found.notes, *_notes(config, label, found.converged)),
    )


def _part_config(config: PipelineConfig, drivers: Sequence[DriverRow]) -> PipelineConfig:
    """Return the configuration for a part: no costs, and what follows purchases as declared."""
    behaviours = dict(config.behaviours)
    for row in drivers:
        settings = config.behaviour(row.behaviour)
        changes: dict[str, object] = {"cost_per_event": 0.0}
        if _follows_purchases(row):
            changes["role"] = "consequence"
        behaviours[row.behaviour] = settings.model_copy(update=changes)
    select = config.select.model_copy(update={"require": "driver"})
    return config.model_copy(update={"behaviours": behaviours, "select": select})


def _follows_purchases(row: DriverRow) -> bool:
    return "consequence" in (row.verdict, row.observed_verdict)


def _settled(row: DriverRow, total: DriverRow) -> DriverRow:
    """Return a part's row, given the verdict on margin."""
    row = replace(row, role=total.role)
    if _follows_purchases(total):
        return replace(row, rule=total.rule, reason=total.reason)
    if row.verdict not in ACTING:
        return row
    if total.verdict == "unverifiable" and total.rule in BIASED:
        reason = f"{row.reason}; but of margin in all, {total.reason}"
        return replace(row, verdict="unverifiable", rule=total.rule, reason=reason)
    if total.basis == "experiment" and total.observed_verdict in ACTING:
        if total.observed_verdict == total.verdict:
            return row
        reason = f"{row.reason}; but of margin in all, a randomised test found otherwise"
        return replace(row, verdict="unverifiable", rule="vetoed", reason=reason)
    return row


def _notes(config: PipelineConfig, label: str, converged: bool) -> tuple[str, ...]:
    notes = []
    if config.churn.kind == "event":
        notes.append(
            f"Churn is an event, so effects on margin of {label} are effects on keeping "
            f"{plural(config.entity)} who buy it; they do not show a change of what is bought."
        )
    if not converged:
        notes.append(f"A fit of margin of {label} did not converge.")
    return tuple(notes)
