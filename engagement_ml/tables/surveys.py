"""Surveys: their scales, the scores that fit them, and rows that were sent and not answered.

A survey has one scale. Those of ``nps`` and ``ces`` are fixed; ``csat`` and ``esat`` have 1 to 5
unless the column ``scale`` says otherwise; surveys of other names have what ``scale`` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import narwhals as nw

from engagement_ml.errors import InputError
from engagement_ml.formatting import quantity
from engagement_ml.tables.schema import SourceTable, needed, quoted

SCALES = {"1-5": (1, 5), "1-7": (1, 7), "1-10": (1, 10), "0-10": (0, 10)}
"""The lowest and the highest score of each scale."""
FIXED = {"nps": "0-10", "ces": "1-7"}
"""Surveys that always have the same scale."""
USUAL = {"csat": "1-5", "esat": "1-5"}
"""Surveys that have this scale unless the column ``scale`` says otherwise."""
KNOWN = (*FIXED, *USUAL)
_ONE_OF = "one of 1-5, 1-7, 1-10 and 0-10, as text"


class SurveyCheck(NamedTuple):
    """A column, the condition of values that do not fit, and the expected value."""

    column: str
    bad: Any
    expected: str


class _Range(NamedTuple):
    """Scores of some surveys: by name, or by what the column ``scale`` says."""

    surveys: tuple[str, ...]
    given: str | None
    scale: str
    expected: str


def _ranges() -> Iterator[_Range]:
    for survey, scale in FIXED.items():
        low, high = SCALES[scale]
        yield _Range((survey,), None, scale, f"a score of {survey} from {low} to {high}")
    other = "or the scale of the survey in the column 'scale'"
    yield _Range(tuple(USUAL), "", "1-5", f"a score of {' or '.join(USUAL)} from 1 to 5, {other}")
    for scale, (low, high) in SCALES.items():
        yield _Range((), scale, scale, f"a score from {low} to {high}, as the scale is {scale}")


def checks_sql(table: SourceTable) -> list[SurveyCheck]:
    """Return the checks of scales and scores; conditions are SQL of DuckDB."""
    if table.name != "surveys" or not table.has("survey") or not table.has("score"):
        return []
    survey, given, score = survey_sql(table), _given_sql(table), table.number("score")
    checks = []
    if table.has("scale"):
        listed = ", ".join(f"'{scale}'" for scale in SCALES)
        checks.append(SurveyCheck("scale", f"{given} NOT IN ({listed})", _ONE_OF))
        checks += [
            SurveyCheck("scale", f"{survey} = '{name}' AND {given} <> '{scale}'", _fixed(name))
            for name, scale in FIXED.items()
        ]
    for each in _ranges():
        low, high = SCALES[each.scale]
        if each.surveys:
            which = f"{survey} IN ({', '.join(repr(name) for name in each.surveys)})"
            which += f" AND {given} IS NULL" if each.given == "" else ""
        else:
            fixed = ", ".join(repr(name) for name in FIXED)
            which = f"{given} = '{each.given}' AND {survey} NOT IN ({fixed})"
        outside = f"isfinite({score}) AND NOT ({score} BETWEEN {low} AND {high})"
        checks.append(SurveyCheck("score", f"{which} AND {outside}", each.expected))
    return checks


def checks_of(table: SourceTable) -> list[SurveyCheck]:
    """Return the checks of ``checks_sql``; conditions are expressions over typed columns."""
    if table.name != "surveys" or not table.has("survey") or not table.has("score"):
        return []
    survey, given, score = _survey(), _given(table), nw.col("score")
    missing = given.is_null()
    checks = []
    if table.has("scale"):
        unknown = ~missing & ~given.is_in(list(SCALES))
        checks.append(SurveyCheck("scale", unknown, _ONE_OF))
        checks += [
            SurveyCheck("scale", (survey == name) & (given != scale), _fixed(name))
            for name, scale in FIXED.items()
        ]
    for each in _ranges():
        low, high = SCALES[each.scale]
        if each.surveys:
            which = survey.is_in(list(each.surveys))
            which = which & missing if each.given == "" else which
        else:
            which = (given == each.given) & ~survey.is_in(list(FIXED))
        outside = score.is_finite() & ((score < low) | (score > high))
        checks.append(SurveyCheck("score", which & outside, each.expected))
    return checks


def _fixed(survey: str) -> str:
    return f"{FIXED[survey]} or nothing, as {survey} has no other scale"


def survey_sql(table: SourceTable) -> str:
    """Return SQL for the name of a survey; known names count in any case."""
    name = f"nullif(CAST({quoted('survey')} AS VARCHAR), '')"
    known = ", ".join(f"'{each}'" for each in KNOWN)
    return f"CASE WHEN lower(trim({name})) IN ({known}) THEN lower(trim({name})) ELSE {name} END"


def scale_sql(table: SourceTable) -> str:
    """Return SQL for the scale of an answer; null where neither name nor column says it."""
    usual = " ".join(f"WHEN '{name}' THEN '{scale}'" for name, scale in (FIXED | USUAL).items())
    return f"coalesce({_given_sql(table)}, CASE {survey_sql(table)} {usual} END)"


def _given_sql(table: SourceTable) -> str:
    """Return SQL for what the column ``scale`` says."""
    if not table.has("scale"):
        return "CAST(NULL AS VARCHAR)"
    return f"nullif(trim(CAST({quoted('scale')} AS VARCHAR)), '')"


def _survey() -> nw.Expr:
    name = nw.col("survey").str.strip_chars().str.to_lowercase()
    return nw.when(name.is_in(list(KNOWN))).then(name).otherwise(nw.col("survey"))


def _given(table: SourceTable) -> nw.Expr:
    if not table.has("scale"):
        return nw.lit(None).cast(nw.String)
    given = nw.col("scale").str.strip_chars()
    return nw.when(given != "").then(given)


def with_scale(table: SourceTable, answers: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return answers with known names in lower case, and the scale of each; columns are text."""
    survey, given = _survey(), _given(table)
    by_name = nw.lit(None).cast(nw.String)
    for known, scale in (FIXED | USUAL).items():
        by_name = nw.when(survey == known).then(nw.lit(scale)).otherwise(by_name)
    return answers.with_columns(
        survey=survey, scale=nw.when(~given.is_null()).then(given).otherwise(by_name)
    )


