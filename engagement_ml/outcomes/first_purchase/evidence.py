"""Verdicts on every behaviour by the first purchase."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from engagement_ml.config import PipelineConfig
from engagement_ml.config.outcomes import FIRST_PURCHASE, OutcomeConfig
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.drivers.family_error import with_family_error
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.formatting import listed, number, plural
from engagement_ml.outcomes.evidence import OutcomeEvidence
from engagement_ml.outcomes.first_purchase.finding import Finding
from engagement_ml.outcomes.first_purchase.judging import Verdict, judge
from engagement_ml.outcomes.first_purchase.limits import LIMITS, Limits
from engagement_ml.outcomes.first_purchase.prospects import LEFT_OUT, Prospects
from engagement_ml.outcomes.first_purchase.sentences import Words, explain
from engagement_ml.outcomes.first_purchase.study import Estimates, estimate, present

UNIT = "percentage points"
ORDER = ("driver", "harmful", "unverifiable", "vanity", "consequence", "inert")
"""Order of the rows by verdict."""


def find_first_purchase(
    prospects: Prospects,
    config: PipelineConfig,
    *,
    thresholds: Thresholds = THRESHOLDS,
    limits: Limits = LIMITS,
) -> OutcomeEvidence:
    """Judge every behaviour by what it does to the first purchase.

    Parameters
    ----------
    prospects : Prospects
    config : PipelineConfig
    thresholds : Thresholds
        As for margin.
    limits : Limits
        Those that only first purchases have.

    Returns
    -------
    OutcomeEvidence
        Without rows, and with a reason, if too few prospects buy.
    """
    outcome = config.outcomes.get(FIRST_PURCHASE, OutcomeConfig())
    label = outcome.label or "First purchase"
    facts = _facts(prospects, outcome)
    n_bought = int(prospects.buys.sum())
    if n_bought < limits.min_buyers or n_bought == len(prospects.ids):
        reason = (
            f"of {len(prospects.ids):,} prospects, {n_bought:,} bought; estimates need "
            f"{limits.min_buyers:,} who buy, and some who do not"
        )
        return _evidence(prospects, label, None, (), reason, facts, _notes(prospects, config))
    if not present(prospects, limits):
        reason = f"no behaviour is done by {limits.min_prospects} prospects before they buy"
        return _evidence(prospects, label, None, (), reason, facts, _notes(prospects, config))
    thresholds, raised = with_family_error(thresholds, prospects.behaviours, config)
    with threadpool_limits(limits=1, user_api="blas"):
        found = estimate(prospects, config, thresholds, limits)
    words = Words(config.windows.outcome_days, found.preparation, found.chance)
    verdicts = {b: judge(f, thresholds, limits) for b, f in found.findings.items()}
    rows = [
        _row(config, f, verdicts[b], explain(verdicts[b], f, words), found)
        for b, f in found.findings.items()
    ]
    rows += [_absent(config, b, limits) for b in prospects.behaviours if b not in found.findings]
    rows.sort(key=lambda r: (ORDER.index(r.verdict), -abs(r.effect_per_sd or 0.0), r.behaviour))
    facts |= {"preparation_days": found.preparation, "converged": found.converged}
    notes = (*_notes(prospects, config), _preparation(found.preparation), *raised)
    return _evidence(prospects, label, found.chance, tuple(rows), None, facts, notes)


def _evidence(
    prospects: Prospects,
    label: str,
    level: float | None,
    rows: tuple[DriverRow, ...],
    reason: str | None,
    facts: Mapping[str, Any],
    notes: tuple[str, ...],
) -> OutcomeEvidence:
    return OutcomeEvidence(
        outcome=FIRST_PURCHASE,
        kind="first_purchase",
        label=label,
        unit=UNIT,
        n_entities=len(prospects.ids),
        level=level,
        drivers=rows,
        reason=reason,
        facts=dict(facts),
        notes=notes,
    )


def _facts(prospects: Prospects, outcome: OutcomeConfig) -> dict[str, Any]:
    """Return the number of prospects and buyers, and the days that buyers take."""
    days = (prospects.bought - prospects.entry)[prospects.buys]
    return {
        "prospects": len(prospects.ids),
        "bought": int(prospects.buys.sum()),
        "median_days_to_buy": float(np.median(days)) if days.size else None,
        "starts": outcome.starts,
        "left_out": dict(prospects.left_out),
        "sampled_from": prospects.sampled_from,
    }


def _notes(prospects: Prospects, config: PipelineConfig) -> tuple[str, ...]:
    entities = plural(config.entity)
    notes = [
        f"Whether {entities} bought before the records of transactions begin is not known, so "
        "only those who came after that are prospects."
    ]
    if prospects.left_out:
        reasons = listed(
            f"{number(n, 0)} {LEFT_OUT[reason]}" for reason, n in prospects.left_out.items()
        )
        notes.append(f"Other {entities} are no prospects: {reasons}.")
    if prospects.sampled_from is not None:
        notes.append(
            f"The estimates use a random sample of {len(prospects.ids):,} of "
            f"{prospects.sampled_from:,} prospects."
        )
    return tuple(notes)


def _preparation(days: int) -> str:
    return (
        f"The last {days} days before a first purchase are no evidence: prospects who have decided "
        "prepare in them. An act of only those who decided long before, which no other behaviour "
        "accompanies, cannot be distinguished from a cause by timing."
    )


def _row(
    config: PipelineConfig, finding: Finding, verdict: Verdict, reason: str, found: Estimates
) -> DriverRow:
    behaviour = config.behaviour(finding.behaviour)
    size = finding.size
    known = finding.converged and math.isfinite(size.high - size.low)
    effect = size.effect if known else None
    ratio = finding.ratio if known else (None, None, None)
    naive = (math.exp(min(finding.naive.slope, 20.0)) - 1.0) * float(found.weights.sum())
    return DriverRow(
        behaviour=finding.behaviour,
        verdict=verdict.verdict,
        selected=False,
        shap_rank=None,
        mean_abs_shap=None,
        effect=effect,
        effect_low=size.low if known else None,
        effect_high=size.high if known else None,
        selection_frequency=finding.frequency,
        saturation_point=None,
        reason=reason,
        label=config.label(finding.behaviour),
        role=behaviour.role,
        stage=behaviour.stage,
        effect_gross=effect,
        effect_per_sd=None if effect is None else effect * finding.std,
        z=finding.z if known else None,
        naive_effect=naive if finding.converged else None,
        hazard_ratio=ratio[0],
        hazard_ratio_low=ratio[1],
        hazard_ratio_high=ratio[2],
        converged=finding.converged,
        outcome=FIRST_PURCHASE,
        unit=UNIT,
        rule=verdict.rule,
    )


def _absent(config: PipelineConfig, b: str, limits: Limits) -> DriverRow:
    """Return the row of a behaviour that too few prospects do."""
    behaviour = config.behaviour(b)
    declared = behaviour.role == "consequence"
    return DriverRow(
        behaviour=b,
        verdict="consequence" if declared else "unverifiable",
        selected=False,
        shap_rank=None,
        mean_abs_shap=None,
        effect=None,
        effect_low=None,
        effect_high=None,
        selection_frequency=0.0,
        saturation_point=None,
        reason="declared as a consequence of purchases"
        if declared
        else f"fewer than {limits.min_prospects} prospects do it before they buy",
        label=config.label(b),
        role=behaviour.role,
        stage=behaviour.stage,
        outcome=FIRST_PURCHASE,
        unit=UNIT,
        rule="declared" if declared else "not identified",
    )
