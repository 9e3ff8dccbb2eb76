"""Data of a contest: panels, and the score of each contestant on their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.evaluation.baselines import (
    best_single_behaviour,
    count_frame,
    counts_of,
)
from engagement_ml.evaluation.names import BEST_SINGLE, FULL, RFM, TOTAL
from engagement_ml.formatting import plural
from engagement_ml.inputs import Tables
from engagement_ml.inputs.external_scores import (
    ScoresTable,
    check_meeting,
    read_scores_table,
    scores_at,
)
from engagement_ml.windows import Windows
from engagement_ml.workflow.contest_plan import Plan, rows_of
from engagement_ml.workflow.contestants import Contestant
from engagement_ml.workflow.metric_builder import score_function
from engagement_ml.workflow.observation_panels import panel_with_window

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features import Panel


@dataclass(frozen=True)
class ContestData:
    """What a contest needs of the tables, read once; the engine may be closed afterwards.

    Attributes
    ----------
    panel : Panel
        With the observation window of the pipeline.
    panels : dict of int to Panel
        By observation window in days, for the contestants of each; `panel` among them.
    external : dict of str to DataFrame
        Scores from elsewhere at the cutoffs, by contestant; see ``scores_at``.
    notes : dict of str to tuple of str
        What was dropped from each table of scores.
    """

    panel: Panel
    panels: Mapping[int, Panel]
    external: Mapping[str, pd.DataFrame]
    notes: Mapping[str, tuple[str, ...]]


def read_contest_data(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    plan: Plan,
    contestants: Sequence[Contestant],
    *,
    max_age_days: int,
) -> ContestData:
    """Build the panels, and look up the scores from elsewhere.

    Raises
    ------
    InputError
        If a table of scores cannot be used, or has none of the customers.
    """
    from engagement_ml.features import build_panel
    from engagement_ml.features.behaviours import FAMILY

    opened: dict[str, ScoresTable] = {
        each.name: read_scores_table(tables.engine, config, each.scores)
        for each in contestants
        if each.kind == "scores"
    }
    panel = build_panel(tables, config, windows)
    panels = {windows.observation_days: panel}
    for each in contestants:
        if each.metric is None or each.metric.observation_days in panels:
            continue
        days = each.metric.observation_days
        # Without models only counts are needed.
        families = None if each.kind == "run" else (FAMILY,)
        panels[days] = panel_with_window(tables, config, windows, days, families)
    external = {}
    for name, table in opened.items():
        customers = panel.frame["customer_id"]
        check_meeting(tables.engine, table, customers, config.entity)
        external[name] = scores_at(
            tables.engine, table, customers, plan.cutoffs, max_age_days=max_age_days
        )
    return ContestData(panel, panels, external, {n: t.notes for n, t in opened.items()})


def scores_on_rows(
    rows: Panel, plan: Plan, data: ContestData, contestants: Sequence[Contestant]
) -> dict[str, FloatArray]:
    """Return each contestant's score on each row, NaN if it has none; abstaining ones are left out.

    Raises
    ------
    InputError
        If none of a metric's behaviours is in the data.
    """
    scores: dict[str, FloatArray] = {}
    for each in contestants:
        if each.name in data.external:
            scores[each.name] = looked_up(rows, data.external[each.name], "score")
        elif each.metric is not None and (score := score_function(each.metric)) is not None:
            own = rows_of(data.panels[each.metric.observation_days], plan)
            counts = count_frame(own)
            assert np.array_equal(own.frame["customer_id"], rows.frame["customer_id"])
            scores[each.name] = score(counts)
    return scores


def looked_up(rows: Panel, external: pd.DataFrame, column: str) -> FloatArray:
    """Return a column of ``scores_at`` on each row, NaN without a score."""
    import pandas as pd

    keys = pd.DataFrame(
        {
            "customer_id": rows.frame["customer_id"].astype(str).to_numpy(),
            "cutoff": rows.frame["cutoff"].astype("datetime64[us]").to_numpy(),
        }
    )
    found = keys.merge(external, on=["customer_id", "cutoff"], how="left")
    values: FloatArray = found[column].to_numpy(dtype=np.float64)
    return values


def baselines_on_rows(
    data: ContestData, rows: Panel, windows: Windows, first: Contestant | None, seed: int
) -> tuple[dict[str, FloatArray], list[str]]:
    """Return the baselines on each row, and notes on how they were chosen.

    They are the best single behaviour, the number of all events, recency-frequency-monetary and,
    if a run has models, the full profit model of the `first` run.
    """
    from engagement_ml.models.profit import RecencyFrequencyMonetary

    train = data.panel.part("train")
    baselines: dict[str, FloatArray] = {}
    notes = []
    if (best := best_single_behaviour(train)) is not None:
        baselines[BEST_SINGLE] = counts_of(rows, best)
        notes.append(f"{BEST_SINGLE} is {best}, chosen on the training cutoffs")
    baselines[TOTAL] = np.sum([counts_of(rows, name) for name in rows.behaviours], axis=0)
    if len(train.frame):
        rfm = RecencyFrequencyMonetary().fit(train, seed, windows=windows)
        baselines[RFM] = rfm.predict(rows)
    else:
        notes.append(
            "there are no training rows, so no recency-frequency-monetary baseline was fitted"
        )
    if first is not None and first.profit is not None:
        baselines[FULL] = first.profit.predict(rows)
    return baselines, notes


def coverage(rows: Panel, plan: Plan, external: pd.DataFrame, entity: str) -> dict[str, Any]:
    """Return how many customers have a score from elsewhere, and how old the scores are."""
    measured = rows.frame["cutoff"].dt.date.isin(plan.measured).to_numpy()
    ages = looked_up(rows, external, "age_days")[measured]
    customers = rows.frame.loc[measured, "customer_id"]
    with_score = int(customers[np.isfinite(ages)].nunique())
    of = int(customers.nunique())
    without = of - with_score
    age = float(np.nanmedian(ages)) if with_score else None
    note = f"{without:,} of {of:,} {plural(entity)} have no such score at any of these cutoffs"
    return {
        "customers": with_score,
        "of": of,
        "age_days": age,
        "notes": [note] if without else [],
    }
