"""Answers to surveys: which surveys there are, with the touchpoint that each answer is about."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.measures.context import AbsentError, MeasureContext


def answered_surveys(context: MeasureContext) -> dict[str, str]:
    """Return the surveys that have answers, each with its scale; empty if that is unknown.

    Raises
    ------
    AbsentError
        If there is no table of surveys.
    """
    surveys = context.frame("surveys").filter(~nw.col("score").is_null())
    by_name = context.engine.once(
        f"surveys with answers {_key(context)}",
        lambda: surveys.group_by("survey").agg(nw.col("scale").max()),
    )
    rows = context.engine.rows(by_name, source="surveys")
    return {str(row["survey"]): str(row["scale"] or "") for row in rows}


def answers_of(context: MeasureContext, survey: str) -> nw.LazyFrame[Any]:
    """Return the answers to a survey.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``day`` (date), ``timestamp``, ``score`` and, if any answer has one,
        ``touchpoint``.
    """
    answers = with_touchpoints(context)
    given = (nw.col("survey") == survey) & ~nw.col("score").is_null()
    columns = [c for c in ("touchpoint",) if c in answers.collect_schema().names()]
    return answers.filter(given).select(
        "customer_id", "timestamp", "score", nw.col("timestamp").dt.date().alias("day"), *columns
    )


def sent_surveys(
    context: MeasureContext, survey: str | None
) -> tuple[nw.LazyFrame[Any], tuple[str, ...]]:
    """Return the surveys that were sent, with what is to be said of them.

    Parameters
    ----------
    context : MeasureContext
    survey : str or None
        None is all surveys.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``day`` (date, of sending), ``answered`` and ``sent_`` (1 or 0), and
        ``touchpoint`` if any has one.
    tuple of str

    Raises
    ------
    AbsentError
        If no survey that was sent is on record.
    """
    context.require("surveys", "sent")
    rows = with_touchpoints(context)
    if survey is not None:
        rows = rows.filter(nw.col("survey") == survey)
    known = ~nw.col("sent").is_null()
    answered = nw.when(nw.col("score").is_null()).then(nw.lit(0)).otherwise(nw.lit(1))
    counts = context.engine.rows(
        rows.select(
            nw.when(known).then(nw.lit(1)).otherwise(nw.lit(0)).sum().alias("sent_"),
            nw.when(known).then(answered).otherwise(nw.lit(0)).sum().alias("answered"),
            answered.sum().alias("answers"),
        ),
        source="surveys",
    )[0]
    n_sent, n_answered = int(counts["sent_"] or 0), int(counts["answered"] or 0)
    n_others = int(counts["answers"] or 0) - n_answered
    if not n_sent:
        named = f" of the survey '{survey}'" if survey is not None else ""
        raise AbsentError(f"column 'sent' of surveys: none{named} has a time of sending")
    notes = []
    if n_others:
        notes.append(f"{n_others:,} answers have no time of sending and are left out")
    if n_answered == n_sent:
        notes.append(
            "every survey that was sent has an answer: those without one may not be on record"
        )
    columns = [c for c in ("touchpoint",) if c in rows.collect_schema().names()]
    sent = rows.filter(known).select(
        "customer_id",
        nw.col("sent").dt.date().alias("day"),
        answered.alias("answered"),
        nw.lit(1).alias("sent_"),
        *columns,
    )
    return sent, tuple(notes)


def with_touchpoints(context: MeasureContext) -> nw.LazyFrame[Any]:
    """Return the table of surveys with ``touchpoint``: its column, or the channel of its event.

    The column is absent if neither is on record.
    """
    surveys = context.frame("surveys")
    has_own = context.has("surveys", "touchpoint")
    linked = context.has("surveys", "event_id") and all(
        context.has("events", column) for column in ("event_id", "channel")
    )
    if not linked:
        return surveys

    def make() -> nw.LazyFrame[Any]:
        text = nw.col("event_id").cast(nw.String)
        events = context.tables.events.select(event_key_=text, channel_="channel")
        named = surveys.with_columns(event_key_=text)
        wanted = named.select("event_key_").filter(~nw.col("event_key_").is_null()).unique()
        found = events.join(wanted, on="event_key_", how="semi")
        # An id that is not unique must not multiply answers.
        found = found.group_by("event_key_").agg(nw.col("channel_").min())
        channel = nw.col("channel_")
        touchpoint = nw.coalesce("touchpoint", channel) if has_own else channel
        joined = named.join(found, on="event_key_", how="left")
        return joined.with_columns(touchpoint=touchpoint).drop("event_key_", "channel_")

    return context.engine.once(f"surveys with touchpoints {_key(context)}", make)


def _key(context: MeasureContext) -> str:
    prints = (q.fingerprint for q in context.tables.quality if q.table in ("events", "surveys"))
    return " ".join((*prints, context.tables.sample_key))
