"""Ground truth of turning responses: optimum, optimum by segment, and the curve of margin."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.recovery.daily.mechanism import LEAST
from benchmarks.recovery.daily.simulate import History
from benchmarks.recovery.daily.spec import WINDOW, Act, Array

POINTS = (0, 3, 6, 9, 12, 18, 24, 30, 36)


def response_truth(history: History, mean_margin: float) -> dict[str, Any]:
    """Return `optimum`, `segment_optimum` and `curve` of behaviours with a turning response."""
    plan = history.plan
    optimum, by_segment, curve = {}, {}, {}
    for j, b in enumerate(plan.behaviours):
        for k, act in enumerate(b.acts):
            if act.curvature is None:
                continue
            windows = WINDOW / act.kernel.size
            # without the behaviour, margin would be this much, on average over what it is now
            now = float(_response(act, history.stocks[j, k][-2 * WINDOW :]).mean())
            optimum[b.name] = windows * float(np.mean(_peak(act)))
            curve[b.name] = [
                (float(p), mean_margin / now * float(np.mean(_response(act, p / windows) - 1)))
                for p in POINTS
            ]
            if plan.declared_segments and np.size(act.strength) > 1:
                values = plan.segments[plan.declared_segments[0]]
                peaks = windows * _peak(act)
                by_segment[b.name] = {
                    str(v): float(peaks[values == v].mean()) for v in np.unique(values)
                }
    return {"optimum": optimum, "segment_optimum": by_segment, "curve": curve}


def _peak(act: Act) -> Array:
    assert act.curvature is not None
    return np.asarray(act.strength / (2 * np.asarray(act.curvature)))


def _response(act: Act, stock: Array | float) -> Array:
    assert act.curvature is not None
    return np.maximum(1 + act.strength * stock - act.curvature * stock * stock, LEAST)
