"""Reading of what a contest needs, from an open engine: tables, plan, sample, panels and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.errors import InputError
from engagement_ml.inputs import read_tables
from engagement_ml.progress import Progress
from engagement_ml.windows import Windows, plan_windows
from engagement_ml.workflow.contest_data import ContestData, read_contest_data
from engagement_ml.workflow.contest_plan import Plan, plan_contest
from engagement_ml.workflow.contestants import Contestant
from engagement_ml.workflow.sampling import draw_training_sample, sample_detail

if TYPE_CHECKING:
    from engagement_ml.features.stratified_sample import Sample
    from engagement_ml.tables.quality import TableQuality


@dataclass(frozen=True)
class ContestTables:
    """What was read of the tables.

    Attributes
    ----------
    windows : Windows
    plan : Plan
    data : ContestData
    sample : Sample or None
        None if all customers are measured.
    quality : tuple of TableQuality
    notes : tuple of str
    """

    windows: Windows
    plan: Plan
    data: ContestData
    sample: Sample | None
    quality: tuple[TableQuality, ...]
    notes: tuple[str, ...]


def read_contest(
    engine: Engine,
    contestants: Sequence[Contestant],
    config: PipelineConfig,
    frames: Mapping[str, Any] | None,
    max_age_days: int,
    progress: Progress,
    *,
    too_short: str | None = None,
) -> ContestTables:
    """Read the tables, and what is measured of each contestant.

    Parameters
    ----------
    engine : Engine
        May be closed afterwards.
    contestants : sequence of Contestant
    config : PipelineConfig
    frames : mapping of table name to path or frame, optional
    max_age_days : int
        Days for which a score from elsewhere holds.
    progress : Progress
    too_short : str, optional
        The message of an error if no cutoff can be measured; by default it is none.

    Raises
    ------
    EngagementError
        If the tables or the scores cannot be used.
    """
    tables = read_tables(config, engine, frames, on_part=progress.update)
    windows = plan_windows(tables.history, config.windows)
    plan = plan_contest(windows, contestants)
    if too_short is not None and not plan.measured:
        raise InputError(too_short)
    quality, notes = tables.quality, tables.notes
    tables, sample = draw_training_sample(tables, config, windows, progress)
    progress.start("Building features", sample_detail(sample, config.entity))
    data = read_contest_data(tables, config, windows, plan, contestants, max_age_days=max_age_days)
    return ContestTables(windows, plan, data, sample, quality, notes)
