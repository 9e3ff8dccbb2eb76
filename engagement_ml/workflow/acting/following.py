"""Reading a list back: what the customers on it did over the days of the outcome."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.actions.reading import Followed, read
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.errors import InputError, NotEnoughDataError
from engagement_ml.faults import machine_faults_named
from engagement_ml.features.daily_totals import entities
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.ledger.daily import MICRO
from engagement_ml.metric import EngagementMetric
from engagement_ml.metric.scoring import scored_counts
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.windows import DAY
from engagement_ml.workflow.acting.assignment_file import Assigned, read_assignment
from engagement_ml.workflow.acting.plan import METRIC, ActionPlan, read_plan
from engagement_ml.workflow.acting.reading_files import ActionReading, write_reading
from engagement_ml.workflow.acting.totals import (
    events_between,
    last_event,
    margin_between,
    of_ids,
)
from engagement_ml.workflow.parameters import ConfigLike
from engagement_ml.workflow.run_log import log_notes
from engagement_ml.workflow.settings import as_config

_LATE_DAYS = 7


@machine_faults_named()
def read_action(
    config: ConfigLike,
    folder: str | Path,
    *,
    frames: Mapping[str, Any] | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> ActionReading:
    """Compare the treated of a list with its control group, once the days of the outcome are over.

    Who was on the list counts as treated, whatever came of it (intention to treat). The files
    ``result.json`` and ``result.csv`` are written into the folder; the second is a table that
    ``experiments:`` of the configuration can name, with the lines that the result has.

    Parameters
    ----------
    config : PipelineConfig, path or mapping
        Names the later tables.
    folder : path
        The folder that `act` wrote.
    frames : mapping of table name to path or frame, optional
        Replaces ``config.sources``.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
    on_step : callable, optional

    Returns
    -------
    ActionReading
        Lift of margin with its interval, lift per extra event, and a verdict by behaviour.

    Raises
    ------
    InputError
        If the folder cannot be used, the assignment was changed, the list has no control group,
        or its customers are not in the tables.
    NotEnoughDataError
        If the tables do not reach the end of the outcome yet; the message says when they will.
    OutputError
        If the files cannot be written.

    Examples
    --------
    >>> import engagement_ml as em
    >>> result = em.read_action("shop.yaml", "runs/actions/july")  # doctest: +SKIP
    >>> result.lift.value, result.behaviours[0].verdict  # doctest: +SKIP
    (2.9, 'confirmed')
    """
    settings, place = as_config(config), Path(folder)
    plan = read_plan(place)
    if plan.name != settings.name:
        raise InputError(
            f"{place}: is a list of the pipeline '{plan.name}', and the configuration's name is "
            f"'{settings.name}'"
        )
    assigned = read_assignment(place, plan)
    if min(int(assigned.treated.sum()), int((~assigned.treated).sum())) < 2:
        raise InputError(
            f"{place}: an arm of the list has fewer than two customers, so there is nothing to "
            "compare; make the next list with a control group"
        )
    metric = EngagementMetric.from_json(place / METRIC)
    with progress_for(progress, on_step) as steps:
        steps.start("Reading tables")
        with open_engine(settings.engine, frames) as engine:
            tables = read_tables(settings, engine, frames, on_part=steps.update)
            steps.start("Following the list")
            followed, notes = follow(tables, settings, place, plan, assigned, metric)
        steps.start("Comparing the arms")
        found = read(
            followed, _predicted(plan), [d.cost_per_event for d in plan.drivers], plan.seed
        )
        base = Path(config).resolve().parent if isinstance(config, str | Path) else None
        result = ActionReading.of(
            place, plan, assigned.ids, followed, found, notes, _table(place, base)
        )
        steps.start("Writing the result")
        write_reading(result)
    log_notes(result.notes)
    return result


def follow(
    tables: Tables,
    config: PipelineConfig,
    folder: Path,
    plan: ActionPlan,
    assigned: Assigned,
    metric: EngagementMetric,
) -> tuple[Followed, tuple[str, ...]]:
    """Return what the customers of a list did, and notes.

    Raises
    ------
    NotEnoughDataError
        If the outcome is not complete.
    InputError
        If none of the ids, or no event type, is in the tables.
    """
    start, until = plan.start, plan.until
    if tables.history.end < until:
        raise NotEnoughDataError(
            f"{folder}: the outcome is complete when the tables reach {until - DAY}; they end on "
            f"{tables.history.end - DAY}, so read it back after {until - DAY} with later tables"
        )
    names = tuple(driver.behaviour for driver in plan.drivers)
    notes = _meeting(tables, config, folder, plan, assigned.ids)
    margin = of_ids(tables, assigned.ids, margin_between(tables, start, until), ["margin_"])
    events, gap = _events(tables, names, assigned, start, until)
    score = None if events is None else _score(tables, metric, assigned.ids, until)
    followed = Followed(
        names=names,
        treated=assigned.treated,
        behaviour=assigned.behaviour,
        margin=np.nan_to_num(margin["margin_"]) / MICRO,
        events=events,
        margin_before=assigned.margin_before,
        events_before=assigned.events_before,
        score=score,
    )
    return followed, (*notes, *gap)


def _meeting(
    tables: Tables, config: PipelineConfig, folder: Path, plan: ActionPlan, ids: AnyArray
) -> tuple[str, ...]:
    known = entities(tables, config).with_columns(there_=nw.lit(1.0))
    found = of_ids(tables, ids, known, ["there_"])["there_"]
    missing = int(np.isnan(found).sum())
    if missing == len(ids):
        raise InputError(
            f"{folder}: none of the {len(ids):,} customers on the list is in the tables, for "
            f"example {str(ids[0])!r}; give tables with the same customer_id"
        )
    if not missing:
        return ()
    return (
        f"{missing:,} of {len(ids):,} on the list are not in the tables any more and count as "
        f"without {plan.currency} and events",
    )


def _events(
    tables: Tables, names: tuple[str, ...], assigned: Assigned, start: dt.date, until: dt.date
) -> tuple[FloatArray | None, tuple[str, ...]]:
    """Return the events of each customer's own behaviour, None if they end too early."""
    last = last_event(tables)
    if (until - DAY - last).days > _LATE_DAYS:
        return None, (
            f"the events end on {last} and the outcome on {until - DAY}, so whether the behaviours "
            "rose is not known",
        )
    columns = [f"e_{place}" for place in range(len(names))]
    found = of_ids(tables, assigned.ids, events_between(tables, names, start, until), columns)
    counts = np.nan_to_num(np.stack([found[name] for name in columns]))
    return counts[assigned.behaviour, np.arange(counts.shape[1])], ()


def _score(tables: Tables, metric: EngagementMetric, ids: AnyArray, until: dt.date) -> FloatArray:
    """Return the score of each customer at the end of the outcome; 0 without events."""
    names = [behaviour.behaviour for behaviour in metric.behaviours]
    window = events_between(tables, names, until - metric.observation_days * DAY, until)
    columns = {name: f"e_{place}" for place, name in enumerate(names)}
    filled = window.with_columns(nw.col(c).fill_null(0).cast(nw.Float64) for c in columns.values())
    scored = scored_counts(metric, filled, columns)
    return np.nan_to_num(of_ids(tables, ids, scored, ["score"])["score"])


def _predicted(plan: ActionPlan) -> list[tuple[float, float, float]]:
    return [
        tuple(float("nan") if x is None else x for x in (each.gain, each.low, each.high))  # type: ignore[misc]
        for each in plan.drivers
    ]


def _table(folder: Path, base: Path | None) -> str:
    """Return the path of the result as the configuration names it: relative to its file."""
    file = (folder / "result.csv").resolve()
    return file.as_posix() if base is None else Path(os.path.relpath(file, base)).as_posix()
