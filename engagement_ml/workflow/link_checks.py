"""Links to margin from tables, and how outcomes changed in the history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from engagement_ml._typing import BoolArray
from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.inputs import Tables
from engagement_ml.lifecycle.monitoring.rows import MonitorRow
from engagement_ml.metric import EngagementMetric
from engagement_ml.records import RunRecord
from engagement_ml.windows import DAY

if TYPE_CHECKING:
    from engagement_ml.drivers.estimation.spans import Spans
    from engagement_ml.features import Periods
    from engagement_ml.lifecycle.monitoring.link_estimates import LinkWindows
    from engagement_ml.lifecycle.monitoring.spending import Look

CHURN_NOTE = (
    "Churn is an event here, and the drivers' effects on churn are not followed: their links are "
    "the rank correlations with later margin."
)


@dataclass(frozen=True)
class OutcomeChanges:
    """Log changes of mean margin and of the churn rate, from one outcome window to the next."""

    margin: tuple[float, ...] = ()
    churn: tuple[float, ...] = ()


def outcome_changes(periods: Periods, outcome: int) -> OutcomeChanges:
    """Return how outcomes changed from one outcome window to the next, over the whole history.

    Margin is the mean of the customers who are present in all of a window. Churn is the share
    without an order in a window, of those with one in the window before it. A change is left out
    unless both values are positive.
    """
    net = periods.gain - periods.loss
    ends = range(net.shape[1], periods.paid_from + outcome - 1, -outcome)
    margins: list[float] = []
    orders: list[BoolArray] = []
    for end in ends:
        window = slice(end - outcome, end)
        here = (periods.entry <= end - outcome) & (periods.exit >= end)
        margins.append(float(net[here, window].sum()) / max(int(here.sum()), 1))
        orders.append(periods.orders[:, window].sum(axis=1) > 0)
    lapsed = [
        float((earlier & ~later).sum()) / max(int(earlier.sum()), 1)
        for later, earlier in pairwise(orders)
    ]
    return OutcomeChanges(_log_changes(margins), _log_changes(lapsed))


def _log_changes(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(math.log(a / b) for a, b in pairwise(values) if a > 0 and b > 0)


def check_links(
    tables: Tables,
    config: PipelineConfig,
    metric: EngagementMetric,
    record: RunRecord,
    look: Look,
) -> tuple[list[MonitorRow], OutcomeChanges]:
    """Return the rows on links, and how outcomes changed in the history.

    The link of a driver is its effect within customers. The link of an indicator, and of a driver
    of churn, is its rank correlation with later margin.
    """
    from engagement_ml.drivers.estimation.spans import spans_from_config
    from engagement_ml.features import build_periods
    from engagement_ml.lifecycle.monitoring.links import place_windows, unknown_links

    spans = spans_from_config(config.windows)
    names = [b.behaviour for b in metric.behaviours]
    titles = {b.behaviour: b.title for b in metric.behaviours}
    present = tuple(name for name in tables.behaviours if name in names)

    def unknown(subjects: Sequence[str], reason: str) -> list[MonitorRow]:
        return unknown_links(subjects, reason, look.until, titles)

    subjects = [*names, "score"] if names else []
    try:
        periods = build_periods(tables, config, until=look.until, period_days=spans.period_days)
    except NotEnoughDataError as error:
        return unknown(subjects, str(error)), OutcomeChanges()
    changes = outcome_changes(periods, spans.outcome)
    if metric.abstained:
        return [], changes
    missing = [name for name in names if name not in present]
    gone = unknown(missing, "its link cannot be checked, as the data has no event of it")
    if not present:
        reason = "its link cannot be checked, as the data has no event of its behaviours"
        return [*gone, *unknown(["score"], reason)], changes
    windows = place_windows(periods, spans, record.windows.fit_until, look)
    if isinstance(windows, str):
        return [*gone, *unknown([*present, "score"], windows)], changes
    rows = _rows(periods, config, metric, spans, windows, look, titles)
    return [*gone, *rows], changes


def _rows(
    periods: Periods,
    config: PipelineConfig,
    metric: EngagementMetric,
    spans: Spans,
    windows: LinkWindows,
    look: Look,
    titles: dict[str, str],
) -> list[MonitorRow]:
    from engagement_ml.drivers.study import segment_groups
    from engagement_ml.lifecycle.monitoring.link_estimates import estimate_links
    from engagement_ml.lifecycle.monitoring.links import MOVES, PREDICTS, link_rows
    from engagement_ml.lifecycle.monitoring.rank_links import estimate_rank_links

    start = periods.start + windows.recent * spans.period_days * DAY
    if metric.evidence != "driver" or config.churn.kind == "event":
        estimates = estimate_rank_links(periods, metric, spans, windows)
        return link_rows(estimates, look, start, link=PREDICTS, titles=titles)
    estimates = estimate_links(periods, metric, spans, windows, segment_groups(periods))
    return link_rows(estimates, look, start, link=MOVES, titles=titles)
