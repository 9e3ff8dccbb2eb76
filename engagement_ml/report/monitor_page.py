"""The page of the monitor: alarms first, with small charts of the weekly volumes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from engagement_ml.formatting import DASH, day, number, quantity
from engagement_ml.report.interactive import POLICY
from engagement_ml.report.page import environment
from engagement_ml.report.svg import Scale, drawing, element, shortest

MOST_CHARTS = 24
_TITLES = {
    "alarm": "Alarms",
    "warning": "Warnings",
    "unknown": "Not checked",
    "ok": "As expected",
}


def render_monitor(result: Mapping[str, Any]) -> str:
    """Return the content of ``monitor.json`` as a self-contained HTML page.

    Parameters
    ----------
    result : mapping
        The result of ``MonitorResult.to_dict``.
    """
    rows = result["rows"]
    groups = [
        {
            "key": status,
            "title": title,
            "rows": [_shown(row) for row in rows if row["status"] == status],
        }
        for status, title in _TITLES.items()
    ]
    volumes = result["details"].get("volumes") or {"weeks": [], "series": {}}
    return environment().get_template("monitor.html.j2").render(
        policy=POLICY,
        name=result["model"],
        headline=headline(rows),
        as_of=day(result["as_of"]),
        groups=[group for group in groups if group["rows"]],
        charts=_charts(rows, volumes),
        notes=result["notes"],
    )  # fmt: skip


def headline(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the number of alarms and warnings in a sentence.

    Examples
    --------
    >>> headline([{"status": "ok"}, {"status": "alarm"}])
    '1 alarm, 0 warnings'
    >>> headline([{"status": "ok"}])
    'Nothing unusual'
    """
    alarms, warnings = (
        sum(row["status"] == status for row in rows) for status in ("alarm", "warning")
    )
    if not alarms and not warnings:
        return "Nothing unusual"
    return f"{quantity(alarms, 'alarm')}, {quantity(warnings, 'warning')}"


def _shown(row: Mapping[str, Any]) -> dict[str, str]:
    cells = {key: _number(row[key]) for key in ("value", "expected", "low", "high")}
    texts = {key: str(row[key]) for key in ("kind", "subject", "sentence")}
    return {**texts, **cells, "period": day(row["period"])}


def _number(value: float | None) -> str:
    return DASH if value is None else number(value, 0 if abs(value) >= 100 else 2)


def _charts(rows: Sequence[Mapping[str, Any]], volumes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a chart of each volume, in the order of the rows."""
    subjects = [row["subject"] for row in rows if row["kind"] == "volume"]
    weeks = volumes["weeks"]
    return [
        {"subject": subject, "svg": _chart(subject, volumes["series"][subject], weeks)}
        for subject in subjects[:MOST_CHARTS]
        if subject in volumes["series"] and len(weeks) > 1
    ]


def _chart(subject: str, series: Mapping[str, Any], weeks: Sequence[str]) -> Markup:
    """Draw the events of each week, and what was expected as a pale line."""
    counts, expected = series["events"], series["expected"]
    known = [value for value in (*counts, *expected) if value is not None]
    scale = Scale.over(known)
    first, last = (dt.date.fromisoformat(week) for week in (weeks[0], weeks[-1]))
    label = f"{subject}: events per week from {day(first)} to {day(last)}"
    return drawing(
        label,
        _line(expected, scale, "expected"),
        _line(counts, scale, "events"),
        class_="weeks",
        stretched=True,
    )


def _line(values: Sequence[float | None], scale: Scale, kind: str) -> Markup:
    step = 100 / max(len(values) - 1, 1)
    parts, pen = [], "M"
    for place, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        y = 100 - scale.percent(float(value))
        parts.append(f"{pen}{shortest(place * step)},{shortest(y)}")
        pen = "L"
    return element("path", d=" ".join(parts), class_=kind, vector_effect="non-scaling-stroke")
