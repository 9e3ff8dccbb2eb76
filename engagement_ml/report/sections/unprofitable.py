"""Engaged customers who cost more than they bring: how many, who they are, what they do more of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.drivers.evidence import UnprofitableRow
from engagement_ml.formatting import count, first_upper, listed, number, one_line, percent, sentence
from engagement_ml.profiles import ProfileGroup, UnprofitableProfile
from engagement_ml.report import plots
from engagement_ml.report.section import Section
from engagement_ml.report.svg import Scale
from engagement_ml.report.view import Run

_TOP_QUARTER = "with the highest 25% of scores"
"""Who is engaged in records of versions without a profile."""

_EMPTY: dict[str, Any] = {
    "engaged": "", "cutoff": "", "mean": "", "reason": "", "groups": [], "notes": [], "rows": []
}  # fmt: skip


def build(run: Run) -> dict[str, Any] | None:
    """Return how many there are, their loss, groups and behaviours; None if not measured."""
    profile = run.record.further.profile
    if profile is not None:
        return _of_profile(run, profile)
    found = run.record.evidence.unprofitable
    if found is None:
        return None
    return _EMPTY | {
        "who": _TOP_QUARTER,
        **_numbers(run, found.n_engaged, found.n_unprofitable, found.margin_lost),
        "share": percent(found.share),
        "rows": _rows(run, found.behaviours),
    }


def _of_profile(run: Run, profile: UnprofitableProfile) -> dict[str, Any]:
    if profile.engaged_from is None:
        return _EMPTY | {"reason": sentence(first_upper(one_line(profile.reason or "")))}
    groups = profile.groups
    scale = plots.interval_scale([(g.net_margin, g.low, g.high) for g in groups])
    return _EMPTY | {
        "who": f"with a score of {number(profile.engaged_from, 0)} or more",
        **_numbers(run, profile.n_engaged, profile.n_unprofitable, profile.margin_lost),
        "cutoff": profile.cutoff,
        "mean": ""
        if profile.net_margin is None
        else run.money.estimate(profile.net_margin, profile.low, profile.high),
        "reason": f"{one_line(profile.reason)}." if profile.reason else "",
        "groups": [_group(run, group, scale) for group in groups],
        "scale": scale,
        "ticks": scale.ticks(run.money.tick) if groups else [],
        "verdict": _verdict(run, groups),
        "notes": [sentence(one_line(note)) for note in profile.notes],
        "rows": _rows(run, profile.behaviours),
    }


def _numbers(run: Run, engaged: int, unprofitable: int, lost: float) -> dict[str, Any]:
    return {
        "engaged": number(engaged, 0),
        "unprofitable": number(unprofitable, 0),
        "share": percent(unprofitable / engaged) if engaged else "",
        "lost": run.money(abs(lost), 0) if lost else "",
        "outcome_days": run.outcome_days,
    }


def _verdict(run: Run, groups: Sequence[ProfileGroup]) -> str:
    """Return what the groups show; empty without any."""
    if not groups:
        return ""
    losing = [group for group in groups if group.loses]
    if not losing:
        return "Groups differ in what they earn, and none of them is known to lose money."
    n = sum(group.n_entities for group in losing)
    names = listed(f"“{one_line(group.rule)}”" for group in losing)
    which = "One group loses" if len(losing) == 1 else f"{number(len(losing))} groups lose"
    return f"{which} money: {names} ({number(n, 0)} {run.entities})."


def _group(run: Run, group: ProfileGroup, scale: Scale) -> dict[str, Any]:
    rule = first_upper(one_line(group.rule))
    estimate = (group.net_margin, group.low, group.high)
    return {
        "rule": rule,
        "n": number(group.n_entities, 0),
        "plot": plots.interval_cell(
            scale,
            estimate,
            tone="bad" if group.loses else "plain",
            label=f"{rule}: {run.money(group.net_margin)}",
        ),
        "net": run.money(group.net_margin),
        "interval": run.money.spread(group.low, group.high),
        "share": percent(group.unprofitable_share),
        "share_interval": f"{percent(group.share_low)} to {percent(group.share_high)}",
        "loses": group.loses,
    }


def _rows(run: Run, rows: Sequence[UnprofitableRow]) -> list[dict[str, Any]]:
    largest = max((row.ratio or 0.0 for row in rows), default=0.0)
    return [_row(run, row, largest) for row in rows]


def _row(run: Run, row: UnprofitableRow, largest: float) -> dict[str, Any]:
    label = run.label(row.behaviour)
    times = number(None) if row.ratio is None else f"{number(row.ratio, 1)}×"
    return {
        "label": label,
        "ratio": times,
        "unprofitable": count(row.mean_unprofitable),
        "profitable": count(row.mean_profitable),
        "bar": plots.bar_cell(
            row.ratio / largest,
            tone="bad" if row.ratio > 1 else "plain",
            label=f"{label}: {times} as many events",
        )
        if row.ratio is not None and largest > 0
        else "",
    }


def _tables(run: Run) -> Mapping[str, Sequence[Any]]:
    found = run.record.evidence.unprofitable
    return {} if found is None else {"unprofitable.csv": found.behaviours}


UNPROFITABLE = Section(
    "unprofitable",
    "Engaged but unprofitable",
    "unprofitable.html.j2",
    build,
    tables=_tables,
)
