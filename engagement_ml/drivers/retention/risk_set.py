"""The risk set of churn: who may churn when, and who does."""

from __future__ import annotations

import numpy as np

from engagement_ml._typing import BoolArray, Int64Array
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods


def churn_indicator(periods: Periods) -> BoolArray:
    """Mark the period in which each churned entity did so, shape (n, T).

    Entities still present in the last period on record are censored.
    """
    n_periods = periods.gain.shape[1]
    t = np.arange(n_periods)[None, :]
    churns = (t == periods.exit[:, None] - 1) & (periods.exit < n_periods)[:, None]
    return np.asarray(churns, dtype=np.bool_)


def risk_set(periods: Periods, spans: Spans, notice: int = 0) -> BoolArray:
    """Mark the cells in which an entity is at risk of churn and has some past on record, (n, T).

    The past ends before the notice periods. The last period is left out: whether an entity churns
    in it is not known.
    """
    n_periods = periods.gain.shape[1]
    t = np.arange(n_periods)[None, :]
    entry = periods.entry[:, None]
    has_past = t - notice >= np.where(entry > 0, entry + 1, spans.burn_in)
    return np.asarray(has_past & (t < periods.exit[:, None]) & (t < n_periods - 1))


def dummies(values: Int64Array) -> BoolArray:
    """Return a dummy for each value but the first, shape (N, K − 1)."""
    levels = np.unique(values)
    return np.asarray(values[:, None] == levels[None, 1:])
