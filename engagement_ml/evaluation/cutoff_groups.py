"""Cutoff groups: rows that are measured together, of one cutoff or of a pair of cutoffs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, IntArray
from engagement_ml.column_names import CLUSTER
from engagement_ml.evaluation.rescaling import rescale_to_earlier_mean

if TYPE_CHECKING:
    import pandas as pd


MIN_ENTITIES = 10
"""Entities that a cutoff group needs for a measure to say anything."""


@dataclass(frozen=True)
class CutoffGroup:
    """Rows of one cutoff; if a change is measured, also the same entities' rows at a later one.

    Attributes
    ----------
    entities : array of shape (n_rows,)
        Each row's number in the evaluation's numbering of entities; no number occurs twice.
    rows : array of shape (n_rows,)
        Row numbers in the frame that is evaluated.
    later_rows : array of shape (n_rows,) or None
        Row numbers of the same entities at the later cutoff.
    segments : array of shape (n_rows,) or None
        Segment numbers, for `rescale_to_earlier_mean`; -1 for rows of small segments.
    retained : bool array of shape (n_rows,) or None
        If churn is an event: the entities that do not churn in the later outcome window.
    """

    entities: IntArray
    rows: IntArray
    later_rows: IntArray | None = None
    segments: IntArray | None = None
    retained: BoolArray | None = None

    def values_of(self, column: FloatArray) -> FloatArray:
        """Return the rows' values, or their change up to the later cutoff, rescaled."""
        if self.later_rows is None:
            return column[self.rows]
        earlier = column[self.rows]
        later = column[self.later_rows]
        return rescale_to_earlier_mean(later, earlier, self.segments, self.retained) - earlier

    @property
    def is_measurable(self) -> bool:
        """Whether the group has at least ten entities."""
        return len(self.rows) >= MIN_ENTITIES


def number_entities(frame: pd.DataFrame) -> tuple[IntArray, int]:
    """Return each row's entity as a number, in order of first occurrence, and their number."""
    import pandas as pd

    codes, unique = pd.factorize(frame["customer_id"])
    return codes, len(unique)


def cluster_numbers(frame: pd.DataFrame, codes: IntArray, n_entities: int) -> IntArray | None:
    """Return the cluster of each entity, from 0, shape (n_entities,); None without clusters.

    Parameters
    ----------
    frame : DataFrame
        With a column `CLUSTER` if customers are not independent of each other.
    codes : int array (n_rows,)
        From `number_entities`.
    n_entities : int
    """
    if CLUSTER not in frame.columns:
        return None
    clusters = np.zeros(n_entities, dtype=np.int64)
    clusters[codes] = np.unique(frame[CLUSTER].to_numpy(), return_inverse=True)[1].ravel()
    return clusters


def cutoffs_of(frame: pd.DataFrame) -> tuple[dt.date, ...]:
    """Return the distinct cutoffs in time order, as dates."""
    return tuple(cutoff.date() for cutoff in sorted(frame["cutoff"].unique()))


def group_by_cutoff(
    frame: pd.DataFrame, codes: IntArray, *, keep: BoolArray | None = None
) -> list[CutoffGroup]:
    """Return one group per cutoff, in time order, of the rows that the mask `keep` selects."""
    groups = []
    for cutoff in cutoffs_of(frame):
        rows = rows_at(frame, cutoff)
        if keep is not None:
            rows = rows[keep[rows]]
        groups.append(CutoffGroup(entities=codes[rows], rows=rows))
    return groups


def rows_at(frame: pd.DataFrame, cutoff: dt.date) -> IntArray:
    """Return the row numbers of one cutoff."""
    return np.flatnonzero((frame["cutoff"] == np.datetime64(cutoff)).to_numpy())
