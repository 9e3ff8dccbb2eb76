"""Measures of purchases: orders, revenue and margin."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.features.daily_totals import daily_transactions
from engagement_ml.ledger.daily import MICRO
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.functions import ratio


def _margin_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    def frame() -> nw.LazyFrame[Any]:
        return daily_transactions(context.tables)

    margin = (nw.col("gain") - nw.col("loss")).sum()
    return Rows("transactions", frame, {"margin": margin}, on_board=True)


FAMILY = (
    MeasureDefinition(
        name="margin_per_customer",
        title="Margin per customer",
        kind=ratio("margin", "on_board", scale=1 / MICRO),
        unit="currency",
        better="more",
        formula="margin / customers on board",
        needs="transactions",
        rows=_margin_rows,
        edge_cases="May be negative.",
    ),
)
