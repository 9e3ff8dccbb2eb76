"""Rows of the scorecard's table: a value for each measure, period and group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engagement_ml.measures.compute import Measured
from engagement_ml.measures.context import ALL, TOUCHPOINT
from engagement_ml.scorecard.card import MeasureCard, Value
from engagement_ml.scorecard.cards import CardContext, series_of, shown_value, trend_of
from engagement_ml.scorecard.statuses import status_of

COLUMNS = (
    "measure", "stage", "touchpoint", "segment", "period", "value", "low", "high", "unit", "n",
    "numerator", "denominator", "target", "status", "trend", "trend_low", "trend_high", "link",
    "owner",
)  # fmt: skip
TEXTS = ("measure", "stage", "touchpoint", "segment", "period", "unit", "status", "link", "owner")
COUNTS = ("n",)


def rows_of(
    measured: Iterable[Measured], cards: Sequence[MeasureCard], context: CardContext
) -> list[dict[str, Any]]:
    """Return the rows of ``scorecard.parquet``, measure by measure; see `COLUMNS`.

    ``touchpoint`` and ``segment`` (such as ``region: north``) are null in rows of all customers.
    The trend is that of the row's group over all periods. A measure whose data the tables lack
    has one row for each period, without a value.
    """
    by_name = {card.name: card for card in cards}
    return [
        row for each in measured if each.name in by_name
        for row in _rows(each, by_name[each.name], context)
    ]  # fmt: skip


def _rows(measured: Measured, card: MeasureCard, context: CardContext) -> list[dict[str, Any]]:
    empty = {label: Value(note="no data") for label in context.labels}
    whole = series_of(measured, ALL, "", context.labels) or empty
    rows = _of_group(card, whole, None, None)
    smallest = context.config.scorecard.smallest_group
    for dimension, groups in measured.estimates.items():
        if dimension == ALL or dimension in context.hidden:
            continue
        for group in sorted(groups):
            if group:
                values = series_of(measured, dimension, group, context.labels)
                series = {label: shown_value(v, smallest) for label, v in values.items()}
                touched = dimension == TOUCHPOINT
                segment = f"{context.names.get(dimension, dimension)}: {group}"
                names = (group, None) if touched else (None, segment)
                rows += _of_group(card, series, *names)
    return rows


def _of_group(
    card: MeasureCard, series: dict[str, Value], touchpoint: str | None, segment: str | None
) -> list[dict[str, Any]]:
    trend = trend_of(list(series.values()), card.better)
    return [
        {
            "measure": card.name,
            "stage": card.stage,
            "touchpoint": touchpoint,
            "segment": segment,
            "period": label,
            "value": value.value,
            "low": value.low,
            "high": value.high,
            "unit": card.unit,
            "n": value.n,
            "numerator": value.numerator,
            "denominator": value.denominator,
            "target": card.target,
            "status": _status(value, card),
            "trend": trend.slope,
            "trend_low": trend.low,
            "trend_high": trend.high,
            "link": card.link.kind,
            "owner": card.owner,
        }
        for label, value in series.items()
    ]


def _status(value: Value, card: MeasureCard) -> str:
    status = status_of(value, card.target, card.warning, card.better)
    return "no data" if status == "no target" and value.value is None else status
