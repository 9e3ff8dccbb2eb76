"""Contest: scores of several origins on the same customers and cutoffs, and their differences.

Between customers, a score is compared with the margin of the outcome window; within customers, its
change between two cutoffs with the change of margin after them. All intervals use the same
bootstrap samples of customers, so that differences are paired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.evaluation import weighted_measures
from engagement_ml.evaluation.bootstrap import Interval, Resamples, interval
from engagement_ml.evaluation.cutoff_groups import CutoffGroup
from engagement_ml.evaluation.measurement import measure_groups
from engagement_ml.evaluation.measures import MEASURES, SPEARMAN_ACROSS, Measure
from engagement_ml.evaluation.partial_correlation import partial_correlations
from engagement_ml.evaluation.prepared import WeightedPrediction

if TYPE_CHECKING:
    import pandas as pd

BEYOND_RFM = "beyond_rfm"
TOP_DECILE_MARGIN = "top_decile_margin"
MIN_SEGMENT = 50
"""Customers that a value of a segment needs at some cutoff to be measured on its own."""
MAX_VALUES = 12
"""Values of a segment that are measured, the largest first."""


def _top_decile_margin(sample: WeightedPrediction) -> FloatArray:
    return weighted_measures.top_decile_mean(sample.outcome, sample.ranking, sample.weights)


ACROSS: tuple[Measure, ...] = (
    SPEARMAN_ACROSS,
    *(m for m in MEASURES if m.part == "across" and m.name == "top_decile_lift"),
    Measure(
        TOP_DECILE_MARGIN,
        "across",
        _top_decile_margin,
        "no customer was drawn",
        description="Mean margin of the tenth with the highest scores, in currency.",
    ),
)
WITHIN: tuple[Measure, ...] = tuple(m for m in MEASURES if m.part == "within")
_COMPARED = {"across": ("spearman", TOP_DECILE_MARGIN), "within": ("spearman",)}
_Replicates = dict[tuple[str, str], FloatArray]


@dataclass(frozen=True)
class Contest:
    """The scores to compare, on rows that all of them have.

    Attributes
    ----------
    margin : array of shape (n_rows,)
        Margin of the outcome window, in currency.
    contestants, baselines : mapping of str to array of shape (n_rows,)
        Scores by name, without nulls in the rows of the groups.
    groups : tuple of CutoffGroup
        One per cutoff.
    pair_groups : tuple of CutoffGroup
        One per pair of cutoffs.
    control : array of shape (n_rows,) or None
        The prediction of recency, frequency and monetary value, beyond which scores are measured.
    segments : DataFrame or None
        A column of values per segment, one row per row.
    resamples : Resamples
    pairwise : bool
        Whether contestants are compared with one another, too.
    """

    margin: FloatArray
    contestants: Mapping[str, FloatArray]
    baselines: Mapping[str, FloatArray]
    groups: tuple[CutoffGroup, ...]
    pair_groups: tuple[CutoffGroup, ...]
    control: FloatArray | None
    segments: pd.DataFrame | None
    resamples: Resamples
    pairwise: bool = True

    @property
    def scores(self) -> dict[str, FloatArray]:
        """All scores: contestants, then baselines."""
        return {**self.baselines, **self.contestants}


def measure_contest(contest: Contest) -> dict[str, Any]:
    """Measure every contestant and baseline, their differences, and both by segment.

    Returns
    -------
    dict
        ``scores``: by name, ``{"across": {…}, "within": {…}}``; ``differences``: a list of
        ``{"first", "second", "across", "within"}``, the first minus the second, for each pair of
        contestants and each contestant with each baseline; ``segments``: a list of ``{"segment",
        "value", "customers", "scores", "differences"}``. A measure is an interval, or None if it is
        not defined.
    """
    across = measure_groups(
        contest.groups, contest.margin, contest.scores, contest.resamples, ACROSS
    )
    within = measure_groups(
        contest.pair_groups, contest.margin, contest.scores, contest.resamples, WITHIN
    )
    beyond: dict[str, FloatArray] = {}
    if contest.control is not None:
        beyond = partial_correlations(
            contest.groups,
            contest.margin,
            contest.control,
            contest.contestants,
            contest.resamples,
        )
    scores: dict[str, Any] = {
        name: {
            "across": _intervals(across, name, ACROSS),
            "within": _intervals(within, name, WITHIN),
        }
        for name in contest.scores
    }
    for name in contest.contestants:
        values = beyond.get(name)
        scores[name]["across"][BEYOND_RFM] = None if values is None else interval(values)
    return {
        "scores": scores,
        "differences": _differences(contest, across, within),
        "segments": list(_by_segment(contest)),
    }


def _intervals(
    replicates: _Replicates, name: str, measures: Sequence[Measure]
) -> dict[str, Interval | None]:
    found = {measure.name: replicates.get((name, measure.name)) for measure in measures}
    return {key: None if v is None else interval(v) for key, v in found.items()}


def _differences(
    contest: Contest, across: _Replicates, within: _Replicates
) -> list[dict[str, Any]]:
    pairs = [
        *(combinations(contest.contestants, 2) if contest.pairwise else ()),
        *((name, baseline) for name in contest.contestants for baseline in contest.baselines),
    ]
    parts = {"across": across, "within": within}
    return [
        {
            "first": first,
            "second": second,
            **{
                part: {
                    measure: _minus(replicates, first, second, measure)
                    for measure in _COMPARED[part]
                }
                for part, replicates in parts.items()
            },
        }
        for first, second in pairs
    ]


def _minus(replicates: _Replicates, first: str, second: str, measure: str) -> Interval | None:
    ours, theirs = replicates.get((first, measure)), replicates.get((second, measure))
    return None if ours is None or theirs is None else interval(ours - theirs)


def _by_segment(contest: Contest) -> Iterator[dict[str, Any]]:
    """Yield the measures of each value of each segment that has enough customers."""
    if contest.segments is None:
        return
    for segment in contest.segments:
        values = contest.segments[segment].to_numpy(dtype=object)
        counts = Counter(value for group in contest.groups for value in values[group.rows])
        largest = sorted(counts, key=lambda value: (-counts[value], str(value)))[:MAX_VALUES]
        for value in largest:
            part = _only(contest, values == value)
            if max((len(group.rows) for group in part.groups), default=0) < MIN_SEGMENT:
                continue
            measured = measure_contest(part)
            entities = np.unique(np.concatenate([group.entities for group in part.groups]))
            yield {
                "segment": str(segment).removeprefix("segment__"),
                "value": str(value),
                "customers": len(entities),
                "scores": _without_beyond(measured["scores"]),
                "differences": measured["differences"],
            }


def _without_beyond(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not measured by segment."""
    return {
        name: {
            part: {key: value for key, value in held.items() if key != BEYOND_RFM}
            for part, held in parts.items()
        }
        for name, parts in scores.items()
    }


def _only(contest: Contest, keep: BoolArray) -> Contest:
    """Return the contest among the rows of a segment; the bootstrap samples stay the same."""
    return replace(
        contest,
        groups=tuple(_kept(group, keep) for group in contest.groups),
        pair_groups=tuple(_kept(group, keep) for group in contest.pair_groups),
        control=None,
        segments=None,
    )


def _kept(group: CutoffGroup, keep: BoolArray) -> CutoffGroup:
    chosen = keep[group.rows]
    return CutoffGroup(
        entities=group.entities[chosen],
        rows=group.rows[chosen],
        later_rows=None if group.later_rows is None else group.later_rows[chosen],
        segments=None if group.segments is None else group.segments[chosen],
        retained=None if group.retained is None else group.retained[chosen],
    )
