"""Changes within customers: which cutoffs are compared, and whose rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml._typing import IntArray
from engagement_ml.evaluation.cutoff_groups import Block, rows_at
from engagement_ml.windows import Windows

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features.panel import Panel

Pair = tuple[dt.date, dt.date]

LEAST_IN_GROUP = 50


@dataclass(frozen=True)
class Pairs:
    """Pairs of cutoffs to compare.

    Attributes
    ----------
    pairs : tuple of (date, date)
        Earlier and later cutoff; empty where no two are far enough apart.
    seen : bool
        Whether the margin after an earlier cutoff was seen in fitting.
    """

    pairs: tuple[Pair, ...]
    seen: bool

    @property
    def earlier(self) -> set[dt.date]:
        """The earlier cutoffs."""
        return {first for first, _ in self.pairs}

    def note(self, windows: Windows) -> str | None:
        """Say in a sentence what the pairs leave to be desired, or None."""
        clear = windows.clear_days
        if not self.pairs:
            return (
                f"changes within customers are not measured: no cutoff lies {clear} days before "
                "one that no fitting saw, as windows that do not overlap need (observation, gap "
                f"and outcome); it takes a history of at least {2 * clear} days"
            )
        if self.seen:
            return (
                "changes within customers start from cutoffs whose later margin the fitting saw: "
                "only the level to compare with was seen, the margin at the change's end was not; "
                f"{windows.days_for_test_pair} days of history would keep both ends from fitting"
            )
        return None


def choose_pairs(
    cutoffs: Sequence[dt.date],
    test: Sequence[dt.date],
    windows: Windows,
    *,
    fit_until: dt.date | None = None,
) -> Pairs:
    """Pair test cutoffs that no fitting saw with the last one none of whose windows overlaps.

    The earlier cutoff lies observation, gap and outcome window before the later one. Closer ones
    would not do: what raises the later score would raise the margin after the earlier cutoff as
    well, and so lower the change of margin. If in any pair no fitting saw the margin after the
    earlier cutoff, only such pairs are taken.

    Parameters
    ----------
    cutoffs, test : sequence of date
        All cutoffs there are rows of, and those of them that were kept for evaluation.
    windows : Windows
    fit_until : date, optional
        Where models were fitted on other data: the day from which that fitting saw nothing.

    Examples
    --------
    >>> from engagement_ml.windows import Window
    >>> days = [dt.date(2024, 1, 15) + dt.timedelta(14 * k) for k in range(6)]
    >>> span = Window(dt.date(2024, 1, 1), dt.date(2024, 4, 7))
    >>> windows = Windows(14, 14, 0, tuple(days[:3]), tuple(days[4:]), days[4], span)
    >>> found = choose_pairs(days, days[4:], windows)
    >>> [(str(a), str(b)) for a, b in found.pairs], found.seen
    ([('2024-02-12', '2024-03-11'), ('2024-02-26', '2024-03-25')], True)
    """
    until = max(windows.fit_until, fit_until or windows.fit_until)
    unseen = [cutoff for cutoff in cutoffs if windows.outcome(cutoff).start >= until]
    later = [cutoff for cutoff in test if cutoff in unseen]
    apart = _pairs_apart(unseen, later, days=windows.clear_days)
    if apart:
        return Pairs(apart, seen=False)
    apart = _pairs_apart(cutoffs, later, days=windows.clear_days)
    return Pairs(apart, seen=bool(apart))


def _pairs_apart(
    earlier: Sequence[dt.date], later: Sequence[dt.date], *, days: int
) -> tuple[Pair, ...]:
    found = []
    for second in sorted(later):
        before = [first for first in earlier if (second - first).days >= days]
        if before:
            found.append((max(before), second))
    return tuple(found)


def with_earlier(test: Panel, train: Panel, pairs: Pairs) -> Panel:
    """Return the test rows, and after them the training rows at which a change starts.

    Entities are numbered in order of first occurrence, so those of the test rows keep theirs.
    """
    import pandas as pd

    earlier = train.frame["cutoff"].dt.date.isin(pairs.earlier)
    if not earlier.any():
        return test
    frame = pd.concat([test.frame, train.frame[earlier]], ignore_index=True)
    return replace(test, frame=frame)


def change_blocks(
    frame: pd.DataFrame,
    codes: IntArray,
    pairs: Sequence[Pair],
    *,
    observation_days: int,
    segments: Sequence[str] = (),
    ends: bool = False,
) -> list[Block]:
    """Return one block a pair of cutoffs: entities there at both, and all through the first window.

    An entity that came during the first observation window would show a change that is only its
    arrival, so it is left out. A combination of `segments` with at least 50 entities in the pair
    is a group of the block, with a level of its own. With `ends`, churn is an event that ends
    margin: what everybody shares in time is then told from those who stay.
    """
    tenure = frame["history__tenure_days"].to_numpy(dtype=np.float64)
    blocks = []
    for first, second in pairs:
        early, late = rows_at(frame, first), rows_at(frame, second)
        early = early[tenure[early] >= observation_days]
        entities, of_early, of_late = np.intersect1d(
            codes[early], codes[late], assume_unique=True, return_indices=True
        )
        rows = early[of_early]
        later = late[of_late]
        stay = (frame["churned"].to_numpy()[later] != 1.0) if ends else None
        groups = _groups(frame.iloc[rows], segments)
        blocks.append(Block(entities, rows, later, groups, stay))
    return blocks


def _groups(frame: pd.DataFrame, segments: Sequence[str]) -> IntArray | None:
    if not segments or frame.empty:
        return None
    numbers = frame.groupby(list(segments), observed=True).ngroup().to_numpy()
    large = np.bincount(numbers) >= LEAST_IN_GROUP
    groups: IntArray = np.where(large[numbers], numbers, -1)
    return groups
