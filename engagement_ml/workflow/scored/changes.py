"""Changes of scores since an earlier file of scores."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import narwhals as nw

from engagement_ml.column_names import find
from engagement_ml.engine import Engine, LazyEngine
from engagement_ml.engine.base import one_line
from engagement_ml.errors import InputError
from engagement_ml.formatting import quantity
from engagement_ml.metric import EngagementMetric
from engagement_ml.sources import describe_source, open_source
from engagement_ml.tables.schema import listed
from engagement_ml.workflow.scored.file_facts import ScoreFacts, facts_of
from engagement_ml.workflow.scored.table import CUSTOMER, SCORE, ScoreTable
from engagement_ml.workflow.scores_csv import read_scores

BEFORE, CHANGE = "score_before", "change"
_ID, _THERE = "earlier_id", "earlier_there"
_CSV = (".csv", ".csv.gz")


def with_changes(table: ScoreTable, since: Any, customer: str) -> tuple[ScoreTable, list[str], str]:
    """Add ``score_before`` and ``change``, and count new and gone customers.

    Parameters
    ----------
    table : ScoreTable
    since : path or frame
        An earlier file of scores, or any table with a customer and a score.
    customer : str
        The user's name of ``customer_id``.

    Returns
    -------
    table : ScoreTable
    before : list of str
        Columns of its frame with each behaviour's points before; empty if the file lacks them.
    when : str
        ``"since 2024-09-01"``, or ``"since the earlier scores"`` if their day is not known.

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column, has a customer twice, or was made with
        another definition of the metric.
    """
    engine, metric, label = table.engine, table.metric, describe_source(since, "since")
    facts = facts_of(since)
    _check_definition(facts, metric, label)
    earlier, before = _earlier(engine, metric, since, label, customer)
    earlier = engine.persist(earlier)
    _check_unique(engine, earlier, label, customer)
    frame = table.frame.with_columns(nw.col(CUSTOMER).cast(nw.String()).alias(_ID))
    joined = engine.persist(frame.join(earlier, on=_ID, how="left"))
    change = (nw.col(SCORE) - nw.col(BEFORE)).alias(CHANGE)
    gone = earlier.join(frame.select(_ID), on=_ID, how="anti").select(n=nw.len())
    new = joined.select(n=nw.col(_THERE).is_null().cast(nw.Int64()).sum())
    (n_gone,), (n_new,) = (
        [int(row["n"] or 0) for row in engine.rows(each, source=label)] for each in (gone, new)
    )
    when = "since the earlier scores" if facts.as_of is None else f"since {facts.as_of:%Y-%m-%d}"
    notes = (_counted(label, n_new, n_gone, metric.entity), *_order(facts, table.as_of, label))
    if facts.definition_hash is None:
        notes += (
            f"{label}: does not say with which metric it was made; the changes are those of "
            "customers only if it was this one",
        )
    frame = joined.with_columns(change).drop(_ID, _THERE)
    return table.extended(frame, {BEFORE: BEFORE, CHANGE: CHANGE}, *notes), before, when


def _check_definition(facts: ScoreFacts, metric: EngagementMetric, label: str) -> None:
    if facts.definition_hash in (None, metric.definition_hash):
        return
    raise InputError(
        f"{label}: holds scores of another definition ({str(facts.definition_hash)[:12]}, and "
        f"metric '{metric.name}' is {metric.definition_hash[:12]}), so a change would not be one "
        "of the customer; score the earlier day again with this metric (--as-of), or leave "
        "--since out"
    )


def _earlier(
    engine: Engine, metric: EngagementMetric, since: Any, label: str, customer: str
) -> tuple[nw.LazyFrame[Any], list[str]]:
    """Return id as text, score and points before; the columns of points if there are all."""
    raw = open_source(engine, _read_csv(since, label, customer), table="since")
    schema = raw.collect_schema()
    names = schema.names()
    ids, score = find(customer, names) or find(CUSTOMER, names), find(SCORE, names)
    for wanted, found in ((customer, ids), (SCORE, score)):
        if found is None:
            raise InputError(
                f"{label}: column '{wanted}' is missing; found {listed(names)}; give a file that "
                "'score' wrote"
            )
    points = [find(f"{b.behaviour}__points", names) for b in metric.behaviours]
    before = [f"b_{place}" for place, _ in enumerate(points)] if all(points) else []
    for column in (score, *(points if before else ())):
        if not schema[str(column)].is_numeric():
            raise InputError(
                f"{label}: column '{column}' holds {schema[str(column)]}, not numbers; give scores"
            )
    numbers = {BEFORE: score, **dict(zip(before, points, strict=False))}
    plain = _renamed(engine, raw, {_ID: str(ids), **{n: str(c) for n, c in numbers.items()}})
    # Whole numbers beside nulls are floats in pandas.
    whole = nw.col(_ID).cast(nw.Int64()) if schema[str(ids)].is_float() else nw.col(_ID)
    selected = (nw.col(name).cast(nw.Float64()) for name in numbers)
    frame = plain.select(whole.cast(nw.String()), *selected, nw.lit(1).alias(_THERE))
    return frame.filter(~nw.col(_ID).is_null()), before


def _renamed(engine: Engine, raw: nw.LazyFrame[Any], names: dict[str, str]) -> nw.LazyFrame[Any]:
    """Return columns under plain names; Spark takes a dot or a backtick for its own syntax."""
    if isinstance(engine, LazyEngine):
        quoted = {plain: "`" + name.replace("`", "``") + "`" for plain, name in names.items()}
        return engine.project(raw, quoted)
    return raw.select(nw.col(name).alias(plain) for plain, name in names.items())


def _read_csv(since: Any, label: str, customer: str) -> Any:
    """Return a CSV file of scores as a frame, its ids as text; any other source unchanged."""
    is_path = isinstance(since, str | os.PathLike)
    if not (is_path and str(since).lower().endswith(_CSV) and Path(since).is_file()):
        return since
    try:
        return read_scores(Path(since), dict.fromkeys((customer, CUSTOMER), "str"))
    except (ValueError, OSError) as error:
        raise InputError(f"{label}: cannot be read as scores: {one_line(error)}") from None


def _check_unique(engine: Engine, earlier: nw.LazyFrame[Any], label: str, customer: str) -> None:
    counted = earlier.group_by(_ID).agg(nw.len().alias("n")).filter(nw.col("n") > 1).head(1)
    for row in engine.rows(counted, source=label):
        raise InputError(
            f"{label}: column '{customer}': {row[_ID]!r} occurs in {row['n']} rows; give one row "
            "per customer"
        )


def _counted(label: str, n_new: int, n_gone: int, entity: str) -> str:
    verb = "is" if n_new == 1 else "are"
    return (
        f"compared with {label}: {quantity(n_new, entity)} {verb} new, and {n_gone:,} of the "
        f"earlier ones {'is' if n_gone == 1 else 'are'} not scored now"
    )


def _order(facts: ScoreFacts, as_of: dt.datetime, label: str) -> tuple[str, ...]:
    if facts.as_of is None or facts.as_of < as_of:
        return ()
    return (f"{label}: its scores are as of {facts.as_of:%Y-%m-%d}, not before {as_of:%Y-%m-%d}",)
