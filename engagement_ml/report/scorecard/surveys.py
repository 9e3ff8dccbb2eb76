"""Sections of surveys: what a score has to do with margin, who answers, what came before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.formatting import number, one_line, quantity, sentence
from engagement_ml.report.scorecard import words
from engagement_ml.report.scorecard.mappings import mapping_table
from engagement_ml.report.scorecard.section import Section
from engagement_ml.report.scorecard.tables import Table
from engagement_ml.report.scorecard.values import Writer, as_value
from engagement_ml.scorecard.card import Scorecard, SurveyCard

_FORMS = {
    "last": "Last score, one point more",
    "change": "Change of the score, one point more",
    "promoter": "Promoter",
    "detractor": "Detractor",
}
_ABBREVIATIONS = ("nps", "csat", "ces", "esat")


def survey_sections(card: Scorecard) -> list[Section]:
    """Return a section for each survey."""
    return [_survey(card, each, n) for n, each in enumerate(card.surveys, start=1)]


def _survey(card: Scorecard, survey: SurveyCard, n: int) -> Section:
    key, name = f"survey-{n}", survey_name(survey.survey)
    lead = [
        f"{quantity(survey.answers, 'answer')} of {quantity(survey.people, one_line(card.entity))}."
    ]
    lead += _response(survey.response)
    lead += [sentence(one_line(each)) for each in survey.notes]
    evidence = _table(
        card, f"{key}-evidence", f"{name}: the score and margin", _evidence(survey.evidence)
    )
    return Section(
        key,
        f"Survey: {name}",
        tuple(lead),
        () if evidence is None else (evidence,),
        tuple((summary, tables) for summary, tables in _folded(card, survey, key) if tables),
    )


def _folded(card: Scorecard, survey: SurveyCard, key: str) -> list[tuple[str, tuple[Table, ...]]]:
    """Return what is folded: who answers, what came before, and the comments."""
    name, who = survey_name(survey.survey), one_line(card.entity)
    differ = sum(bool(row.get("apart")) for row in survey.before_detraction)
    behaviours = quantity(len(survey.before_detraction), "behaviour")
    answers = _table(
        card,
        f"{key}-who-answers",
        f"{name}: difference in standard deviations",
        _rows(card, survey.response),
    )
    before = _table(
        card,
        f"{key}-before-detraction",
        f"{name}: behaviours before a {who} turned detractor, × the usual",
        _before(card, survey.before_detraction),
    )
    comments = [
        _table(card, f"{key}-comments-{place}", f"{name}: {one_line(group)}", rows)
        for place, (group, rows) in enumerate(survey.comments.items(), start=1)
    ]
    return [
        ("How those who answer differ from the others", _given([answers])),
        (
            f"Weeks before a {who} turned detractor: {differ} of {behaviours} differ from usual",
            _given([before]),
        ),
        ("Newest comments, not interpreted", _given(comments)),
    ]


def _given(tables: Sequence[Table | None]) -> tuple[Table, ...]:
    return tuple(each for each in tables if each is not None)


def survey_name(name: str) -> str:
    """Return a survey's name; the usual abbreviations in capitals.

    Examples
    --------
    >>> survey_name("nps"), survey_name("spring poll")
    ('NPS', 'spring poll')
    """
    return name.upper() if name in _ABBREVIATIONS else one_line(name)


def _table(
    card: Scorecard, key: str, caption: str, rows: Sequence[Mapping[str, Any]]
) -> Table | None:
    return mapping_table(key, caption, rows, currency=card.currency, entity=card.entity)


def _evidence(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "form": _FORMS.get(row.get("form", ""), row.get("form")),
            "verdict": row.get("verdict"),
            "effect": row.get("effect"),
            "low": row.get("low"),
            "high": row.get("high"),
            "adds": _adds(row.get("adds")),
            "more_answers": row.get("more_answers"),
            "reason": row.get("reason"),
        }
        for row in rows
    ]


def _adds(given: Any) -> Any:
    """Return what the score adds to a forecast, with its interval; None if it is not known."""
    if not isinstance(given, Mapping):
        return given
    if given.get("points", given.get("value")) is None:
        return None
    return as_value({**given, "value": given.get("points", given.get("value"))})


def _before(card: Scorecard, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "behaviour": words.title(card, str(row.get("behaviour"))),
            "ratio": row.get("ratio"),
            "low": row.get("low"),
            "high": row.get("high"),
            "stayed": as_value((row.get("stayed"), row.get("stayed_low"), row.get("stayed_high"))),
            "differs": row.get("apart"),
            "weeks": row.get("weeks"),
            "customers": row.get("customers"),
        }
        for row in rows
    ]


def _response(response: Mapping[str, Any]) -> list[str]:
    """Return who answered, and what the score would be if all had, in sentences."""
    rate = as_value({**response, "value": response.get("rate")})
    note = sentence(one_line(response.get("note") or ""))
    said = []
    if rate is not None and rate.value is not None:
        answered, people = number(response.get("answered"), 0), number(response.get("people"), 0)
        said.append(
            f"{Writer('percent').both(rate)} of those who were asked answered: {answered} of "
            f"{people}."
        )
    weighted = as_value(response.get("weighted"))
    if weighted is not None and weighted.value is not None:
        raw = number(response["weighted"].get("raw"), 1)
        said.append(
            f"The score of those who answered is {raw}. Weighted to those who could have answered, "
            f"it is {Writer('points').both(weighted)}."
        )
    return [*said, note] if note else said


def _rows(card: Scorecard, response: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the differences between those who answer and those who do not."""
    return [
        {
            "what": words.title(card, name),
            "answered": each.get("answered"),
            "others": each.get("others"),
            "difference": each.get("difference"),
            "low": each.get("low"),
            "high": each.get("high"),
        }
        for name, each in (response.get("differences") or {}).items()
    ]
