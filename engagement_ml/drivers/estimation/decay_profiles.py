"""Decay (adstock) profiles: projection of estimated lag profiles on shapes that rise, then decay.

An event's effect has one sign, starts at once or later, and then decays. The unrestricted lag
coefficients are projected on such shapes by generalised least squares, with model averaging (Akaike
weights) over the place of the peak and the length of the memory.

Gains and losses have separate profiles. Returns follow orders, so the net profile may change
its sign with the lag although neither part does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from engagement_ml._typing import FloatArray, IntArray
from engagement_ml.drivers.estimation.distributed_lags import Lags

TIME_CONSTANTS = (1.5, 4.0, 12.0, np.inf)
"""Time constants, in periods, of the exponential profiles that an effect is tested on."""

DELAYED_PEAK_PENALTY = 12.0
"""Improvement of the squared misfit that profiles with a delayed peak need.

With the two further steps of such a profile, the delay has to be as certain as a driver: a z of 4.
"""

PARAMETER_PENALTY = 2
"""Akaike's penalty on the squared misfit, per step of a profile."""

PEAK_STEP = 2
"""Peaks are tried at every second group of lags: neighbouring ones hardly differ."""

MIN_EIGENVALUE = 1e-6
"""Smallest eigenvalue of the lags' correlation matrix at which a part is identified on its own."""

MAX_SHAPE_ERROR = 1e-9
"""Largest share of the variance outside one direction at which the profile's shape is known."""

MIN_RELATIVE_VARIANCE = 1e-12
"""Smallest eigenvalue of a covariance, as a share of its trace, against division by zero."""


def exponential_profiles(lags: Lags) -> FloatArray:
    """Return an exponential profile for each of `TIME_CONSTANTS`, by lag group, shape (F, G).

    The profile without decay ends with the last group that lies within the observation window.
    """
    rows = []
    for time_constant in TIME_CONSTANTS:
        decay = np.exp(-(np.arange(1, lags.longest + 1) - 1) / time_constant)
        if np.isinf(time_constant):
            reach = lags.groups[-2][1] if len(lags.groups) > 1 else lags.longest
            decay[reach:] = 0.0
        rows.append([decay[a - 1 : b].mean() for a, b in lags.groups])
    return np.array(rows)


@dataclass(frozen=True)
class DecayProfile:
    """Projection of estimated lag profiles on decaying ones, and the test of no effect.

    Attributes
    ----------
    lags : Lags
    precision_roots : tuple of array (G, G)
        `precision_root` of each part: gains and losses, or only their sum if the parts are not
        identified separately. Empty if the shape is known and only its size is estimated, as for
        the load of a turning response: then there is nothing to project.
    contrasts : array (F, P · G)
        For each of `TIME_CONSTANTS`, the weights of the coefficients in the fitted size of the
        exponential profile, summed over the parts.
    contrast_std : array (F,)
        Standard errors of the fitted sizes.
    """

    lags: Lags
    precision_roots: tuple[FloatArray, ...]
    contrasts: FloatArray
    contrast_std: FloatArray

    @classmethod
    def from_covariance(cls, covariance: FloatArray, lags: Lags) -> DecayProfile | None:
        """Build the projection from the covariance of all parts, shape (P · G, P · G).

        None if a lag is not identified or the covariance is not finite.
        """
        size = len(lags.groups)
        n_parts = len(covariance) // size
        if not np.isfinite(covariance).all():
            return None
        direction = _known_shape(covariance)
        if direction is not None:
            std = np.sqrt(direction @ covariance @ direction)
            return cls(lags, (), direction[None, :], np.array([std]))
        parts = [covariance[i : i + size, i : i + size] for i in range(0, len(covariance), size)]
        sum_parts = np.tile(np.eye(size), n_parts)
        if not all(_is_identified(part) for part in parts):
            parts = [sum_parts @ covariance @ sum_parts.T]
        if not (np.diag(parts[0]) > 0).all():
            return None
        shapes = exponential_profiles(lags)
        roots = tuple(precision_root(part) for part in parts)
        weights = [_gls_weights(shapes, root) for root in roots]
        separate = len(weights) == n_parts
        contrasts = np.concatenate(weights, axis=1) if separate else weights[0] @ sum_parts
        contrast_std = np.sqrt(np.einsum("fg,gh,fh->f", contrasts, covariance, contrasts))
        return cls(lags, roots, contrasts, contrast_std)

    def project(self, coef: FloatArray) -> FloatArray:
        """Return the sum of the parts' projections (`project_on_decay`), shape (G,)."""
        parts = coef.reshape(-1, len(self.lags.groups))
        if not self.precision_roots:
            return np.asarray(parts.sum(axis=0))
        if len(self.precision_roots) < len(parts):
            parts = parts.sum(axis=0, keepdims=True)
        projections = (
            project_on_decay(part, root)[0]
            for part, root in zip(parts, self.precision_roots, strict=True)
        )
        return np.asarray(sum(projections))

    def effect(self, coef: FloatArray) -> float:
        """Return the cumulative effect of one event on the outcome window."""
        return float(self.lags.weights @ self.project(coef))

    def max_z(self, coef: FloatArray) -> float:
        """Return the signed z of largest size over the exponential profiles (a sup-t statistic).

        Of a single part with covariance V it is ``k'V⁻¹b / sqrt(k'V⁻¹k)`` for the profile k.
        """
        z = self.contrasts @ coef / self.contrast_std
        return float(z[np.abs(z).argmax()])


