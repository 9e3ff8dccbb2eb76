"""Checks of the amounts of transactions: one currency, and revenue that was dropped."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.errors import ConfigError, InputError, Report, stop
from engagement_ml.formatting import Money, listed, percent, quantity
from engagement_ml.tables.quality import TableQuality
from engagement_ml.yaml_line import yaml_line

WORTH_A_NOTE = 0.01
"""A larger share of revenue, or of rows, that is dropped gets a note."""
_CODE_LENGTH = 3


def money_notes(
    engine: Engine,
    config: PipelineConfig,
    transactions: nw.LazyFrame[Any],
    quality: TableQuality,
    report: Report = stop,
) -> tuple[str, ...]:
    """Check that all amounts are in one currency, and say how much revenue was dropped.

    Problems are given to `report`, which by default raises the first.

    Raises
    ------
    InputError
        If the column ``currency`` holds several currencies.
    ConfigError
        If it holds another code than the key ``currency``.
    """
    notes = _currency_notes(engine, config, transactions, quality, report)
    for dropped in quality.dropped:
        if (dropped.revenue_share or 0) > WORTH_A_NOTE:
            lost = Money(config.currency)(dropped.revenue)
            notes.append(
                f"{quality.source}: {quantity(dropped.rows, 'row')} dropped without a margin, with "
                f"{lost} of revenue ({percent(dropped.revenue_share, 1)}); fill in the missing "
                "cost."
            )
        if dropped.reason == "repeated transaction_id" and (
            dropped.rows > WORTH_A_NOTE * quality.rows_read
        ):
            notes.append(
                f"{quality.source}: {quantity(dropped.rows, 'row')} dropped because of a repeated "
                "transaction_id; if they are lines of one order, call the column order_id."
            )
    return tuple(notes)


def _currency_notes(
    engine: Engine,
    config: PipelineConfig,
    transactions: nw.LazyFrame[Any],
    quality: TableQuality,
    report: Report,
) -> list[str]:
    if "currency" not in transactions.collect_schema().names():
        return []
    code = nw.col("currency").str.strip_chars().str.to_uppercase().alias("currency")
    counted = transactions.select(code).group_by("currency").agg(nw.len().alias("n"))
    rows = {row["currency"]: row["n"] for row in engine.rows(counted, source=quality.source)}
    missing = rows.pop(None, 0)
    if len(rows) > 1:
        largest = sorted(rows, key=lambda each: (-rows[each], each))[:5]
        found = listed([f"{each} ({quantity(rows[each], 'row')})" for each in largest])
        report(
            InputError(
                f"{quality.source}: column 'currency' holds {found}, which must not be added up; "
                "convert all amounts to one currency, or give the rows of one"
            )
        )
        return []
    for found in rows:
        if len(found) == _CODE_LENGTH and found != config.currency.upper():
            report(
                ConfigError(
                    f"key 'currency': is {config.currency}, but column 'currency' of "
                    f"{quality.source} holds {found}; write '{yaml_line('currency', found)}'"
                )
            )
    if rows and missing:
        return [
            f"{quality.source}: {quantity(missing, 'row')} without a currency counted as "
            f"{next(iter(rows))}."
        ]
    return []
