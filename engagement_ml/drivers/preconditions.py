"""What the data must hold before an effect is identified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engagement_ml.drivers.estimation.lag_model import estimation_sample
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.retention.risk_set import churn_indicator, risk_set
from engagement_ml.drivers.thresholds import Thresholds
from engagement_ml.features.period_panel import Periods


@dataclass(frozen=True)
class Obstacle:
    """Why effects are not identified.

    Attributes
    ----------
    kind : str
        What there is too little of.
    found, needed : int
    period_days : int
    """

    kind: Literal["periods", "periods after a window", "buyers", "repeat buyers", "churned"]
    found: int
    needed: int
    period_days: int


def within_obstacle(periods: Periods, spans: Spans, thresholds: Thresholds) -> Obstacle | None:
    """Return why within-customer effects are not identified, or None."""
    cells = estimation_sample(periods, spans.burn_in)
    n_periods = periods.gain.shape[1] - spans.burn_in
    needed = max(thresholds.min_periods, spans.observation // 2)
    days = periods.period_days
    if n_periods < needed:
        return Obstacle("periods", max(n_periods, 0), needed, days)
    paying_periods = ((periods.gain > 0) & cells).sum(axis=1)
    buyers = int((paying_periods > 0).sum())
    if buyers < thresholds.min_buyers:
        return Obstacle("buyers", buyers, thresholds.min_buyers, days)
    repeat_buyers = int((paying_periods > 1).sum())
    if repeat_buyers < thresholds.min_repeat_buyers * buyers:
        needed = int(thresholds.min_repeat_buyers * buyers)
        return Obstacle("repeat buyers", repeat_buyers, needed, days)
    return None


def churn_obstacle(periods: Periods, spans: Spans, thresholds: Thresholds) -> Obstacle | None:
    """Return why effects on churn are not identified, or None."""
    n_periods = periods.gain.shape[1] - spans.observation
    days = periods.period_days
    if n_periods < thresholds.min_periods:
        kind: Literal["periods after a window"] = "periods after a window"
        return Obstacle(kind, max(n_periods, 0), thresholds.min_periods, days)
    churned = int((churn_indicator(periods) & risk_set(periods, spans)).sum())
    if churned < thresholds.min_churned:
        return Obstacle("churned", churned, thresholds.min_churned, days)
    return None
