"""The lift of one randomised experiment: in total, per event and by segment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.experiments.lifts import (
    Estimate,
    contrast,
    difference,
    homogeneity_p_value,
    per_event,
)


@dataclass(frozen=True)
class Arms:
    """The rows of the two arms of an experiment.

    Attributes
    ----------
    treated : bool array (n,)
    outcome : array (n,)
        Finite values, of any unit.
    events : array (n,) or None
        Events of the behaviour per entity; None if they were not counted.
    segments : mapping of column to array (n,) of str
    left_out : int
        The number of rows of other arms.
    """

    treated: BoolArray
    outcome: FloatArray
    events: FloatArray | None = None
    segments: Mapping[str, npt.NDArray[np.object_]] = field(default_factory=dict)
    left_out: int = 0


@dataclass(frozen=True)
class SegmentLift:
    """The lift in one segment.

    Attributes
    ----------
    segment, value : str
        The column and its value.
    n_treated, n_control : int
    lift : Estimate
    difference : Estimate
        The lift in the segment minus the lift outside it. Its p-value is not corrected for the
        number of segments; check `Lift.same_in_segments` first.
    """

    segment: str
    value: str
    n_treated: int
    n_control: int
    lift: Estimate
    difference: Estimate


@dataclass(frozen=True)
class Lift:
    """The estimates of one randomised experiment.

    Attributes
    ----------
    n_treated, n_control : int
        Entities in each arm.
    mean_control : float or None
        Mean outcome of the control arm; None if it is not known.
    lift : Estimate
        Mean outcome of the treated arm minus that of the control arm, per entity.
    events : Estimate or None
        The same difference for events per entity; None if they were not counted.
    effect : Estimate
        The lift per event; the lift itself if events are not known.
    by_segment : tuple of SegmentLift
    same_in_segments : dict of str to float or None
        By segment column, the p-value of the lift being the same for all its values.
    left_out : int
        The number of rows of other arms.
    """

    n_treated: int
    n_control: int
    mean_control: float | None
    lift: Estimate
    events: Estimate | None
    effect: Estimate
    by_segment: tuple[SegmentLift, ...] = ()
    same_in_segments: Mapping[str, float | None] = field(default_factory=dict)
    left_out: int = 0

    @property
    def n(self) -> int:
        """Entities in both arms."""
        return self.n_treated + self.n_control

    def to_dict(self) -> dict[str, Any]:
        """Return plain types; NaN and infinite bounds are None."""
        plain: dict[str, Any] = _finite(asdict(self))
        return plain

    def __repr__(self) -> str:
        """Return the estimates in a few lines."""
        arms = f"{self.n_treated:,} treated, {self.n_control:,} control"
        lines = [f"lift {_interval(self.lift)}; {arms}"]
        if self.events is not None:
            lines.append(f"events {_interval(self.events)}; per event {_interval(self.effect)}")
        for segment, p_value in self.same_in_segments.items():
            lines.append(f"{segment}: same lift in all segments? {_p(p_value)}")
            lines += [
                f"  {s.value}: {_interval(s.lift)}; {s.n_treated:,} and {s.n_control:,}"
                for s in self.by_segment
                if s.segment == segment
            ]
        return "\n".join(lines)


def measure(arms: Arms, *, events_per_entity: float = 1.0) -> Lift:
    """Return the lift of an experiment: in total, per event and by segment.

    Parameters
    ----------
    arms : Arms
        At least two entities in each arm.
    events_per_entity : float, default 1
        The difference of mean events between the arms, if ``arms.events`` is None; taken as known
        without error.

    Examples
    --------
    >>> treated = np.arange(8) < 4
    >>> outcome = np.array([3.0, 4, 5, 6, 1, 2, 3, 2])
    >>> measure(Arms(treated, outcome)).lift.value
    2.5
    """
    t, y = arms.treated, arms.outcome
    outcome = y[t], y[~t]
    lift, events = difference(*outcome), None
    effect = lift.times(1.0 / events_per_entity)
    if arms.events is not None:
        counts = arms.events[t], arms.events[~t]
        events = _without_error(difference(*counts))
        effect = per_event(outcome, counts, lift)
    by_segment = tuple(
        _in_segment(arms, segment, str(value))
        for segment, values in arms.segments.items()
        for value in np.unique(values.astype(str))
    )
    return Lift(
        n_treated=int(t.sum()),
        n_control=int((~t).sum()),
        mean_control=float(outcome[1].mean()),
        lift=lift,
        events=events,
        effect=effect,
        by_segment=by_segment,
        same_in_segments={
            segment: homogeneity_p_value([s.lift for s in by_segment if s.segment == segment])
            for segment in arms.segments
        },
        left_out=arms.left_out,
    )


def _in_segment(arms: Arms, segment: str, value: str) -> SegmentLift:
    inside, t, y = arms.segments[segment] == value, arms.treated, arms.outcome
    cells = [y[inside & t], y[inside & ~t], y[~inside & t], y[~inside & ~t]]
    return SegmentLift(
        segment=segment,
        value=value,
        n_treated=cells[0].size,
        n_control=cells[1].size,
        lift=difference(*cells[:2]),
        difference=contrast(cells, [1.0, -1.0, -1.0, 1.0]),
    )


def _without_error(estimate: Estimate) -> Estimate:
    """Return a difference between arms whose counts do not vary as known without error."""
    if estimate.bounded or not math.isfinite(estimate.value):
        return estimate
    return Estimate(estimate.value, estimate.value, estimate.value, None)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _interval(estimate: Estimate) -> str:
    bounds = f"{estimate.low:.4g} to {estimate.high:.4g}" if estimate.bounded else "no bounds"
    return f"{estimate.value:.4g} ({bounds})"


def _p(p_value: float | None) -> str:
    return "not testable" if p_value is None else f"p = {p_value:.2g}"
