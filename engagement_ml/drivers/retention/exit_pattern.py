"""What leavers have in common before churn: nothing, a notice period, or a slow decline.

A decision already taken shows as a fall of most behaviours at once that begins some weeks before
churn (the notice period). Counts within it are no evidence, and lags begin before it. A fall that
has no beginning within the weeks studied is a decline of interest: a common state, which
`common_state` corrects for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.retention.exit_profile import (
    WEEKLY_LAGS,
    ExitProfile,
    study_exits,
)
from engagement_ml.drivers.retention.notice_lags import undecided_shares
from engagement_ml.drivers.thresholds import Thresholds
from engagement_ml.features.period_panel import Periods

MIN_BEHAVIOURS = 3
"""Behaviours that a common change needs; fewer do not differ from separate effects."""

FIRST_LAGS = ((0,), (0, 1), (0, 1, 2, 3))
"""Lags of the profile over which a common fall must show."""

_TAIL = WEEKLY_LAGS

PatternKind = Literal["none", "configured", "notice", "decline"]


@dataclass(frozen=True)
class ExitPattern:
    """What leavers have in common before churn.

    Attributes
    ----------
    kind : {"none", "configured", "notice", "decline"}
    notice : int
        Periods before churn whose counts are no evidence.
    profile : ExitProfile or None
        The event study; None if too few churn.
    undecided : tuple of float
        Share of leavers who had not decided yet at each of the `notice` lags before churn; 0 in a
        configured notice period.
    """

    kind: PatternKind
    notice: int
    profile: ExitProfile | None
    undecided: tuple[float, ...] = ()

    def only_in_notice(self, b: int, min_z: float) -> bool:
        """Return whether leavers differ in behaviour b within the notice periods."""
        if self.profile is None or self.notice == 0:
            return False
        lags = list(range(min(self.notice, WEEKLY_LAGS)))
        return abs(self.profile.z(b, lags)) >= min_z


def exit_pattern(
    periods: Periods,
    columns: list[int],
    spans: Spans,
    thresholds: Thresholds,
    *,
    notice_days: int | None = None,
    seed: int = 0,
) -> ExitPattern:
    """Return the configured notice period, or look for one in the data.

    Parameters
    ----------
    periods : Periods
    columns : list of int
        Positions of the behaviours.
    spans : Spans
    thresholds : Thresholds
    notice_days : int, optional
        Rounded up to whole periods; 0 looks for none.
    seed : int, default 0
    """
    profile = study_exits(periods, columns, spans, seed=seed)
    if notice_days is not None:
        configured = -(-notice_days // spans.period_days)
        return ExitPattern("configured", configured, profile, (0.0,) * configured)
    if profile is None or not has_common_state(profile, thresholds):
        return ExitPattern("none", 0, profile)
    notice = notice_length(profile, thresholds)
    if notice is None:
        return ExitPattern("decline", 0, profile)
    common = [profile.common([lag])[0] for lag in range(notice)]
    return ExitPattern("notice", notice, profile, undecided_shares(common))


def has_common_state(profile: ExitProfile, thresholds: Thresholds) -> bool:
    """Return whether most behaviours change before churn, together in the same entities.

    Behaviours that each lower the hazard fall before churn, too, though independently of each
    other. So the residual counts of leavers must be correlated across behaviours, or the fall be
    larger than separate effects can explain.
    """
    if profile.log_ratio.shape[0] < MIN_BEHAVIOURS:
        return False
    common = [profile.common(lags) for lags in FIRST_LAGS]
    size = max(abs(ratio) for ratio, _ in common)
    z = max(abs(ratio) / error for ratio, error in common if error > 0)
    moves = z >= thresholds.min_common_z and size >= thresholds.min_common_change
    joint = (
        profile.joint_z >= thresholds.min_joint_z
        and profile.joint_correlation >= thresholds.min_joint_correlation
    )
    return moves and (joint or size >= thresholds.certain_common_change)


def notice_length(profile: ExitProfile, thresholds: Thresholds) -> int | None:
    """Return the periods before churn after which the common change is gone; None if it is not.

    Gone is a change of the next two lags that is within `max_common_z_left` of zero and below
    `max_common_share_left` of the largest.
    """
    largest = max(abs(profile.common([lag])[0]) for lag in range(WEEKLY_LAGS))
    limit = thresholds.max_common_share_left * largest
    for notice in range(1, WEEKLY_LAGS):
        ratio, error = profile.common([notice, notice + 1])
        if abs(ratio) <= min(limit, thresholds.max_common_z_left * error):
            return notice
    return WEEKLY_LAGS if abs(profile.common([_TAIL])[0]) <= limit else None
