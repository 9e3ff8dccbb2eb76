"""HTML table of verdicts, weights and worth per event, which a fitted model shows in notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.formatting import DASH, Money, number, one_line
from engagement_ml.metric import EngagementMetric
from engagement_ml.metric.evidence import caution
from engagement_ml.plots.style import (
    VERDICT_COLOURS,
    behaviour_labels,
    sorted_drivers,
    verdict_text,
)
from engagement_ml.records import RunRecord

_MOST_ROWS = 15
_CELL = "padding:2px 10px;text-align:{align};border-bottom:1px solid #ddd"


def summary_html(record: RunRecord) -> str:
    """Return a self-contained piece of HTML; all text of the run is escaped.

    Parameters
    ----------
    record : RunRecord

    Returns
    -------
    str
        A table of at most 15 behaviours, the selected first: label, verdict, weight, and worth of
        one more event with its 95% interval.
    """
    rows, metric = sorted_drivers(record), EngagementMetric.from_dict(record.metric)
    parts = [_paragraph(Markup("<b>{}</b>").format(_headline(record, metric)))]
    if metric.abstained:
        parts.append(_paragraph(Markup("No metric: {}").format(one_line(metric.reason or ""))))
    parts.append(_table(rows, behaviour_labels(record), metric, Money(record.currency)))
    if (note := caution(metric.evidence)) and not metric.abstained:
        parts.append(_paragraph(Markup("<i>{}</i>").format(note)))
    parts.append(_paragraph(_note(rows, record, metric)))
    return str(Markup("<div>{}</div>").format(Markup("").join(parts)))


def _headline(record: RunRecord, metric: EngagementMetric) -> str:
    name = one_line(record.name)
    if metric.abstained:
        return f"{name}: no behaviour is in the metric"
    kind = "indicators" if metric.evidence == "indicator" else "drivers"
    return f"{name}: engagement score from 0 to 100, made of {kind} of margin"


def _table(
    rows: Sequence[DriverRow], labels: Mapping[str, str], metric: EngagementMetric, money: Money
) -> Markup:
    heads = (
        ("behaviour", "left"),
        ("verdict", "left"),
        ("weight", "right"),
        ("one more event is worth", "right"),
        ("95% interval", "left"),
    )
    head = Markup("").join(_cell("th", text, align) for text, align in heads)
    weights = {b.behaviour: b.weight for b in metric.behaviours}
    body = Markup("").join(
        _row(row, labels[row.behaviour], weights, money) for row in rows[:_MOST_ROWS]
    )
    return Markup(
        '<table style="border-collapse:collapse">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table>"
    ).format(head, body)


def _row(row: DriverRow, label: str, weights: Mapping[str, float], money: Money) -> Markup:
    weight = weights.get(row.behaviour)
    amounts = money.estimate(row.effect, row.effect_low, row.effect_high)
    value, _, interval = amounts.partition(" (")
    cells = (
        _cell("td", label, "left"),
        _cell("td", verdict_text(row), "left", VERDICT_COLOURS.get(row.verdict)),
        _cell("td", "" if weight is None else number(weight, 1), "right"),
        _cell("td", value, "right"),
        _cell("td", interval.removesuffix(")") or DASH, "left"),
    )
    return Markup("<tr>{}</tr>").format(Markup("").join(cells))


def _cell(tag: str, text: str, align: str, colour: str | None = None) -> Markup:
    style = _CELL.format(align=align) + (f";color:{colour};font-weight:bold" if colour else "")
    return Markup(f'<{tag} style="{style}">{escape(text)}</{tag}>')


def _note(rows: Sequence[DriverRow], record: RunRecord, metric: EngagementMetric) -> Markup:
    text = (
        f"Worth: change of one {one_line(record.entity)}'s margin over {metric.outcome_days} days "
        f"for one more event in {metric.observation_days} days."
    )
    left_out = len(rows) - _MOST_ROWS
    if left_out > 0:
        text += f" {left_out} more behaviours are in drivers_."
    return Markup("<small>{}</small>").format(text)


def _paragraph(content: Markup) -> Markup:
    return Markup("<p>{}</p>").format(content)
