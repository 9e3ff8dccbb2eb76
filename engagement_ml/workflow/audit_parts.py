"""Parts of an audited score: columns of its table, or behaviours with weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.errors import InputError, NotEnoughDataError, nearest
from engagement_ml.formatting import listed
from engagement_ml.inputs.external_scores import (
    days_of,
    read_scores_table,
    score_columns,
    scores_at,
)
from engagement_ml.metric import EngagementMetric
from engagement_ml.workflow.contest_data import ContestData
from engagement_ml.workflow.contest_plan import Plan
from engagement_ml.workflow.contestants import Contestant, is_weights

if TYPE_CHECKING:
    import pandas as pd

Parts = EngagementMetric | str | Path | Sequence[str]
MAX_COLUMNS = 30
"""Other columns of numbers that are measured without being named."""


@dataclass(frozen=True)
class ChosenParts:
    """Which parts to measure.

    Attributes
    ----------
    columns : tuple of str
    named : bool
        Whether the user named them, so that one that holds no numbers is an error.
    behaviours : EngagementMetric or None
        Weights of behaviours.
    """

    columns: tuple[str, ...] = ()
    named: bool = False
    behaviours: EngagementMetric | None = None


@dataclass(frozen=True)
class ScoreParts:
    """The parts of a score, read at the cutoffs.

    Attributes
    ----------
    columns : dict of str to DataFrame
        As ``scores_at`` returns them.
    behaviours : EngagementMetric or None
    score_dates : int or None
        Days with scores; None if the score is computed from events.
    unchanged : float or None
        The share of customers with the same score at all cutoffs.
    notes : tuple of str
    """

    columns: dict[str, pd.DataFrame] = field(default_factory=dict)
    behaviours: EngagementMetric | None = None
    score_dates: int | None = None
    unchanged: float | None = None
    notes: tuple[str, ...] = ()


def choose_parts(
    engine: Engine, config: PipelineConfig, score: Contestant, parts: Parts | None
) -> ChosenParts:
    """Return the parts to measure, of those that are given or are in the table.

    Raises
    ------
    InputError
        If a column is not in the table, or a file holds no weights.
    """
    behaviours = score.metric
    if isinstance(parts, EngagementMetric):
        return ChosenParts(behaviours=parts)
    names = [parts] if isinstance(parts, str | Path) else list(parts or ())
    columns: list[str] = []
    for name in names:
        if str(name).lower().endswith((".yaml", ".yml")):
            if Path(name).is_file() and not is_weights(Path(name)):
                raise InputError(f"{name}: has no key 'weights'; give a weight per behaviour")
            behaviours = EngagementMetric.from_yaml(name)
        else:
            columns.append(str(name))
    if score.scores is None:
        if columns:
            raise InputError(
                f"parts: {score.source} is no table, so it has no column '{columns[0]}'"
            )
        return ChosenParts(behaviours=behaviours)
    _, others = score_columns(engine, config, score.scores)
    for column in columns:
        if column not in others:
            raise InputError(
                f"parts: {score.source} has no column '{column}'{nearest(column, others)}; its "
                f"other columns are {', '.join(others) or 'none'}"
            )
    if columns:
        return ChosenParts(tuple(columns), named=True, behaviours=behaviours)
    return ChosenParts(() if behaviours else tuple(others[:MAX_COLUMNS]), behaviours=behaviours)


def read_score_parts(
    engine: Engine,
    config: PipelineConfig,
    score: Contestant,
    chosen: ChosenParts,
    data: ContestData,
    plan: Plan,
    *,
    max_age_days: int,
) -> ScoreParts:
    """Read the parts at the cutoffs, and what the dates of the scores are.

    Raises
    ------
    InputError
        If a column that the user named holds something other than numbers.
    NotEnoughDataError
        If no score holds at a measured cutoff.
    """
    if score.scores is None:
        return ScoreParts(behaviours=chosen.behaviours)
    customers = data.panel.frame["customer_id"]
    columns, notes = {}, []
    for column in chosen.columns:
        try:
            table = read_scores_table(engine, config, score.scores, column=column)
            columns[column] = scores_at(
                engine, table, customers, plan.cutoffs, max_age_days=max_age_days
            )
        except InputError:
            if chosen.named:
                raise
            notes.append(f"column '{column}' of the scores holds no numbers, so it is no part")
    table = read_scores_table(engine, config, score.scores)
    first, last, n_days = days_of(engine, table)
    if data.external[score.name].empty:
        raise NotEnoughDataError(
            f"{table.label}: its scores are dated {first} to {last}; none holds at a date whose "
            f"margin is known and was not used for training: {listed(map(str, plan.measured))}. "
            f"A score holds for {max_age_days} days. Give earlier scores; without any, keep "
            f"today's and audit them once {plan.windows.outcome_days} days have passed"
        )
    return ScoreParts(
        columns,
        chosen.behaviours,
        score_dates=n_days,
        unchanged=_unchanged(data.external[score.name]),
        notes=tuple(notes),
    )


def _unchanged(external: pd.DataFrame) -> float | None:
    """Return the share of customers whose score is the same at all dates; None without dates."""
    import pandas as pd

    dated = external["cutoff"] - pd.to_timedelta(external["age_days"], unit="D")
    by_customer = external.assign(dated=dated).groupby("customer_id")[["dated", "score"]].nunique()
    several = by_customer["dated"] > 1
    if not several.any():
        return None
    return float((by_customer.loc[several, "score"] == 1).mean())
