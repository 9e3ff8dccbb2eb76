"""What is measured of past transactions, for adjustment: recency, frequency, monetary value."""

from __future__ import annotations

import narwhals as nw

from engagement_ml.features.behaviours import OBSERVATION, Feature, days_since
from engagement_ml.features.window_aggregates import Total

PAST, OUTCOME = "past", "outcome"
TENURE = "history__tenure_days"
OUTCOMES = ("margin", "gain", "loss", "transactions", "churned")

_N = Total("n", "n", "sum", OBSERVATION)
_GAIN = Total("gain_before", "gain", "sum", OBSERVATION)
_LOSS = Total("loss_before", "loss", "sum", OBSERVATION)
_LAST = Total("last", "last", "max", PAST)
OUTCOME_TOTALS = (
    Total("gain", "gain", "sum", OUTCOME),
    Total("loss", "loss", "sum", OUTCOME),
    Total("transactions", "n", "sum", OUTCOME),
)


def _past_margin() -> nw.Expr:
    return (nw.col("gain_before") - nw.col("loss_before")).cast(nw.Float64) / 1e6


def _monetary_value(_: int) -> nw.Expr:
    n = nw.col("n")
    return nw.when(n > 0).then(_past_margin() / n)


FEATURES: tuple[Feature, ...] = (
    Feature(
        name="recency_days",
        formula="cutoff − time of the last transaction",
        unit="days, with fractions",
        window="all before the cutoff",
        nulls="null where there is no transaction yet",
        totals=(_LAST,),
        expression=lambda _: days_since(nw.col("last")),
        absent=None,
    ),
    Feature(
        name="frequency",
        formula="number of transactions",
        unit="transactions",
        window="observation window",
        nulls="never null; 0 where there is none",
        totals=(_N,),
        expression=lambda _: nw.col("n").cast(nw.Float64),
        absent=0.0,
    ),
    Feature(
        name="monetary_value",
        formula="mean margin of a transaction",
        unit="currency",
        window="observation window",
        nulls="null where there is no transaction in the window",
        totals=(_N, _GAIN, _LOSS),
        expression=_monetary_value,
        absent=None,
    ),
    Feature(
        name="tenure_days",
        formula="cutoff − entry (sign-up or, without one, first event or transaction)",
        unit="days, with fractions",
        window="all before the cutoff",
        nulls="never null",
        totals=(),
        expression=None,
        absent=None,
    ),
    Feature(
        name="past_margin",
        formula="sum of margin",
        unit="currency",
        window="observation window",
        nulls="never null; 0 where there is no transaction",
        totals=(_N, _GAIN, _LOSS),
        expression=lambda _: _past_margin(),
        absent=0.0,
    ),
)
