"""Links of measures to margin, by what each measure is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engagement_ml.config import MeasureConfig, PipelineConfig
from engagement_ml.inputs import Tables
from engagement_ml.measures.context import TRANSACTION
from engagement_ml.measures.definition import MeasureDefinition
from engagement_ml.measures.families.behaviours import EVENTS
from engagement_ml.records import RunRecord
from engagement_ml.scorecard.card import Link, SurveyCard
from engagement_ml.scorecard.links import (
    OF_THE_SCORE,
    OUTCOMES,
    Verdicts,
    link_of,
    link_of_all,
    link_of_goal,
    link_of_survey,
)

Chosen = Mapping[str, tuple[MeasureDefinition, MeasureConfig]]
_ROLES = {
    "ignore": "its role is 'ignore'",
    "confounder": "its role is 'confounder', which is adjusted for and not examined",
    "mediator": "its role is 'mediator', between another behaviour and margin",
    "negative_control": "its role is 'negative_control', which cannot act",
}
_FIXED = {"score": OF_THE_SCORE, "transactions": OUTCOMES, "trained": OUTCOMES}
_DIRECTIONS = {"driver": "more", "harmful": "less"}


def verdicts_of(record: RunRecord, tables: Tables, config: PipelineConfig) -> Verdicts:
    """Return the verdicts of a run, with what sentences about them need."""
    rows = {row.behaviour: row for row in record.drivers}
    names = {*rows, *tables.event_counts}
    reasons = {
        name: _ROLES[role]
        for name in names
        if (role := config.behaviour(name).role) in _ROLES and name not in rows
    }
    if config.churn.event_type is not None:
        reasons[config.churn.event_type] = "it is the churn event"
    return Verdicts(
        rows,
        {name: config.label(name) for name in names},
        tables.event_counts,
        record.currency,
        record.windows.outcome_days,
        reasons,
    )


def links_of(
    chosen: Chosen, verdicts: Verdicts, surveys: Sequence[SurveyCard], churn_event: str | None
) -> dict[str, Link]:
    """Return the link of each measure; see ``scorecard.links``."""
    by_survey = {card.survey: card for card in surveys}
    return {
        name: _link(name, definition, settings, verdicts, by_survey, churn_event)
        for name, (definition, settings) in chosen.items()
    }


def directions_of(chosen: Chosen, verdicts: Verdicts) -> dict[str, str]:
    """Return which direction is better for measures of one behaviour, by its verdict."""
    found = {}
    for name, (definition, settings) in chosen.items():
        if definition is EVENTS:
            given = {verdicts.of(each) for each in definition.of_behaviours(settings)}
            if len(given) == 1 and (better := _DIRECTIONS.get(next(iter(given)))):
                found[name] = better
    return found


def _link(
    name: str,
    definition: MeasureDefinition,
    settings: MeasureConfig,
    verdicts: Verdicts,
    surveys: Mapping[str, SurveyCard],
    churn_event: str | None,
) -> Link:
    of_events = definition.of_behaviours(settings)
    if of_events:
        names = [each for each in of_events if each in verdicts.events]
        if _buys(settings, definition, verdicts):
            return link_of_goal(names, verdicts)
        return link_of(names, verdicts)
    # What a measure without event types needs begins with its table.
    subject = definition.needs.split(" ")[0].rstrip(",;:")
    if subject == "surveys":
        survey = settings.survey or name
        return link_of_survey(surveys[survey]) if survey in surveys else Link()
    if subject == "events":
        return link_of_all(verdicts, [churn_event] if churn_event else [])
    return _FIXED.get(subject, Link())


def _buys(settings: MeasureConfig, definition: MeasureDefinition, verdicts: Verdicts) -> bool:
    """Return whether a purchase reaches the goal of a measure."""
    goal = settings.goal if "goal" in definition.keys else None
    names = (goal,) if isinstance(goal, str) else tuple(goal or ())
    present = [name for name in names if name in verdicts.events]
    return TRANSACTION in names and not present
