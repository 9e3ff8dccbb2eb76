"""Differences of means between randomised arms, per event, and compared between groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from engagement_ml._typing import FloatArray

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)

DISAGREE = 0.05
"""p-value of being equal below which estimates are taken to differ by more than chance."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval.

    Attributes
    ----------
    value, low, high : float
        Bounds are infinite where nothing bounds the value.
    p_value : float or None
        Of no difference, two-sided; None where there is nothing to judge it by.
    """

    value: float
    low: float
    high: float
    p_value: float | None

    @property
    def standard_error(self) -> float:
        """The width of the interval over that of a standard normal's."""
        return (self.high - self.low) / (2 * Z)

    @property
    def bounded(self) -> bool:
        """Whether the interval has two ends."""
        return math.isfinite(self.high - self.low)

    def times(self, factor: float) -> Estimate:
        """Return the estimate in another unit; bounds change places where it turns the sign."""
        low, high = sorted((self.low * factor, self.high * factor))
        return Estimate(self.value * factor, low, high, self.p_value)


def contrast(samples: Sequence[FloatArray], signs: Sequence[float]) -> Estimate:
    """Return the sum of signed means of independent samples, by Welch's method.

    The variance is the sum of ``s² / n``, with Satterthwaite's degrees of freedom; two samples with
    the signs 1 and −1 are Welch's (1947) interval for a difference of means.

    Parameters
    ----------
    samples : sequence of array (n_k,)
        Finite values.
    signs : sequence of float

    Returns
    -------
    Estimate
        NaN without bounds where a sample has fewer than two values; without bounds where no sample
        varies.

    Examples
    --------
    >>> found = contrast([np.array([3.0, 4, 5, 6]), np.array([1.0, 2, 3])], [1, -1])
    >>> [round(x, 3) for x in (found.value, found.low, found.high)]
    [2.5, 0.268, 4.732]
    """
    from scipy.stats import t

    if min(s.size for s in samples) < 2:
        return Estimate(math.nan, -math.inf, math.inf, None)
    value = float(sum(sign * s.mean() for s, sign in zip(samples, signs, strict=True)))
    # Rounding gives equal values a variance, which is none.
    parts = np.array(signs) ** 2 * [s.var(ddof=1) / s.size * (np.ptp(s) > 0) for s in samples]
    variance = float(parts.sum())
    if variance <= 0:
        return Estimate(value, -math.inf, math.inf, None)
    spare = np.array([s.size - 1 for s in samples])
    freedom = 1.0 / float(((parts / variance) ** 2 / spare).sum())
    error = math.sqrt(variance)
    reach = float(t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    p_value = float(2 * t.sf(abs(value) / error, freedom))
    return Estimate(value, value - reach, value + reach, p_value)


def difference(treated: FloatArray, control: FloatArray) -> Estimate:
    """Return the difference of two means with Welch's interval."""
    return contrast([treated, control], [1.0, -1.0])


def per_event(
    outcome: tuple[FloatArray, FloatArray], events: tuple[FloatArray, FloatArray], lift: Estimate
) -> Estimate:
    """Return the lift per event that the test brought about: Wald's ratio with Fieller's interval.

    The ratio of the differences of outcome and of events between the arms: the mean effect of one
    event among those whom the test moved, weighted by how much it moved them (Angrist and Imbens
    1995), provided that it acts through the events alone. The interval (Fieller 1954) holds where
    the difference of events is itself uncertain, and has no bounds where that may be none.

    Parameters
    ----------
    outcome, events : (treated, control)
        Arrays (n,) of the same entities in the same order.
    lift : Estimate
        The difference of outcomes.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> events = rng.poisson(2.0, 4000) * 1.0, rng.poisson(1.0, 4000) * 1.0
    >>> outcome = tuple(3.0 * x + rng.normal(size=4000) for x in events)
    >>> found = per_event(outcome, events, difference(*outcome))
    >>> found.low < 3.0 < found.high
    True
    """
    moved = difference(*events)
    if not math.isfinite(moved.value) or moved.value == 0 or not lift.bounded:
        return Estimate(math.nan, -math.inf, math.inf, lift.p_value)
    v_xx, v_xy, v_yy = (
        sum(float(np.cov(a, b)[0, 1]) / a.size for a, b in zip(first, second, strict=True))
        for first, second in ((events, events), (events, outcome), (outcome, outcome))
    )
    # Fewer values count as they do for the lift: its own quantile, not the normal one.
    z2 = ((lift.high - lift.low) / 2) ** 2 / v_yy
    a = moved.value**2 - z2 * v_xx
    b = moved.value * lift.value - z2 * v_xy
    c = lift.value**2 - z2 * v_yy
    ratio, root = lift.value / moved.value, b * b - a * c
    if a <= 0 or root < 0:
        return Estimate(ratio, -math.inf, math.inf, lift.p_value)
    low, high = sorted((b + side * math.sqrt(root)) / a for side in (-1.0, 1.0))
    return Estimate(ratio, low, high, lift.p_value)


def same_everywhere(estimates: Sequence[Estimate]) -> float | None:
    """Return the p-value of all being equal: Cochran's (1954) Q, independent estimates.

    None with fewer than two that have bounds.

    Examples
    --------
    >>> a, b = Estimate(1.0, 0.8, 1.2, None), Estimate(2.0, 1.8, 2.2, None)
    >>> same_everywhere([a, a]), same_everywhere([a, b]) < 0.001
    (1.0, True)
    """
    from scipy.stats import chi2

    known = [e for e in estimates if e.bounded]
    if len(known) < 2:
        return None
    return float(chi2.sf(_disagreement(known), len(known) - 1))


def disagree(estimates: Sequence[Estimate]) -> bool:
    """Whether independent estimates differ by more than chance would make them."""
    p_value = same_everywhere(estimates)
    return p_value is not None and p_value < DISAGREE


def combine(estimates: Sequence[Estimate]) -> Estimate:
    """Return the mean of independent estimates, weighted by their inverse variances.

    Where they differ by more than chance would (p below `DISAGREE`), the interval is widened by
    ``√(Q / (k − 1))``, the scale factor of the Particle Data Group, so that tests that disagree
    make nobody surer. Those without bounds say nothing; if none has any, neither has the result.

    Examples
    --------
    >>> a, b = Estimate(1.0, 0.0, 2.0, None), Estimate(1.2, 0.2, 2.2, None)
    >>> found = combine([a, b])
    >>> round(found.value, 2), round(found.low, 2), round(found.high, 2)
    (1.1, 0.39, 1.81)
    """
    known = [e for e in estimates if e.bounded]
    if len(known) < 2:
        return (known or list(estimates))[0]
    weights = np.array([e.standard_error**-2.0 for e in known])
    value = float(weights @ [e.value for e in known] / weights.sum())
    reach = Z / math.sqrt(weights.sum())
    if disagree(known):
        reach *= math.sqrt(_disagreement(known) / (len(known) - 1))
    p_value = 2 * NormalDist().cdf(-abs(value) * Z / reach)
    return Estimate(value, value - reach, value + reach, p_value)


def _disagreement(known: Sequence[Estimate]) -> float:
    values = np.array([e.value for e in known])
    weights = np.array([e.standard_error**-2.0 for e in known])
    return float(weights @ (values - weights @ values / weights.sum()) ** 2)
