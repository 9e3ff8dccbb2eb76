"""Bayesian model average over lag profiles, and over sums of two of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.drivers.estimation.profile_family import ProfileFamily

PAIR_PRIOR = 0.1
"""Prior probability that two profiles of the family add up, such as a quick and a slow effect."""

MIN_DETERMINANT = 1e-4
"""Smallest determinant of two profiles' correlation: nearly equal ones are one profile."""


@dataclass(frozen=True)
class ProfileAverage:
    """Average over a family of profiles, for one covariance of the lag coefficients.

    Attributes
    ----------
    profiles : array (M, 2, G)
        The two profiles of each model; the second is zero in a model of one.
    size_weights : array (M, 2, G)
        Weights of the coefficients in the generalised least squares sizes.
    precision : array (M, 2, 2)
        Inverse covariance of the sizes.
    log_prior : array (M,)
    is_pair : bool array (M,)
    root : array (G, G)
        ``root' root`` is the inverse covariance of the coefficients.
    """

    profiles: FloatArray
    size_weights: FloatArray
    precision: FloatArray
    log_prior: FloatArray
    is_pair: BoolArray
    root: FloatArray

    @classmethod
    def from_root(
        cls, root: FloatArray, family: ProfileFamily, *, with_none: bool
    ) -> ProfileAverage:
        """Build the average from a `precision_root`; `with_none` adds the profile of no effect."""
        whitened = family.profiles @ root.T
        gram = whitened @ whitened.T
        norm = np.sqrt(np.maximum(np.diag(gram), 1e-300))
        first, second = family.pairs.T
        distinct = 1.0 - (gram[first, second] / norm[first] / norm[second]) ** 2 > MIN_DETERMINANT
        first, second = first[distinct], second[distinct]
        single = np.arange(len(norm))
        pair_prior = family.log_prior[first] + family.log_prior[second]
        pair_prior += np.log(PAIR_PRIOR) - np.log(np.exp(pair_prior).sum())
        log_prior = np.concatenate([family.log_prior + np.log(1 - PAIR_PRIOR), pair_prior])
        zero = np.zeros_like(family.profiles)
        profiles = np.stack(
            [
                np.concatenate([family.profiles, family.profiles[first]]),
                np.concatenate([zero, family.profiles[second]]),
            ],
            axis=1,
        )
        if with_none:
            profiles = np.concatenate([profiles, np.zeros((1, *profiles.shape[1:]))])
            log_prior = np.append(log_prior, family.none_log_prior)
        is_pair = np.zeros(len(profiles), dtype=np.bool_)
        is_pair[len(single) : len(single) + len(first)] = True
        scaled = profiles @ root.T
        precision = scaled @ scaled.transpose(0, 2, 1)
        inverse = np.linalg.pinv(precision, hermitian=True)
        return cls(profiles, inverse @ scaled @ root, precision, log_prior, is_pair, root)

    def probabilities(self, coef: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return each model's posterior probability and its sizes, shapes (…, M) and (…, M, 2).

        Proportional to ``prior × exp(−misfit² / 2)``. Two profiles add up with the same sign only.
        If even the best model fits badly, all misfits are scaled to its degrees of freedom, so that
        the average does not rest on a single wrong profile.
        """
        misfit, sizes = self._misfit(coef)
        opposite = self.is_pair & (sizes[..., 0] * sizes[..., 1] < 0)
        # Occam factor of the second size, if a priori it may be as large as the effect: 1 / z.
        total = ((coef @ self.root.T) ** 2).sum(axis=-1)[..., None]
        log_prior = self.log_prior - self.is_pair * np.log(np.maximum(total, 1.0)) / 2
        log_prior = np.where(opposite, -np.inf, log_prior)
        allowed = np.where(opposite, np.inf, misfit)
        degrees = max(coef.shape[-1] - 2, 1)
        misfit = misfit / np.maximum(allowed.min(axis=-1, keepdims=True) / degrees, 1.0)
        log_weight = log_prior - misfit / 2
        weight = np.exp(log_weight - log_weight.max(axis=-1, keepdims=True))
        return weight / weight.sum(axis=-1, keepdims=True), sizes

    def _misfit(self, coef: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return each model's squared misfit and its sizes."""
        sizes = np.einsum("mkg,...g->...mk", self.size_weights, coef)
        explained = np.einsum("...mk,mkl,...ml->...m", sizes, self.precision, sizes)
        total = ((coef @ self.root.T) ** 2).sum(axis=-1)[..., None]
        return np.maximum(total - explained, 0.0), sizes

    def smallest_misfit(self, coef: FloatArray) -> tuple[float, float]:
        """Return the squared misfit of the model that fits best, and that of no effect."""
        misfit, sizes = self._misfit(coef)
        opposite = self.is_pair & (sizes[..., 0] * sizes[..., 1] < 0)
        total = float(((self.root @ coef) ** 2).sum())
        return float(misfit[~opposite].min()), max(total, 1e-300)

    def project(self, coef: FloatArray) -> FloatArray:
        """Return the averaged profile, shape (…, G)."""
        weight, sizes = self.probabilities(coef)
        return np.asarray(np.einsum("...m,...mk,mkg->...g", weight, sizes, self.profiles))

    def draws(self, coef: FloatArray, errors: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw profiles from the posterior, shape (D, G)."""
        weight, sizes = self.probabilities(coef)
        drawn = rng.choice(len(weight), size=len(errors), p=weight)
        error = np.einsum("dg,dkg->dk", errors, self.size_weights[drawn])
        return np.asarray(np.einsum("dk,dkg->dg", sizes[drawn] + error, self.profiles[drawn]))
