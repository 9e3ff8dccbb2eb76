"""Backcast: what another version of the metric does to the scores at past cutoffs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.lifecycle.change_of_score import Counts, decompose, points
from engagement_ml.lifecycle.rankings import in_top_tenth, moved, ranks, shift_groups
from engagement_ml.metric import EngagementMetric
from engagement_ml.plain_types import plain

FORMAT = 1
N_MOVERS = 20
"""Customers that are listed, those whose score changes most."""
MAX_VALUES = 30
"""Values of a segment that are listed, those with the most customers."""
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class CutoffCounts:
    """Counts of the customers at one cutoff, for the metrics before and after.

    Attributes
    ----------
    cutoff : date
    customers : array of shape (n,)
    before, after : mapping of str to array of shape (n,)
        Events of each behaviour in the observation window of that metric.
    segments : mapping of str to array of shape (n,)
        The customers' values, by segment.
    """

    cutoff: dt.date
    customers: AnyArray
    before: Counts
    after: Counts
    segments: Mapping[str, AnyArray]


@dataclass(frozen=True)
class ScoreChange:
    """How scores change in a group of customers.

    Attributes
    ----------
    customers : int
    mean_before, mean_after, mean_change, mean_abs_change : float
        In points.
    moved_share : float
        Share of the group whose rank among all customers moves by a tenth of them or more.
    """

    customers: int
    mean_before: float
    mean_after: float
    mean_change: float
    mean_abs_change: float
    moved_share: float


@dataclass(frozen=True)
class CutoffChange:
    """How scores change at one cutoff; `turnover` is the share of the top tenth that is new."""

    cutoff: dt.date
    change: ScoreChange
    turnover: float


@dataclass(frozen=True)
class SegmentChange:
    """How scores change in one segment, at the last cutoff."""

    segment: str
    value: str
    change: ScoreChange


@dataclass(frozen=True)
class Part:
    """What one factor of a behaviour adds to the mean change, in points.

    Attributes
    ----------
    behaviour : str
    factor : {"added", "removed", "weight", "transform", "window"}
    mean, mean_abs : float
        Mean over the customers of its points, and of their size.
    """

    behaviour: str
    factor: str
    mean: float
    mean_abs: float


@dataclass(frozen=True)
class MoverPart:
    """What one factor of a behaviour adds to the change of one customer's score, in points."""

    behaviour: str
    factor: str
    points: float


@dataclass(frozen=True)
class Mover:
    """A customer whose score changes much.

    Attributes
    ----------
    customer : int or str
    before, after, change : float
        Scores and their difference.
    rank_before, rank_after : float
        Share of customers with a lower score, ties counted half.
    parts : tuple of MoverPart
        They add up to the change.
    """

    customer: Any
    before: float
    after: float
    change: float
    rank_before: float
    rank_after: float
    parts: tuple[MoverPart, ...]


@dataclass(frozen=True)
class Backcast:
    """What the metric after does to the scores of the metric before.

    Attributes
    ----------
    cutoffs : tuple of CutoffChange
        In time order. All that follows is of the last one.
    observation_days : tuple of int, int
        Observation windows before and after, in days.
    quantiles : tuple of (float, float)
        Shares of customers, and the change of score that this share does not exceed.
    shifts : tuple of (float, float, float)
        Groups of rank shifts, from and to, and the share of customers in each.
    parts : tuple of Part
        The largest first; their means add up to the mean change.
    movers : tuple of Mover
    segments : tuple of SegmentChange
    """

    cutoffs: tuple[CutoffChange, ...]
    observation_days: tuple[int, int]
    quantiles: tuple[tuple[float, float], ...]
    shifts: tuple[tuple[float, float, float], ...]
    parts: tuple[Part, ...]
    movers: tuple[Mover, ...]
    segments: tuple[SegmentChange, ...]

    @property
    def last(self) -> CutoffChange:
        """The change at the last cutoff."""
        return self.cutoffs[-1]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        values: dict[str, Any] = plain(asdict(self))
        return {"format": FORMAT, **values}


