"""Paired changes: pairs of cutoffs with disjoint windows, and the rows that are compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml._typing import IntArray
from engagement_ml.evaluation.cutoff_groups import CutoffGroup, rows_at
from engagement_ml.windows import Windows

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features.panel import Panel

Pair = tuple[dt.date, dt.date]

MIN_SEGMENT_SIZE = 50
"""Entities of a pair that a segment needs to have its own rescaling factor."""


@dataclass(frozen=True)
class CutoffPairs:
    """Pairs of cutoffs between which changes are measured.

    Attributes
    ----------
    pairs : tuple of (date, date)
        Earlier and later cutoff; empty if no two are far enough apart.
    earlier_margin_seen : bool
        Whether the margin after an earlier cutoff was used in fitting.
    """

    pairs: tuple[Pair, ...]
    earlier_margin_seen: bool

    @property
    def earlier(self) -> set[dt.date]:
        """The earlier cutoffs."""
        return {first for first, _ in self.pairs}

    def caveat(self, windows: Windows) -> str | None:
        """Return what limits the pairs, for the notes of the evaluation; None if nothing does."""
        clear = windows.clear_days
        if not self.pairs:
            return (
                f"changes within customers are not measured: no cutoff lies {clear} days before "
                "a cutoff that was not used in fitting, and the windows of closer cutoffs overlap; "
                f"a history of at least {2 * clear} days is needed"
            )
        if self.earlier_margin_seen:
            return (
                "changes within customers start from a margin that was used in fitting; the "
                "margin at the end of each change was not. With "
                f"{windows.days_for_test_pair} days of history, neither would be used in fitting"
            )
        return None


def choose_pairs(
    cutoffs: Sequence[dt.date],
    test: Sequence[dt.date],
    windows: Windows,
    *,
    fit_until: dt.date | None = None,
) -> CutoffPairs:
    """Pair each unseen test cutoff with the last cutoff whose windows do not overlap with its own.

    The earlier cutoff lies observation, gap and outcome window before the later one. Closer
    cutoffs would bias the correlation downwards: what raises the later score would also raise the
    margin after the earlier cutoff, and so lower the change of margin. If the margin after the
    earlier cutoff was unseen in fitting for any pair, only such pairs are returned.

    Parameters
    ----------
    cutoffs : sequence of date
        All cutoffs of the panel.
    test : sequence of date
        The cutoffs that were kept for evaluation.
    windows : Windows
    fit_until : date, optional
        If models were fitted on other data: the first day that this fitting did not use.

    Examples
    --------
    >>> from engagement_ml.windows import Window
    >>> days = [dt.date(2024, 1, 15) + dt.timedelta(14 * k) for k in range(6)]
    >>> span = Window(dt.date(2024, 1, 1), dt.date(2024, 4, 7))
    >>> windows = Windows(14, 14, 0, tuple(days[:3]), tuple(days[4:]), days[4], span)
    >>> chosen = choose_pairs(days, days[4:], windows)
    >>> [(str(a), str(b)) for a, b in chosen.pairs], chosen.earlier_margin_seen
    ([('2024-02-12', '2024-03-11'), ('2024-02-26', '2024-03-25')], True)
    """
    until = max(windows.fit_until, fit_until or windows.fit_until)
    unseen = [cutoff for cutoff in cutoffs if windows.outcome(cutoff).start >= until]
    later = [cutoff for cutoff in test if cutoff in unseen]
    pairs = _pair_up(unseen, later, min_days=windows.clear_days)
    if pairs:
        return CutoffPairs(pairs, earlier_margin_seen=False)
    pairs = _pair_up(cutoffs, later, min_days=windows.clear_days)
    return CutoffPairs(pairs, earlier_margin_seen=bool(pairs))


def _pair_up(
    earlier: Sequence[dt.date], later: Sequence[dt.date], *, min_days: int
) -> tuple[Pair, ...]:
    pairs = []
    for second in sorted(later):
        early_enough = [first for first in earlier if (second - first).days >= min_days]
        if early_enough:
            pairs.append((max(early_enough), second))
    return tuple(pairs)


def with_earlier_rows(test: Panel, train: Panel, pairs: CutoffPairs) -> Panel:
    """Return the test rows, followed by the training rows of the pairs' earlier cutoffs.

    Entities are numbered in order of first occurrence, so entities of test rows keep their number.
    """
    import pandas as pd

    earlier = train.frame["cutoff"].dt.date.isin(pairs.earlier)
    if not earlier.any():
        return test
    frame = pd.concat([test.frame, train.frame[earlier]], ignore_index=True)
    return replace(test, frame=frame)


def group_by_pair(
    frame: pd.DataFrame,
    codes: IntArray,
    pairs: Sequence[Pair],
    *,
    observation_days: int,
    segments: Sequence[str] = (),
    ends: bool = False,
) -> list[CutoffGroup]:
    """Return one group per pair of cutoffs, of the entities that are comparable at both.

    An entity that arrived during the first observation window is left out, as its change would
    only be its arrival. With `ends`, churn is an event that ends margin; rescaling factors are
    then taken over the entities that do not churn.

    Parameters
    ----------
    frame : DataFrame
    codes : array of shape (n_rows,)
        Each row's entity as a number.
    pairs : sequence of (date, date)
    observation_days : int
        Tenure in days that an entity needs at the earlier cutoff.
    segments : sequence of str
        Columns; a combination of their values with at least 50 entities in the pair is a segment
        with its own rescaling factor.
    ends : bool
    """
    tenure = frame["history__tenure_days"].to_numpy(dtype=np.float64)
    groups = []
    for first, second in pairs:
        early, late = rows_at(frame, first), rows_at(frame, second)
        early = early[tenure[early] >= observation_days]
        entities, early_places, late_places = np.intersect1d(
            codes[early], codes[late], assume_unique=True, return_indices=True
        )
        rows = early[early_places]
        later_rows = late[late_places]
        retained = (frame["churned"].to_numpy()[later_rows] != 1.0) if ends else None
        numbers = _segment_numbers(frame.iloc[rows], segments)
        groups.append(CutoffGroup(entities, rows, later_rows, numbers, retained))
    return groups


def _segment_numbers(frame: pd.DataFrame, segments: Sequence[str]) -> IntArray | None:
    if not segments or frame.empty:
        return None
    numbers = frame.groupby(list(segments), observed=True).ngroup().to_numpy()
    large = np.bincount(numbers) >= MIN_SEGMENT_SIZE
    with_small_as_none: IntArray = np.where(large[numbers], numbers, -1)
    return with_small_as_none
