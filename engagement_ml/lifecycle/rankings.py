"""Ranks of scores: how far customers move, and who is in the top tenth; ties are shared."""

from __future__ import annotations

import numpy as np

from engagement_ml._typing import AnyArray, FloatArray

SHIFTS = (-0.5, -0.3, -0.2, -0.1, 0.1, 0.2, 0.3, 0.5)
"""Borders between the groups of rank shifts, as shares of all customers."""
_ROUNDING = 1e-12
"""A shift of exactly a tenth must not be lost in its last bit."""


def ranks(scores: FloatArray) -> FloatArray:
    """Return the share of customers with a lower score, those with an equal score counted half.

    Examples
    --------
    >>> ranks(np.array([0.0, 0.0, 5.0, 9.0])).tolist()
    [0.25, 0.25, 0.625, 0.875]
    """
    ordered = np.sort(scores)
    lower = np.searchsorted(ordered, scores, side="left")
    upper = np.searchsorted(ordered, scores, side="right")
    return np.asarray((lower + upper) / (2.0 * len(scores)))


def in_top_tenth(scores: FloatArray) -> FloatArray:
    """Return each customer's membership in the tenth with the highest scores, from 0 to 1.

    Customers with the score at its border share the places that are left.

    Examples
    --------
    >>> in_top_tenth(np.array([9.0, 5.0, 5.0, *[0.0] * 17])).tolist()[:4]
    [1.0, 0.5, 0.5, 0.0]
    """
    places = max(len(scores) / 10, 1.0)
    ordered = np.sort(scores)
    above = len(scores) - np.searchsorted(ordered, scores, side="right")
    equal = len(scores) - np.searchsorted(ordered, scores, side="left") - above
    return np.asarray(np.clip((places - above) / equal, 0.0, 1.0))


def moved(shift: FloatArray) -> AnyArray:
    """Return who moves by a tenth of all customers or more."""
    return np.asarray(np.abs(shift) >= 0.1 - _ROUNDING)


def shift_groups(shift: FloatArray) -> list[tuple[float, float, float]]:
    """Return groups of rank shifts, from and to, and the share of customers in each."""
    borders = np.array(SHIFTS)
    # Borders belong to the group that is farther from 0.
    inner = np.where(borders < 0, borders + _ROUNDING, borders - _ROUNDING)
    group = np.searchsorted(inner, shift, side="right")
    shares = np.bincount(group, minlength=len(SHIFTS) + 1) / len(shift)
    edges = (-1.0, *SHIFTS, 1.0)
    return [(edges[i], edges[i + 1], float(share)) for i, share in enumerate(shares)]
