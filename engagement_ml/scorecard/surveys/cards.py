"""The cards of all surveys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.inputs import Tables
from engagement_ml.measures.families.surveys import FEWEST_ESAT
from engagement_ml.scorecard.card import SurveyCard
from engagement_ml.scorecard.surveys.answers import Answers
from engagement_ml.scorecard.surveys.comments import comments_by_survey
from engagement_ml.scorecard.surveys.covariates import most_frequent
from engagement_ml.scorecard.surveys.detraction import before_detraction
from engagement_ml.scorecard.surveys.evidence import (
    MAX_BEHAVIOURS,
    as_mapping,
    score_evidence,
)
from engagement_ml.scorecard.surveys.forecast import forecast_gain
from engagement_ml.scorecard.surveys.gathering import (
    WEEK_DAYS,
    Counted,
    Gathered,
    anonymous_surveys,
    count_surveys,
    gather,
)
from engagement_ml.scorecard.surveys.sentences import Wording, explain
from engagement_ml.scorecard.surveys.who_answers import last_asked, on_board, response_card


def survey_cards(
    tables: Tables, config: PipelineConfig, *, segments: nw.LazyFrame[Any] | None = None
) -> tuple[SurveyCard, ...]:
    """Return a card for each survey that has answers, by name; none without a table of surveys.

    Parameters
    ----------
    tables : Tables
        Of ``read_tables(..., extra=True)``.
    config : PipelineConfig
    segments : LazyFrame, optional
        ``customer_id`` and a text column for each segment; they split the comments.
    """
    counted = count_surveys(tables)
    if not counted:
        return ()
    anonymous = anonymous_surveys(config)
    comments = comments_by_survey(tables, config.scorecard.comments, segments, anonymous=anonymous)
    for each in counted:
        if each.survey in anonymous and each.people < FEWEST_ESAT:
            comments.pop(each.survey, None)
    try:
        gathered = gather(tables, config, counted)
    except NotEnoughDataError as error:
        return tuple(
            SurveyCard(
                each.survey,
                each.answers,
                each.people,
                comments=comments.get(each.survey, {}),
                notes=(str(error),),
            )
            for each in counted
        )
    scope = _Scope.of(config, gathered)
    return tuple(_card(each, gathered, scope, comments.get(each.survey, {})) for each in counted)


@dataclass(frozen=True)
class _Scope:
    """What the parts of a card read of the configuration."""

    outcome: int
    window: int
    smallest_share: float
    without_churn: bool
    candidates: tuple[str, ...]
    recorded: tuple[str, ...]
    wording: Wording

    @classmethod
    def of(cls, config: PipelineConfig, gathered: Gathered) -> _Scope:
        def role(name: str) -> str:
            settings = config.behaviours.get(name)
            return "behaviour" if settings is None else settings.role

        names = gathered.periods.behaviours
        recorded = tuple(b for b in names if role(b) != "ignore")
        candidates = tuple(b for b in recorded if role(b) != "consequence")
        windows = config.windows
        return cls(
            outcome=max(1, round(windows.outcome_days / WEEK_DAYS)),
            window=max(1, round(windows.observation_days / WEEK_DAYS)),
            smallest_share=config.select.smallest_effect,
            without_churn=config.churn.kind == "event",
            candidates=candidates,
            recorded=most_frequent(gathered.periods, recorded, 2 * MAX_BEHAVIOURS),
            wording=Wording.of(config),
        )


def _card(
    counted: Counted,
    gathered: Gathered,
    scope: _Scope,
    comments: Mapping[str, tuple[Mapping[str, Any], ...]],
) -> SurveyCard:
    answers, periods = gathered.answers[counted.survey], gathered.periods
    notes = list(gathered.notes)
    rows: tuple[Mapping[str, Any], ...] = ()
    if answers.n:
        rows = _evidence(answers, gathered, scope)
    else:
        notes.append("no answer lies in the weeks of the history, so nothing is said of margin")
    before, reason = before_detraction(periods, answers, scope.recorded) if answers.n else ((), "")
    if reason:
        notes.append(f"before detraction: {reason}")
    return SurveyCard(
        survey=counted.survey,
        answers=counted.answers,
        people=counted.people,
        evidence=rows,
        response=_response(answers, gathered, scope),
        before_detraction=before,
        comments=comments,
        notes=tuple(notes),
    )


def _evidence(answers: Answers, gathered: Gathered, scope: _Scope) -> tuple[Mapping[str, Any], ...]:
    """Return verdicts, and beside the last score what it adds to a forecast."""
    periods = gathered.periods
    found = score_evidence(
        periods,
        answers,
        outcome=scope.outcome,
        smallest_share=scope.smallest_share,
        controls=scope.candidates,
        without_churn=scope.without_churn,
    )
    adds = forecast_gain(
        periods,
        answers,
        outcome=scope.outcome,
        behaviours=most_frequent(periods, scope.recorded, MAX_BEHAVIOURS),
    )
    return tuple(
        as_mapping(each, explain(each, scope.wording), adds if each.finding.form == "last" else {})
        for each in found
    )


def _response(answers: Answers, gathered: Gathered, scope: _Scope) -> Mapping[str, Any]:
    periods, sent = gathered.periods, gathered.sent.get(answers.survey)
    if sent is None:
        candidates = on_board(periods, answers, window=scope.window, weight=gathered.weight)
    else:
        candidates = last_asked(sent.customer, sent.week, sent.score, gathered.weight)
    return response_card(
        periods,
        candidates,
        window=scope.window,
        behaviours=most_frequent(periods, scope.recorded, MAX_BEHAVIOURS),
        is_promoters=answers.scale == "0-10",
    )
