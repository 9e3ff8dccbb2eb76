"""The rows that are measured together: those of a test cutoff, or of two that are compared."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, IntArray
from engagement_ml.evaluation.rescaling import on_level

if TYPE_CHECKING:
    import pandas as pd


FEWEST_ENTITIES = 10


@dataclass(frozen=True)
class Block:
    """Rows of one cutoff, and, where a change is measured, the same entities' later rows.

    Attributes
    ----------
    entities : array of shape (n_rows,)
        Each row's number in the evaluation's numbering of entities; no number occurs twice.
    rows : array of shape (n_rows,)
        Row numbers in the panel's test part.
    later : array of shape (n_rows,) or None
        Row numbers of the same entities at the later cutoff.
    groups : array of shape (n_rows,) or None
        Numbers of groups that have a season of their own, for `on_level`; -1 for the others.
    stay : bool array of shape (n_rows,) or None
        Where churn is an event: those whom it does not end in the later outcome window.
    """

    entities: IntArray
    rows: IntArray
    later: IntArray | None = None
    groups: IntArray | None = None
    stay: BoolArray | None = None

    def of(self, values: FloatArray) -> FloatArray:
        """Return the rows' values, or their change to the later cutoff, `on_level`."""
        if self.later is None:
            return values[self.rows]
        before = values[self.rows]
        return on_level(values[self.later], before, self.groups, self.stay) - before

    @property
    def big_enough(self) -> bool:
        """Whether there are the ten entities that a measure needs at least."""
        return len(self.rows) >= FEWEST_ENTITIES


def number_entities(frame: pd.DataFrame) -> tuple[IntArray, int]:
    """Return each row's entity as a number, in order of first occurrence, and how many."""
    import pandas as pd

    codes, unique = pd.factorize(frame["customer_id"])
    return codes, len(unique)


def cutoffs_of(frame: pd.DataFrame) -> tuple[dt.date, ...]:
    """Return the distinct cutoffs in time order, as dates."""
    return tuple(cutoff.date() for cutoff in sorted(frame["cutoff"].unique()))


def cutoff_blocks(
    frame: pd.DataFrame, codes: IntArray, *, keep: BoolArray | None = None
) -> list[Block]:
    """Return one block a cutoff, in time order; of the rows where `keep` holds, if it is given."""
    blocks = []
    for cutoff in cutoffs_of(frame):
        rows = rows_at(frame, cutoff)
        if keep is not None:
            rows = rows[keep[rows]]
        blocks.append(Block(entities=codes[rows], rows=rows))
    return blocks


def rows_at(frame: pd.DataFrame, cutoff: dt.date) -> IntArray:
    """Return the numbers of the rows of one cutoff."""
    return np.flatnonzero((frame["cutoff"] == np.datetime64(cutoff)).to_numpy())
