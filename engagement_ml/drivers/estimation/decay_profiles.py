"""Decay (adstock) profiles of distributed-lag effects.

The unrestricted lag coefficients are noisy. They are projected on a family of smooth profiles
(`profile_family`): exponential decay with different time constants, profiles with a delayed peak,
and constant ones. The effect is averaged over the family with the weights that the data give each
profile (Bayesian model averaging; Hoeting, Madigan, Raftery and Volinsky 1999), so the length of
the memory is estimated and its uncertainty is part of the interval. Gains and losses have separate
profiles. Returns follow orders, so the net profile may change its sign with the lag although
neither part does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.profile_average import ProfileAverage
from engagement_ml.drivers.estimation.profile_family import profile_family

TIME_CONSTANTS = (0.5, 1.5, 4.0, 12.0, np.inf)
"""Time constants, in periods, of the exponential profiles that an effect is tested on."""

MIN_EIGENVALUE = 1e-6
"""Smallest eigenvalue of the lags' correlation matrix at which a part is identified on its own."""

RIDGE = 0.02
"""Ridge of the lags' covariance in generalised least squares, as a share of their variances.

An estimated covariance is nearly singular in some directions, where the weights would rest on
differences of neighbouring lags that no estimate is precise enough for.
"""

MIN_EXCESS_MISFIT = 20.0
"""Squared misfit beyond its degrees of freedom that chance does not explain."""

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
    parts : tuple of ProfileAverage
        Of gains and of losses, or only of their sum if the parts are not identified separately.
        Empty if the shape is known and only its size is estimated, as for the load of a turning
        response: then there is nothing to average.
    contrasts : array (F, P · G)
        For each of `TIME_CONSTANTS`, the weights of the coefficients in the fitted size of the
        exponential profile, summed over the parts.
    contrast_std : array (F,)
        Standard errors of the fitted sizes.
    """

    lags: Lags
    parts: tuple[ProfileAverage, ...]
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
        roots = [precision_root(part + RIDGE * np.diag(np.diag(part))) for part in parts]
        weights = [_gls_weights(shapes, root) for root in roots]
        separate = len(weights) == n_parts
        contrasts = np.concatenate(weights, axis=1) if separate else weights[0] @ sum_parts
        contrast_std = np.sqrt(np.einsum("fg,gh,fh->f", contrasts, covariance, contrasts))
        family = profile_family(lags)
        averages = tuple(
            ProfileAverage.from_root(root, family, with_none=i > 0) for i, root in enumerate(roots)
        )
        return cls(lags, averages, contrasts, contrast_std)

    def split(self, coef: FloatArray) -> FloatArray:
        """Return coefficients by part, or their sum, shape (parts, …, G), from (…, P · G)."""
        size = len(self.lags.groups)
        by_part = np.stack(np.split(coef, coef.shape[-1] // size, axis=-1))
        return by_part if len(self.parts) == len(by_part) else by_part.sum(axis=0, keepdims=True)

    def project(self, coef: FloatArray) -> FloatArray:
        """Return the sum of the parts' averaged profiles, shape (…, G), from (…, P · G)."""
        if not self.parts:
            return np.asarray(self.split(coef)[0])
        pairs = zip(self.parts, self.split(coef), strict=True)
        return np.asarray(sum(part.project(own) for part, own in pairs))

    def effect(self, coef: FloatArray) -> float:
        """Return the cumulative effect of one event on the outcome window."""
        return float(self.project(coef) @ self.lags.weights)

    def max_z(self, coef: FloatArray) -> float:
        """Return the signed z of largest size over the exponential profiles (a sup-t statistic).

        Of a single part it is ``k'W b / sqrt(k'W V W k)`` for the profile k, with V the covariance
        and W the inverse of V with a ridge.
        """
        z = self.contrasts @ coef / self.contrast_std
        return float(z[np.abs(z).argmax()])

    def z_as(self, coef: FloatArray, shown: FloatArray) -> float:
        """Return z of coefficients in the profile with the largest |z| of others."""
        z = self.contrasts @ np.stack([coef, shown], axis=1) / self.contrast_std[:, None]
        return float(z[np.abs(z[:, 1]).argmax(), 0])

    def misfit(self, coef: FloatArray) -> float:
        """Return the share of the gains' profile that no profile of the family explains.

        The squared misfit beyond its expectation, as a share of the whole; 0 unless it is certain.
        """
        if not self.parts:
            return 0.0
        own = self.split(coef)[0]
        misfit, total = self.parts[0].smallest_misfit(own)
        excess = misfit - (len(own) - 1)
        return excess / total if excess > MIN_EXCESS_MISFIT else 0.0

    def draws(self, coef: FloatArray, errors: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw the effect from its posterior, shape (D,).

        Each draw takes a profile with its probability, and the size of it with an error.

        Parameters
        ----------
        coef : array (P · G,)
        errors : array (D, P · G)
            Draws of the sampling error of `coef`.
        rng : Generator
        """
        if not self.parts:
            return np.asarray(self.project(coef + errors) @ self.lags.weights)
        total = np.zeros(len(errors))
        for part, own, error in zip(self.parts, self.split(coef), self.split(errors), strict=True):
            total += part.draws(own, error, rng) @ self.lags.weights
        return total


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
    """Return R with ``R'R`` the inverse covariance.

    Eigenvalues below `MIN_RELATIVE_VARIANCE` of the trace are raised to it.
    """
    values, vectors = np.linalg.eigh(covariance)
    floor = MIN_RELATIVE_VARIANCE * max(float(np.trace(covariance)), 1e-300)
    return np.asarray((vectors / np.sqrt(np.maximum(values, floor))).T)
