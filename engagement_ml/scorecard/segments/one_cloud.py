"""The reference of segments: one continuous population with the same counts and correlations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from engagement_ml._typing import FloatArray, IntArray
from engagement_ml.scorecard.segments.scale import BehaviourScale

CALIBRATION_ROWS = 10_000
CALIBRATION_STEPS = 15
MAX_INACTIVE = 0.95
"""Largest share of the reference population that may be without any event."""
_MAX_CORRELATION = 0.999
_MIN_EIGENVALUE = 1e-6


@dataclass(frozen=True)
class OneCloud:
    """Gaussian copula with the levels of each behaviour, given that a customer did something.

    The latent correlations are calibrated until the correlations of scores equal those of the
    data. Customers without any event are not in the data, so they are drawn and left out here too:
    otherwise rare, independent behaviours would seem to exclude each other.

    Attributes
    ----------
    scales : sequence of BehaviourScale
    loadings : array (p, p)
        Times independent normal variables gives the latent variables, each with variance 1.
    inactive : float
        Share of the population that is without any event, and left out.
    """

    scales: Sequence[BehaviourScale]
    loadings: FloatArray
    inactive: float

    @classmethod
    def of(
        cls, scales: Sequence[BehaviourScale], target: FloatArray, rng: np.random.Generator
    ) -> OneCloud:
        """Calibrate the population to the correlations (p, p) of scores in the data."""
        normal = rng.standard_normal((CALIBRATION_ROWS, len(scales)))
        latent, inactive = target.copy(), 0.0
        for _ in range(CALIBRATION_STEPS):
            loadings = _loadings(latent)
            inactive = _inactive_share(scales, normal @ loadings.T)
            drawn = _scores(scales, _active_levels(scales, normal @ loadings.T, inactive))
            reached = np.corrcoef(drawn, rowvar=False)
            latent = np.clip(
                loadings @ loadings.T + target - np.nan_to_num(reached),
                -_MAX_CORRELATION,
                _MAX_CORRELATION,
            )
        return cls(scales, loadings, inactive)

    def draw(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return the scores of n customers who did something, shape (n, p)."""
        parts: list[IntArray] = []
        missing = n
        while missing > 0:
            rows = int(1.1 * missing / (1 - self.inactive)) + 50
            normal = rng.standard_normal((rows, len(self.scales)))
            parts.append(_active_levels(self.scales, normal @ self.loadings.T, self.inactive))
            missing -= len(parts[-1])
        return _scores(self.scales, np.concatenate(parts)[:n])


def _loadings(latent: FloatArray) -> FloatArray:
    """Return a square root of the nearest correlation matrix that has one."""
    values, vectors = np.linalg.eigh((latent + latent.T) / 2)
    root = vectors * np.sqrt(np.maximum(values, _MIN_EIGENVALUE))
    loadings: FloatArray = root / np.sqrt((root * root).sum(axis=1))[:, None]
    return loadings


def _inactive_share(scales: Sequence[BehaviourScale], latent: FloatArray) -> float:
    """Return the share q of all-zero rows for which the share drawn is q, too.

    With q, a behaviour is 0 for a share q + (1 − q)·z of the population, z among the active; a row
    is all zero from a certain q on, so the share is the distribution function of these.
    """
    zeros = np.array([scale.zero_share for scale in scales])
    if np.any(zeros == 0):
        return 0.0
    uniform = _normal_cdf(latent)
    needed = np.sort(((uniform - zeros) / (1 - zeros)).max(axis=1))
    candidates = np.linspace(0.0, MAX_INACTIVE, 400)
    shares = np.searchsorted(needed, candidates, side="right") / len(needed)
    below = np.flatnonzero(shares <= candidates)
    return float(candidates[below[0]]) if len(below) else MAX_INACTIVE


def _active_levels(
    scales: Sequence[BehaviourScale], latent: FloatArray, inactive: float
) -> IntArray:
    levels = np.column_stack(
        [
            np.searchsorted(_thresholds(scale, inactive), column)
            for scale, column in zip(scales, latent.T, strict=True)
        ]
    )
    empty = np.array([scale.zero_share > 0 for scale in scales])
    active: IntArray = levels[((levels > 0) | ~empty).any(axis=1)]
    return active


def _thresholds(scale: BehaviourScale, inactive: float) -> FloatArray:
    below = inactive + (1 - inactive) * np.cumsum(scale.shares)[:-1]
    return np.array([NormalDist().inv_cdf(min(float(share), 1 - 1e-12)) for share in below])


def _normal_cdf(values: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    cdf: FloatArray = ndtr(values)
    return cdf


def _scores(scales: Sequence[BehaviourScale], levels: IntArray) -> FloatArray:
    columns = (scale.scores[column] for scale, column in zip(scales, levels.T, strict=True))
    return np.column_stack(list(columns))