def backcast(
    before: EngagementMetric, after: EngagementMetric, counts: Sequence[CutoffCounts]
) -> Backcast:
    """Compare the scores of two metrics at past cutoffs.

    Parameters
    ----------
    before, after : EngagementMetric
        Neither may have abstained.
    counts : sequence of CutoffCounts
        In time order, each with at least one customer.
    """
    scored = [_Scored.of(before, after, each) for each in counts]
    at_last, last = counts[-1], scored[-1]
    return Backcast(
        cutoffs=tuple(
            CutoffChange(each.cutoff, s.change_in(np.ones(len(s.before), bool)), s.turnover)
            for each, s in zip(counts, scored, strict=True)
        ),
        observation_days=(before.observation_days, after.observation_days),
        quantiles=tuple(
            (share, float(np.quantile(last.after - last.before, share))) for share in QUANTILES
        ),
        shifts=tuple(shift_groups(last.shift)),
        parts=_parts(before, after, at_last),
        movers=_movers(before, after, at_last, last),
        segments=tuple(_segments(at_last, last)),
    )


@dataclass(frozen=True)
class _Scored:
    """Scores of all customers at one cutoff, before and after, shape (n,)."""

    before: FloatArray
    after: FloatArray

    @classmethod
    def of(cls, before: EngagementMetric, after: EngagementMetric, at: CutoffCounts) -> _Scored:
        return cls(
            np.sum([*points(before, at.before).values()], axis=0),
            np.sum([*points(after, at.after).values()], axis=0),
        )

    @cached_property
    def shift(self) -> FloatArray:
        """Change of rank as a share of all customers."""
        return ranks(self.after) - ranks(self.before)

    @property
    def turnover(self) -> float:
        """Share of the top tenth that does not belong to it before."""
        both = np.minimum(in_top_tenth(self.before), in_top_tenth(self.after)).sum()
        return max(0.0, 1.0 - float(both) / max(len(self.before) / 10, 1.0))

    def change_in(self, group: AnyArray) -> ScoreChange:
        """Return how the scores of some customers change."""
        old, new = self.before[group], self.after[group]
        return ScoreChange(
            customers=len(old),
            mean_before=float(old.mean()),
            mean_after=float(new.mean()),
            mean_change=float((new - old).mean()),
            mean_abs_change=float(np.abs(new - old).mean()),
            moved_share=float(moved(self.shift)[group].mean()),
        )


def _parts(before: EngagementMetric, after: EngagementMetric, at: CutoffCounts) -> tuple[Part, ...]:
    rows = [
        Part(name, factor, float(v.mean()), float(np.abs(v).mean()))
        for (name, factor), v in decompose(before, after, at.before, at.after).items()
    ]
    return tuple(sorted(rows, key=lambda row: -row.mean_abs))


def _movers(
    before: EngagementMetric, after: EngagementMetric, at: CutoffCounts, scored: _Scored
) -> tuple[Mover, ...]:
    change = scored.after - scored.before
    largest = np.argsort(-np.abs(change), kind="stable")[:N_MOVERS]
    largest = largest[change[largest] != 0]
    rank_before, rank_after = ranks(scored.before), ranks(scored.after)

    def chosen(counts: Counts) -> Counts:
        return {name: values[largest] for name, values in counts.items()}

    parts = decompose(before, after, chosen(at.before), chosen(at.after))
    customers = at.customers[largest].tolist()
    return tuple(
        Mover(
            customer=customers[k],
            before=float(scored.before[i]),
            after=float(scored.after[i]),
            change=float(change[i]),
            rank_before=float(rank_before[i]),
            rank_after=float(rank_after[i]),
            parts=tuple(MoverPart(*of, float(values[k])) for of, values in parts.items()),
        )
        for k, i in enumerate(largest)
    )


def _segments(at: CutoffCounts, scored: _Scored) -> list[SegmentChange]:
    rows = []
    for segment, column in at.segments.items():
        values = np.array(["missing" if v is None or v != v else str(v) for v in column])  # noqa: PLR0124
        names, sizes = np.unique(values, return_counts=True)
        for place in np.argsort(-sizes, kind="stable")[:MAX_VALUES]:
            name = str(names[place])
            rows.append(SegmentChange(segment, name, scored.change_in(values == name)))
    return rows
