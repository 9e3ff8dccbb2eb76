"""Surveys: their scales, the scores that fit them, and rows that were sent and not answered.

A survey has one scale. Those of ``nps`` and ``ces`` are fixed; ``csat`` and ``esat`` have 1 to 5
unless the column ``scale`` says otherwise; surveys of other names have what ``scale`` says.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.tables.schema import SourceTable, needed, quoted

SCALES = {"1-5": (1, 5), "1-7": (1, 7), "1-10": (1, 10), "0-10": (0, 10)}
"""The lowest and the highest score of each scale."""
FIXED = {"nps": "0-10", "ces": "1-7"}
"""Surveys that always have the same scale."""
USUAL = {"csat": "1-5", "esat": "1-5"}
"""Surveys that have this scale unless the column ``scale`` says otherwise."""
KNOWN = (*FIXED, *USUAL)


def survey_sql(table: SourceTable) -> str:
    """Return SQL for the name of a survey; known names count in any case."""
    name = f"nullif(CAST({quoted('survey')} AS VARCHAR), '')"
    known = ", ".join(f"'{each}'" for each in KNOWN)
    return f"CASE WHEN lower(trim({name})) IN ({known}) THEN lower(trim({name})) ELSE {name} END"


def scale_sql(table: SourceTable) -> str:
    """Return SQL for the scale of an answer; null where neither name nor column says it."""
    usual = " ".join(f"WHEN '{survey}' THEN '{scale}'" for survey, scale in (FIXED | USUAL).items())
    by_name = f"CASE {survey_sql(table)} {usual} END"
    given = given_scale_sql(table)
    return by_name if given is None else f"coalesce({given}, {by_name})"


def given_scale_sql(table: SourceTable) -> str | None:
    """Return SQL for the column ``scale``; None if the table has none."""
    if not table.has("scale"):
        return None
    return f"nullif(trim(CAST({quoted('scale')} AS VARCHAR)), '')"


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


def with_scale(answers: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return answers with known names in lower case, and the scale of each; columns are text."""
    name = nw.col("survey").str.strip_chars().str.to_lowercase()
    survey = nw.when(name.is_in(list(KNOWN))).then(name).otherwise(nw.col("survey"))
    named = answers.with_columns(survey=survey)
    by_name = nw.lit(None).cast(nw.String)
    for known, scale in (FIXED | USUAL).items():
        by_name = nw.when(nw.col("survey") == known).then(nw.lit(scale)).otherwise(by_name)
    if "scale" not in answers.collect_schema().names():
        return named.with_columns(scale=by_name)
    given = nw.col("scale").str.strip_chars()
    return named.with_columns(
        scale=nw.when(given.is_null() | (given == "")).then(by_name).otherwise(given)
    )


def may_be_unanswered(table: SourceTable) -> bool:
    """Return whether rows without a score are surveys that were sent and not answered."""
    return table.name == "surveys" and table.has("sent")
