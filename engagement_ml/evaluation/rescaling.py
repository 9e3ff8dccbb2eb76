"""What everybody shares in time, taken out of a change: a season, a campaign, growth."""

from __future__ import annotations

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, IntArray

# Less net of its negative part, a mean lies so near 0 that dividing by it would say nothing.
NET_SHARE = 0.5


def on_level(
    after: FloatArray,
    before: FloatArray,
    groups: IntArray | None = None,
    stay: BoolArray | None = None,
) -> FloatArray:
    """Return `after`, multiplied so that its mean is that of `before`.

    A season multiplies: who is big swings more than who is small, in margin and in every count
    that follows the season, so that differences of the two would go together for no other reason.
    A common factor takes that out, whatever its size. Spearman's correlation is the same as if
    both were divided by their means.

    Parameters
    ----------
    after, before : array of shape (n,)
        The same entities later and earlier.
    groups : array of shape (n,), optional
        A number for each entity's group: each group's mean is made equal where the group has one,
        else (and for -1) the factor of all is taken.
    stay : bool array of shape (n,), optional
        The entities that means are taken over: who left shares no season with those who stay.

    Returns
    -------
    array of shape (n,)
        `after` as it is where either mean is not positive, or is less than half of the mean of
        absolute values: there a factor has no meaning.

    Examples
    --------
    >>> on_level(np.array([4.0, 8.0]), np.array([2.0, 1.0])).tolist()
    [1.0, 2.0]
    >>> on_level(np.array([4.0, -4.0]), np.array([2.0, 1.0])).tolist()
    [4.0, -4.0]
    """
    some = np.ones(len(after), dtype=np.bool_) if stay is None else stay
    common = _factor(after[some], before[some])
    if common is None:
        return after
    factors = np.full(len(after), common)
    for group in np.unique(groups[groups >= 0]) if groups is not None else ():
        inside = groups == group
        own = _factor(after[inside & some], before[inside & some])
        if own is not None:
            factors[inside] = own
    scaled: FloatArray = after * factors
    return scaled


def _factor(after: FloatArray, before: FloatArray) -> float | None:
    for values in (after, before):
        net = float(values.sum())
        if net <= 0 or net < NET_SHARE * float(np.abs(values).sum()):
            return None
    return float(before.sum() / after.sum())
