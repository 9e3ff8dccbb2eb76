"""Lag profiles as an event can have them: of one sign, at once or later, and then fading.

What an event gains and what it loses are profiles of their own: returns follow orders, so that the
difference of both may turn its sign with the lag though neither does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from engagement_ml._typing import FloatArray, IntArray
from engagement_ml.drivers.estimation.distributed_lags import Lags

TIME_CONSTANTS = (1.5, 4.0, 12.0, np.inf)
"""Mean memories, in periods, of the profiles by which an effect is looked for."""

DELAYED_PEAK_PENALTY = 12.0
"""By how much profiles that rise with the lag must fit better in misfit².

With the two steps more that it takes, rising has to be as certain as a driver: a z of 4.
"""

_LEAST_APART = 1e-6  # of lags' correlations, the smallest eigenvalue of a part that stands alone


def exponential_profiles(lags: Lags) -> FloatArray:
    """Return an exponential profile for each of `TIME_CONSTANTS`, by lag group, shape (F, G)."""
    rows = []
    for fade in TIME_CONSTANTS:
        decay = np.exp(-(np.arange(1, lags.longest + 1) - 1) / fade)
        if np.isinf(fade):
            reach = lags.groups[-2][1] if len(lags.groups) > 1 else lags.longest
            decay[reach:] = 0.0
        rows.append([decay[a - 1 : b].mean() for a, b in lags.groups])
    return np.array(rows)


@dataclass(frozen=True)
class DecayProfile:
    """How the profiles of a behaviour's parts, one after the other, become one that fades.

    Attributes
    ----------
    lags : Lags
    roots : tuple of array (G, G)
        `precision_root` of each part; a single one, of their sum, where the data do not tell the
        parts apart.
    looks : array (F, P · G)
        For each of `TIME_CONSTANTS`, the weights of the coefficients in the fitted size.
    errors : array (F,)
        Standard errors of these sums.
    """

    lags: Lags
    roots: tuple[FloatArray, ...]
    looks: FloatArray
    errors: FloatArray

    @classmethod
    def from_covariance(cls, covariance: FloatArray, lags: Lags) -> DecayProfile | None:
        """Learn it from the covariance of all parts, (P · G, P · G).

        None where the data say nothing of some lag, or are not finite.
        """
        size = len(lags.groups)
        n_parts = len(covariance) // size
        if not np.isfinite(covariance).all():
            return None
        parts = [covariance[i : i + size, i : i + size] for i in range(0, len(covariance), size)]
        fold = np.tile(np.eye(size), n_parts)
        if not all(_is_told(part) for part in parts):
            parts = [fold @ covariance @ fold.T]
        if not (np.diag(parts[0]) > 0).all():
            return None
        shapes = exponential_profiles(lags)
        roots = tuple(precision_root(part) for part in parts)
        own = [_size_of_fit(shapes, root) for root in roots]
        looks = np.concatenate(own, axis=1) if len(own) == n_parts else own[0] @ fold
        errors = np.sqrt(np.einsum("fg,gh,fh->f", looks, covariance, looks))
        return cls(lags, roots, looks, errors)

    def project(self, coef: FloatArray) -> FloatArray:
        """Return the sum of the parts' projections (`project_on_decay`), shape (G,)."""
        parts = coef.reshape(-1, len(self.lags.groups))
        if len(self.roots) < len(parts):
            parts = parts.sum(axis=0, keepdims=True)
        found = (
            project_on_decay(part, root)[0] for part, root in zip(parts, self.roots, strict=True)
        )
        return np.asarray(sum(found))

    def effect(self, coef: FloatArray) -> float:
        """Return what one event does to the outcome window."""
        return float(self.lags.weights @ self.project(coef))

    def max_z(self, coef: FloatArray) -> float:
        """Return the largest signed z of the parts' sum over the fading profiles.

        Of a single part it is ``k'V⁻¹b / sqrt(k'V⁻¹k)`` for the profile k.
        """
        z = self.looks @ coef / self.errors
        return float(z[np.abs(z).argmax()])


def max_z(coef: FloatArray, covariance: FloatArray, lags: Lags) -> float:
    """Return the largest signed z over the fading profiles; 0 where the data say nothing."""
    fading = DecayProfile.from_covariance(covariance, lags)
    return 0.0 if fading is None else fading.max_z(coef)


