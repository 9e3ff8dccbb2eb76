"""Estimators of randomised experiments: Welch, Wald with Fieller, Cochran's Q, pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from engagement_ml._typing import FloatArray

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)

HETEROGENEITY_LEVEL = 0.05
"""Significance level of Cochran's Q, below which estimates differ by more than chance."""


@dataclass(frozen=True)
class Estimate:
    """An estimate with its 95% confidence interval.

    Attributes
    ----------
    value, low, high : float
        The bounds are infinite if the data do not bound the value.
    p_value : float or None
        Two-sided, of the hypothesis that the value is 0; None if it cannot be tested.
    """

    value: float
    low: float
    high: float
    p_value: float | None

    @property
    def standard_error(self) -> float:
        """The width of the interval, divided by that of a standard normal distribution."""
        return (self.high - self.low) / (2 * Z)

    @property
    def bounded(self) -> bool:
        """Whether both bounds are finite."""
        return math.isfinite(self.high - self.low)

    def times(self, factor: float) -> Estimate:
        """Return the estimate in another unit; a negative factor swaps the bounds."""
        low, high = sorted((self.low * factor, self.high * factor))
        return Estimate(self.value * factor, low, high, self.p_value)


def contrast(samples: Sequence[FloatArray], coefficients: Sequence[float]) -> Estimate:
    r"""Return a contrast of the means of independent samples, by Welch's method.

    .. math:: \hat\theta = \sum_k c_k \bar y_k, \quad
        \widehat{\mathrm{Var}} = \sum_k c_k^2 s_k^2 / n_k

    with Satterthwaite's degrees of freedom. For two samples with coefficients 1 and −1, this is
    the interval of Welch (1947, Biometrika 34) for a difference of means.

    Parameters
    ----------
    samples : sequence of array (n_k,)
        Finite values.
    coefficients : sequence of float
        One per sample.

    Returns
    -------
    Estimate
        NaN without bounds if a sample has fewer than two values; without bounds if no sample
        varies.

    Examples
    --------
    >>> lift = contrast([np.array([3.0, 4, 5, 6]), np.array([1.0, 2, 3])], [1, -1])
    >>> [round(x, 3) for x in (lift.value, lift.low, lift.high)]
    [2.5, 0.268, 4.732]
    """
    from scipy.stats import t

    if min(s.size for s in samples) < 2:
        return Estimate(math.nan, -math.inf, math.inf, None)
    value = float(sum(c * s.mean() for s, c in zip(samples, coefficients, strict=True)))
    # Equal values get variance 0, not the rounding error of their mean.
    parts = np.array(coefficients) ** 2 * [
        s.var(ddof=1) / s.size * (np.ptp(s) > 0) for s in samples
    ]
    variance = float(parts.sum())
    if variance <= 0:
        return Estimate(value, -math.inf, math.inf, None)
    # Welch–Satterthwaite degrees of freedom
    sample_df = np.array([s.size - 1 for s in samples])
    df = 1.0 / float(((parts / variance) ** 2 / sample_df).sum())
    standard_error = math.sqrt(variance)
    half_width = float(t.ppf(0.5 + CONFIDENCE / 2, df)) * standard_error
    p_value = float(2 * t.sf(abs(value) / standard_error, df))
    return Estimate(value, value - half_width, value + half_width, p_value)


def difference(treated: FloatArray, control: FloatArray) -> Estimate:
    """Return the difference of two means, with Welch's interval."""
    return contrast([treated, control], [1.0, -1.0])


