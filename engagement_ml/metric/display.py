"""Displays of a metric, for terminals and notebooks: the heaviest behaviour first."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from engagement_ml.metric.behaviour import WeightedBehaviour, heaviest_first
from engagement_ml.metric.evidence import caution, evidence_name
from engagement_ml.metric.transforms import Transform

if TYPE_CHECKING:
    from engagement_ml.metric.definition import EngagementMetric

_HEAD = ("behaviour", "weight", "95% interval", "full points from", "response")
_NO_INTERVAL = "–"
_CELL = "padding:2px 10px;text-align:left;border-bottom:1px solid #ddd"
_BAR = "display:inline-block;height:10px;background:#2a6f97;vertical-align:middle"


def as_text(metric: EngagementMetric) -> str:
    """Return name, evidence and a table of the weights, as plain text."""
    lines = [_headline(metric)]
    if metric.abstained:
        lines.append(f"  abstained: {metric.reason}")
    else:
        rows = [_HEAD, *(_row(behaviour) for behaviour in heaviest_first(metric.behaviours))]
        widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
        for row in rows:
            cells = [
                cell.rjust(width) if place == 1 else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append(("  " + "  ".join(cells)).rstrip())
    if note := caution(metric.evidence):
        lines.append(f"  {note}")
    lines.append(f"  definition {metric.definition_hash[:12]}")
    return "\n".join(lines)


def as_html(metric: EngagementMetric) -> str:
    """Return the same as self-contained HTML, with all text of the metric escaped."""
    parts = [f"<p><b>{escape(_headline(metric))}</b></p>"]
    if metric.abstained:
        parts.append(f"<p>Abstained: {escape(metric.reason or '')}</p>")
    else:
        head = "".join(f'<th style="{_CELL}">{escape(title)}</th>' for title in ("", *_HEAD))
        body = "".join(_html_row(behaviour) for behaviour in heaviest_first(metric.behaviours))
        parts.append(
            '<table style="border-collapse:collapse">'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )
    if note := caution(metric.evidence):
        parts.append(f"<p><i>{escape(note)}</i></p>")
    parts.append(f"<p><small>definition {metric.definition_hash[:12]}</small></p>")
    return f"<div>{''.join(parts)}</div>"


def describe_response(transform: Transform) -> str:
    """Return the shape of a transform in a few words.

    Examples
    --------
    >>> describe_response(Transform("hill", scale=3, shape=2, cap=20))
    'Hill curve (half at 3, shape 2)'
    """
    if transform.kind == "hill":
        return f"Hill curve (half at {transform.scale:.4g}, shape {transform.shape:.4g})"
    return f"logarithmic (scale {transform.scale:.4g})" if transform.kind == "log1p" else "linear"


def _headline(metric: EngagementMetric) -> str:
    return (
        f"EngagementMetric '{metric.name}' · evidence: {evidence_name(metric.evidence)} · "
        f"score 0 to 100 from {metric.observation_days} days of events"
    )


def _row(behaviour: WeightedBehaviour) -> tuple[str, ...]:
    low, high = behaviour.weight_low, behaviour.weight_high
    interval = _NO_INTERVAL if low is None or high is None else f"{low:.1f} to {high:.1f}"
    return (
        behaviour.title,
        f"{behaviour.weight:.1f}",
        interval,
        f"{behaviour.transform.cap:.4g} {behaviour.unit}",
        describe_response(behaviour.transform),
    )


def _html_row(behaviour: WeightedBehaviour) -> str:
    bar = f'<span style="{_BAR};width:{behaviour.weight:.0f}px"></span>'
    cells = [bar, *(escape(cell) for cell in _row(behaviour))]
    return "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells) + "</tr>"
