"""The page of a promotion: the gate's checks, and what the change of version does to scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engagement_ml.formatting import (
    DASH,
    first_upper,
    listed,
    number,
    one_line,
    percent,
    plural,
    quantity,
    sentence,
)
from engagement_ml.lifecycle.backcast import Backcast, Mover, ScoreChange
from engagement_ml.lifecycle.estimates import Estimate
from engagement_ml.lifecycle.gate_check import GateCheck
from engagement_ml.lifecycle.promotion import Promotion
from engagement_ml.report import plots
from engagement_ml.report.interactive import POLICY
from engagement_ml.report.page import environment

_SCORES = {
    "metric": "This version",
    "champion": "Champion",
    "total_events": "Total events",
    "recency_frequency_monetary": "Recency-frequency-monetary",
}
_FACTORS = {
    "added": "new behaviour",
    "removed": "no longer in the metric",
    "weight": "other weight",
    "transform": "other points per event",
    "window": "other observation window",
}
"""How people read the factors of a change."""


def render_promotion(promotion: Promotion) -> str:
    """Return a promotion as a self-contained HTML page, without scripts; all text is escaped.

    Parameters
    ----------
    promotion : Promotion

    Returns
    -------
    str
    """
    many = plural(one_line(promotion.entity))
    change = promotion.backcast
    page: str = (
        environment()
        .get_template("promote.html.j2")
        .render(
            policy=POLICY,
            name=one_line(promotion.model),
            headline=one_line(sentence(promotion.outcome)),
            meta=_meta(promotion),
            lead=_lead(promotion),
            entity=one_line(promotion.entity),
            entities=many,
            champion=promotion.champion,
            checks=[_check(each) for each in promotion.decision.checks],
            scores=_scores(promotion),
            measured=_measured(promotion, many),
            change=None if change is None else _change(promotion, change, many),
            notes=[sentence(one_line(note)) for note in promotion.notes],
        )
    )
    return page


def _meta(promotion: Promotion) -> list[str]:
    before = promotion.champion
    parts = (
        one_line(promotion.model),
        f"version {promotion.version}",
        "no champion before" if before is None else f"champion: version {before}",
        promotion.created_at[:10],
        "dry run" if promotion.dry_run else "",
    )
    return [part for part in parts if part]


def _lead(promotion: Promotion) -> list[str]:
    failed = promotion.decision.failed
    n = len(promotion.decision.checks)
    if not failed:
        return [f"All {n} checks passed."]
    return [
        f"{quantity(len(failed), 'check')} of {n} failed.",
        *(sentence(one_line(each.sentence)) for each in failed),
    ]


def _check(check: GateCheck) -> dict[str, Any]:
    tone, sign, name = ("good", "✓", "passed") if check.passed else ("bad", "✗", "failed")
    return {
        "name": first_upper(check.title),
        "code": check.name,
        "wanted": one_line(check.wanted),
        "found": one_line(check.found),
        "verdict": {"tone": tone, "sign": sign, "name": name},
        "sentence": sentence(one_line(check.sentence)),
    }


def _measured(promotion: Promotion, many: str) -> str:
    cutoffs = [str(cutoff) for cutoff in promotion.cutoffs]
    return f"Measured at {listed(cutoffs)}, on the same {many} for all." if cutoffs else ""


def _scores(promotion: Promotion) -> list[dict[str, Any]]:
    across, within = promotion.measured.get("across", {}), promotion.measured.get("within", {})
    vanity = promotion.measured.get("vanity", {})
    rows = [(_SCORES.get(name, name), across.get(name), within.get(name)) for name in across]
    rows += [(f"{promotion.label(name)} (vanity)", None, row) for name, row in vanity.items()]
    return [
        {
            "title": one_line(title),
            "own": title == _SCORES["metric"],
            "between": _cell(first, "spearman"),
            "between_gain": _cell(first, "difference"),
            "within": _cell(second, "spearman"),
            "within_gain": _cell(second, "difference"),
        }
        for title, first, second in rows
    ]


def _points(points: float) -> str:
    return number(points, 2, signed=True)


def _cell(row: Mapping[str, Any] | None, key: str) -> str:
    estimate = None if row is None else Estimate.of(row.get(key))
    return DASH if estimate is None else str(estimate)


def _change(promotion: Promotion, change: Backcast, many: str) -> dict[str, Any]:
    last = change.last
    before, after = change.observation_days
    largest = max((part.mean_abs for part in change.parts), default=0.0)
    most = max((share for _, _, share in change.shifts), default=0.0)
    return {
        "cutoff": str(last.cutoff),
        "windows": ""
        if before == after
        else f"Events are counted in {after} days, before in {before} days.",
        "sentences": _sentences(last.change, last.turnover, many),
        "cutoffs": [
            {"name": str(each.cutoff), "turnover": percent(each.turnover), **_row(each.change)}
            for each in change.cutoffs
        ],
        "shifts": [
            {"name": _shift_name(low, high), "share": percent(share, 1), "bar": _bar(share, most)}
            for low, high, share in change.shifts
        ],
        "parts": [
            {
                "name": one_line(promotion.label(part.behaviour)),
                "factor": _FACTORS[part.factor],
                "mean": _points(part.mean),
                "size": number(part.mean_abs, 2),
                "bar": _bar(part.mean_abs, largest),
            }
            for part in change.parts
            if part.mean_abs > 0
        ],
        "total": _points(last.change.mean_change),
        "segments": [
            {"segment": one_line(each.segment), "name": one_line(each.value), **_row(each.change)}
            for each in change.segments
        ],
        "movers": [_mover(each, promotion) for each in change.movers],
        "quantiles": ", ".join(
            f"{percent(share)}: {_points(value)}" for share, value in change.quantiles
        ),
    }


def _sentences(change: ScoreChange, turnover: float, many: str) -> list[str]:
    return [
        f"The mean score of {number(change.customers, 0)} {many} goes from "
        f"{number(change.mean_before, 1)} to {number(change.mean_after, 1)} points; one score "
        f"changes by {number(change.mean_abs_change, 1)} points on average.",
        f"{percent(change.moved_share, 1)} of the {many} move by a tenth of the ranks or more, and "
        f"{percent(turnover, 1)} of the top tenth are new in it.",
    ]


def _row(change: ScoreChange) -> dict[str, str]:
    return {
        "customers": number(change.customers, 0),
        "before": number(change.mean_before, 1),
        "after": number(change.mean_after, 1),
        "mean": _points(change.mean_change),
        "moved": percent(change.moved_share, 1),
    }


def _mover(mover: Mover, promotion: Promotion) -> dict[str, Any]:
    parts = [part for part in mover.parts if abs(part.points) >= 0.005]
    why = [
        f"{_points(part.points)} {one_line(promotion.label(part.behaviour))} "
        f"({_FACTORS[part.factor]})"
        for part in sorted(parts, key=lambda part: -abs(part.points))
    ]
    return {
        "customer": one_line(mover.customer),
        "before": number(mover.before, 1),
        "after": number(mover.after, 1),
        "change": _points(mover.change),
        "ranks": f"{percent(mover.rank_before)} to {percent(mover.rank_after)}",
        "why": "; ".join(why),
    }


def _bar(share: float, most: float) -> str:
    if most <= 0:
        return ""
    return plots.bar_cell(share / most, tone="plain", label=percent(share / most))


def _shift_name(low: float, high: float) -> str:
    near, far = sorted((abs(low), abs(high)))
    if low < 0 < high:
        return f"less than {percent(far)} of the ranks"
    side = "up" if high > 0 else "down"
    return (
        f"{side} {percent(near)} or more"
        if far == 1
        else f"{side} {percent(near)} to {percent(far)}"
    )