def per_event(
    outcome: tuple[FloatArray, FloatArray], events: tuple[FloatArray, FloatArray], lift: Estimate
) -> Estimate:
    """Return the effect per event: the Wald estimator with Fieller's interval.

    The experiment's arm is the instrument: the estimate is the difference of mean outcomes between
    the arms, divided by the difference of mean events. If the arm acts through the events alone,
    it is the mean effect of one event among entities whose events the experiment changed, weighted
    by that change (Angrist and Imbens 1995, JASA 90). The interval (Fieller 1954, JRSS B 16) is
    valid if the difference of events is uncertain, and has no bounds if that difference may be 0.

    Parameters
    ----------
    outcome, events : (treated, control)
        Arrays (n,) of the same entities in the same order.
    lift : Estimate
        The difference of mean outcomes.

    Returns
    -------
    Estimate
        In units of the outcome per event. NaN without bounds if events do not differ.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> events = rng.poisson(2.0, 4000) * 1.0, rng.poisson(1.0, 4000) * 1.0
    >>> outcome = tuple(3.0 * x + rng.normal(size=4000) for x in events)
    >>> effect = per_event(outcome, events, difference(*outcome))
    >>> effect.low < 3.0 < effect.high
    True
    """
    more_events = difference(*events)
    if not math.isfinite(more_events.value) or more_events.value == 0 or not lift.bounded:
        return Estimate(math.nan, -math.inf, math.inf, lift.p_value)
    v_xx, v_xy, v_yy = (
        sum(float(np.cov(a, b)[0, 1]) / a.size for a, b in zip(first, second, strict=True))
        for first, second in ((events, events), (events, outcome), (outcome, outcome))
    )
    # The squared quantile of the lift's t distribution, so that small samples widen the interval.
    z2 = ((lift.high - lift.low) / 2) ** 2 / v_yy
    # Fieller: the bounds are the roots r of a r² - 2 b r + c = 0.
    a = more_events.value**2 - z2 * v_xx
    b = more_events.value * lift.value - z2 * v_xy
    c = lift.value**2 - z2 * v_yy
    ratio, discriminant = lift.value / more_events.value, b * b - a * c
    if a <= 0 or discriminant < 0:
        return Estimate(ratio, -math.inf, math.inf, lift.p_value)
    low, high = sorted((b + side * math.sqrt(discriminant)) / a for side in (-1.0, 1.0))
    return Estimate(ratio, low, high, lift.p_value)


def homogeneity_p_value(estimates: Sequence[Estimate]) -> float | None:
    """Return the p-value of independent estimates being equal: Cochran's Q (1954, Biometrics 10).

    Estimates without bounds are left out; None if fewer than two are left.

    Examples
    --------
    >>> a, b = Estimate(1.0, 0.8, 1.2, None), Estimate(2.0, 1.8, 2.2, None)
    >>> homogeneity_p_value([a, a]), homogeneity_p_value([a, b]) < 0.001
    (1.0, True)
    """
    from scipy.stats import chi2

    bounded = [e for e in estimates if e.bounded]
    if len(bounded) < 2:
        return None
    return float(chi2.sf(_cochrans_q(bounded), len(bounded) - 1))


def disagree(estimates: Sequence[Estimate]) -> bool:
    """Whether independent estimates are heterogeneous: they differ by more than chance."""
    p_value = homogeneity_p_value(estimates)
    return p_value is not None and p_value < HETEROGENEITY_LEVEL


def combine(estimates: Sequence[Estimate]) -> Estimate:
    """Return the inverse-variance weighted mean of independent estimates.

    If they are heterogeneous (see `disagree`), the interval is widened by ``√(Q / (k − 1))``, the
    scale factor of the Particle Data Group. Estimates without bounds are left out; if all are
    without bounds, so is the result.

    Examples
    --------
    >>> a, b = Estimate(1.0, 0.0, 2.0, None), Estimate(1.2, 0.2, 2.2, None)
    >>> pooled = combine([a, b])
    >>> round(pooled.value, 2), round(pooled.low, 2), round(pooled.high, 2)
    (1.1, 0.39, 1.81)
    """
    bounded = [e for e in estimates if e.bounded]
    if len(bounded) < 2:
        return (bounded or list(estimates))[0]
    weights = np.array([e.standard_error**-2.0 for e in bounded])
    value = float(weights @ [e.value for e in bounded] / weights.sum())
    half_width = Z / math.sqrt(weights.sum())
    if disagree(bounded):
        half_width *= math.sqrt(_cochrans_q(bounded) / (len(bounded) - 1))
    p_value = 2 * NormalDist().cdf(-abs(value) * Z / half_width)
    return Estimate(value, value - half_width, value + half_width, p_value)


def _cochrans_q(estimates: Sequence[Estimate]) -> float:
    values = np.array([e.value for e in estimates])
    weights = np.array([e.standard_error**-2.0 for e in estimates])
    return float(weights @ (values - weights @ values / weights.sum()) ** 2)
