"""The factor that puts a segment model's effects on the scale of the whole effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray

SCALE_ERROR = 0.2
"""Standard deviation of the segment model's scale about that of the whole effect, as a share of it.

The model's decay and response are those of the whole effect, so the two differ little. The ratio of
the whole to the segments' mean counts by how well it is known: if effects of opposite signs cancel,
it says nothing.
"""


@dataclass(frozen=True)
class SegmentScale:
    """Factor on the segments' deviations from their mean.

    Attributes
    ----------
    k : float
    influence : array (n,)
        Influence function of each customer on k.
    by_whole : float
        Change of k for one more unit of the whole effect.
    variance : float
        Of the error of k that is not sampling error.
    """

    k: float
    influence: FloatArray
    by_whole: float
    variance: float


def segment_scale(
    level: float,
    whole: float,
    mean: float,
    whole_influence: FloatArray,
    mean_influence: FloatArray,
    remaining: float,
) -> SegmentScale:
    """Average the study's level and the ratio of the whole to the segments' mean by precision."""
    prior = (SCALE_ERROR * level) ** 2
    if mean == 0.0:
        return SegmentScale(level, np.zeros_like(mean_influence), 0.0, prior)
    ratio = whole / mean
    influence = (whole_influence - ratio * mean_influence) / mean
    share = prior / (prior + float(influence @ influence) + remaining / mean**2)
    return SegmentScale(
        k=share * ratio + (1.0 - share) * level,
        influence=share * influence,
        by_whole=share / mean,
        variance=(1.0 - share) * prior,
    )