def one_scale_error(
    place: str, survey: str, rows: Mapping[str, int], row: int | None = None
) -> InputError:
    """Return the error about a survey with several scales.

    Parameters
    ----------
    place : str
        The source and its column.
    survey : str
    rows : mapping of str to int
        Number of rows by scale.
    row : int, optional
        The first row of the rarest scale.
    """
    rarest, *others = sorted(rows, key=lambda scale: (rows[scale], scale))
    where = "" if row is None else f", row {row}"
    found = " and ".join(f"{scale} in {quantity(rows[scale], 'row')}" for scale in others[::-1])
    usual = f" (an empty 'scale' means {USUAL[survey]})" if survey in USUAL else ""
    return InputError(
        f"{place}{where}: survey '{survey}' has the scale {rarest} in "
        f"{quantity(rows[rarest], 'row')} and {found}{usual}; a survey has one scale, so give the "
        "rows of each scale a name of their own in 'survey'"
    )


def missing_sql(table: SourceTable) -> list[tuple[str, str]]:
    """Return the name and the SQL condition of each value for want of which a row is dropped.

    A survey that was sent needs neither a score nor the time of an answer.
    """
    missing = {column: f"{quoted(column)} IS NULL" for column in needed(table.name)}
    if may_be_unanswered(table):
        missing["timestamp"] += ' AND "score" IS NOT NULL'
        missing["score"] += ' AND "sent" IS NULL'
    return [(f"null {column}", condition) for column, condition in missing.items()]


def missing_values(table: SourceTable) -> list[tuple[str, nw.Expr]]:
    """Return what ``missing_sql`` returns, as expressions."""
    missing = {column: nw.col(column).is_null() for column in needed(table.name)}
    if may_be_unanswered(table):
        missing["timestamp"] &= ~nw.col("score").is_null()
        missing["score"] &= nw.col("sent").is_null()
    return [(f"null {column}", condition) for column, condition in missing.items()]


def may_be_unanswered(table: SourceTable) -> bool:
    """Return whether rows without a score are surveys that were sent and not answered."""
    return table.name == "surveys" and table.has("sent")
