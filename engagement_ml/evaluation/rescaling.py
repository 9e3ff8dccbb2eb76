"""Rescaling of later values to the earlier mean, which removes time shocks common to all."""

from __future__ import annotations

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, IntArray

MIN_NET_SHARE = 0.5
"""Least ratio of the sum to the sum of absolute values: below it the mean is too close to 0 to
divide by."""


def rescale_to_earlier_mean(
    later: FloatArray,
    earlier: FloatArray,
    segments: IntArray | None = None,
    retained: BoolArray | None = None,
) -> FloatArray:
    r"""Return ``later`` multiplied by a common factor, so that its mean is that of ``earlier``.

    .. math:: \tilde y_{i2} = y_{i2} \, \bar y_{\cdot 1} / \bar y_{\cdot 2}

    A time shock such as a season, a campaign or growth is multiplicative: it changes the values of
    large entities more than those of small ones, in margin and in every count that follows the
    season. Changes of the two would be correlated for that reason alone. The common factor removes
    it, whatever its size. Spearman's correlation is the same as if both were divided by their
    means.

    Parameters
    ----------
    later, earlier : array of shape (n,)
        Values of the same entities at the later and the earlier cutoff, without nulls.
    segments : int array of shape (n,), optional
        Segment numbers. Each segment has its own factor; entities with -1, and segments whose
        means do not allow a factor, take the factor of all entities.
    retained : bool array of shape (n,), optional
        The entities that means are taken over. If churn is an event, entities that churned are not
        part of the shock that the others share.

    Returns
    -------
    array of shape (n,)
        ``later`` unchanged if either mean is not positive, or is less than half of the mean of
        absolute values: a factor is then meaningless.

    Examples
    --------
    >>> rescale_to_earlier_mean(np.array([4.0, 8.0]), np.array([2.0, 1.0])).tolist()
    [1.0, 2.0]
    >>> rescale_to_earlier_mean(np.array([4.0, -4.0]), np.array([2.0, 1.0])).tolist()
    [4.0, -4.0]
    """
    base = np.ones(len(later), dtype=np.bool_) if retained is None else retained
    common_factor = _factor(later[base], earlier[base])
    if common_factor is None:
        return later
    factors = np.full(len(later), common_factor)
    for segment in np.unique(segments[segments >= 0]) if segments is not None else ():
        members = segments == segment
        segment_factor = _factor(later[members & base], earlier[members & base])
        if segment_factor is not None:
            factors[members] = segment_factor
    rescaled: FloatArray = later * factors
    return rescaled


def _factor(later: FloatArray, earlier: FloatArray) -> float | None:
    for values in (later, earlier):
        net = float(values.sum())
        if net <= 0 or net < MIN_NET_SHARE * float(np.abs(values).sum()):
            return None
    return float(earlier.sum() / later.sum())
