"""Variation within customers, approximated from a sample of rows without whole histories."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.spans import spans_from_config
from engagement_ml.drivers.estimation.window_effect import NORMAL_95, estimate_window_effect
from engagement_ml.inputs import Tables
from engagement_ml.readiness.variation import (
    LARGEST_SHARE,
    LIMIT,
    MODEL_FACTOR,
    BehaviourVariation,
    Variation,
    advice_on,
)
from engagement_ml.windows import Windows


def approximate_variation(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    share: float,
    paid_share: float = 1.0,
) -> Variation:
    """Approximate standard errors by those of a regression on counts without memory.

    If the counts of different periods are independent, the covariance of the lag coefficients is
    σ² / (n T v · width of the lag group), with σ² the variance of margin per customer and period,
    n T the customers and periods in training, and v the variance of the count per period. The
    latter is the mean count times its dispersion within a day, Σ n² / Σ n, which a sample of
    rows shows.

    Parameters
    ----------
    tables : Tables
        Samples of events and of transactions, or all of them.
    config : PipelineConfig
        Churn is inactivity.
    windows : Windows
    share, paid_share : float
        Shares of the events and of the transactions in the samples.
    """
    spans = spans_from_config(config.windows)
    paid = _margin(tables)
    customers = max(1, _population(tables, share, paid_share))
    trained = min(customers, config.sample.customers or customers)
    n_periods = max(1, (windows.fit_until - tables.history.start).days // spans.period_days)
    all_periods = max(1.0, tables.history.days / spans.period_days)
    cells = customers * all_periods
    mean = float(paid["sum"] or 0.0) / paid_share / cells
    variance = max(float(paid["squares"] or 0.0) / paid_share / cells - mean**2, 0.0)
    base = _Base(
        share=share,
        customers=customers,
        all_periods=all_periods,
        window=spans.observation,
        error=MODEL_FACTOR * _unit_error(spans.lags) * math.sqrt(variance / (trained * n_periods)),
        mean_margin=mean * spans.outcome,
    )
    counted = {row["event_type"]: row for row in _counts(tables)}
    return Variation(
        customers=customers,
        trained_on=trained,
        measured_on=0,
        buyers=None,
        repeat_buyers=None,
        periods=n_periods,
        period_days=spans.period_days,
        mean_margin=base.mean_margin,
        smallest_interest=config.select.smallest_effect * abs(base.mean_margin),
        obstacle=None,
        churned=None,
        hazard_ratio=None,
        behaviours=tuple(
            _behaviour(name, counted[name], base, config) for name in tables.behaviours
        ),
    )


@dataclass(frozen=True)
class _Base:
    """What all behaviours share; `error` is the standard error at a variance of 1 per period."""

    share: float
    customers: int
    all_periods: float
    window: int
    error: float
    mean_margin: float


def _behaviour(
    name: str, row: Mapping[str, Any], base: _Base, config: PipelineConfig
) -> BehaviourVariation:
    n = row["n"]
    dispersion = row["squares"] / n
    per_period = n / base.share / base.customers / base.all_periods
    error = base.error / math.sqrt(per_period * dispersion)
    # The variance between customers, without what the thinning by the sample adds.
    variance = max(row["by_customer"] / base.customers - (n / base.customers) ** 2, 0.0)
    between = max(variance - dispersion * n / base.customers, 0.0) / base.share**2
    within = dispersion * per_period * base.window
    deviation = math.sqrt((base.window / base.all_periods) ** 2 * between + within)
    smallest = LIMIT * error
    margin = abs(base.mean_margin)
    effect_share = smallest * deviation / margin if margin and error else None
    return BehaviourVariation(
        behaviour=name,
        role=config.behaviour(name).role,
        events=round(n / base.share),
        customers_share=None,
        varying_share=None,
        deviation=deviation,
        standard_error=error or None,
        smallest_effect=smallest or None,
        smallest_share=effect_share,
        reachable=effect_share is not None and effect_share <= LARGEST_SHARE,
        advice=advice_on(effect_share, True, effect_share is not None, config),
    )


def _unit_error(lags: Lags) -> float:
    """Return the standard error of a window effect if each lag's coefficient has variance 1."""
    widths = np.array([last - first + 1 for first, last in lags.groups], dtype=float)
    influence = np.diag(1.0 / np.sqrt(widths))[:, None, :]
    none = np.zeros((1, len(widths)))
    effects = LagEffects(("events",), lags, none, influence, np.zeros(1))
    estimate = estimate_window_effect(effects, 0)
    return (estimate.high - estimate.effect) / NORMAL_95


def _margin(tables: Tables) -> dict[str, Any]:
    """Return the sums of margins and of their squares."""
    margin = nw.col("margin")
    sums = tables.transactions.select(sum=margin.sum(), squares=(margin * margin).sum())
    return tables.engine.rows(sums, source="transactions")[0]


def _population(tables: Tables, share: float, paid_share: float) -> int:
    """Return the number of customers: of buyers or of active ones, whichever are more."""
    assert tables.ledger is not None
    one = tables.transactions.select("customer_id", n=nw.lit(1))
    return max(
        _estimated_number(tables, one, paid_share),
        _estimated_number(tables, tables.ledger.select("customer_id", "n"), share),
    )


def _estimated_number(tables: Tables, rows: nw.LazyFrame[Any], share: float) -> int:
    """Return the number of customers behind a sample of rows (Chao 1984).

    Those that the sample does not hold are about f₁² / 2 f₂, with f₁ customers who are in it once
    and f₂ who are in it twice.
    """
    counted = rows.group_by("customer_id").agg(nw.col("n").sum().alias("n"))
    n = nw.col("n")
    sums = counted.select(
        all=nw.len(),
        once=nw.when(n == 1).then(nw.lit(1)).sum(),
        twice=nw.when(n == 2).then(nw.lit(1)).sum(),
    )
    (row,) = tables.engine.rows(sums, source="customers")
    seen, once, twice = (int(row[name] or 0) for name in ("all", "once", "twice"))
    missing = once**2 / (2 * twice) if share < 1 and twice else 0.0
    return round(seen + missing)


def _counts(tables: Tables) -> list[dict[str, Any]]:
    """Return by event type the sums of daily counts, of their squares, and of squares by customer.

    All are of the events in the sample.
    """
    assert tables.ledger is not None
    n = nw.col("n")
    by_customer = tables.ledger.group_by("customer_id", "event_type").agg(
        n.sum().cast(nw.Float64).alias("n"),
        (n * n).sum().cast(nw.Float64).alias("squares"),
    )
    sums = by_customer.group_by("event_type").agg(
        nw.col("n").sum().alias("n"),
        nw.col("squares").sum().alias("squares"),
        (nw.col("n") * nw.col("n")).sum().alias("by_customer"),
    )
    return tables.engine.rows(sums, source="events")
