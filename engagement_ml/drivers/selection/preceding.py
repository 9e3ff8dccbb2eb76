"""What precedes a window: earlier counts, and purchases up to the cutoff.

A customer in a good spell does more of everything and buys more afterwards as well. Given what
precedes, SHAP gives this momentum to the past, not to the behaviours that follow it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.selection.window_rows import WindowRows
from engagement_ml.features.period_panel import Periods


def preceding(periods: Periods, spans: Spans, rows: WindowRows) -> FloatArray:
    """Return what precedes each row, shape (R, B + 4), all columns non-negative.

    Counts of each behaviour in the window before the observation window; orders, and margin above
    zero, of the observation window and of the one before it. Windows that begin before the record
    hold what is on record.

    Parameters
    ----------
    periods : Periods
    spans : Spans
    rows : WindowRows
    """
    i, c = rows.entity, rows.cutoff
    start, earlier = np.maximum(c - spans.observation, 0), np.maximum(c - 2 * spans.observation, 0)
    columns = []
    for b in range(periods.counts.shape[2]):
        total = _cumulated(periods.counts[..., b])
        columns.append((total[i, start] - total[i, earlier])[:, None])
    for amount in (periods.orders, periods.gain - periods.loss):
        total = _cumulated(amount)
        sums = np.stack([total[i, c] - total[i, start], total[i, start] - total[i, earlier]], 1)
        columns.append(np.maximum(sums, 0.0))
    return np.concatenate(columns, axis=1)


def _cumulated(values: npt.NDArray[np.floating]) -> FloatArray:
    return np.cumsum(np.pad(values.astype(np.float64), ((0, 0), (1, 0))), axis=1)
