"""The part of the monitor that needs outcomes: links and calibration; it calls early warnings."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml._typing import BoolArray
from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.inputs import Tables
from engagement_ml.lifecycle.monitoring.rows import CheckResult, MonitorRow
from engagement_ml.metric import EngagementMetric
from engagement_ml.progress import Progress
from engagement_ml.records import RunRecord
from engagement_ml.windows import DAY, History, Windows
from engagement_ml.workflow.early_warnings import OutcomeChecks, no_warnings, warn_early
from engagement_ml.workflow.runs import Run
from engagement_ml.workflow.sampling import draw_training_sample, sample_detail

if TYPE_CHECKING:
    from engagement_ml.drivers.estimation.spans import Spans
    from engagement_ml.features import Panel, Periods
    from engagement_ml.lifecycle.monitoring.spending import Look

MAX_CUTOFFS = 9
"""Past cutoffs, the last ones, that calibration and the backtest use."""

TRAIN_CUTOFFS = 3
"""Training cutoffs, the last ones, that the recency-frequency-monetary baseline is fitted to."""

NO_METRIC = "The metric abstained, so there are no links to check and no behaviours to warn of."


def check_outcomes(
    run: Run,
    tables: Tables,
    config: PipelineConfig,
    as_of: dt.date,
    progress: Progress | None = None,
) -> OutcomeChecks:
    """Check links and calibration on matured outcomes, and find early warnings.

    Links, calibration and the backtest are measured on as many customers as training used; early
    warnings are given for all customers.

    Parameters
    ----------
    run : Run
    tables : Tables
        All customers; their engine must be open.
    config : PipelineConfig
        With the windows, the groups of event types and the random seed of the training.
    as_of : date
        Data before this day is used.
    progress : Progress, optional
    """
    from engagement_ml.lifecycle.monitoring.spending import latest_look

    progress = progress or Progress()
    record, metric = run.record(), run.metric()
    until = min(as_of, tables.history.end)
    maturity = metric.gap_days + metric.outcome_days
    look = latest_look(record.windows.history.end, until, maturity)
    sampled, sample = draw_training_sample(tables, config, record.windows, progress)
    progress.start("Checking links to margin", sample_detail(sample, config.entity))
    link_rows, season = _links(sampled, config, metric, record, look)
    progress.start("Checking the models' calibration")
    windows = past_windows(record.windows, sampled.history, look, config)
    panel, panel_notes = _panel(sampled, config, windows)
    rows = [*link_rows, *_calibration(run, record, panel, look, season)]
    progress.start("Looking for early warnings")
    if metric.abstained:
        return OutcomeChecks(CheckResult(tuple(rows), (*panel_notes, NO_METRIC)), no_warnings())
    early = warn_early(run, tables, sampled, config, as_of, panel)
    found = CheckResult(
        (*rows, *early.result.rows), (*panel_notes, *early.result.notes), early.result.details
    )
    return OutcomeChecks(found, early.warnings)


def past_windows(
    trained: Windows, history: History, look: Look, config: PipelineConfig
) -> Windows | None:
    """Return the last cutoffs after the fit with matured outcomes, and the last ones before it.

    None if no outcome window has matured since the fit.
    """
    maturity = (trained.gap_days + trained.outcome_days) * DAY
    first = history.start + trained.observation_days * DAY
    unseen = trained.fit_until - trained.gap_days * DAY
    test: list[dt.date] = []
    cutoff = look.until - maturity
    while len(test) < MAX_CUTOFFS and cutoff >= max(unseen, first):
        test.append(cutoff)
        cutoff -= config.windows.every_days * DAY
    if not test:
        return None
    train = tuple(c for c in trained.train if c >= first)[-TRAIN_CUTOFFS:]
    return replace(trained, train=train, test=tuple(test[::-1]), history=history)


def _links(
    tables: Tables,
    config: PipelineConfig,
    metric: EngagementMetric,
    record: RunRecord,
    look: Look,
) -> tuple[list[MonitorRow], Changes]:
    """Return the rows on links, and how outcomes changed in the history."""
    from engagement_ml.drivers.estimation.spans import spans_from_config
    from engagement_ml.drivers.study import segment_groups
    from engagement_ml.lifecycle.monitoring.link_estimates import estimate_links
    from engagement_ml.lifecycle.monitoring.links import (
        link_rows,
        place_windows,
        unknown_links,
    )

    spans = spans_from_config(config.windows)
    names = [b.behaviour for b in metric.behaviours]
    present = tuple(name for name in tables.behaviours if name in names)
    subjects = [*names, "score"] if names else []
    if config.churn.kind == "event":
        reason = "is not checked, as it acts on churn, which this version checks only by training"
        return unknown_links(subjects, reason, look.until), Changes()
    try:
        periods = _periods(replace(tables, behaviours=present), config, look.until, spans)
    except NotEnoughDataError as error:
        return unknown_links(subjects, str(error), look.until), Changes()
    season = outcome_changes(periods, spans.outcome)
    if metric.abstained:
        return [], season
    missing = [name for name in names if name not in present]
    gone = unknown_links(missing, "there is no event of it in the data", look.until)
    if not present:
        score = unknown_links(["score"], "there is no event of its behaviours", look.until)
        return [*gone, *score], season
    windows = place_windows(periods, spans, record.windows.fit_until, look)
    if isinstance(windows, str):
        return [*gone, *unknown_links([*present, "score"], windows, look.until)], season
    start = periods.start + windows.recent * spans.period_days * DAY
    estimates = estimate_links(periods, metric, spans, windows, segment_groups(periods))
    return [*gone, *link_rows(estimates, look, start)], season


def _periods(tables: Tables, config: PipelineConfig, until: dt.date, spans: Spans) -> Periods:
    from engagement_ml.features import build_periods

    return build_periods(tables, config, until=until, period_days=spans.period_days)


@dataclass(frozen=True)
class Changes:
    """Log changes of mean margin and of the churn rate, from one outcome window to the next."""

    margin: tuple[float, ...] = ()
    churn: tuple[float, ...] = ()


def outcome_changes(periods: Periods, outcome: int) -> Changes:
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
    return Changes(_log_changes(margins), _log_changes(lapsed))


def _log_changes(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(math.log(a / b) for a, b in pairwise(values) if a > 0 and b > 0)


def _panel(
    tables: Tables, config: PipelineConfig, windows: Windows | None
) -> tuple[Panel | None, list[str]]:
    from engagement_ml.features import build_panel

    if windows is None:
        return None, [
            "No outcome window has matured since the model was fitted, so neither calibration nor "
            "the backtest of early warnings could be measured."
        ]
    return build_panel(tables, config, windows), []


def _calibration(
    run: Run, record: RunRecord, panel: Panel | None, look: Look, season: Changes
) -> list[MonitorRow]:
    """Return the rows on both models."""
    from engagement_ml.lifecycle.monitoring.calibration import Outcomes, calibration_rows

    profit, churn = run.models()
    rows: list[MonitorRow] = []
    test = None if panel is None else panel.part("test")
    for name, model, outcome in (("profit", profit, "margin"), ("churn", churn, "churned")):
        none = np.zeros(0)
        outcomes = Outcomes(none.astype(np.int64), none.astype("datetime64[D]"), none, none)
        if test is not None:
            observed = test.frame[outcome].to_numpy(dtype=np.float64, na_value=np.nan)
            known = np.isfinite(observed)
            outcomes = Outcomes(
                np.unique(test.frame["customer_id"], return_inverse=True)[1],
                test.frame["cutoff"].to_numpy().astype("datetime64[D]"),
                model.predict(test),
                observed,
            ).at(known)
        rows += calibration_rows(
            name,
            outcomes,
            look,
            matured_after=record.windows.history.end,
            outcome_days=record.windows.gap_days + record.windows.outcome_days,
            season=season.margin if name == "profit" else season.churn,
            unit=record.currency if name == "profit" else "",
        )
    return rows
