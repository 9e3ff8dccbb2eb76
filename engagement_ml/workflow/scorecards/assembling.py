"""The scorecard from its parts: pure decisions of ``scorecard/``, in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.formatting import plural
from engagement_ml.measures.context import ALL
from engagement_ml.measures.families.behaviours import EVENTS
from engagement_ml.scorecard import front_line
from engagement_ml.scorecard.card import (
    Action,
    Change,
    GoalCard,
    MeasureCard,
    ScoreCard,
    Scorecard,
    StageCard,
)
from engagement_ml.scorecard.cards import (
    CardContext,
    factors_between,
    measure_card,
    series_of,
)
from engagement_ml.scorecard.executive import facts_of
from engagement_ml.scorecard.goals import goal_card
from engagement_ml.scorecard.journey import journey_of, stage_cards, stages_of
from engagement_ml.scorecard.links import Verdicts
from engagement_ml.scorecard.review import changes_since, review_periods
from engagement_ml.scorecard.rows import rows_of
from engagement_ml.scorecard.score import score_card
from engagement_ml.scorecard.teams import team_card
from engagement_ml.version import __version__
from engagement_ml.workflow.scorecards.gathering import Parts
from engagement_ml.workflow.scorecards.linking import directions_of, links_of, verdicts_of


def assemble(
    parts: Parts, config: PipelineConfig, since: dt.date | None
) -> tuple[Scorecard, list[dict[str, Any]]]:
    """Return the scorecard, and the rows of its table.

    Raises
    ------
    ConfigError
        If a target, a stage or a goal cannot be used.
    InputError
        If no period ended by `since`.
    """
    verdicts = verdicts_of(parts.record, parts.tables, config)
    context = _context(parts, config, verdicts)
    links = links_of(parts.chosen, verdicts, parts.surveys, config.churn.event_type)
    cards = tuple(measure_card(each, links[each.name], context) for each in parts.measured)
    journey = journey_of(config, (card.stage for card in cards if card.stage and not card.absent))
    stages = stage_cards(journey, cards)
    score = _score(parts, verdicts, context.labels)
    goals = _goals(parts, cards, config)
    changes = () if since is None else _changes(parts, cards, since, config.currency)
    actions = _actions(parts, cards, stages, verdicts, config)
    card = Scorecard(
        name=config.name,
        entity=config.entity,
        currency=config.currency,
        as_of=parts.tables.history.end,
        periods=context.labels,
        measures=cards,
        score=score,
        engaged_buying=parts.buying,
        facts=facts_of(score, goals, parts.buying, cards, actions, verdicts, config.entity),
        goals=goals,
        stages=stages,
        teams=team_card(parts.teams, plural(config.entity)) if parts.teams else None,
        since=since,
        changes=changes,
        surveys=parts.surveys,
        segments=parts.segments,
        cohorts=parts.cohorts,
        actions=actions,
        notes=parts.notes,
        version=__version__,
    )
    shown = [each for each in parts.measured if each.absent is None or each.name in config.measures]
    return card, rows_of(shown, cards, context)


def _context(parts: Parts, config: PipelineConfig, verdicts: Verdicts) -> CardContext:
    counted = {
        name: names[0]
        for name, (definition, settings) in parts.chosen.items()
        if definition is EVENTS and len(names := definition.of_behaviours(settings)) == 1
    }
    kinds = {name: definition.name for name, (definition, _) in parts.chosen.items()}
    return CardContext(
        config=config,
        periods=parts.periods,
        stages=stages_of(config, kinds, counted),
        owners={name: stage.owner for name, stage in config.journey.items()},
        names=parts.dimensions,
        hidden=frozenset(parts.campaigns.values()),
        better=directions_of(parts.chosen, verdicts),
    )


def _score(parts: Parts, verdicts: Verdicts, labels: Sequence[str]) -> ScoreCard:
    metric = parts.metric
    if metric.abstained:
        return ScoreCard(metric.name, metric.evidence, reason=metric.reason)
    weights = {b.behaviour: b.weight for b in metric.behaviours}
    return score_card(
        metric.name, metric.evidence, weights, verdicts.rows, parts.summary, labels
    )  # fmt: skip


def _goals(
    parts: Parts, cards: Sequence[MeasureCard], config: PipelineConfig
) -> tuple[GoalCard, ...]:
    by_name = {card.name: card for card in cards}
    measured = {each.name: each for each in parts.measured}
    labels = [period.label for period in parts.periods.each]
    found = []
    for goal in config.goals:
        dimension, group = ALL, ""
        if goal.campaign is not None:
            dimension, group = parts.campaigns[goal.campaign], goal.campaign
        series = series_of(measured[goal.measure], dimension, group, labels)
        card = by_name[goal.measure]
        end = parts.tables.history.end
        found.append(goal_card(goal, card, series, parts.periods.each, end, config.currency))
    return tuple(found)


def _changes(
    parts: Parts, cards: Sequence[MeasureCard], since: dt.date, currency: str
) -> tuple[Change, ...]:
    """Return what changed since a day; a product's change is given in its factors."""
    periods = parts.periods.each
    first, last = (period.label for period in review_periods(since, periods))
    labels = [period.label for period in periods]
    measured = {each.name: each for each in parts.measured}
    found = []
    for change in changes_since(since, cards, periods, currency):
        told = factors_between(measured[change.measure], first, last, labels)
        text = change.sentence if told is None else f"{change.sentence} In factors: {told}."
        found.append(replace(change, sentence=text))
    return tuple(found)


def _actions(
    parts: Parts,
    cards: Sequence[MeasureCard],
    stages: Sequence[StageCard],
    verdicts: Verdicts,
    config: PipelineConfig,
) -> tuple[Action, ...]:
    def owner(*names: str) -> str | None:
        return front_line.owner_of(names, cards, stages)

    to_act, last = parts.to_act, parts.periods.each[-1].label
    found = front_line.missed(cards, config.currency)
    found += front_line.falling(
        to_act.falling, owner("retention", "churn_rate"), config.entity, config.currency
    )
    found += front_line.engaged_without_purchase(
        *to_act.idle, parts.engaged_from, last, owner("engaged_buying", "purchase"), config.entity
    )
    found += front_line.detractors(*to_act.detractors, last, owner("nps", "advocacy"))
    found += front_line.stop(
        cards,
        verdicts,
        {stage.name: stage.owner for stage in stages},
        {name: stage for name in verdicts.rows if (stage := config.behaviour(name).stage)},
        to_act.events,
    )
    return front_line.by_owner(found)