def _size_of_fit(shapes: FloatArray, root: FloatArray) -> FloatArray:
    """For each shape, what coefficients add to its size in the weighted least squares fit."""
    weighed = shapes @ root.T @ root
    return np.asarray(weighed / np.einsum("fg,fg->f", weighed, shapes)[:, None])


def _is_told(covariance: FloatArray) -> bool:
    """Whether every lag varies, and none goes along with the others entirely."""
    variance = np.diag(covariance)
    if not (variance > 0).all():
        return False
    scale = np.sqrt(variance)
    return bool(np.linalg.eigvalsh(covariance / np.outer(scale, scale))[0] > _LEAST_APART)


def precision_root(covariance: FloatArray) -> FloatArray:
    """Return R with ``R'R`` the inverse covariance, for `project_on_decay`.

    What hardly varies counts as if it varied by 1e-12 of the whole.
    """
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 1e-12 * max(float(np.trace(covariance)), 1e-300))
    return np.asarray((vectors / np.sqrt(values)).T)


@dataclass(frozen=True)
class _Shapes:
    """Profiles that rise up to a group of lags and fade from there on, to 0 after another.

    Attributes
    ----------
    levels : array (G, K)
        Each such profile is a sum of these with weights of 0 or more: 1 over a stretch of lags
        that holds the peak, else 0.
    begins, ends : int array (K,)
        The first and the last lag of each stretch.
    """

    levels: FloatArray
    begins: IntArray
    ends: IntArray

    @property
    def is_late(self) -> bool:
        """Whether they may rise."""
        return bool(self.begins.any())

    def steps(self, weights: FloatArray) -> int:
        """Return how often a profile of these weights rises or falls."""
        used = weights > 0
        return len(set(self.ends[used])) + len(set(self.begins[used]) - {0})


@cache
def _shapes(size: int) -> tuple[_Shapes, ...]:
    """Return the shapes of each peak, of every other group of lags, and each end; longest last."""
    found = []
    for end in range(1, size + 1):
        for peak in range(0, end, 2):
            begins, ends = np.mgrid[0 : peak + 1, peak:end].reshape(2, -1)
            lag = np.arange(size)[:, None]
            levels = ((begins <= lag) & (lag <= ends)).astype(float)
            found.append(_Shapes(levels, begins, ends))
    return tuple(found)


def project_on_decay(coef: FloatArray, root: FloatArray) -> tuple[FloatArray, float]:
    """Project a profile on those of one sign that rise up to a lag, mostly the first, then fade.

    Weighted least squares with ``root' root`` the inverse covariance, by non-negative least
    squares; the better fitting sign is taken. When the effect is largest and how long its memory
    is, is left open: the projections on profiles with each peak that end with each group of lags
    are averaged with Akaike's weights, ``exp(−(misfit² + 2 × steps) / 2)``, and those that rise
    must fit better by `DELAYED_PEAK_PENALTY`. Without that, noise in the many old lags, kept where
    it is positive, makes what is soon forgotten look larger than it is.

    Returns
    -------
    profile : array (G,)
    misfit : float
        Of the best projection of any peak and end.
    """
    from scipy.optimize import nnls

    shapes, target = _shapes(len(coef)), root @ coef
    designs = [root @ shape.levels for shape in shapes]
    longest = -sum(shape.ends[-1] == len(coef) - 1 for shape in shapes)
    whole = {
        sign: [nnls(design, sign * target) for design in designs[longest:]] for sign in (-1.0, 1.0)
    }
    misfit, sign = min((error, sign) for sign, fits in whole.items() for _, error in fits)
    fits = [nnls(design, sign * target) for design in designs[:longest]] + whole[sign]
    loss = np.array(
        [
            error**2 + 2 * shape.steps(found) + DELAYED_PEAK_PENALTY * shape.is_late
            for shape, (found, error) in zip(shapes, fits, strict=True)
        ]
    )
    weights = np.exp((loss.min() - loss) / 2)
    every = [shape.levels @ found for shape, (found, _) in zip(shapes, fits, strict=True)]
    return sign * (weights @ np.array(every) / weights.sum()), float(misfit)
