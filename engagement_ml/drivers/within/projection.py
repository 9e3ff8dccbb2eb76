"""Lag profiles as an event can have them: at once and then fading, of one sign.

What an event gains and what it loses are profiles of their own: returns follow orders, so that the
difference of both may turn its sign with the lag though neither does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engagement_ml.drivers.within.design import Lags

Floats = npt.NDArray[np.float64]

FADES = (1.5, 4.0, 12.0, np.inf)
"""Mean memories, in periods, of the profiles by which an effect is looked for."""


def fading_profiles(lags: Lags) -> Floats:
    """Return one profile per entry of `FADES`, averaged within each group of lags, shape (F, G)."""
    rows = []
    for fade in FADES:
        decay = np.exp(-(np.arange(1, lags.longest + 1) - 1) / fade)
        if np.isinf(fade):
            reach = lags.groups[-2][1] if len(lags.groups) > 1 else lags.longest
            decay[reach:] = 0.0
        rows.append([decay[a - 1 : b].mean() for a, b in lags.groups])
    return np.array(rows)


@dataclass(frozen=True)
class Fading:
    """How the profiles of a behaviour's parts, one after the other, become one that fades.

    Attributes
    ----------
    lags : Lags
    roots : tuple of array (G, G) or None
        `precision_root` of each part; None for one that the data say nothing of.
    looks : array (F, P · G)
        For each of `FADES`, what coefficients add to the sum of the parts' best fitting sizes.
    errors : array (F,)
        Standard errors of these sums.
    """

    lags: Lags
    roots: tuple[Floats | None, ...]
    looks: Floats
    errors: Floats

    @classmethod
    def of(cls, covariance: Floats, lags: Lags) -> Fading | None:
        """Learn it from the covariance of all parts, (P · G, P · G).

        None where the data say nothing of some lag of the first part, or are not finite.
        """
        size = len(lags.groups)
        blocks = [slice(i, i + size) for i in range(0, len(covariance), size)]
        known = [bool((np.diag(covariance)[b] > 0).all()) for b in blocks]
        if not np.isfinite(covariance).all() or not known[0]:
            return None
        shapes = fading_profiles(lags)
        looks = np.zeros((len(shapes), len(covariance)))
        roots: list[Floats | None] = []
        for block, any_known in zip(blocks, known, strict=True):
            root = precision_root(covariance[block, block]) if any_known else None
            roots.append(root)
            if root is not None:
                weighed = shapes @ root.T @ root
                looks[:, block] = weighed / np.einsum("fg,fg->f", weighed, shapes)[:, None]
        errors = np.sqrt(np.einsum("fg,gh,fh->f", looks, covariance, looks))
        return cls(lags, tuple(roots), looks, errors)

    def profile(self, coef: Floats) -> Floats:
        """Return the sum of the parts' projections (`fade_out`), shape (G,)."""
        size = len(self.lags.groups)
        total = np.zeros(size)
        for i, root in enumerate(self.roots):
            if root is not None:
                total += fade_out(coef[i * size : (i + 1) * size], root)[0]
        return total

    def effect(self, coef: Floats) -> float:
        """Return what one event does to the outcome window."""
        return float(self.lags.weights @ self.profile(coef))

    def z(self, coef: Floats) -> float:
        """Return the largest signed z of the parts' sum over the fading profiles.

        Of a single part it is ``k'V⁻¹b / sqrt(k'V⁻¹k)`` for the profile k.
        """
        z = self.looks @ coef / self.errors
        return float(z[np.abs(z).argmax()])


def standardised(coef: Floats, covariance: Floats, lags: Lags) -> float:
    """Return the largest signed z over the fading profiles; 0 where the data say nothing."""
    fading = Fading.of(covariance, lags)
    return 0.0 if fading is None else fading.z(coef)


def precision_root(covariance: Floats) -> Floats:
    """Return R with ``R'R`` the inverse covariance, for `fade_out`."""
    jitter = np.eye(len(covariance)) * 1e-12 * np.trace(covariance)
    return np.asarray(np.linalg.cholesky(np.linalg.inv(covariance + jitter)).T)


def fade_out(coef: Floats, root: Floats) -> tuple[Floats, float]:
    """Project a profile on those of one sign whose size never grows with the lag.

    Weighted least squares with ``root' root`` the inverse covariance, by non-negative least squares
    on the steps down; the better fitting sign is taken. How long the memory is, is left open: the
    projections on profiles that end with the first, second, … last group of lags are averaged with
    Akaike's weights, ``exp(−(misfit² + 2 × steps) / 2)``. Without that, noise in the many old lags,
    kept where it is positive, makes what is soon forgotten look larger than it is.

    Returns
    -------
    profile : array (G,)
    misfit : float
        Of the projection on the longest memory.
    """
    from scipy.optimize import nnls

    size = len(coef)
    steps = np.triu(np.ones((size, size)))
    design, target = root @ steps, root @ coef
    whole = [(nnls(design, sign * target), sign) for sign in (1.0, -1.0)]
    (longest, misfit), sign = min(whole, key=lambda f: f[0][1])
    fits = [nnls(design[:, :end], sign * target) for end in range(1, size)] + [(longest, misfit)]
    loss = np.array([error**2 + 2 * np.count_nonzero(drops) for drops, error in fits])
    weights = np.exp((loss.min() - loss) / 2)
    padded = np.array([np.pad(drops, (0, size - len(drops))) for drops, _ in fits])
    return sign * (steps @ (weights @ padded / weights.sum())), float(misfit)
