"""Measures of surveys: promoters, satisfaction, effort, and how many answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals as nw

from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.features.daily_totals import content_key
from engagement_ml.measures.context import TOUCHPOINT, AbsentError, MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.functions import ratio, share
from engagement_ml.measures.kinds.net_promoter import NetPromoter
from engagement_ml.measures.rows.occurrences import Occurrences, occurrences
from engagement_ml.measures.rows.trials import LINKS, Link, limit_of, match_trials
from engagement_ml.measures.survey_answers import answered_surveys, answers_of, sent_surveys

PROMOTER, PASSIVE = 9.0, 7.0
"""Lowest scores of promoters and of passives, on 0 to 10."""
SATISFIED = {"1-5": 4.0, "1-7": 6.0, "1-10": 9.0, "0-10": 9.0}
"""Lowest score of the satisfied on each scale: the upper two."""
CONTACTS = ("survey_sent", "survey_invited", "feedback_requested")
"""Usual event types of a survey that is sent."""
FEWEST_ESAT = 10
"""Answers below which satisfaction of employees is not shown: it could be traced to one of them."""
_UNITS, _SCORES = 2**20, 100_000
"""A moment in milliseconds, times the former, plus the score, times the latter, is one integer.

Its maximum over the answers of a customer in a period is the last one's, with its score.
"""


def _last_score() -> nw.Expr:
    """Return the score of the last answer, of the rows of one customer in one period."""
    return (nw.col("last").max() % _UNITS) / _SCORES


def _one(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def _rows(
    context: MeasureContext,
    settings: MeasureConfig,
    scales: tuple[str, ...],
    columns: Callable[[str], dict[str, nw.Expr]],
) -> Rows:
    """Return the rows of a survey's answers; `columns` are made for its scale."""
    survey = str(settings.survey)
    scale = answered_surveys(context).get(survey)
    if scale is None:
        raise AbsentError(f"answers to the survey '{survey}' in the table surveys")
    if scale not in scales:
        found = f"(it is '{scale}')" if scale else "(column 'scale' of surveys)"
        raise AbsentError(f"the scale {' or '.join(scales)} of the survey '{survey}' {found}")

    def frame() -> nw.LazyFrame[Any]:
        answers = context.engine.micros(
            answers_of(context, survey).with_columns(last=nw.col("timestamp")), "last"
        )
        score = (nw.col("score") * _SCORES).round().cast(nw.Int64)
        return answers.with_columns(
            last=(nw.col("last") // 1000).cast(nw.Int64) * _UNITS + score, answers=nw.lit(1)
        )

    return Rows(f"survey {survey}", frame, columns(scale))


def _net_promoter(context: MeasureContext, settings: MeasureConfig) -> Rows:
    score = _last_score()
    columns = {
        "promoters": _one(score >= PROMOTER),
        "detractors": _one(score < PASSIVE),
        "answers": nw.col("answers").max(),
    }
    return _rows(context, settings, ("0-10",), lambda scale: columns)


def _satisfied(context: MeasureContext, settings: MeasureConfig) -> Rows:
    return _rows(
        context,
        settings,
        tuple(SATISFIED),
        lambda scale: {
            "satisfied": _one(_last_score() >= SATISFIED[scale]),
            "answers": nw.col("answers").max(),
        },
    )


def _mean_score(context: MeasureContext, settings: MeasureConfig) -> Rows:
    columns = {"score": _last_score(), "answers": nw.col("answers").max()}
    return _rows(context, settings, tuple(SATISFIED), lambda scale: columns)


def _responses(context: MeasureContext, settings: MeasureConfig) -> Rows:
    try:
        sent, notes = sent_surveys(context, settings.survey)
    except AbsentError:
        named = (settings.event,) if isinstance(settings.event, str) else settings.event or ()
        if context.tables.surveys is None or not set(named) & context.tables.event_counts.keys():
            raise
        return _responses_to_contacts(context, settings)
    columns = {"answered": nw.col("answered").sum(), "sent": nw.col("sent_").sum()}
    return Rows(f"sent {settings.survey}", lambda: sent, columns, notes=notes)


def _responses_to_contacts(context: MeasureContext, settings: MeasureConfig) -> Rows:
    """Return contacts, and whether an answer of the customer followed in time."""
    contacts = occurrences(context, settings.event, "event", (TOUCHPOINT, *LINKS.values()))
    given = context.frame("surveys").filter(~nw.col("score").is_null())
    if settings.survey is not None:
        given = given.filter(nw.col("survey") == settings.survey)
    moment = nw.col("timestamp")
    answers = given.select("customer_id", day=moment.dt.date(), micros=moment)
    # The key of the trials has the goals' names, and the rows depend on the surveys, too.
    names = (f"answers {settings.survey}", content_key(context.tables, "surveys"))
    goals = Occurrences(names, context.engine.micros(answers, "micros"))
    limit, link = limit_of(settings), Link("customer")
    trials = match_trials(context, contacts, goals, link, limit, "contact")
    each = trials.each()
    note = f"by contacts ({', '.join(contacts.names)}), as no survey has a time of sending"
    columns = {"answered": each["reached"], "sent": each["trials"]}
    return Rows(trials.key, lambda: trials.frame, columns, notes=(note, *trials.notes))


_LAST = "Several answers of one person in a period: the last counts."
_TOUCHPOINT = "By touchpoint: column touchpoint or, by event_id, the channel of the event."
_SATISFIED = "share of 4-5 on 1-5, of 6-7 on 1-7, of 9-10 on 1-10 and 0-10"

FAMILY = (
    MeasureDefinition(
        name="nps",
        title="Net Promoter Score",
        kind=NetPromoter(),
        unit="points",
        better="more",
        formula="100 (share of 9-10 − share of 0-6)",
        needs="surveys `nps`, on 0-10",
        rows=_net_promoter,
        edge_cases=f"{_LAST} A score between 6 and 7 is a detractor's. {_TOUCHPOINT}",
        source="F. F. Reichheld, Harvard Business Review 81 (2003)",
        keys=("survey",),
        defaults={"survey": "nps"},
    ),
    MeasureDefinition(
        name="csat",
        title="Customer satisfaction",
        kind=share("satisfied", "answers"),
        unit="percent",
        better="more",
        formula=_SATISFIED,
        needs="surveys `csat`; `scale` if it is not 1-5",
        rows=_satisfied,
        edge_cases=f"{_LAST} Answers on two scales are an error. {_TOUCHPOINT}",
        keys=("survey",),
        defaults={"survey": "csat"},
    ),
    MeasureDefinition(
        name="csat_mean",
        title="Customer satisfaction, mean",
        kind=ratio("score", "answers"),
        unit="score",
        better="more",
        formula="mean score",
        needs="surveys `csat`; `scale` if it is not 1-5",
        rows=_mean_score,
        edge_cases=_LAST,
        keys=("survey",),
        defaults={"survey": "csat"},
    ),
    MeasureDefinition(
        name="ces",
        title="Customer effort score",
        kind=ratio("score", "answers"),
        unit="score",
        better="more",
        formula="mean score, 1-7",
        needs="surveys `ces`, on 1-7",
        rows=_mean_score,
        edge_cases="More is better if 7 means little effort ('they made it easy'); set "
        f"`better: less` if 7 means much effort. {_LAST}",
        source="M. Dixon, K. Freeman, N. Toman, Harvard Business Review 88 (2010)",
        keys=("survey",),
        defaults={"survey": "ces"},
    ),
    MeasureDefinition(
        name="esat",
        title="Employee satisfaction",
        kind=share("satisfied", "answers"),
        unit="percent",
        better="more",
        formula=_SATISFIED,
        needs="surveys `esat`; `scale` if it is not 1-5",
        rows=_satisfied,
        edge_cases=f"Fewer than {FEWEST_ESAT} answers are not shown, so that none can be traced to "
        f"a person. {_LAST}",
        keys=("survey",),
        defaults={"survey": "esat"},
        at_least=FEWEST_ESAT,
    ),
    MeasureDefinition(
        name="response_rate",
        title="Response rate of surveys",
        kind=share("answered", "sent"),
        unit="percent",
        better="more",
        formula="answered / sent, by the day on which a survey was sent",
        needs="surveys with `sent`, whose rows without a score were not answered; or events of a "
        "type in `event`, by which surveys are sent",
        rows=_responses,
        edge_cases="Nothing sent on record: no data, not 100%. Answers without `sent` are left "
        "out. All surveys together unless `survey` names one. By events, the contacts of a "
        "customer on one day are answered if an answer follows in time; those whose time is not "
        "over are left out.",
        keys=("survey", "event", "within_days", "within_hours"),
        defaults={"event": CONTACTS, "within_days": 30},
    ),
)