def max_z(coef: FloatArray, covariance: FloatArray, lags: Lags) -> float:
    """Return the signed z of largest size over exponential profiles; 0 if not identified."""
    decay = DecayProfile.from_covariance(covariance, lags)
    return 0.0 if decay is None else decay.max_z(coef)


def _gls_weights(shapes: FloatArray, root: FloatArray) -> FloatArray:
    """Return the coefficients' weights in the generalised least squares size of each shape."""
    weighted = shapes @ root.T @ root
    return np.asarray(weighted / np.einsum("fg,fg->f", weighted, shapes)[:, None])


def _known_shape(covariance: FloatArray) -> FloatArray | None:
    """Return the direction of all variance if there is only one, with a positive sum, or None."""
    if len(covariance) == 1 or not np.trace(covariance) > 0:
        return None
    values, vectors = np.linalg.eigh(covariance)
    if values[:-1].sum() > MAX_SHAPE_ERROR * values[-1]:
        return None
    return np.asarray(vectors[:, -1] * (1.0 if vectors[:, -1].sum() >= 0 else -1.0))


def _is_identified(covariance: FloatArray) -> bool:
    """Return whether all lags vary and no lag is collinear with the others."""
    variance = np.diag(covariance)
    if not (variance > 0).all():
        return False
    std = np.sqrt(variance)
    return bool(np.linalg.eigvalsh(covariance / np.outer(std, std))[0] > MIN_EIGENVALUE)


def precision_root(covariance: FloatArray) -> FloatArray:
    """Return R with ``R'R`` the inverse covariance, for `project_on_decay`.

    Eigenvalues below `MIN_RELATIVE_VARIANCE` of the trace are raised to it.
    """
    values, vectors = np.linalg.eigh(covariance)
    floor = MIN_RELATIVE_VARIANCE * max(float(np.trace(covariance)), 1e-300)
    return np.asarray((vectors / np.sqrt(np.maximum(values, floor))).T)


@dataclass(frozen=True)
class _ProfileBasis:
    """Basis of the profiles that rise up to a peak, decay after it and end with a group of lags.

    Attributes
    ----------
    levels : array (G, K)
        Indicators of stretches of lags that contain the peak; the profiles are their non-negative
        combinations.
    begins, ends : int array (K,)
        First and last lag group of each stretch.
    """

    levels: FloatArray
    begins: IntArray
    ends: IntArray

    @property
    def has_delayed_peak(self) -> bool:
        """Whether profiles of this basis may rise."""
        return bool(self.begins.any())

    def n_steps(self, weights: FloatArray) -> int:
        """Return the number of rises and falls of the profile with these weights."""
        used = weights > 0
        return len(set(self.ends[used])) + len(set(self.begins[used]) - {0})


@cache
def _profile_bases(size: int) -> tuple[_ProfileBasis, ...]:
    """Return the bases of each end and of every second peak, those with the last end last."""
    bases = []
    for end in range(1, size + 1):
        for peak in range(0, end, PEAK_STEP):
            begins, ends = np.mgrid[0 : peak + 1, peak:end].reshape(2, -1)
            lag = np.arange(size)[:, None]
            levels = ((begins <= lag) & (lag <= ends)).astype(float)
            bases.append(_ProfileBasis(levels, begins, ends))
    return tuple(bases)


def project_on_decay(coef: FloatArray, root: FloatArray) -> tuple[FloatArray, float]:
    """Project a lag profile on profiles of one sign that rise up to a peak and then decay.

    Generalised least squares with non-negative weights (isotonic or unimodal regression), for the
    sign that fits better. The peak and the length of the memory are unknown: the projections with
    each peak and each end are averaged with Akaike weights ``exp(−(misfit² + 2 × steps) / 2)``
    (Burnham and Anderson 2002). Profiles with a delayed peak must fit better by
    `DELAYED_PEAK_PENALTY`. A single projection on the longest memory would keep the positive part
    of the noise at the many long lags, and overestimate effects with a short memory.

    Parameters
    ----------
    coef : array (G,)
    root : array (G, G)
        ``root' root`` is the inverse covariance of `coef`.

    Returns
    -------
    profile : array (G,)
    misfit : float
        Norm of the weighted residual of the best projection, over all peaks and ends.
    """
    from scipy.optimize import nnls

    bases, target = _profile_bases(len(coef)), root @ coef
    designs = [root @ basis.levels for basis in bases]
    # Choose the sign by the fits with the longest memory, which contain all others.
    n_longest = sum(basis.ends[-1] == len(coef) - 1 for basis in bases)
    longest_fits = {
        sign: [nnls(design, sign * target) for design in designs[-n_longest:]]
        for sign in (-1.0, 1.0)
    }
    misfit, sign = min((error, sign) for sign, fits in longest_fits.items() for _, error in fits)
    # Akaike weights of all projections with that sign.
    fits = [nnls(design, sign * target) for design in designs[:-n_longest]] + longest_fits[sign]
    criterion = np.array(
        [
            error**2
            + PARAMETER_PENALTY * basis.n_steps(weights)
            + DELAYED_PEAK_PENALTY * basis.has_delayed_peak
            for basis, (weights, error) in zip(bases, fits, strict=True)
        ]
    )
    akaike = np.exp((criterion.min() - criterion) / 2)
    profiles = [basis.levels @ weights for basis, (weights, _) in zip(bases, fits, strict=True)]
    return sign * (akaike @ np.array(profiles) / akaike.sum()), float(misfit)
