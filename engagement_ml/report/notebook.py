"""A fitted model in a notebook: verdicts, weights and worth as one compact table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from engagement_ml.formatting import DASH, Money, number, one_line
from engagement_ml.metric import EngagementMetric
from engagement_ml.metric.display import INDICATOR_CAUTION
from engagement_ml.records import RunRecord

Row = Mapping[str, Any]
_MOST_ROWS = 15
_CELL = "padding:2px 10px;text-align:{align};border-bottom:1px solid #ddd"
_COLOURS = {"driver": "#0072B2", "harmful": "#D55E00"}
_ORDER = {"driver": 1, "harmful": 2}


def model_html(record: RunRecord, metric: EngagementMetric) -> str:
    """Return a self-contained piece of HTML; all text of the run is escaped.

    Parameters
    ----------
    record : RunRecord
    metric : EngagementMetric
        The record's metric.

    Returns
    -------
    str
        A table of at most 15 behaviours, the selected first: label, verdict, weight, and worth of
        one more event with its 95% interval.
    """
    rows = sorted(
        record.drivers,
        key=lambda row: (not row["selected"], _ORDER.get(row["verdict"], 3), row["shap_rank"]),
    )
    parts = [_paragraph(Markup("<b>{}</b>").format(_headline(record, metric)))]
    if metric.abstained:
        parts.append(_paragraph(Markup("No metric: {}").format(one_line(metric.reason or ""))))
    parts.append(_table(rows, metric, Money(record.currency)))
    if metric.evidence == "indicator" and not metric.abstained:
        parts.append(_paragraph(Markup("<i>{}</i>").format(INDICATOR_CAUTION)))
    parts.append(_paragraph(_note(rows, record, metric)))
    return str(Markup("<div>{}</div>").format(Markup("").join(parts)))


def _headline(record: RunRecord, metric: EngagementMetric) -> str:
    name = one_line(record.name)
    if metric.abstained:
        return f"{name}: no behaviour is in the metric"
    kind = "indicators" if metric.evidence == "indicator" else "drivers"
    return f"{name}: engagement score from 0 to 100, made of {kind} of margin"


def _table(rows: Sequence[Row], metric: EngagementMetric, money: Money) -> Markup:
    heads = (
        ("behaviour", "left"),
        ("verdict", "left"),
        ("weight", "right"),
        ("one more event is worth", "right"),
        ("95% interval", "left"),
    )
    head = Markup("").join(_cell("th", text, align) for text, align in heads)
    weights = {b.behaviour: b.weight for b in metric.behaviours}
    body = Markup("").join(_row(row, weights, money) for row in rows[:_MOST_ROWS])
    return Markup(
        '<table style="border-collapse:collapse">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table>"
    ).format(head, body)


def _row(row: Row, weights: Mapping[str, float], money: Money) -> Markup:
    weight = weights.get(str(row["behaviour"]))
    amounts = money.estimate(row["effect"], row["effect_low"], row["effect_high"])
    value, _, interval = amounts.partition(" (")
    verdict = row["verdict"] + (" (tested)" if row.get("basis") == "experiment" else "")
    cells = (
        _cell("td", one_line(row.get("label") or row["behaviour"]), "left"),
        _cell("td", verdict, "left", _COLOURS.get(row["verdict"])),
        _cell("td", "" if weight is None else number(weight, 1), "right"),
        _cell("td", value, "right"),
        _cell("td", interval.removesuffix(")") or DASH, "left"),
    )
    return Markup("<tr>{}</tr>").format(Markup("").join(cells))


def _cell(tag: str, text: str, align: str, colour: str | None = None) -> Markup:
    style = _CELL.format(align=align) + (f";color:{colour};font-weight:bold" if colour else "")
    return Markup(f'<{tag} style="{style}">{escape(text)}</{tag}>')


def _note(rows: Sequence[Row], record: RunRecord, metric: EngagementMetric) -> Markup:
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
