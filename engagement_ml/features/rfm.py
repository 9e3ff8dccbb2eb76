"""Purchase history: recency, frequency and monetary value (RFM), for adjustment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import narwhals as nw

from engagement_ml.features.daily_totals import daily_transactions
from engagement_ml.features.family import OBSERVATION, Feature, FeatureContext, FeatureFamily
from engagement_ml.features.window_aggregates import Total
from engagement_ml.inputs import Tables
from engagement_ml.windows import Window, Windows

PAST = "past"
TENURE = "history__tenure_days"

TRANSACTIONS = Total("n", "n", "sum", OBSERVATION)
_GAIN = Total("gain_before", "gain", "sum", OBSERVATION)
_LOSS = Total("loss_before", "loss", "sum", OBSERVATION)
_LAST = Total("last", "last", "max", PAST)


def _windows_at(tables: Tables, windows: Windows, cutoff: dt.date) -> Mapping[str, Window]:
    observation = windows.observation(cutoff)
    first = min(q.first.date() for q in tables.quality if q.table == "transactions" and q.first)
    return {OBSERVATION: observation, PAST: Window(min(first, observation.start), cutoff)}


def _past_margin(context: FeatureContext) -> nw.Expr:
    return (context.total(_GAIN) - context.total(_LOSS)).cast(nw.Float64) / 1e6


def _monetary_value(context: FeatureContext) -> nw.Expr:
    n = context.total(TRANSACTIONS)
    return nw.when(n > 0).then(_past_margin(context) / n)


FAMILY = FeatureFamily(
    prefix="history",
    title="Purchase history (RFM)",
    group="history",
    daily=daily_transactions,
    windows_at=_windows_at,
    features=(
        Feature(
            name="recency_days",
            formula="cutoff − time of the last transaction",
            unit="days, with fractions",
            window="all time before the cutoff",
            nulls="null before the first transaction",
            totals=(_LAST,),
            expression=lambda context: context.days_since(context.total(_LAST)),
        ),
        Feature(
            name="frequency",
            formula="number of transactions",
            unit="transactions",
            window="observation window",
            nulls="never null; 0 without transactions",
            totals=(TRANSACTIONS,),
            expression=lambda context: context.total(TRANSACTIONS).cast(nw.Float64),
        ),
        Feature(
            name="monetary_value",
            formula="mean margin per transaction",
            unit="currency",
            window="observation window",
            nulls="null without transactions in the window",
            totals=(TRANSACTIONS, _GAIN, _LOSS),
            expression=_monetary_value,
        ),
        Feature(
            name="tenure_days",
            formula="cutoff − entry (sign-up or, without one, first event or transaction)",
            unit="days, with fractions",
            window="all time before the cutoff",
            nulls="never null",
            expression=lambda context: context.days_since(context.entry),
        ),
        Feature(
            name="past_margin",
            formula="sum of margin",
            unit="currency",
            window="observation window",
            nulls="never null; 0 without transactions",
            totals=(_GAIN, _LOSS),
            expression=_past_margin,
        ),
    ),
)
