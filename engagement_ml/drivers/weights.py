"""From effects to weights: shares of the margin effect of one standard deviation each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from engagement_ml.drivers.curves import Curve
from engagement_ml.drivers.evidence import Choice

Floats = npt.NDArray[np.float64]

_TOP_QUANTILE = 0.99


def weigh(
    selected: Sequence[str],
    curves: Mapping[str, Curve],
    draws: Mapping[str, Floats],
    counts: Mapping[str, Floats],
    costs: Mapping[str, float],
) -> tuple[Choice, ...]:
    """Weigh the selected behaviours and place the caps of their transforms.

    A behaviour's weight is its share in the sum of ``effect × spread``: what one standard deviation
    of its (bent) count does to margin. The caps lie at the same number of standard deviations for
    all, the least that leaves every behaviour's 99th percentile below its cap; so one point of the
    score is worth the same margin whichever behaviour earned it.

    Parameters
    ----------
    selected : sequence of str
    curves : mapping of behaviour to Curve
    draws : mapping of behaviour to array (D,)
        Draws of the gross effect per event.
    counts : mapping of behaviour to array (R,)
        Counts in observation windows.
    costs : mapping of behaviour to cost of serving one event
    """
    if not selected:
        return ()
    worth = np.array(
        [_worth(curves[b], curves[b].amplitude, counts[b], costs[b]) for b in selected]
    )
    drawn = np.stack(
        [
            _worth(
                curves[b],
                draws[b] / max(curves[b].steepness, 1e-12),
                counts[b],
                costs[b],
            )
            for b in selected
        ]
    )
    drawn = np.maximum(drawn, 0.0)
    totals = np.maximum(drawn.sum(axis=0), 1e-300)
    shares = 100.0 * worth / worth.sum()
    low, high = np.quantile(100.0 * drawn / totals, [0.025, 0.975], axis=1)
    reach = max(
        float(curves[b].shape(np.quantile(counts[b], [_TOP_QUANTILE]))[0])
        / max(curves[b].spread, 1e-12)
        for b in selected
    )
    choices = []
    for i, b in enumerate(selected):
        curve = curves[b]
        top = float(np.quantile(counts[b], _TOP_QUANTILE))
        cap = max(curve.inverse(reach * curve.spread), top, 1.0)
        choices.append(
            Choice(
                behaviour=b,
                weight=float(shares[i]),
                weight_low=float(min(low[i], shares[i])),
                weight_high=float(max(high[i], shares[i])),
                kind=curve.kind,
                scale=curve.scale,
                shape=None,
                cap=cap,
            )
        )
    return tuple(choices)


def _worth(
    curve: Curve, amplitude: float | Floats, counts: Floats, cost: float
) -> npt.NDArray[np.float64]:
    """Margin of one standard deviation, net of the cost of serving it."""
    return np.asarray(amplitude * curve.spread - cost * float(counts.std()), dtype=np.float64)
