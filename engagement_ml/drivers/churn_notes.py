"""Notes on effects on churn: notice period, common decline and the horizon of lifetimes."""

from __future__ import annotations

import math
from collections.abc import Container

from engagement_ml.drivers.estimators.base import Estimates
from engagement_ml.drivers.retention.lifetime import RetentionEffect
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.wording import Wording
from engagement_ml.formatting import number, percent


def retention_rows(estimates: Estimates, tested: Container[str]) -> dict[str, RetentionEffect]:
    """Return the effects on churn of behaviours that no randomised test settles."""
    if estimates.retention is None:
        return {}
    return {b: e for b, e in estimates.retention.effects.items() if b not in tested}


def churn_notes(estimates: Estimates, study: Study) -> list[str]:
    """Return notes on what leavers have in common, and on the columns about lifetimes."""
    retention = estimates.retention
    if retention is None:
        return []
    pattern, entities = retention.pattern, Wording.of(study).entities
    days = number(pattern.notice * study.spans.period_days)
    found = []
    if pattern.kind == "configured" and pattern.notice:
        found.append(
            f"A notice period of {days} days before churn is configured, so counts in it are no "
            "evidence."
        )
    if pattern.kind == "notice" and pattern.profile is not None:
        change = abs(pattern.profile.common([0])[0])
        found.append(
            f"Most behaviours change together in the last {days} days before churn "
            f"(by {percent(_share(change))} in the last period), as after a decision to leave. "
            "Counts in these days are no evidence; 'churn: {notice_days: N}' sets another length."
        )
    if pattern.kind == "decline":
        found.append(
            f"Long before churn, {entities} who leave change most behaviours together: a common "
            "state, such as a decline of interest. "
            + (
                "Effects are corrected for it, if most behaviours do nothing themselves."
                if retention.corrected
                else "Too few behaviours share it to correct for it."
            )
        )
    horizon = number(study.thresholds.lifetime_days)
    found.append(
        f"Lifetime effects count margin up to {horizon} days after an event, undiscounted, at "
        "today's mean margin per period and hazard of churn."
    )
    return found


def _share(log_ratio: float) -> float:
    """Return a log ratio as a share of change, whatever its sign."""
    return 1.0 - math.exp(-log_ratio)
