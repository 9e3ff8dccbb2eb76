"""Profile of segments by behaviour: size, margin and score, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml.features.daily_totals import daily_transactions, entities
from engagement_ml.ledger.daily import MICRO
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.kinds.functions import ratio, share
from engagement_ml.measures.kinds.kind import Estimate, Kind, Totals
from engagement_ml.scorecard.card import SegmentCard, Value
from engagement_ml.scorecard.segments.behaviour import NO_ACTIVITY, BehaviourSegments
from engagement_ml.windows import DAY

MEAN = ratio("total", "customers")
SHARE = share("part", "customers")


def segment_card(context: MeasureContext, found: BehaviourSegments) -> SegmentCard:
    """Return the profile of each segment, the largest first, those without activity last.

    Parameters
    ----------
    context : MeasureContext
        Its scores, if there are any, give the score: that of the last day before ``found.as_of``.
    found : BehaviourSegments

    Returns
    -------
    SegmentCard
        Each segment has ``name``, ``kind`` (``behaviour`` or ``no activity``), ``customers``,
        ``share`` (percent of those who were there), ``new`` (percent who entered in the observation
        window), ``margin`` (per customer in the observation window), ``score`` and ``apart``.
    """
    if found.members is None:
        return SegmentCard(stability=found.stability, reason=found.reason)
    rows = _rows(context, found)
    everyone = sum(int(row["n_"]) for row in rows.values())
    apart = dict(zip(found.names, found.apart, strict=True))
    return SegmentCard(
        stability=found.stability,
        segments=tuple(
            _segment(name, rows[name], everyone, apart.get(name, {}))
            for name in (*found.names, NO_ACTIVITY)
            if name in rows
        ),
    )


def _segment(
    name: str, row: Mapping[str, Any], everyone: int, apart: Mapping[str, float]
) -> dict[str, Any]:
    n = int(row["n_"])
    return {
        "name": name,
        "kind": NO_ACTIVITY if name == NO_ACTIVITY else "behaviour",
        "customers": n,
        "share": _share(n, everyone),
        "new": _share(int(row["new_"]), n),
        "margin": _mean(int(row["margin_"]) / MICRO, row["margin_2"], n),
        "score": _mean(int(row["score_"]) / MICRO, row["score_2"], int(row["scored_"])),
        "apart": dict(apart),
    }


def _rows(context: MeasureContext, found: BehaviourSegments) -> dict[str, dict[str, Any]]:
    """Return the totals of each segment, by its name."""
    assert found.members is not None
    start = found.as_of - context.config.windows.observation_days * DAY
    entered = entities(context.tables, context.config).select(
        "customer_id", new_=_flag(nw.col("entry").dt.date() >= start)
    )
    inside = (nw.col("day") >= start) & (nw.col("day") < found.as_of)
    margins = (
        daily_transactions(context.tables)
        .filter(inside)
        .group_by("customer_id")
        .agg(margin_=(nw.col("gain") - nw.col("loss")).sum())
    )
    joined = found.members
    for frame in (entered, margins, _scores(context, found)):
        joined = joined.join(frame, on="customer_id", how="left")
    amounts = {"margin_": nw.col("margin_").fill_null(0), "score_": nw.col("score_").fill_null(0)}
    squares = {f"{name}2": (nw.col(name).cast(nw.Float64) / MICRO) ** 2 for name in amounts}
    totals = ("new_", *amounts, *squares, "scored_")
    grouped = (
        joined.with_columns(scored_=_flag(~nw.col("score_").is_null()))
        .with_columns(**amounts)
        .with_columns(**squares)
        .group_by("segment")
        .agg(nw.len().alias("n_"), *(nw.col(name).sum() for name in totals))
    )
    return {str(row["segment"]): row for row in context.engine.rows(grouped, source="customers")}


def _scores(context: MeasureContext, found: BehaviourSegments) -> nw.LazyFrame[Any]:
    """Return ``customer_id`` and ``score_`` (millionths) on the last day with scores."""
    if context.scores is None:
        assert found.members is not None
        missing = nw.lit(None).cast(nw.Int64)
        return found.members.select("customer_id", score_=missing)
    before = context.scores.filter(nw.col("day") < found.as_of)
    (row,) = context.engine.rows(before.select(day_=nw.col("day").max()), source="scores")
    last = before.filter(nw.col("day") == row["day_"]) if row["day_"] is not None else before
    return last.select("customer_id", score_=(nw.col("score") * MICRO).round(0).cast(nw.Int64))


def _flag(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def _mean(total: float, squares: float, n: int) -> Value:
    products = np.array([[squares, total], [total, n]])
    return _value(MEAN, Totals(n, np.array([total, float(n)]), products))


def _share(part: int, n: int) -> Value:
    products = np.array([[part, part], [part, n]], dtype=np.float64)
    return _value(SHARE, Totals(n, np.array([float(part), float(n)]), products))


def _value(kind: Kind, totals: Totals) -> Value:
    made: Estimate = kind.estimate(totals)
    return Value(
        made.value, made.low, made.high, made.n, made.numerator, made.denominator, made.note
    )
