"""Sections of surveys: what a score has to do with margin, who answers, what came before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.formatting import first_upper, one_line, percent, quantity, sentence
from engagement_ml.report.scorecard.mappings import mapping_table
from engagement_ml.report.scorecard.section import Section
from engagement_ml.report.scorecard.tables import Table
from engagement_ml.report.scorecard.values import as_value
from engagement_ml.scorecard.card import Scorecard, SurveyCard


def survey_sections(card: Scorecard) -> list[Section]:
    """Return a section for each survey."""
    return [_survey(card, each, n) for n, each in enumerate(card.surveys, start=1)]


def _survey(card: Scorecard, survey: SurveyCard, n: int) -> Section:
    key, name = f"survey-{n}", one_line(survey.survey)
    lead = [
        f"{quantity(survey.answers, 'answer')} of {quantity(survey.people, one_line(card.entity))}."
    ]
    if (who := _response(survey.response)) is not None:
        lead.append(who)
    lead += [sentence(one_line(each)) for each in survey.notes]
    before = (
        "Behaviours in the weeks before a customer turned detractor, compared with earlier ones"
    )
    tables = [
        _table(card, f"{key}-evidence", "The score and margin", survey.evidence),
        _table(card, f"{key}-who-answers", "Who answers", _rows(survey.response)),
        _table(card, f"{key}-before-detraction", before, survey.before_detraction),
    ]
    comments = tuple(
        table
        for place, (group, rows) in enumerate(survey.comments.items(), start=1)
        if (table := _table(card, f"{key}-comments-{place}", one_line(group), rows)) is not None
    )
    folded = (("Newest comments, not interpreted", comments),) if comments else ()
    title = f"Survey: {name if name != name.lower() or len(name) > 4 else name.upper()}"
    return Section(
        key, title, tuple(lead), tuple(each for each in tables if each is not None), folded
    )


def _table(
    card: Scorecard, key: str, caption: str, rows: Sequence[Mapping[str, Any]]
) -> Table | None:
    return mapping_table(key, caption, rows, currency=card.currency, entity=card.entity)


def _response(response: Mapping[str, Any]) -> str | None:
    value = as_value(response.get("rate"))
    if value is None or value.value is None:
        reason = one_line(response.get("reason") or response.get("note") or "")
        return sentence(reason) if reason else None
    interval = ""
    if value.low is not None and value.high is not None:
        interval = f" ({percent(value.low)} to {percent(value.high)})"
    return f"{percent(value.value)}{interval} of those who were asked answered."


def _rows(response: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the differences between those who answer and those who do not, as rows."""
    differences = response.get("differences") or ()
    if isinstance(differences, Mapping):
        return [
            {"what": first_upper(str(name)), **value}
            if isinstance(value, Mapping)
            else {"what": first_upper(str(name)), "difference": value}
            for name, value in differences.items()
        ]
    return [each for each in differences if isinstance(each, Mapping)]
