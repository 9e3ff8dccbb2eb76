"""Churn as no transaction in the outcome window: effects on it from weeks with a purchase.

There is no event to model, so the estimate is that of weeks with a purchase, within customers. With
effects in proportion to how often a customer buys, and weeks that are Poisson given the customer,
P(none) changes by ``−Δ P(one) / mean``. Δ is the change of the mean number of weeks with a purchase
in the window, P(one) the share of windows with exactly one: under a mixed Poisson distribution it
is E[λ exp(−λ)].
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engagement_ml._typing import BoolArray
from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.drivers.outcome_search import judge_outcome
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import Thresholds
from engagement_ml.features.panel import Panel
from engagement_ml.features.period_panel import Periods
from engagement_ml.formatting import number
from engagement_ml.outcomes.churn.verdicts import Verdicts, as_churn, churn_level
from engagement_ml.windows import Windows


def verdicts_by_purchases(
    periods: Periods,
    panel: Panel | None,
    windows: Windows,
    free: PipelineConfig,
    thresholds: Thresholds,
) -> Verdicts:
    """Return effects on the chance of no purchase, from weeks with one."""
    periods = since_first_purchase(periods)
    buys = periods.orders > 0
    weekly = replace(periods, gain=buys.astype(np.float64), loss=np.zeros(buys.shape))
    config = free.model_copy(update={"currency": "weeks"})
    study = Study(weekly, None, windows, config, thresholds)
    judged = judge_outcome(weekly, None, windows, config, name="buying", thresholds=thresholds)
    n = len(periods.entities)
    if judged.obstacle is not None:
        return Verdicts(
            (), {}, churn_level(panel), n, f"there are {judged.obstacle}", notes=judged.notes
        )
    share, per_week = one_purchase(buys, study.spans, periods)
    changes = {}
    for row in judged.rows:
        if row.effect is None or row.effect_low is None or row.effect_high is None:
            continue
        kept = [100.0 * per_week * v for v in (row.effect, row.effect_low, row.effect_high)]
        flat = np.zeros(0)
        changes[row.behaviour] = as_churn(
            WindowEffect(kept[0], kept[1], kept[2], row.z or 0.0, flat, flat)
        )
    days = free.windows.outcome_days
    note = (
        f"Churn is no purchase in {days} days. Effects on it are those on the number of periods of "
        f"{periods.period_days} days with a purchase, times the share of windows with exactly one "
        f"({number(100 * share, 1)}%) over their mean number: this holds if effects are in "
        "proportion to how often a customer buys."
    )
    return Verdicts(
        judged.rows, changes, churn_level(panel), n, None, judged.converged, (note, *judged.notes)
    )


def since_first_purchase(periods: Periods) -> Periods:
    """Return customers who have bought, from the period after their first purchase on.

    Who has not bought cannot churn: without this, an effect on the first purchase would pass as one
    on churn.
    """
    buys = periods.orders > 0
    first = buys.argmax(axis=1) + 1
    entry = np.maximum(periods.entry, first).astype(np.int32)
    keep = buys.any(axis=1) & (entry < periods.exit)
    later = np.arange(buys.shape[1])[None, :] >= entry[:, None]
    orders = np.where(later, periods.orders, np.float32(0.0))
    return replace(
        periods,
        entities=periods.entities[keep],
        counts=periods.counts[keep],
        gain=periods.gain[keep],
        loss=periods.loss[keep],
        orders=orders[keep],
        entry=entry[keep],
        exit=periods.exit[keep],
        segments={column: values[keep] for column, values in periods.segments.items()},
    )


def one_purchase(buys: BoolArray, spans: Spans, periods: Periods) -> tuple[float, float]:
    """Return the share of windows with one purchase, of those at risk, and it over the mean of all.

    At risk are customers with a purchase in the observation window. The second value is the fall
    of the chance of no purchase for one more period with a purchase, on average over all customers.

    Parameters
    ----------
    buys : bool array (n, T)
    spans : Spans
    periods : Periods
    """
    total = np.concatenate([np.zeros((len(buys), 1)), np.cumsum(buys, axis=1)], axis=1)
    last = buys.shape[1] - spans.outcome - spans.gap
    one = at_risk = n = 0.0
    mean = 0.0
    for c in range(spans.observation, last + 1):
        present = (periods.entry < c) & (periods.exit > c)
        before = total[present, c] - total[present, c - spans.observation]
        start = c + spans.gap
        window = total[present, start + spans.outcome] - total[present, start]
        active = before > 0
        one += float((window[active] == 1).sum())
        at_risk += float(active.sum())
        mean += float(window.sum())
        n += float(present.sum())
    share = one / at_risk if at_risk else 0.0
    return share, share / (mean / n) if mean > 0 else 0.0
