"""Names of segments: the behaviours that set each apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.formatting import listed

MIN_DIFFERENCE = 0.5
"""Difference from the mean, in standard deviations, from which a behaviour is named."""
_EVERY = 0.25
_IN_NAME = 2


def segment_names(differences: FloatArray, labels: Sequence[str]) -> tuple[str, ...]:
    """Return a distinct name for each segment.

    Parameters
    ----------
    differences : array (k, p)
        Of the mean score of each behaviour from that of all customers, in standard deviations.
    labels : sequence of str
        Of the behaviours, (p,).

    Examples
    --------
    >>> apart = np.array([[1.2, -0.8, 0.0], [-0.9, 0.9, 0.1], [-0.7, -0.9, -0.6]])
    >>> segment_names(apart, ["videos", "visits", "likes"])
    ('many videos, few visits', 'many visits, few videos', 'little of everything')
    """
    for in_name in range(_IN_NAME, len(labels) + 1):
        names = [_name(row, labels, in_name) for row in differences]
        if len(set(names)) == len(names):
            return tuple(names)
    return tuple(
        name if names.count(name) == 1 else f"{name} ({names[: place + 1].count(name)})"
        for place, name in enumerate(names)
    )


def _name(row: FloatArray, labels: Sequence[str], in_name: int) -> str:
    if np.all(row >= _EVERY):
        return "much of everything"
    if np.all(row <= -_EVERY):
        return "little of everything"
    strongest = sorted(range(len(row)), key=lambda j: (-round(abs(float(row[j])), 9), labels[j]))
    chosen = [j for j in strongest[:in_name] if abs(row[j]) >= MIN_DIFFERENCE] or strongest[:1]
    many = listed(labels[j] for j in chosen if row[j] > 0)
    few = listed(labels[j] for j in chosen if row[j] <= 0)
    return ", ".join(f"{word} {names}" for word, names in (("many", many), ("few", few)) if names)
