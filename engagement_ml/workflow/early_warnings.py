"""Early warnings from tables, and their backtest at past cutoffs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.features.daily_totals import daily_events
from engagement_ml.inputs import Tables
from engagement_ml.lifecycle.monitoring.rows import CheckResult
from engagement_ml.metric import EngagementMetric
from engagement_ml.windows import DAY
from engagement_ml.workflow.runs import Run

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features import Panel
    from engagement_ml.lifecycle.monitoring.early_warning import Falls
    from engagement_ml.lifecycle.monitoring.warning_backtest import PastWarnings

ALL_EVENTS = "all events"
"""All behaviours together. A metric's behaviours alone may be too rare to fall visibly."""

NO_BACKTEST = (
    "The early warnings could not be backtested: no outcome window has matured since the model was "
    "fitted."
)
NO_BASELINE = (
    "The backtest has no recency-frequency-monetary ranking, as the data holds no training cutoff."
)


@dataclass(frozen=True)
class OutcomeChecks:
    """Results of the checks that need outcomes.

    Attributes
    ----------
    result : CheckResult
        Its details hold ``early_warnings``: the number tested and warned, and the backtest.
    warnings : DataFrame
        A row per warned customer; see `early_warning.COLUMNS`.
    """

    result: CheckResult
    warnings: pd.DataFrame


def warn_early(
    run: Run,
    tables: Tables,
    sampled: Tables,
    config: PipelineConfig,
    as_of: dt.date,
    panel: Panel | None,
) -> OutcomeChecks:
    """Find customers below their own usual, and measure how good such warnings were.

    Parameters
    ----------
    run : Run
        Its metric must not abstain.
    tables, sampled : Tables
        All customers, who are warned of; and those whose past cutoffs are backtested.
    config : PipelineConfig
    as_of : date
        Events before this day are used.
    panel : Panel or None
        Features and outcomes of `sampled` at past cutoffs; None if no outcome has matured.
    """
    from engagement_ml.lifecycle.monitoring.early_warning import warning_row, window_days
    from engagement_ml.lifecycle.monitoring.warning_backtest import backtest, backtest_sentences

    metric = run.metric()
    days = window_days(metric)
    try:
        falls = falls_before(tables, config, metric, as_of)
    except NotEnoughDataError as error:
        note = f"There are no early warnings: {error}."
        return OutcomeChecks(CheckResult(notes=(note,)), no_warnings())
    notes = [NO_BACKTEST]
    result: dict[str, Any] | None = None
    if panel is not None:
        past, notes = _past_warnings(run, sampled, config, metric, panel)
        result = backtest(past, seed=config.random_seed)
        notes += backtest_sentences(result)
    details = {
        "days": days,
        "tested": int(falls.tested.sum()),
        "warned": int(falls.warned.sum()),
        "margin_at_stake": float(falls.margin_at_stake[falls.warned].sum()),
        "backtest": result,
    }
    row = warning_row(falls, metric, as_of - days * DAY, days)
    checked = CheckResult((row,), tuple(notes), {"early_warnings": details})
    return OutcomeChecks(checked, falls.table())


def no_warnings() -> pd.DataFrame:
    """Return an empty table of warnings."""
    import pandas as pd

    from engagement_ml.lifecycle.monitoring.early_warning import COLUMNS

    return pd.DataFrame({name: [] for name in COLUMNS})


def falls_before(
    tables: Tables, config: PipelineConfig, metric: EngagementMetric, as_of: dt.date
) -> Falls:
    """Compare each customer's last window before a day with the customer's own history.

    Only the counts of the metric's behaviours and of all events come to this process, and the
    margin, for 14 windows: about 0.5 KB per customer with three behaviours.

    Raises
    ------
    NotEnoughDataError
        If the history holds no whole window.
    """
    from engagement_ml.features import build_periods
    from engagement_ml.lifecycle.monitoring.early_warning import (
        HISTORY_WINDOWS,
        find_falls,
        window_days,
    )

    days = window_days(metric)
    names = {b.behaviour for b in metric.behaviours}
    start = max(tables.history.start, as_of - (HISTORY_WINDOWS + 1) * days * DAY)
    # Events may be newer than the last transaction, at which the history of outcomes ends.
    history = replace(tables.history, start=start, end=max(as_of, tables.history.end))
    present = tuple(name for name in tables.behaviours if name in names)
    narrow = replace(tables, behaviours=present, history=history)
    windows = build_periods(narrow, config, until=as_of, period_days=days)
    total = build_periods(_as_one_type(narrow, tables), config, until=as_of, period_days=days)
    both = replace(
        windows,
        behaviours=(*windows.behaviours, *total.behaviours),
        counts=np.concatenate([windows.counts, total.counts], axis=2),
    )
    return find_falls(both, metric)


def _as_one_type(narrow: Tables, tables: Tables) -> Tables:
    """Return tables in which all events of the behaviours have one event type."""
    name = ALL_EVENTS
    while name in tables.behaviours:
        name += "_"
    daily = daily_events(tables).filter(nw.col("event_type").is_in(tables.behaviours))
    ledger = daily.with_columns(event_type=nw.lit(name))
    return replace(narrow, behaviours=(name,), ledger=ledger)


def _past_warnings(
    run: Run, tables: Tables, config: PipelineConfig, metric: EngagementMetric, panel: Panel
) -> tuple[PastWarnings, list[str]]:
    """Return warnings and other rankings at the panel's test cutoffs, and notes on them."""
    from engagement_ml.lifecycle.monitoring.warning_backtest import CHURN, RFM, PastWarnings
    from engagement_ml.models.profit import RecencyFrequencyMonetary

    train, test = panel.part("train"), panel.part("test")
    frame = test.frame
    warned = np.zeros(len(frame), dtype=np.bool_)
    priority, usual = np.zeros(len(frame)), np.zeros(len(frame))
    for cutoff in frame["cutoff"].unique():
        rows = np.flatnonzero((frame["cutoff"] == cutoff).to_numpy())
        try:
            falls = falls_before(tables, config, metric, cutoff.date())
        except NotEnoughDataError:
            continue
        place = _places(frame["customer_id"].to_numpy()[rows], falls.entities)
        known = place >= 0
        warned[rows[known]] = falls.warned[place[known]]
        # Margin at stake, less so the likelier it is that nothing changed.
        unlikely = falls.margin_at_stake * (1.0 - falls.p_value)
        priority[rows[known]] = unlikely[place[known]]
        usual[rows[known]] = falls.usual_margin[place[known]]
    notes = []
    rankings: dict[str, FloatArray] = {}
    if len(train.frame):
        baseline = RecencyFrequencyMonetary().fit(train, config.random_seed)
        rankings[RFM] = usual - baseline.predict(test)
    else:
        notes.append(NO_BASELINE)
    rankings[CHURN] = run.models()[1].predict(test) * np.maximum(usual, 0.0)
    customers = np.unique(frame["customer_id"].to_numpy(), return_inverse=True)[1]
    cutoffs = np.unique(frame["cutoff"].to_numpy(), return_inverse=True)[1]
    later = frame["margin"].to_numpy(dtype=np.float64)
    return PastWarnings(customers, cutoffs, warned, priority, usual, later, rankings), notes


def _places(ids: Any, sorted_ids: Any) -> Any:
    """Return the place of each id among sorted ids, -1 if it is not there."""
    place = np.searchsorted(sorted_ids, ids)
    place = np.minimum(place, len(sorted_ids) - 1)
    return np.where(sorted_ids[place] == ids, place, -1)
