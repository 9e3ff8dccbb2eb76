"""Comments of answers by segment, newest first; they are listed, not interpreted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

import narwhals as nw

from engagement_ml.inputs import Tables

MOST_READ = 2_000
"""Newest comments of all surveys among which those of segments are found."""
ALL = "all"


def comments_by_survey(
    tables: Tables,
    at_most: int,
    segments: nw.LazyFrame[Any] | None = None,
    *,
    anonymous: Collection[str] = (),
) -> dict[str, dict[str, tuple[dict[str, Any], ...]]]:
    """Return the newest comments of each survey and segment.

    Parameters
    ----------
    tables : Tables
    at_most : int
        Comments of each segment.
    segments : LazyFrame, optional
        ``customer_id`` and a text column for each segment.
    anonymous : collection of str
        Surveys whose comments are listed without person, score and segment.

    Returns
    -------
    dict of survey to dict of segment to tuple of dict
        Segments are ``all``, and ``column: group``. Each comment has ``customer_id``, ``date``,
        ``score`` (None without one) and ``comment``; person and score are None if anonymous. Empty
        if the table has no comments.
    """
    if tables.surveys is None or not at_most or "comment" not in tables.columns("surveys"):
        return {}
    text = nw.col("comment").str.strip_chars()
    given = tables.surveys.filter(~nw.col("comment").is_null() & ~nw.col("timestamp").is_null())
    newest = (
        given.with_columns(comment=text)
        .filter(nw.col("comment") != "")
        .select("customer_id", "survey", "timestamp", "score", "comment")
        .sort(
            "timestamp", "customer_id", "survey", "comment", descending=[True, False, False, False]
        )
        .head(MOST_READ)
    )
    columns: list[str] = []
    if segments is not None:
        columns = [c for c in segments.collect_schema().names() if c != "customer_id"]
        newest = newest.join(
            segments.rename({c: f"segment_{i}" for i, c in enumerate(columns)}),
            on="customer_id",
            how="left",
        )
    rows = tables.engine.rows(newest, source="surveys")
    rows.sort(key=lambda r: (r["customer_id"], r["survey"], r["comment"]))
    rows.sort(key=lambda r: r["timestamp"], reverse=True)
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        of_survey = found.setdefault(str(row["survey"]), {})
        groups = [ALL]
        if row["survey"] in anonymous:
            row |= {"customer_id": None, "score": None}
        else:
            groups += _groups(row, columns)
        for group in groups:
            listed = of_survey.setdefault(group, [])
            if len(listed) < at_most:
                listed.append(_comment(row))
    return {
        survey: {group: tuple(listed) for group, listed in sorted(groups.items())}
        for survey, groups in found.items()
    }


def _groups(row: dict[str, Any], columns: list[str]) -> list[str]:
    """Return the segments of a row."""
    named = ((column, row[f"segment_{i}"]) for i, column in enumerate(columns))
    return [f"{column}: {group}" for column, group in named if group is not None]


def _comment(row: dict[str, Any]) -> dict[str, Any]:
    moment: dt.datetime = row["timestamp"]
    return {
        "customer_id": row["customer_id"],
        "date": moment.date(),
        "score": row["score"],
        "comment": row["comment"],
    }
