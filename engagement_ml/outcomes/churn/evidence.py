"""Verdicts on every behaviour by churn, in percentage points of the outcome window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engagement_ml.config import PipelineConfig
from engagement_ml.config.outcomes import CHURN, OutcomeConfig
from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.features.panel import Panel
from engagement_ml.features.period_panel import Periods
from engagement_ml.formatting import decimals_for, number
from engagement_ml.outcomes.churn.event import verdicts_by_event
from engagement_ml.outcomes.churn.purchases import verdicts_by_purchases
from engagement_ml.outcomes.churn.verdicts import Verdicts, without_costs
from engagement_ml.outcomes.evidence import OutcomeEvidence
from engagement_ml.windows import Windows

UNIT = "percentage points"
KEEPS, LOSES = "driver", "harmful"


def find_churn(
    periods: Periods,
    panel: Panel | None,
    windows: Windows,
    config: PipelineConfig,
    drivers: Sequence[DriverRow],
    *,
    thresholds: Thresholds = THRESHOLDS,
) -> OutcomeEvidence:
    """Judge every behaviour by what it does to churn.

    `driver` lowers churn, `harmful` raises it. Effects are the change of the chance to churn within
    the outcome window, so those of drivers are negative.

    Parameters
    ----------
    periods : Periods
    panel : Panel or None
    windows : Windows
    config : PipelineConfig
    drivers : sequence of DriverRow
        The rows of margin. They have the verdicts if churn is an event, no behaviour costs
        anything and no randomised test settles one; else verdicts are found again, without either.
    thresholds : Thresholds
    """
    outcome = config.outcomes.get(CHURN, OutcomeConfig())
    by_event = config.churn.kind == "event"
    free = without_costs(config)
    if by_event:
        found = verdicts_by_event(periods, panel, windows, config, free, drivers, thresholds)
    else:
        found = verdicts_by_purchases(periods, panel, windows, free, thresholds)
    days = config.windows.outcome_days
    rows = tuple(_row(row, found, days, by_event=by_event) for row in found.rows)
    return OutcomeEvidence(
        outcome=CHURN,
        kind="churn",
        label=outcome.label or "Churn",
        unit=UNIT,
        n_entities=found.n_customers,
        level=found.level,
        drivers=tuple(sorted(rows, key=lambda r: (-abs(r.effect_per_sd or 0.0), r.behaviour))),
        reason=found.reason,
        facts={"kind": config.churn.kind, "converged": found.converged},
        notes=found.notes,
    )


def _row(row: DriverRow, found: Verdicts, days: int, *, by_event: bool) -> DriverRow:
    """Return the row of a behaviour, with its effect on churn in place of that on margin."""
    change = found.changes.get(row.behaviour)
    known = (
        change is not None
        and row.effect is not None
        and found.converged
        and bool(np.isfinite(change.high - change.low))
    )
    verdict, reason = row.verdict, row.reason
    if not known or change is None:
        change = None
        if verdict in (KEEPS, LOSES):
            verdict, reason = "unverifiable", "its effect on churn is not identified"
    else:
        verdict, reason = _judged(verdict, reason, change, days, by_event=by_event)
    std = None
    if change is not None and row.effect and row.effect_per_sd:
        std = row.effect_per_sd / row.effect
    effect = None if change is None else change.effect
    return replace(
        row,
        verdict=verdict,
        reason=reason,
        selected=False,
        shap_rank=None,
        mean_abs_shap=None,
        naive_rank=None,
        naive_effect=None,
        spearman=None,
        effect=effect,
        effect_low=None if change is None else change.low,
        effect_high=None if change is None else change.high,
        effect_gross=effect,
        effect_per_sd=None if effect is None or std is None else effect * std,
        z=None if change is None else change.z,
        saturation_point=None,
        optimum=None,
        optimum_low=None,
        optimum_high=None,
        break_even=None,
        lifetime_effect=None,
        lifetime_effect_low=None,
        lifetime_effect_high=None,
        outcome=CHURN,
        unit=UNIT,
    )


def _judged(
    verdict: str, reason: str, change: WindowEffect, days: int, *, by_event: bool
) -> tuple[str, str]:
    """Return verdict and sentence, given the effect on churn."""
    digits = decimals_for(change.effect, change.low, change.high)
    point, low, high = (
        number(v, digits, signed=True) for v in (change.effect, change.low, change.high)
    )
    size = f"{point} percentage points per event ({low} to {high})"
    contradicted = (verdict == KEEPS and change.high >= 0) or (verdict == LOSES and change.low <= 0)
    if contradicted:
        return "unverifiable", f"its effect on churn within {days} days may be none: {size}"
    if verdict == KEEPS:
        return verdict, f"after it, churn within {days} days is less likely: {size}"
    if verdict == LOSES:
        return verdict, f"after it, churn within {days} days is more likely: {size}"
    of = "margin, which churn ends" if by_event else "how often customers buy"
    return verdict, f"churn within {days} days changes by {size}; by {of}: {reason}"
