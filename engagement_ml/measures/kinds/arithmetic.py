"""Arithmetic on totals: ratios that may be undefined, and gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engagement_ml._typing import FloatArray


def divide(sums: FloatArray) -> FloatArray:
    """Return the first total by the second; NaN where the second is not positive."""
    return safe_ratio(sums[..., 0], sums[..., 1])


def safe_ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Return a ratio; NaN where the denominator is not positive."""
    below = np.asarray(below, dtype=np.float64)
    positive = below > 0
    return np.where(positive, above / np.where(positive, below, 1.0), np.nan)


def gradient(function: Callable[[FloatArray], FloatArray], sums: FloatArray) -> FloatArray:
    """Return the gradient at totals (..., k) by differences relative to the size of each total.

    They are central; on the border of where the function is defined they are one-sided. NaN where
    it is defined on neither side.
    """
    steps = 1e-6 * np.maximum(np.abs(sums), 1.0)
    moved = steps[..., None] * np.eye(sums.shape[-1])
    here = function(sums)[..., None]
    ahead, behind = function(sums[..., None, :] + moved), function(sums[..., None, :] - moved)
    steps_ahead, steps_behind = np.isfinite(ahead) * steps, np.isfinite(behind) * steps
    rise = np.where(steps_ahead > 0, ahead, here) - np.where(steps_behind > 0, behind, here)
    width = steps_ahead + steps_behind
    slopes: FloatArray = np.where(width > 0, rise / np.where(width > 0, width, 1.0), np.nan)
    return slopes
