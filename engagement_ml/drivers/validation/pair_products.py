"""Products of the counts of two behaviours, as regressors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts

_TOP_QUANTILE = 0.99
"""Counts above it carry more of either behaviour's saturation than of the interaction."""


def centred_counts(rolling: RollingCounts, behaviours: Sequence[str]) -> dict[str, Float32Array]:
    """Return winsorised rolling counts less each customer's mean, by behaviour."""
    return {
        b: demeaned(rolling.counts[..., rolling.behaviours.index(b)], rolling.cells)
        for b in behaviours
    }


def demeaned(counts: Float32Array, cells: BoolArray) -> Float32Array:
    """Return winsorised counts less each customer's mean over its cells."""
    winsorised = np.minimum(counts, np.quantile(counts[cells], _TOP_QUANTILE))
    size = np.maximum(cells.sum(axis=1, keepdims=True), 1)
    mean = np.where(cells, winsorised, 0.0).sum(axis=1, keepdims=True) / size
    return np.asarray(winsorised - mean, dtype=np.float32)
