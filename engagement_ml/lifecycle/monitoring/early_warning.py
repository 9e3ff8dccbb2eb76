"""Early warnings: customers who fall below their own usual, by the margin at stake.

Each customer is compared with the customer's own history, so that being small is no warning. The
false discovery rate is held by the procedure of Benjamini and Hochberg (1995).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, IntArray
from engagement_ml.features.period_panel import Periods
from engagement_ml.formatting import quantity
from engagement_ml.lifecycle.monitoring.rows import MonitorRow
from engagement_ml.lifecycle.monitoring.usual_counts import UsualCounts, compare_with_usual
from engagement_ml.metric import EngagementMetric

if TYPE_CHECKING:
    import pandas as pd

KIND = "early_warning"
FALSE_DISCOVERY_RATE = 0.10
"""Largest expected share of the warned customers whose rate has not fallen."""

HISTORY_WINDOWS = 13
"""Windows of history: a year of four weeks, so that it holds each season once."""

WINDOWS_PER_OBSERVATION = 3
"""The latest window is this fraction of the observation window: 28 of 84 days."""

NEWCOMER_WINDOWS = 1
"""First windows after a known entry that are not usual: newcomers do more, and then less."""

COLUMNS = (
    "rank",
    "customer_id",
    "behaviour",
    "count",
    "usual_count",
    "p_value",
    "q_value",
    "usual_margin",
    "margin_at_stake",
)


@dataclass(frozen=True)
class Falls:
    """Each customer's largest fall below the customer's own usual, and what is at stake.

    Attributes
    ----------
    entities : array (n,)
        Ids.
    behaviour : int array (n,)
        Position of the behaviour that fell most, in ``behaviours``.
    count, usual_count : arrays (n,)
        Its events in the latest window, and the usual number.
    p_value, q_value : arrays (n,)
        Adjusted for the behaviours of a customer; and for all customers (Benjamini-Hochberg). 1 for
        customers that are not tested.
    tested, warned : bool arrays (n,)
    usual_margin, margin_at_stake : arrays (n,)
        Margin of an outcome window at the rate of the history; and its share that falls away if
        margin falls as the count did.
    """

    entities: FloatArray
    behaviours: tuple[str, ...]
    behaviour: IntArray
    count: FloatArray
    usual_count: FloatArray
    p_value: FloatArray
    q_value: FloatArray
    tested: BoolArray
    warned: BoolArray
    usual_margin: FloatArray
    margin_at_stake: FloatArray

    @property
    def order(self) -> IntArray:
        """The warned customers, the largest margin at stake first."""
        warned = np.flatnonzero(self.warned)
        return np.asarray(warned[np.argsort(-self.margin_at_stake[warned], kind="stable")])

    def table(self) -> pd.DataFrame:
        """Return the warned customers with `COLUMNS`, the largest margin at stake first."""
        import pandas as pd

        rows = self.order
        names = np.array(self.behaviours, dtype=object)
        values = (
            np.arange(1, len(rows) + 1),
            self.entities[rows],
            names[self.behaviour[rows]] if len(names) else np.zeros(0, dtype=object),
            self.count[rows].astype(np.int64),
            self.usual_count[rows].round(2),
            self.p_value[rows],
            self.q_value[rows],
            self.usual_margin[rows].round(2),
            self.margin_at_stake[rows].round(2),
        )
        return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))


def window_days(metric: EngagementMetric) -> int:
    """Return the length of the latest window, and of each window of history, in days.

    Whole weeks, if the observation window is long enough, as customers have their days of the week.

    Examples
    --------
    >>> from engagement_ml.metric import EngagementMetric
    >>> metric = EngagementMetric("shop", "driver", 84, 84, (), reason="an example")
    >>> window_days(metric)
    28
    """
    days = max(1, metric.observation_days // WINDOWS_PER_OBSERVATION)
    return days // 7 * 7 if days >= 7 else days


def find_falls(
    windows: Periods,
    metric: EngagementMetric,
    *,
    rate: float = FALSE_DISCOVERY_RATE,
) -> Falls:
    """Find customers whose latest count of some behaviour is below their own usual.

    Parameters
    ----------
    windows : Periods
        Counts and margins of windows of `window_days` days; the last one is the latest. At most
        `HISTORY_WINDOWS` before it are used. All their behaviours are tested.
    metric : EngagementMetric
        Gives the length of an outcome window.
    rate : float
        The false discovery rate.
    """
    names = windows.behaviours
    first = max(0, windows.counts.shape[1] - 1 - HISTORY_WINDOWS)
    present = _present(windows)[:, first:]
    # Newcomers share a movement of their own: what is new wears off.
    newcomer = (windows.entry > first).astype(np.int64)
    usual: list[UsualCounts] = []
    for b in range(len(names)):
        counts = windows.counts[:, first:, b].astype(np.float64)
        usual.append(compare_with_usual(counts, present, newcomer))
    return _combined(windows, metric, names, usual, present, first, rate)


def _present(windows: Periods) -> BoolArray:
    """Return the windows in which a customer is here, without the first ones after entry."""
    t = np.arange(windows.counts.shape[1])
    entry = np.where(windows.entry > 0, windows.entry + NEWCOMER_WINDOWS, 0)
    return np.asarray((t >= entry[:, None]) & (t < windows.exit[:, None]))


def _combined(
    windows: Periods,
    metric: EngagementMetric,
    names: tuple[str, ...],
    usual: list[UsualCounts],
    present: BoolArray,
    first: int,
    rate: float,
) -> Falls:
    """Combine the behaviours of each customer (Bonferroni) and adjust for all customers."""
    n = len(windows.entities)
    p_values = np.stack([u.p_value for u in usual], axis=1) if usual else np.ones((n, 1))
    tested_by = np.stack([u.tested for u in usual], axis=1) if usual else np.zeros((n, 1), bool)
    best = p_values.argmin(axis=1)
    at = (np.arange(n), best)
    tested = np.asarray(tested_by.any(axis=1))
    p_value = np.minimum(p_values[at] * np.maximum(tested_by.sum(axis=1), 1), 1.0)
    q_value = np.ones(n)
    q_value[tested] = benjamini_hochberg(p_value[tested])
    count = np.stack([u.observed for u in usual], axis=1)[at] if usual else np.zeros(n)
    usual_count = np.stack([u.expected for u in usual], axis=1)[at] if usual else np.zeros(n)
    net = (windows.gain - windows.loss)[:, first:-1]
    history = present[:, :-1]
    per_window = np.where(history, net, 0.0).sum(axis=1) / np.maximum(history.sum(axis=1), 1)
    usual_margin = per_window * metric.outcome_days / windows.period_days
    lost = np.clip(1.0 - count / np.maximum(usual_count, 1e-12), 0.0, 1.0)
    return Falls(
        entities=windows.entities,
        behaviours=names,
        behaviour=best,
        count=count,
        usual_count=usual_count,
        p_value=p_value,
        q_value=q_value,
        tested=tested,
        warned=tested & (q_value <= rate) & (count < usual_count),
        usual_margin=usual_margin,
        margin_at_stake=np.where(tested, np.maximum(usual_margin, 0.0) * lost, 0.0),
    )


def benjamini_hochberg(p_values: FloatArray) -> FloatArray:
    """Return p-values adjusted to the false discovery rate (step-up), in the order given.

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, 0.5, 0.02])).round(3).tolist()
    [0.03, 0.5, 0.03]
    """
    n = len(p_values)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * n / np.arange(1, n + 1)
    adjusted = np.empty(n)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def warning_row(falls: Falls, metric: EngagementMetric, period: dt.date, days: int) -> MonitorRow:
    """Return a row with the number of warned customers; it is never an alarm."""
    n, tested = int(falls.warned.sum()), int(falls.tested.sum())
    noun = metric.entity
    sentence = (
        f"no {noun} can be tested yet: more history, more events or more customers are needed."
    )
    if tested:
        at_stake = float(falls.margin_at_stake[falls.warned].sum())
        sentence = (
            f"{quantity(n, noun)} of {tested:,} tested did less than their own usual in the last "
            f"{days} days, with {at_stake:,.0f} {metric.currency} of margin at stake; on average "
            f"at most {FALSE_DISCOVERY_RATE:.0%} of such warnings are chance."
            if n
            else f"no {noun} of {tested:,} tested did clearly less than the own usual in the last "
            f"{days} days."
        )
    return MonitorRow(
        kind=KIND,
        subject=noun,
        period=period,
        value=float(n) if tested else None,
        expected=None,
        low=None,
        high=None,
        status="ok" if tested else "unknown",
        sentence=sentence[:1].upper() + sentence[1:],
    )
