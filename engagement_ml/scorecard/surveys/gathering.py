"""Answers and the weeks of those who gave them, collected from the tables.

The engine sums events and transactions by customer and week; only customers of the surveys, and
some others to compare them with, come into arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np

from engagement_ml._typing import AnyArray, FloatArray, IntArray
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import PERMANENT_RANDOM_NUMBERS
from engagement_ml.features.daily_totals import entities
from engagement_ml.features.period_panel import Periods, build_periods
from engagement_ml.features.population import collect
from engagement_ml.features.stratified_sample import Sample, sample_of
from engagement_ml.formatting import number, quantity
from engagement_ml.inputs import Tables
from engagement_ml.scorecard.surveys.answers import Answers

WEEK_DAYS = 7
MOST_PEOPLE, MOST_OTHERS = 20_000, 5_000
"""Customers of the surveys, and others, that are drawn at most."""
_DAY_MICROS = 86_400_000_000
_NUMBER = "number_"


@dataclass(frozen=True)
class Counted:
    """A survey in the whole table: its scale (empty if unknown), answers and people."""

    survey: str
    scale: str
    answers: int
    people: int


@dataclass(frozen=True)
class Sent:
    """Surveys that were sent, in the order of time; the score is NaN without an answer."""

    customer: IntArray
    week: IntArray
    score: FloatArray


@dataclass(frozen=True)
class Gathered:
    """The weeks of the customers that were drawn, with their answers.

    Attributes
    ----------
    periods : Periods
        In weeks, up to the end of the history.
    answers : mapping of survey to Answers
    sent : mapping of survey to Sent
        Empty if no time of sending is on record.
    weight : float array (n,)
        Inverse sampling fraction of each customer.
    notes : tuple of str
    """

    periods: Periods
    answers: Mapping[str, Answers]
    sent: Mapping[str, Sent]
    weight: FloatArray
    notes: tuple[str, ...] = ()


def count_surveys(tables: Tables) -> tuple[Counted, ...]:
    """Return the surveys that have answers, by name; empty without a table of surveys."""
    if tables.surveys is None:
        return ()
    grouped = (
        tables.surveys.filter(~nw.col("score").is_null())
        .group_by("survey")
        .agg(
            nw.col("scale").max().alias("scale_"),
            nw.len().alias("answers"),
            nw.col("customer_id").n_unique().alias("people"),
        )
    )
    rows = tables.engine.rows(grouped, source="surveys")
    found = (
        Counted(
            str(row["survey"]), str(row["scale_"] or ""), int(row["answers"]), int(row["people"])
        )
        for row in rows
    )
    return tuple(sorted(found, key=lambda each: each.survey))


def gather(tables: Tables, config: PipelineConfig, counted: tuple[Counted, ...]) -> Gathered:
    """Collect the answers, and margin and behaviours by week of those who gave them.

    Raises
    ------
    NotEnoughDataError
        If the history holds no whole week with a customer in it.
    """
    assert tables.surveys is not None
    everyone = entities(tables, config).select("customer_id")
    surveyed = tables.surveys.select("customer_id").unique()
    people = everyone.join(surveyed, on="customer_id", how="semi")
    others = everyone.join(surveyed, on="customer_id", how="anti")
    drawn, n_people = _draw(tables, people, MOST_PEOPLE, config.random_seed)
    compared, n_others = _draw(tables, others, MOST_OTHERS, config.random_seed)
    ids = np.sort(np.concatenate([drawn, compared]) if len(compared) else drawn)
    name = f"surveyed: {len(drawn)} of {n_people} and {len(compared)} of {n_others} others"
    sample = Sample(ids, n_people + n_others, (), 1, f"{name}, seed {config.random_seed}")
    periods = build_periods(
        sample_of(tables, sample), config, until=tables.history.end, period_days=WEEK_DAYS
    )
    of_people = np.isin(periods.entities, drawn)
    fractions = np.where(of_people, len(drawn) / max(n_people, 1), len(compared) / max(n_others, 1))
    notes = []
    if len(drawn) < n_people:
        notes.append(
            f"margin and behaviours rest on {number(len(drawn))} drawn at random of "
            f"{quantity(n_people, config.entity)} who were surveyed"
        )
    n_strangers = _number_of(tables, surveyed.join(everyone, on="customer_id", how="anti"))
    if n_strangers:
        notes.append(
            f"no margin is known for {quantity(n_strangers, config.entity)} of the surveys in no "
            "other table"
        )
    answers, sent, outside = _answers_of(tables, config, counted, periods)
    if outside:
        notes.append(
            f"no margin is known for {quantity(outside, 'answer')} outside the weeks of the history"
        )
    return Gathered(periods, answers, sent, 1.0 / np.maximum(fractions, 1e-12), tuple(notes))


def _draw(
    tables: Tables, customers: nw.LazyFrame[Any], at_most: int, seed: int
) -> tuple[AnyArray, int]:
    """Return ids of customers drawn with equal chances, sorted, and the number of all."""
    n = _number_of(tables, customers)
    if n > at_most:
        numbered = tables.engine.permanent_random_numbers(customers, "customer_id", seed, _NUMBER)
        limit = int(PERMANENT_RANDOM_NUMBERS * (at_most / n))
        customers = numbered.filter(nw.col(_NUMBER) < limit).select("customer_id")
    return np.sort(collect(customers)["customer_id"]), n


def _number_of(tables: Tables, customers: nw.LazyFrame[Any]) -> int:
    return int(tables.engine.rows(customers.select(nw.len().alias("n")), source="surveys")[0]["n"])


def _answers_of(
    tables: Tables, config: PipelineConfig, counted: tuple[Counted, ...], periods: Periods
) -> tuple[dict[str, Answers], dict[str, Sent], int]:
    """Return answers and surveys that were sent, by survey, and the answers that have no week."""
    rows = _rows(tables, periods)
    start = np.datetime64(periods.start, "D").astype(int) * _DAY_MICROS
    width, n_weeks = WEEK_DAYS * _DAY_MICROS, periods.gain.shape[1]
    survey = np.asarray(rows["survey"], dtype=object)
    score = np.asarray(rows["score"], dtype=np.float64)
    week = _weeks(rows["timestamp"], start, width)
    sent_week = _weeks(rows["sent"], start, width)
    customer, outside = rows["place_"].astype(np.int64), 0
    answers: dict[str, Answers] = {}
    sent: dict[str, Sent] = {}
    for each in counted:
        mine = survey == each.survey
        given = mine & ~np.isnan(score)
        inside = given & (week >= 0) & (week < n_weeks)
        outside += int((given & ~inside).sum())
        answers[each.survey] = Answers.of(
            each.survey,
            each.scale,
            direction_of(config, each.survey),
            customer[inside],
            week[inside],
            score[inside],
            sent_week[inside],
        )
        asked = mine & (sent_week >= 0) & (sent_week < n_weeks)
        if asked.any():
            sent[each.survey] = Sent(customer[asked], sent_week[asked], score[asked])
    return answers, sent, outside


def _rows(tables: Tables, periods: Periods) -> dict[str, AnyArray]:
    """Return the rows of the table of surveys of the customers drawn, in the order of time."""
    assert tables.surveys is not None
    places = tables.engine.small(
        {"customer_id": periods.entities, "place_": np.arange(len(periods.entities))}
    )
    frame = tables.surveys
    moments = [c for c in ("timestamp", "sent") if c in frame.collect_schema().names()]
    frame = tables.engine.micros(frame.select("customer_id", "survey", "score", *moments), *moments)
    rows = collect(frame.join(places, on="customer_id", how="inner"))
    rows.setdefault("sent", np.full(len(rows["survey"]), np.nan))
    score = np.asarray(rows["score"], dtype=np.float64)
    order = np.lexsort((score, np.asarray(rows["timestamp"], dtype=np.float64)))
    return {name: values[order] for name, values in rows.items()}


def _weeks(micros: AnyArray, start: int, width: int) -> IntArray:
    """Return the week of each moment; −1 for null and for what is before the start."""
    moments = np.asarray(micros, dtype=np.float64)
    known = ~np.isnan(moments)
    week = np.full(len(moments), -1, dtype=np.int64)
    week[known] = np.floor((moments[known] - start) / width).astype(np.int64)
    return np.maximum(week, -1)


def anonymous_surveys(config: PipelineConfig) -> frozenset[str]:
    """Return the surveys of employees, whose answers must not be traced to a person."""
    own = {settings.survey for settings in config.measures.values() if settings.kind == "esat"}
    named = config.measures.get("esat")
    usual = "esat" if named is None or named.survey is None else named.survey
    return frozenset({usual, *(survey for survey in own if survey is not None)})


def direction_of(config: PipelineConfig, survey: str) -> Literal["more", "less"]:
    """Return whether a high score of a survey is good, from the measures that read it."""
    for name, settings in config.measures.items():
        if settings.better and survey == (settings.survey or settings.kind or name):
            return settings.better
    return "more"
