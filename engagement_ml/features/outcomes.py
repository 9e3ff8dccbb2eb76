"""Outcomes of the panel: margin, gain, loss, transactions and churn in the outcome window."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.features.daily_totals import daily_transactions
from engagement_ml.features.family import (
    OBSERVATION,
    Feature,
    FeatureContext,
    FeatureFamily,
    micros_of,
)
from engagement_ml.features.rfm import TRANSACTIONS
from engagement_ml.features.window_aggregates import Total
from engagement_ml.inputs import Tables
from engagement_ml.ledger.daily import MICRO
from engagement_ml.windows import Window, Windows

OUTCOME = "outcome"

_GAIN = Total("gain", "gain", "sum", OUTCOME)
_LOSS = Total("loss", "loss", "sum", OUTCOME)
_TRANSACTIONS = Total("transactions", "n", "sum", OUTCOME)


def _windows_at(tables: Tables, windows: Windows, cutoff: dt.date) -> Mapping[str, Window]:
    return {OBSERVATION: windows.observation(cutoff), OUTCOME: windows.outcome(cutoff)}


def _margin(context: FeatureContext) -> nw.Expr:
    return (context.total(_GAIN) - context.total(_LOSS)) / MICRO


def _without_transaction(context: FeatureContext) -> nw.Expr:
    """1 without a transaction in the outcome window, 0 with one; null if not at risk."""
    churned = context.total(_TRANSACTIONS) == 0
    stopped = nw.when(churned).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
    return nw.when(context.total(TRANSACTIONS) > 0).then(stopped)


def _with_churn_event(context: FeatureContext) -> nw.Expr:
    """1 with a churn event in the outcome window, 0 without one before its end, else null."""
    outcome = context.windows.outcome(context.cutoff)
    stays = context.exit.is_null() | (context.exit >= micros_of(outcome.end))
    # After a churn event in the gap a customer is not at risk when the outcome window opens.
    churned = nw.when(context.exit >= micros_of(outcome.start)).then(nw.lit(1.0))
    return nw.when(stays).then(nw.lit(0.0)).otherwise(churned)


def _outcomes(config: PipelineConfig) -> tuple[Feature, ...]:
    by_transaction = config.churn.kind == "no_transaction"
    shared = {"unit": "currency", "window": "outcome window", "nulls": "never null"}
    return (
        Feature(
            name="margin",
            formula="gain − loss",
            totals=(_GAIN, _LOSS),
            expression=_margin,
            **shared,
        ),
        Feature(
            name="gain",
            formula="sum of the positive margins",
            totals=(_GAIN,),
            expression=lambda context: context.total(_GAIN) / MICRO,
            **shared,
        ),
        Feature(
            name="loss",
            formula="minus the sum of the negative margins",
            totals=(_LOSS,),
            expression=lambda context: context.total(_LOSS) / MICRO,
            **shared,
        ),
        Feature(
            name="transactions",
            formula="number of transactions",
            totals=(_TRANSACTIONS,),
            expression=lambda context: context.total(_TRANSACTIONS).cast(nw.Float64),
            **shared | {"unit": "transactions"},
        ),
        Feature(
            name="churned",
            formula="1 if the customer churned, else 0",
            totals=(TRANSACTIONS, _TRANSACTIONS) if by_transaction else (),
            expression=_without_transaction if by_transaction else _with_churn_event,
            **shared | {"unit": "0 or 1", "nulls": "null if not at risk"},
        ),
    )


FAMILY = FeatureFamily(
    prefix="",
    title="Outcomes",
    features=_outcomes,
    daily=daily_transactions,
    windows_at=_windows_at,
)
