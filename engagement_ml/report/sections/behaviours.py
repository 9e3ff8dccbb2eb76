"""Every behaviour with its verdict, reason and effect, and a forest plot of the effects."""

from __future__ import annotations

from collections import Counter
from typing import Any

from engagement_ml.drivers.evidence import DriverRow, row_dict
from engagement_ml.formatting import (
    decimals_for,
    first_upper,
    number,
    one_line,
    percent,
    quantity,
)
from engagement_ml.report import plots, text
from engagement_ml.report.section import Section
from engagement_ml.report.svg import Scale
from engagement_ml.report.view import Estimate, Run, effect_of

_NONE = (None, None, None)


def build(run: Run) -> dict[str, Any] | None:
    """Return the rows of the table and the scale of its forest plot; None without behaviours.

    The plot compares behaviours by the effect of one standard deviation of their counts, because
    single events of different behaviours are not comparable.
    """
    if not run.drivers:
        return None
    per_sd = [_per_sd(row) for row in run.drivers]
    by_sd = any(estimate is not None for estimate in per_sd)
    estimates = [
        (estimate or _NONE) if by_sd else effect_of(row)
        for row, estimate in zip(run.drivers, per_sd, strict=True)
    ]
    scale = plots.interval_scale(
        estimates, wide=[row.verdict == "unverifiable" for row in run.drivers]
    )
    counts = Counter(row.verdict for row in run.drivers)
    known = [name for name in text.VERDICTS if counts[name]]
    other = sorted(name for name in counts if name not in text.VERDICTS)
    return {
        "rows": [
            _row(run, row, scale, estimate, by_sd=by_sd)
            for row, estimate in zip(run.drivers, estimates, strict=True)
        ],
        "counts": [(counts[name], text.verdict_of(name)) for name in [*known, *other]],
        "by_sd": by_sd,
        "scale": scale,
        "clipped": any(
            not 0 <= scale.percent(x) <= 100 for e in estimates for x in e if x is not None
        ),
        "ticks": scale.ticks(run.money.tick),
        "outcome_days": run.outcome_days,
        "naive_shown": any(row.naive_effect is not None for row in run.drivers),
    }


def _row(
    run: Run, row: DriverRow, scale: Scale, estimate: Estimate, *, by_sd: bool
) -> dict[str, Any]:
    verdict = text.verdict_of(row.verdict)
    label, behaviour = run.label(row.behaviour), one_line(row.behaviour)
    effect, low, high = effect_of(row)
    change = "one standard deviation more" if by_sd else "one more event"
    return {
        "label": label,
        "behaviour": behaviour if behaviour != label else "",
        "stage": one_line(row.stage or ""),
        "verdict": verdict,
        "reason": run.readable(first_upper(row.reason)),
        "plot": plots.interval_cell(
            scale,
            estimate,
            tone=verdict.tone,
            label=f"{label}, {change}: {run.money.estimate(*estimate)}",
        ),
        "effect": run.money(effect, decimals_for(effect, low, high)),
        "interval": run.money.spread(low, high, decimals_for(effect, low, high)),
        "naive_effect": run.money(row.naive_effect),
        "rank": number(row.shap_rank, 0),
        "naive_rank": "" if row.naive_rank is None else number(row.naive_rank, 0),
        "frequency": percent(row.selection_frequency),
        "facts": _facts(run, row),
    }


def _facts(run: Run, row: DriverRow) -> list[str]:
    facts = [f"SHAP importance {run.money(row.mean_abs_shap)}"]
    if row.role != "behaviour":
        facts.append(f"declared as {one_line(row.role).replace('_', ' ')}")
    if row.cost_per_event and row.effect_gross is not None:
        gross, cost = run.money(row.effect_gross), run.money(row.cost_per_event)
        facts.append(f"{gross} before the {cost} that serving one event costs")
    if row.robustness_value is not None:
        facts.append(f"robustness value {percent(row.robustness_value)}")
    if row.saturation_point is not None:
        facts.append(f"pays up to {quantity(row.saturation_point, 'event')}")
    return facts + _retention_facts(run, row)


def _retention_facts(run: Run, row: DriverRow) -> list[str]:
    """Return the hazard ratio of churn and the worth over the lifetime, if churn is an event."""
    facts = []
    ratio = (row.hazard_ratio, row.hazard_ratio_low, row.hazard_ratio_high)
    if all(value is not None for value in ratio):
        point, low, high = (number(value, 3) for value in ratio)
        facts.append(f"hazard ratio of churn {point} per event ({low} to {high})")
    worth = (row.lifetime_effect, row.lifetime_effect_low, row.lifetime_effect_high)
    if worth[0] is not None:
        facts.append(f"over the expected lifetime {run.money.estimate(*worth)} per event")
    return facts


def _per_sd(row: DriverRow) -> Estimate | None:
    effect, low, high = effect_of(row)
    per_sd = row.effect_per_sd
    if not effect or not per_sd or effect * per_sd < 0:
        return None
    ratio = per_sd / effect
    return per_sd, None if low is None else low * ratio, None if high is None else high * ratio


BEHAVIOURS = Section(
    "behaviours",
    "Every behaviour and its verdict",
    "behaviours.html.j2",
    build,
    tables=lambda run: {"drivers.csv": [row_dict(row) for row in run.drivers]},
)
