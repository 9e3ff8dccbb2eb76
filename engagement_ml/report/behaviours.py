"""The report's table of every behaviour: verdict, reason, effect, and a forest plot of effects."""

from __future__ import annotations

from collections import Counter
from typing import Any

from engagement_ml.formatting import count, decimals_for, finite, number, one_line, percent
from engagement_ml.report import plots, text
from engagement_ml.report.svg import Scale
from engagement_ml.report.view import Estimate, Row, Run, effect_of


def behaviour_section(run: Run) -> dict[str, Any] | None:
    """Return every behaviour with its verdict, reason, effect and place in a forest plot.

    The plot compares behaviours by the effect of one standard deviation of their counts where the
    record has it, since one event of one is not one event of another. None without behaviours.
    """
    if not run.drivers:
        return None
    per_sd = [_per_sd(row) for row in run.drivers]
    by_sd = any(estimate is not None for estimate in per_sd)
    estimates = [
        (e or (None,) * 3) if by_sd else effect_of(r)
        for r, e in zip(run.drivers, per_sd, strict=True)
    ]
    scale = plots.interval_scale(
        estimates, wide=[row.get("verdict") == "unverifiable" for row in run.drivers]
    )
    counts = Counter(str(row.get("verdict")) for row in run.drivers)
    known = [name for name in text.VERDICTS if counts[name]]
    other = sorted(name for name in counts if name not in text.VERDICTS)
    return {
        "rows": [
            _behaviour_row(run, row, scale, estimate, by_sd)
            for row, estimate in zip(run.drivers, estimates, strict=True)
        ],
        "counts": [(counts[name], text.verdict_of(name)) for name in [*known, *other]],
        "by_sd": by_sd,
        "scale": scale,
        "clipped": any(
            not 0 <= scale.percent(x) <= 100 for e in estimates for x in e if x is not None
        ),
        "ticks": scale.ticks(run.money.tick),
        "outcome_days": run.days("outcome_days"),
        "has_naive_effect": any(finite(row.get("naive_effect")) is not None for row in run.drivers),
    }


def _behaviour_row(
    run: Run, row: Row, scale: Scale, estimate: Estimate, by_sd: bool
) -> dict[str, Any]:
    verdict = text.verdict_of(row.get("verdict"))
    label, behaviour = run.label(row["behaviour"]), one_line(row["behaviour"])
    effect, low, high = effect_of(row)
    what = "one standard deviation more" if by_sd else "one more event"
    shown = run.money.estimate(*estimate)
    return {
        "label": label,
        "behaviour": behaviour if behaviour != label else "",
        "stage": one_line(row.get("stage") or ""),
        "verdict": verdict,
        "selected": bool(row.get("selected")),
        "reason": one_line(row.get("reason") or ""),
        "plot": plots.interval_cell(
            scale, estimate, tone=verdict.tone, label=f"{label}, {what}: {shown}"
        ),
        "effect": run.money(effect, decimals_for(effect, low, high)),
        "interval": run.money.spread(low, high, decimals_for(effect, low, high)),
        "naive_effect": run.money(row.get("naive_effect")),
        "rank": number(row.get("shap_rank"), 0),
        "naive_rank": number(rank, 0) if (rank := finite(row.get("naive_rank"))) else "",
        "frequency": percent(row.get("selection_frequency")),
        "facts": _facts(run, row),
    }


def _facts(run: Run, row: Row) -> list[str]:
    facts = []
    if (shap := finite(row.get("mean_abs_shap"))) is not None:
        facts.append(f"mean |SHAP| {run.money(shap)}")
    if (role := row.get("role")) not in (None, "", "behaviour"):
        facts.append(f"declared as {one_line(role)}")
    cost = finite(row.get("cost_per_event"))
    if cost:
        gross = run.money(row.get("effect_gross"))
        facts.append(f"{gross} before the {run.money(cost)} that serving one costs")
    if (z := finite(row.get("z"))) is not None:
        facts.append(f"z {number(z, 1)}")
    if (robustness := finite(row.get("robustness_value"))) is not None:
        facts.append(f"robustness value {percent(robustness)}")
    if (saturation := finite(row.get("saturation_point"))) is not None:
        facts.append(f"pays up to {count(saturation)} events")
    return facts


def _per_sd(row: Row) -> Estimate | None:
    effect, low, high = effect_of(row)
    per_sd = finite(row.get("effect_per_sd"))
    if not effect or not per_sd or effect * per_sd < 0:
        return None
    ratio = per_sd / effect
    return per_sd, None if low is None else low * ratio, None if high is None else high * ratio
