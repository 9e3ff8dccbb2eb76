"""Cutoffs and rows of a contest: those whose outcomes no contestant has seen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engagement_ml.evaluation.paired_changes import (
    CutoffPairs,
    choose_pairs,
    with_earlier_rows,
)
from engagement_ml.formatting import listed
from engagement_ml.windows import Windows
from engagement_ml.workflow.contestants import Contestant

if TYPE_CHECKING:
    from engagement_ml.features import Panel


@dataclass(frozen=True)
class Plan:
    """The cutoffs at which a contest is measured.

    Attributes
    ----------
    windows : Windows
        Their observation window is the longest of the contestants'.
    measured : tuple of date
        The test cutoffs whose outcomes no contestant has seen; all test cutoffs if there are none.
    pairs : CutoffPairs
        Pairs of cutoffs between which changes are measured.
    out_of_time : bool or None
        Whether no contestant has seen the outcomes; None if that is not known of some.
    reason : str
        A sentence on `out_of_time`.
    """

    windows: Windows
    measured: tuple[dt.date, ...]
    pairs: CutoffPairs
    out_of_time: bool | None
    reason: str

    @property
    def cutoffs(self) -> tuple[dt.date, ...]:
        """All cutoffs at which scores are needed."""
        return tuple(sorted({*self.measured, *self.pairs.earlier}))


def plan_contest(windows: Windows, contestants: Sequence[Contestant]) -> Plan:
    """Choose the cutoffs that no contestant has seen the outcomes of."""
    days = [each.metric.observation_days for each in contestants if each.metric is not None]
    longest = replace(windows, observation_days=max([windows.observation_days, *days]))
    known = [each.fit_until for each in contestants if each.fit_until is not None]
    unknown = [each.name for each in contestants if each.fit_until is None]
    latest = max(known, default=None)
    unseen = [c for c in windows.test if latest is None or windows.outcome(c).start >= latest]
    measured = tuple(unseen) or windows.test
    pairs = choose_pairs(windows.cutoffs, measured, longest, fit_until=latest)
    out_of_time: bool | None
    if not measured:
        out_of_time = None
        reason = "No cutoff could be kept for evaluation; a longer history would allow one."
    elif latest is not None and not unseen:
        out_of_time = False
        reason = (
            f"This is not out of time: contestants were fitted to outcomes until {latest}, and "
            "these are the cutoffs of the data; evaluate them on newer data."
        )
    elif unknown:
        out_of_time = None
        reason = (
            f"Whether {listed(unknown)} had seen these outcomes is not known, so this may not be "
            "out of time."
        )
    else:
        out_of_time, reason = True, "No contestant had seen these outcomes."
    return Plan(longest, measured, pairs, out_of_time, reason)


def rows_of(panel: Panel, plan: Plan) -> Panel:
    """Return the rows of the contest: test rows first, then those at which changes start."""
    rows = with_earlier_rows(panel.part("test"), panel.part("train"), plan.pairs)
    frame = rows.frame
    days = frame["cutoff"].dt.date
    at = frame.loc[days.isin(plan.measured), "customer_id"].unique()
    # A customer without a row at a measured cutoff has no change that ends there either.
    keep = days.isin(plan.cutoffs) & frame["customer_id"].isin(at)
    return replace(rows, frame=frame.loc[keep].reset_index(drop=True))
