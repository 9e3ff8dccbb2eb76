"""Reasons of a score, as codes for programs and as sentences for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw

from engagement_ml.metric import EngagementMetric
from engagement_ml.workflow.scored.table import ScoreTable, counts_of, points_of

CODES, SENTENCES = "reason_codes", "reasons"
LEAST_CHANGE = 1.0
"""Points that a behaviour must have lost or gained to be a reason."""
_HALF = 0.5
_CHANGES = {"fell": (-1.0, "lost"), "rose": (1.0, "gained")}
"""By kind of change: its sign, and the verb of its sentence."""
_NO = -1.0
"""Value of a behaviour that is no candidate, as engines differ in how they compare nulls."""


@dataclass(frozen=True)
class _Reason:
    """A kind of reason: it concerns the behaviour with the largest value, from `least` on.

    Attributes
    ----------
    values, codes, sentences : list of Expr
        One for each behaviour.
    """

    name: str
    values: list[nw.Expr]
    codes: list[nw.Expr]
    sentences: list[nw.Expr]
    least: float = 0.0

    @property
    def largest(self) -> nw.Expr:
        """The largest value, which is computed once."""
        # Spark compares no single value.
        return nw.max_horizontal(*self.values, nw.lit(_NO)).alias(self.name)

    def of(self, results: Sequence[nw.Expr]) -> nw.Expr:
        """Return the result of the first behaviour with the largest value, or null."""
        chosen = nw.lit(None, dtype=nw.String())
        reached = nw.col(self.name) >= self.least
        for value, result in reversed(list(zip(self.values, results, strict=True))):
            chosen = nw.when(reached & (value == nw.col(self.name))).then(result).otherwise(chosen)
        return chosen


def with_reasons(table: ScoreTable, before: Sequence[str] = (), since: str = "") -> ScoreTable:
    """Add ``reason_codes`` and ``reasons``.

    - ``HIGH:b``: of the behaviours with at least half of their points, b gives the most;
    - ``NONE:b`` or ``LOW:b``: of those with less than half, b lacks the most; ``NONE`` if it did
      not happen in the observation window;
    - ``FELL:b`` and ``ROSE:b``: b lost or gained the most points since the earlier scores, at
      least one.

    So every customer has at least one reason.

    Parameters
    ----------
    table : ScoreTable
    before : sequence of str
        Columns of its frame with the points of each behaviour before; empty without them.
    since : str
        When that was, for the sentences: ``"since 2024-09-01"``.
    """
    reasons = [_high(table.metric), _lacking(table.metric)]
    if before:
        reasons += [_changed(table.metric, before, since, kind) for kind in _CHANGES]
    frame = table.frame.with_columns(reason.largest for reason in reasons)
    frame = frame.with_columns(
        _joined([r.of(r.codes) for r in reasons], "; ").alias(CODES),
        _joined([r.of(r.sentences) for r in reasons], " ").alias(SENTENCES),
    ).drop(*(reason.name for reason in reasons))
    return table.extended(frame, {CODES: CODES, SENTENCES: SENTENCES})


def _high(metric: EngagementMetric) -> _Reason:
    values, sentences = [], []
    for behaviour, column in zip(metric.behaviours, points_of(metric), strict=True):
        points = nw.col(column)
        enough = points >= _HALF * behaviour.weight
        values.append(nw.when(enough).then(points).otherwise(_NO))
        text = (f"{behaviour.title} gives the most points: ", f" of {behaviour.weight:g}.")
        sentences.append(_sentence(text[0], points, text[1]))
    return _Reason("reason_high", values, _codes("HIGH", metric), sentences)


def _lacking(metric: EngagementMetric) -> _Reason:
    values, codes, sentences = [], [], []
    columns = zip(metric.behaviours, points_of(metric), counts_of(metric), strict=True)
    lows, nones = _codes("LOW", metric), _codes("NONE", metric)
    for i, (behaviour, points_column, count) in enumerate(columns):
        points, weight, title = nw.col(points_column), behaviour.weight, behaviour.title
        little = points < _HALF * weight
        values.append(nw.when(little).then(points * -1.0 + weight).otherwise(_NO))
        some = nw.col(count) > 0
        codes.append(nw.when(some).then(lows[i]).otherwise(nones[i]))
        low = _sentence(f"{title} lacks the most points: it gives ", points, f" of {weight:g}.")
        days = f"{metric.observation_days} days"
        none = nw.lit(f"{title} did not occur in the last {days}; it can give {weight:g} points.")
        sentences.append(nw.when(some).then(low).otherwise(none))
    return _Reason("reason_lacking", values, codes, sentences)


def _changed(metric: EngagementMetric, before: Sequence[str], since: str, kind: str) -> _Reason:
    """Return the reason of the behaviour that lost, or gained, the most points."""
    sign, verb = _CHANGES[kind]
    values = [
        ((nw.col(now) - nw.col(then)) * sign).fill_null(_NO)
        for then, now in zip(before, points_of(metric), strict=True)
    ]
    sentences = [
        _sentence(f"{behaviour.title} {verb} ", value, f" points {since}.")
        for behaviour, value in zip(metric.behaviours, values, strict=True)
    ]
    return _Reason(f"reason_{kind}", values, _codes(kind.upper(), metric), sentences, LEAST_CHANGE)


def _codes(kind: str, metric: EngagementMetric) -> list[nw.Expr]:
    return [nw.lit(f"{kind}:{behaviour.behaviour}") for behaviour in metric.behaviours]


def _sentence(start: str, number: nw.Expr, end: str) -> nw.Expr:
    """Return a sentence with a number of one decimal, as every engine writes it."""
    return nw.concat_str(nw.lit(start), number.round(1).cast(nw.String()), nw.lit(end))


def _joined(parts: Sequence[nw.Expr], separator: str) -> nw.Expr:
    return nw.concat_str(*parts, separator=separator, ignore_nulls=True)
