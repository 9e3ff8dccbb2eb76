"""Lag profiles as an event can have them: at once and then fading, of one sign."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engagement_ml.drivers.design import Lags

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


def standardised(coef: Floats, covariance: Floats, lags: Lags) -> float:
    """Return the largest signed z over the fading profiles: ``k'V⁻¹b / sqrt(k'V⁻¹k)``."""
    precision = np.linalg.inv(covariance + np.eye(len(coef)) * 1e-12 * np.trace(covariance))
    shapes = fading_profiles(lags)
    z = (shapes @ precision @ coef) / np.sqrt(np.einsum("fg,gh,fh->f", shapes, precision, shapes))
    return float(z[np.abs(z).argmax()])


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


def is_estimated(coef: Floats, covariance: Floats) -> bool:
    """Whether the data had anything to say about every lag of a profile."""
    variances = np.diag(covariance)
    return bool(np.isfinite(coef).all() and np.isfinite(variances).all() and (variances > 0).all())
