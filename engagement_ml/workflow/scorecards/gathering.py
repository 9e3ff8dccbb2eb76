"""What a scorecard is made of: measures, scores, predictions and customers, from an open engine."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import ConfigError, nearest
from engagement_ml.inputs import Tables
from engagement_ml.measures.catalogue import definitions
from engagement_ml.measures.compute import Measured, compute
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.engaged import engaged_cells
from engagement_ml.measures.families.behaviours import behaviour_measures
from engagement_ml.measures.periods import Periods
from engagement_ml.metric import EngagementMetric
from engagement_ml.progress import Progress
from engagement_ml.records import RunRecord
from engagement_ml.scorecard.card import (
    CohortTable,
    EngagedBuying,
    SegmentCard,
    SurveyCard,
)
from engagement_ml.scorecard.cohorts import cohort_tables
from engagement_ml.scorecard.engaged import engaged_buying
from engagement_ml.scorecard.journey import stages_of
from engagement_ml.scorecard.review import review_periods
from engagement_ml.scorecard.segments import (
    BehaviourSegments,
    Groups,
    find_behaviour_segments,
    groups_of,
    segment_card,
)
from engagement_ml.scorecard.surveys.cards import survey_cards
from engagement_ml.scorecard.teams import TeamCell
from engagement_ml.workflow.runs import Run
from engagement_ml.workflow.scorecards import acting
from engagement_ml.workflow.scorecards.campaigns import goal_groups
from engagement_ml.workflow.scorecards.lifetime import predicted_lifetimes
from engagement_ml.workflow.scorecards.linking import Chosen
from engagement_ml.workflow.scorecards.scores import (
    engaged_limit,
    score_summary,
    scores_by_period,
    with_engaged,
)
from engagement_ml.workflow.scorecards.team_rows import team_cells

Customers = tuple[Sequence[Mapping[str, Any]], int]
"""Rows of customers, and how many there are in all."""
LIFETIME = "clv_predicted"


@dataclass(frozen=True)
class ToAct:
    """Early warnings, engaged customers without a purchase, detractors; and events to stop.

    `events` are those of the last period, by event type.
    """

    falling: Sequence[Mapping[str, Any]] = ()
    idle: Customers = ((), 0)
    detractors: Customers = ((), 0)
    events: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Parts:
    """What was read and computed; needs no engine any more.

    Attributes
    ----------
    record : RunRecord
    metric : EngagementMetric
    tables : Tables
        For names and counts; its frames must not be read.
    periods : Periods
    chosen : mapping of measure to definition and settings
    measured : tuple of Measured
    campaigns : mapping of campaign to dimension of the measures
    dimensions : mapping of dimension to name of a segment
    engaged_from : float
    summary : mapping of period to numbers of the score
    to_act : ToAct
    surveys, segments, cohorts, buying
        As on the card.
    teams : tuple of TeamCell
    notes : tuple of str
    """

    record: RunRecord
    metric: EngagementMetric
    tables: Tables
    periods: Periods
    chosen: Chosen
    measured: tuple[Measured, ...]
    campaigns: Mapping[str, str]
    dimensions: Mapping[str, str]
    engaged_from: float
    summary: Mapping[str, Mapping[str, float]]
    to_act: ToAct = field(default_factory=ToAct)
    surveys: tuple[SurveyCard, ...] = ()
    segments: SegmentCard = field(default_factory=SegmentCard)
    cohorts: tuple[CohortTable, ...] = ()
    buying: EngagedBuying | None = None
    teams: tuple[TeamCell, ...] = ()
    notes: tuple[str, ...] = ()


def gather(
    tables: Tables,
    config: PipelineConfig,
    run: Run,
    chosen: Chosen,
    since: dt.date | None,
    progress: Progress,
) -> Parts:
    """Compute what a scorecard shows; `chosen` is that of `chosen_measures`.

    Raises
    ------
    ConfigError, InputError, NotEnoughDataError
        If a campaign is not known, no period is complete, or none ended by `since`.
    """
    record, metric = run.record(), run.metric()
    periods = Periods.within(
        tables.history, config.scorecard.every, config.scorecard.periods
    )  # fmt: skip
    if since is not None:
        review_periods(since, periods.each)
    progress.start("Scoring the periods")
    scores = None if metric.abstained else scores_by_period(tables, config, metric, periods)
    limit = engaged_limit(metric, config.scorecard.engaged_from, scores, tables)
    scores = None if scores is None else with_engaged(scores, limit)
    predicted, notes = _predicted(tables, config, run, periods, chosen, progress)
    progress.start("Looking for segments")
    behaviour, groups = _segments(tables, config, periods)
    group_notes = () if groups is None else groups.notes
    progress.start("Computing measures")
    split, campaigns = goal_groups(tables, config, None if groups is None else groups.frame)
    context = MeasureContext(tables, config, periods, split, scores, predicted)
    measured = compute(context, chosen)
    progress.start("Following cohorts")
    cohorts, cohort_notes = cohort_tables(context, groups)
    progress.start("Examining surveys")
    surveys = survey_cards(tables, config, segments=_named(groups))
    summary: Mapping[str, Mapping[str, float]] = {}
    buying: tuple[EngagedBuying, ...] = ()
    if scores is not None:
        summary = score_summary(scores, tables, periods, len(metric.behaviours))
        buying = engaged_buying(periods, engaged_cells(context), limit)
    to_act, acting_notes = _to_act(tables, config, metric, scores, periods, progress)
    return Parts(
        record=record,
        metric=metric,
        tables=tables,
        periods=periods,
        chosen=chosen,
        measured=measured,
        campaigns=campaigns,
        dimensions={} if groups is None else groups.names,
        segments=segment_card(context, behaviour),
        cohorts=cohorts,
        surveys=surveys,
        engaged_from=limit,
        summary=summary,
        to_act=to_act,
        buying=buying[-1] if buying else None,
        teams=tuple(team_cells(tables, periods)),
        notes=(*tables.notes, *notes, *group_notes, *cohort_notes, *acting_notes),
    )


def chosen_measures(config: PipelineConfig, record: RunRecord) -> Chosen:
    """Return the measures of a scorecard: built-in ones, the company's own, and behaviours.

    Raises
    ------
    ConfigError
        If ``scorecard.show``, a stage, a goal or a benchmark names a measure that there is not.
    """
    found = definitions(config)
    first = [row.behaviour for row in record.drivers][: config.scorecard.behaviours]
    # A behaviour that the company counts itself would else be on the scorecard twice.
    own = {settings.event for each, settings in found.values() if each.name == "events"}
    shown = {name: config.label(name) for name in first if name not in own}
    found |= behaviour_measures(shown, found)
    # Events of a type that the company names are one of its own measures.
    found = {n: each for n, each in found.items() if n != "events" or n in config.measures}
    named = [("goals", goal.measure) for goal in config.goals]
    named += [("benchmarks", each.measure) for each in config.benchmarks]
    named += [("scorecard.show", name) for name in config.scorecard.show or ()]
    for key, name in named:
        if name not in found:
            raise ConfigError(
                f"key '{key}': '{name}' is no measure{nearest(name, found)}; give it under "
                "'measures' with its 'kind'"
            )
    stages_of(config, dict.fromkeys(found, ""), {})
    if config.scorecard.show is None:
        return found
    wanted = {*config.scorecard.show, *(goal.measure for goal in config.goals)}
    return {name: each for name, each in found.items() if name in wanted}


def _segments(
    tables: Tables, config: PipelineConfig, periods: Periods
) -> tuple[BehaviourSegments, Groups | None]:
    """Return segments by behaviour at the end of the last period, and all segments."""
    as_of = periods.each[-1].end
    behaviour = BehaviourSegments(as_of, reason="'scorecard.segments' is false")
    if config.scorecard.segments:
        behaviour = find_behaviour_segments(tables, config, as_of)
    return behaviour, groups_of(tables, config, behaviour)


def _named(groups: Groups | None) -> nw.LazyFrame[Any] | None:
    """Return the segments under their own names."""
    return None if groups is None else groups.frame.rename(dict(groups.names))


def _predicted(
    tables: Tables,
    config: PipelineConfig,
    run: Run,
    periods: Periods,
    chosen: Chosen,
    progress: Progress,
) -> tuple[nw.LazyFrame[Any] | None, tuple[str, ...]]:
    wanted = [s for d, s in chosen.values() if d.name == LIFETIME]
    if not wanted:
        return None, ()
    progress.start("Predicting lifetime values")
    (settings, *_) = wanted
    return predicted_lifetimes(
        run, tables, config, periods, settings.horizon_days, settings.discount
    )


def _to_act(
    tables: Tables,
    config: PipelineConfig,
    metric: EngagementMetric,
    scores: nw.LazyFrame[Any] | None,
    periods: Periods,
    progress: Progress,
) -> tuple[ToAct, tuple[str, ...]]:
    progress.start("Looking for customers to act on")
    last = periods.each[-1]
    events = acting.events_in(tables, last)
    found = ToAct(detractors=acting.detractors(tables, last), events=events)
    if metric.abstained or scores is None:
        return found, ()
    falling, notes = acting.falling_customers(tables, config, metric)
    idle = acting.engaged_without_purchase(tables, scores, last)
    return dataclasses.replace(found, falling=falling, idle=idle), notes
