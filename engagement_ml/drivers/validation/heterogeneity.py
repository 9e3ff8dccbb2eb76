"""Whether the chosen behaviours do the same in every segment."""

from __future__ import annotations

import numpy as np

from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.evidence import SegmentRow
from engagement_ml.features.period_panel import Periods

_LEAST_ENTITIES = 100
_MOST_VALUES = 12


def effects_by_segment(
    periods: Periods, rolling: RollingCounts, effects: dict[str, float]
) -> tuple[SegmentRow, ...]:
    """Estimate the chosen behaviours' effects in each segment apart.

    The rolling-count model is fitted to each segment's entities; its coefficients are put on the
    scale of the main estimate by the ratio of that to the same model's over all entities.

    Parameters
    ----------
    periods : Periods
    rolling : RollingCounts
    effects : dict of behaviour to effect per event over all
    """
    if not effects or not periods.segments:
        return ()
    coef, _ = rolling.fit_coefficients(rolling.counts)
    level = rolling.mean_gain()
    found = []
    for column, labels in periods.segments.items():
        values = [v for v in sorted(set(labels.tolist())) if v != ""]
        for value in values[:_MOST_VALUES]:
            who = labels == value
            n = int(who.sum())
            if n < _LEAST_ENTITIES:
                continue
            own, error = rolling.fit_coefficients(rolling.counts, who)
            for behaviour, effect in effects.items():
                b = rolling.behaviours.index(behaviour)
                whole = coef[b] * level
                if whole == 0 or not np.isfinite(error[b]) or error[b] <= 0:
                    continue
                scale = effect / whole * rolling.mean_gain(who)
                low, high = sorted(
                    ((own[b] - 1.96 * error[b]) * scale, (own[b] + 1.96 * error[b]) * scale)
                )
                value_here = float(own[b] * scale)
                found.append(
                    SegmentRow(
                        segment=column,
                        value=value,
                        behaviour=behaviour,
                        effect=value_here,
                        low=float(low),
                        high=float(high),
                        n=n,
                        agrees=bool(high >= 0.5 * effect and value_here > 0)
                        if effect > 0
                        else bool(value_here < 0),
                    )
                )
    return tuple(found)
