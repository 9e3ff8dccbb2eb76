"""The part of the monitor that needs outcomes: links and calibration; it calls early warnings."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml.config import PipelineConfig
from engagement_ml.inputs import Tables
from engagement_ml.lifecycle.monitoring.rows import CheckResult, MonitorRow
from engagement_ml.progress import Progress
from engagement_ml.records import RunRecord
from engagement_ml.windows import DAY, History, Windows
from engagement_ml.workflow.early_warnings import OutcomeChecks, no_warnings, warn_early
from engagement_ml.workflow.link_checks import CHURN_NOTE, OutcomeChanges, check_links
from engagement_ml.workflow.runs import Run
from engagement_ml.workflow.sampling import draw_training_sample, sample_detail

if TYPE_CHECKING:
    from engagement_ml.features import Panel
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
    link_rows, season = check_links(sampled, config, metric, record, look)
    progress.start("Checking the models' calibration")
    windows = past_windows(record.windows, sampled.history, look, config)
    panel, notes = _panel(sampled, config, windows)
    if config.churn.kind == "event" and link_rows:
        notes.append(CHURN_NOTE)
    rows = [*link_rows, *_calibration(run, record, panel, look, season)]
    progress.start("Looking for early warnings")
    if metric.abstained:
        return OutcomeChecks(CheckResult(tuple(rows), (*notes, NO_METRIC)), no_warnings())
    early = warn_early(run, tables, sampled, config, as_of, panel)
    found = CheckResult(
        (*rows, *early.result.rows), (*notes, *early.result.notes), early.result.details
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
    run: Run, record: RunRecord, panel: Panel | None, look: Look, season: OutcomeChanges
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
