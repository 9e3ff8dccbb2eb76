"""The rows that are measured together: those of a test cutoff, or of two that are compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

IntArray = npt.NDArray[np.intp]

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
    """

    entities: IntArray
    rows: IntArray
    later: IntArray | None = None

    def of(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the rows' values, or their change to the later cutoff."""
        return values[self.rows] if self.later is None else values[self.later] - values[self.rows]

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
    frame: pd.DataFrame, codes: IntArray, *, keep: npt.NDArray[np.bool_] | None = None
) -> list[Block]:
    """Return one block a cutoff, in time order; of the rows where `keep` holds, if it is given."""
    blocks = []
    for cutoff in cutoffs_of(frame):
        rows = _rows_at(frame, cutoff)
        if keep is not None:
            rows = rows[keep[rows]]
        blocks.append(Block(entities=codes[rows], rows=rows))
    return blocks


def pairs_apart(cutoffs: Sequence[dt.date], *, days: int) -> list[tuple[dt.date, dt.date]]:
    """Pair each cutoff with the first one at least `days` after it.

    Examples
    --------
    >>> month = [dt.date(2024, m, 1) for m in (1, 2, 3, 4, 5)]
    >>> [(str(a), str(b)) for a, b in pairs_apart(month, days=84)]
    [('2024-01-01', '2024-04-01'), ('2024-02-01', '2024-05-01')]
    """
    ordered = sorted(cutoffs)
    found = []
    for first in ordered:
        later = [c for c in ordered if (c - first).days >= days]
        if later:
            found.append((first, later[0]))
    return found


def change_blocks(
    frame: pd.DataFrame,
    codes: IntArray,
    pairs: Sequence[tuple[dt.date, dt.date]],
    *,
    observation_days: int,
) -> list[Block]:
    """Return one block a pair of cutoffs: entities there at both, and all through the first window.

    An entity that came during the first observation window would show a change that is only its
    arrival, so it is left out.
    """
    tenure = frame["history__tenure_days"].to_numpy(dtype=np.float64)
    blocks = []
    for first, second in pairs:
        early, late = _rows_at(frame, first), _rows_at(frame, second)
        early = early[tenure[early] >= observation_days]
        entities, of_early, of_late = np.intersect1d(
            codes[early], codes[late], assume_unique=True, return_indices=True
        )
        blocks.append(Block(entities=entities, rows=early[of_early], later=late[of_late]))
    return blocks


def _rows_at(frame: pd.DataFrame, cutoff: dt.date) -> IntArray:
    return np.flatnonzero((frame["cutoff"] == np.datetime64(cutoff)).to_numpy())
