"""Latent affinity scores: common factors of past behaviour rates (regression calibration).

Entities with a high affinity for the brand do more of everything, so affinity is what behaviours
have in common. Rates of the past, shrunk by empirical Bayes, enter a factor analysis. The factor
scores are the best linear predictors of the common factors, given all that is known before the
period.

A hazard that controls for the scores leaves to a behaviour only its effect beyond affinity. The
error of a best linear predictor is uncorrelated with its inputs, so there is no attenuation bias as
from a noisy proxy (regression calibration: Carroll et al. 2006, chapter 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.drivers.estimation.factor_analysis import AxisSettings, principal_axes
from engagement_ml.features.period_panel import Periods

MIN_PERIODS_OBSERVED = 6
"""Past periods of the cells from which loadings and prior variances are estimated."""

MIN_BEHAVIOURS = 3
"""Behaviours that must share a factor; a factor of two is not identified."""

MAX_FACTORS = 3
"""Largest number of common factors."""

MIN_FACTOR_VARIANCE = 0.3
"""Variance of a factor below which it is left out, in variances of one behaviour."""

NOISE_FACTOR_RATIO = 3.0
"""The same as a multiple of ``sqrt(behaviours / entities)``, the size of factors of pure noise."""

MIN_LOADING = 0.25
"""|loading| from which a behaviour counts as sharing a factor."""

MIN_CELLS_PER_BEHAVIOUR = 10
"""Cells per behaviour above which a covariance is estimated."""

OBSERVED_BOUNDS = (1, 2, 3, 5, 9, 13, 18, 24, 40, 60, 100)
"""Bounds of the classes of past periods; rates of a class are shrunk alike."""

RATE_VARIANCE_BOUNDS = (0.02, 20.0)
"""Range of the variance of rates between entities, in units of the squared mean rate."""

_AXES = AxisSettings((0.05, 0.95), (0.001, 0.95), max_rounds=100, tolerance=1e-5)
"""Settings of principal axis factoring."""

COVARIANCE_RIDGE = 1e-3
"""Ridge on the covariance of rates, as a share of the mean variance."""


@dataclass(frozen=True)
class ShrunkRates:
    """Past rates of each behaviour, shrunk towards those of a typical entity.

    Attributes
    ----------
    log_rate : array (n, T, B)
        Log ratio of the events before each period to those expected of a typical entity in the same
        periods, both with a gamma prior; 0 if nothing is known.
    weight : array (n, T, B)
        Reliability, 0 to 1: weight of the entity's own events against the prior.
    periods_observed : array (n, T)
        Number of periods before, in which the entity was present.
    """

    log_rate: FloatArray
    weight: FloatArray
    periods_observed: FloatArray


def shrunk_past_rates(periods: Periods, at_risk: BoolArray) -> ShrunkRates:
    """Return each entity's rates before each period, relative to the season and shrunk.

    Gamma–Poisson (negative binomial) model; the variance of the prior is estimated by moments.

    Parameters
    ----------
    periods : Periods
    at_risk : bool array (n, T)
        Cells from which the variance of the prior is estimated.
    """
    _, n_periods, n_behaviours = periods.counts.shape
    t = np.arange(n_periods)[None, :]
    present = (t >= periods.entry[:, None]) & (t < periods.exit[:, None])
    # The period in which an entity churns is incomplete and left out of the season.
    churns = (t == periods.exit[:, None] - 1) & (periods.exit[:, None] < n_periods)
    complete = present & ~churns
    periods_observed = _cumulative_before(present.astype(np.float64))
    sample = at_risk & (periods_observed >= MIN_PERIODS_OBSERVED)
    log_rate = np.zeros(periods.counts.shape, dtype=np.float64)
    weight = np.zeros_like(log_rate)
    for b in range(n_behaviours):
        counts = np.where(present, periods.counts[..., b], 0.0).astype(np.float64)
        season = (counts * complete).sum(axis=0) / np.maximum(complete.sum(axis=0), 1)
        observed = _cumulative_before(counts)
        expected = _cumulative_before(season * present)
        # Variance of the rates by moments: that of the counts less the Poisson variance.
        c, e = observed[sample], expected[sample]
        variance = ((c - e) ** 2 - c).sum() / max(float((e**2).sum()), 1e-12)
        prior = 1.0 / float(np.clip(variance, *RATE_VARIANCE_BOUNDS))
        log_rate[..., b] = np.log((observed + prior) / (expected + prior))
        weight[..., b] = expected / (expected + prior)
    return ShrunkRates(log_rate, weight, periods_observed)


def affinity_scores(rates: ShrunkRates, at_risk: BoolArray) -> FloatArray:
    """Return the scores of the common factors before each period, shape (n, T, F).

    Loadings are from principal axis factoring of the correlations of rates (`factor_loadings`). A
    score is ``c' S⁻¹ x``, with S the covariance of the rates among cells with equally many past
    periods, and c the covariance of rates and factor.

    Parameters
    ----------
    rates : ShrunkRates
    at_risk : bool array (n, T)

    Returns
    -------
    array (n, T, F)
        F is 0 if too few behaviours, or too few cells, identify a common factor.
    """
    x, weight, periods_observed = rates.log_rate, rates.weight, rates.periods_observed
    sample = at_risk & (periods_observed >= MIN_PERIODS_OBSERVED)
    varying = np.nonzero(x[sample].std(axis=0) > 0)[0] if sample.any() else np.zeros(0, np.int64)
    min_cells = MIN_CELLS_PER_BEHAVIOUR * varying.size
    if varying.size < MIN_BEHAVIOURS or sample.sum() <= min_cells:
        return np.zeros((*periods_observed.shape, 0))
    x, weight = x[..., varying], weight[..., varying]
    # Loadings of the true rates: those of the correlations, in units of unshrunk rates.
    n_entities = int(sample.any(axis=1).sum())
    noise_variance = NOISE_FACTOR_RATIO * float(np.sqrt(varying.size / n_entities))
    min_variance = max(MIN_FACTOR_VARIANCE, noise_variance)
    loadings = factor_loadings(np.asarray(np.corrcoef(x[sample].T)), min_variance)
    mean_weight = np.maximum(weight[sample].mean(axis=0), 1e-6)
    loadings = loadings * (x[sample].std(axis=0) / mean_weight)[:, None]
    # Factor scores by regression, within classes of equally long pasts.
    scores = np.zeros((*periods_observed.shape, loadings.shape[1]))
    for low, high in pairwise((*OBSERVED_BOUNDS, np.inf)):
        cells = (periods_observed >= low) & (periods_observed < high)
        class_sample = cells & at_risk
        if class_sample.sum() <= min_cells:
            continue
        covariance = np.cov(x[class_sample].T)
        covariance += np.eye(varying.size) * COVARIANCE_RIDGE * np.diag(covariance).mean()
        cross_covariance = loadings * weight[class_sample].mean(axis=0)[:, None]
        centred = x[cells] - x[class_sample].mean(axis=0)
        scores[cells] = centred @ np.linalg.solve(covariance, cross_covariance)
    return scores


def factor_loadings(
    correlation: FloatArray, min_variance: float, max_factors: int = MAX_FACTORS
) -> FloatArray:
    """Return the loadings of common factors shared by three behaviours at least, shape (B, F).

    Principal axis factoring: communalities replace the diagonal of the correlation matrix until
    they reproduce themselves. What only two behaviours share need not be affinity: entities that
    stay without doing the one do the other.

    Parameters
    ----------
    correlation : array (B, B)
    min_variance : float
        Variance below which a factor is left out, in variances of one behaviour.
    max_factors : int, default 3

    Examples
    --------
    >>> shared = np.array([0.8, 0.7, 0.6, 0.5])
    >>> r = np.outer(shared, shared)
    >>> np.fill_diagonal(r, 1.0)
    >>> np.abs(factor_loadings(r, 0.3)).round(2)[:, 0].tolist()
    [0.8, 0.7, 0.6, 0.5]
    """
    size = len(correlation)
    for n_factors in range(min(max_factors, size // MIN_BEHAVIOURS), 0, -1):
        loadings, smallest_variance = principal_axes(correlation, n_factors, _AXES)
        n_sharing = (np.abs(loadings) >= MIN_LOADING).sum(axis=0)
        if smallest_variance >= min_variance and (n_sharing >= MIN_BEHAVIOURS).all():
            return loadings
    return np.zeros((size, 0))


def _cumulative_before(values: FloatArray) -> FloatArray:
    """Sum over all periods before each, along axis 1 of (n, T)."""
    total = np.cumsum(values, axis=1)
    return np.concatenate([np.zeros_like(total[:, :1]), total[:, :-1]], axis=1)
