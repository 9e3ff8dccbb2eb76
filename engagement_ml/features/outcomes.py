"""Outcomes of the panel: margin, gain, loss, transactions and churn in the outcome window."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

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


def _outcome(
    name: str,
    formula: str,
    totals: tuple[Total, ...],
    expression: Callable[[FeatureContext], nw.Expr],
    unit: str = "currency",
    nulls: str = "never null",
) -> Feature:
    return Feature(
        name=name,
        formula=formula,
        unit=unit,
        window="outcome window",
        nulls=nulls,
        totals=totals,
        expression=expression,
    )


_MARGINS = (
    _outcome(
        "margin",
        "gain − loss",
        (_GAIN, _LOSS),
        lambda context: (context.total(_GAIN) - context.total(_LOSS)) / MICRO,
    ),
    _outcome(
        "gain",
        "sum of the positive margins",
        (_GAIN,),
        lambda context: context.total(_GAIN) / MICRO,
    ),
    _outcome(
        "loss",
        "minus the sum of the negative margins",
        (_LOSS,),
        lambda context: context.total(_LOSS) / MICRO,
    ),
    _outcome(
        "transactions",
        "number of transactions",
        (_TRANSACTIONS,),
        lambda context: context.total(_TRANSACTIONS).cast(nw.Float64),
        unit="transactions",
    ),
)


def _outcomes(config: PipelineConfig) -> tuple[Feature, ...]:
    by_transaction = config.churn.kind == "no_transaction"
    churned = _outcome(
        "churned",
        "1 if the customer churned, else 0",
        (TRANSACTIONS, _TRANSACTIONS) if by_transaction else (),
        _without_transaction if by_transaction else _with_churn_event,
        unit="0 or 1",
        nulls="null if not at risk",
    )
    return (*_MARGINS, churned)


FAMILY = FeatureFamily(
    prefix="",
    title="Outcomes",
    features=_outcomes,
    daily=daily_transactions,
    windows_at=_windows_at,
)
