"""How much an entity likes what it engages with, told from all that it did before a period.

Whoever likes the brand does more of everything, so what behaviours have in common is liking. Rates
so far, shrunk by how little is known of them, are put through a factor analysis; the scores are the
best linear guess of the common factors given everything known before the period, recent events
included. A hazard that holds them fixed leaves to a behaviour only what it does beyond telling how
much its doer likes the brand: errors of a best guess do not go along with what it was made from
(Carroll et al. 2006, chapter 4), as those of a noisy measure would.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.features.period_panel import Periods

_LEAST_KNOWN = 6  # periods, of cells that loadings are learnt from
_LEAST_SHARED = 3  # behaviours that a common factor can be told from
_MOST_FACTORS = 3
_LEAST_FACTOR = 0.3  # of one behaviour's variance, or three times what chance makes of none
_LEAST_LOADING = 0.25  # of each behaviour that a factor is counted as shared by
_KNOWN = (1, 2, 3, 5, 9, 13, 18, 24, 40, 60, 100)  # periods: rates as well known go together
_SPREADS = (0.02, 20.0)  # of rates between entities, in squares of the mean: bounds
_ROUNDS = 100


@dataclass(frozen=True)
class ShrunkRates:
    """Rates of each behaviour so far.

    Attributes
    ----------
    log_rate : array (n, T, B)
        Log of the events before each period over those expected of a typical entity in the same
        periods, both with a prior of as many events as entities' rates are alike: 0 where nothing
        is known.
    weight : array (n, T, B)
        From 0 to 1, how far the entity's own events outweigh the prior.
    periods_observed : array (n, T)
        Periods that the entity was there before.
    """

    log_rate: FloatArray
    weight: FloatArray
    periods_observed: FloatArray


def shrunk_past_rates(periods: Periods, at_risk: BoolArray) -> ShrunkRates:
    """Return each entity's rates before each period, relative to the season's and shrunk.

    The prior is a gamma distribution (negative binomial counts), its spread by moments.

    Parameters
    ----------
    periods : Periods
    at_risk : bool array (n, T)
        Cells that the spread of rates is learnt from.
    """
    _, n_periods, n_behaviours = periods.counts.shape
    t = np.arange(n_periods)[None, :]
    there = (t >= periods.entry[:, None]) & (t < periods.exit[:, None])
    # The period in which somebody leaves is no whole one.
    leaving = (t == periods.exit[:, None] - 1) & (periods.exit[:, None] < n_periods)
    whole = there & ~leaving
    known = _before(there.astype(np.float64))
    used = at_risk & (known >= _LEAST_KNOWN)
    log_rate = np.zeros(periods.counts.shape, dtype=np.float64)
    weight = np.zeros_like(log_rate)
    for b in range(n_behaviours):
        counts = np.where(there, periods.counts[..., b], 0.0).astype(np.float64)
        season = (counts * whole).sum(axis=0) / np.maximum(whole.sum(axis=0), 1)
        done, expected = _before(counts), _before(season * there)
        c, e = done[used], expected[used]
        spread = ((c - e) ** 2 - c).sum() / max(float((e**2).sum()), 1e-12)
        prior = 1.0 / float(np.clip(spread, *_SPREADS))
        log_rate[..., b] = np.log((done + prior) / (expected + prior))
        weight[..., b] = expected / (expected + prior)
    return ShrunkRates(log_rate, weight, known)


def affinity_scores(levels: ShrunkRates, at_risk: BoolArray) -> FloatArray:
    """Return the scores of the common factors before each period, shape (n, T, F).

    Loadings come from a principal axis factoring of the correlations of the rates of cells with
    some past; up to three factors, each worth more than chance. A score is ``c' S⁻¹ x``, with S the
    covariance of the rates among cells in which as much is known, and c that of rates and factor.

    Parameters
    ----------
    levels : ShrunkRates
    at_risk : bool array (n, T)
    """
    x, weight, known = levels.log_rate, levels.weight, levels.periods_observed
    used = at_risk & (known >= _LEAST_KNOWN)
    moving = np.nonzero(x[used].std(axis=0) > 0)[0] if used.any() else np.zeros(0, np.int64)
    if moving.size < _LEAST_SHARED or used.sum() <= 10 * moving.size:
        return np.zeros((*known.shape, 0))
    x, weight = x[..., moving], weight[..., moving]
    spread = x[used].std(axis=0)
    entities = int(used.any(axis=1).sum())
    floor = max(_LEAST_FACTOR, 3.0 * float(np.sqrt(moving.size / entities)))
    found = factor_loadings(np.asarray(np.corrcoef(x[used].T)), floor)
    found = found * (spread / np.maximum(weight[used].mean(axis=0), 1e-6))[:, None]
    scores = np.zeros((*known.shape, found.shape[1]))
    bounds = (*_KNOWN, np.inf)
    for low, high in pairwise(bounds):
        here = (known >= low) & (known < high)
        learnt = here & at_risk
        if learnt.sum() <= 10 * moving.size:
            continue
        covariance = np.cov(x[learnt].T)
        covariance += np.eye(moving.size) * 1e-3 * np.diag(covariance).mean()
        shared = found * weight[learnt].mean(axis=0)[:, None]
        centred = x[here] - x[learnt].mean(axis=0)
        scores[here] = centred @ np.linalg.solve(covariance, shared)
    return scores


def factor_loadings(correlation: FloatArray, floor: float, most: int = _MOST_FACTORS) -> FloatArray:
    """Return the loadings of the factors that three behaviours at least share, shape (B, F).

    Principal axis factoring: communalities replace the diagonal until they reproduce themselves.
    What only two behaviours share need not be liking: those who stay without doing the one do the
    other.

    Parameters
    ----------
    correlation : array (B, B)
    floor : float
        In variances of one behaviour; a factor whose variance is less is left out.
    most : int, default 3

    Examples
    --------
    >>> shared = np.array([0.8, 0.7, 0.6, 0.5])
    >>> r = np.outer(shared, shared)
    >>> np.fill_diagonal(r, 1.0)
    >>> np.abs(factor_loadings(r, 0.3)).round(2)[:, 0].tolist()
    [0.8, 0.7, 0.6, 0.5]
    """
    size = len(correlation)
    for n_factors in range(min(most, size // _LEAST_SHARED), 0, -1):
        communality = np.clip(np.abs(correlation - np.eye(size)).max(axis=1), 0.05, 0.95)
        for _ in range(_ROUNDS):
            reduced = correlation.copy()
            np.fill_diagonal(reduced, communality)
            values, vectors = np.linalg.eigh(reduced)
            values, vectors = values[::-1][:n_factors], vectors[:, ::-1][:, :n_factors]
            found = np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
            change = np.clip((found**2).sum(axis=1), 0.001, 0.95) - communality
            communality = communality + change
            if np.abs(change).max() < 1e-5:
                break
        sharing = (np.abs(found) >= _LEAST_LOADING).sum(axis=0)
        if values[-1] >= floor and (sharing >= _LEAST_SHARED).all():
            return found
    return np.zeros((size, 0))


def _before(values: FloatArray) -> FloatArray:
    """Sum over all periods before each, along axis 1 of (n, T)."""
    total = np.cumsum(values, axis=1)
    return np.concatenate([np.zeros_like(total[:, :1]), total[:, :-1]], axis=1)
