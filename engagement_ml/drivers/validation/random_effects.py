"""Random-effects meta-analysis of independent estimates: Cochran's Q, I², tau, partial pooling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray

TAU_GRID = 400
"""Number of values of tau over which partial pooling averages."""

MAX_TAU_SCALES = 10.0
"""Largest tau of that grid, in units of the largest of prior scale, deviations and errors."""


@dataclass(frozen=True)
class Heterogeneity:
    """Test of equal effects, and how far they differ.

    Attributes
    ----------
    q : float
        Cochran's Q (1954).
    df : int
        Degrees of freedom: the number of estimates less 1.
    p_value : float
        Of Q under equal effects, from the χ² distribution.
    i_squared : float
        Share of the variation between estimates that is no sampling error, 0 to 1 (Higgins and
        Thompson 2002).
    tau : float
        Standard deviation of the true effects, by the method of Paule and Mandel (1982).
    """

    q: float
    df: int
    p_value: float
    i_squared: float
    tau: float


def heterogeneity(effects: FloatArray, variances: FloatArray) -> Heterogeneity:
    """Test whether independent estimates have the same mean.

    Parameters
    ----------
    effects : array (G,)
    variances : array (G,)
        Of the estimates' errors, positive.

    Returns
    -------
    Heterogeneity
        p-value 1 with fewer than two estimates.

    Examples
    --------
    >>> test = heterogeneity(np.array([1.0, 3.0]), np.array([0.5, 0.5]))
    >>> test.q, test.df, round(test.p_value, 4), test.i_squared
    (4.0, 1, 0.0455, 0.75)
    """
    from scipy.special import chdtrc

    df = len(effects) - 1
    if df < 1:
        return Heterogeneity(0.0, 0, 1.0, 0.0, 0.0)
    q = _generalised_q(effects, variances, 0.0)
    share = max(0.0, 1.0 - df / q) if q > 0 else 0.0
    return Heterogeneity(q, df, float(chdtrc(df, q)), share, _paule_mandel(effects, variances))


def _generalised_q(effects: FloatArray, variances: FloatArray, tau_squared: float) -> float:
    """Return the weighted sum of squares about the weighted mean, with between-variance."""
    weights = 1.0 / (variances + tau_squared)
    mean = weights @ effects / weights.sum()
    return float(weights @ (effects - mean) ** 2)


def _paule_mandel(effects: FloatArray, variances: FloatArray) -> float:
    """Return the tau at which the generalised Q equals its expectation; 0 if Q is below it."""
    df = len(effects) - 1
    low, high = 0.0, float(np.ptp(effects)) ** 2
    if _generalised_q(effects, variances, 0.0) <= df:
        return 0.0
    # Q falls with tau², and with the squared range as tau² it is below df.
    for _ in range(200):
        middle = (low + high) / 2
        if _generalised_q(effects, variances, middle) > df:
            low = middle
        else:
            high = middle
    return float(np.sqrt((low + high) / 2))


@dataclass(frozen=True)
class Pooled:
    """Effects shrunken towards the whole.

    Attributes
    ----------
    effects, variances : arrays (G,)
        Posterior means and variances.
    kept : array (G,)
        Share of each estimate's deviation from the whole that is kept, 0 to 1.
    """

    effects: FloatArray
    variances: FloatArray
    kept: FloatArray


def partial_pooling(
    effects: FloatArray, variances: FloatArray, whole: float, whole_variance: float
) -> Pooled:
    """Shrink each effect towards the whole, by how much effects seem to differ.

    The effects are normal with mean `whole` and standard deviation tau. tau has a half-Cauchy prior
    (Gelman 2006) with the size of the whole as its scale, and is integrated out: an estimate of it
    from a few segments is too uncertain to be taken as known.

    Parameters
    ----------
    effects : array (G,)
    variances : array (G,)
        Of the estimates' errors, positive.
    whole : float
        Effect over all customers.
    whole_variance : float
        Of its error.

    Returns
    -------
    Pooled

    Examples
    --------
    >>> pooled = partial_pooling(np.array([1.0, 3.0]), np.array([4.0, 4.0]), 2.0, 1.0).effects
    >>> bool(1.0 < pooled[0] < 2.0 < pooled[1] < 3.0)
    True
    """
    deviations = effects - whole
    scale = max(abs(whole), float(np.sqrt(whole_variance)), 1e-300)
    largest = max(scale, float(np.abs(deviations).max()), float(np.sqrt(variances.max())))
    # A grid that is finer near 0.
    tau = MAX_TAU_SCALES * largest * np.linspace(0.0, 1.0, TAU_GRID) ** 3
    total = variances[None, :] + tau[:, None] ** 2
    log_posterior = -0.5 * (np.log(total) + deviations**2 / total).sum(axis=1)
    log_posterior -= np.log1p((tau / scale) ** 2)
    posterior = np.exp(log_posterior - log_posterior.max()) * np.gradient(tau)
    posterior /= posterior.sum()
    kept = tau[:, None] ** 2 / total
    mean = posterior @ kept
    within = posterior @ (kept * variances + (1.0 - kept) ** 2 * whole_variance)
    between = posterior @ (kept - mean) ** 2 * deviations**2
    return Pooled(whole + mean * deviations, np.asarray(within + between), np.asarray(mean))
