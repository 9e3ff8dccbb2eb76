"""Score tests of further regressors in a fitted fixed-effects Poisson model, without a refit.

Rao's score (Lagrange multiplier) test asks whether a regressor that the model leaves out would
improve it. It needs the fit without the regressor only, so that hundreds of placebo series can be
tested at the cost of one fit. Errors are clustered by entity (Wooldridge 1990). The one-step
estimate is the score over the efficient information.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.estimation.clusters import cluster_sums, subset_clusters
from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.estimation.profiled_poisson import (
    MAX_UNIDENTIFIED_SHARE,
    MIN_INFORMATION,
    MIN_VARIATION,
    ProfiledPoisson,
)


@dataclass(frozen=True)
class ScoreResult:
    """Score tests of K regressors.

    Attributes
    ----------
    coef : array (K,)
        One-step estimate of each coefficient, given the others; 0 if it is not identified.
    error : array (K,)
        Its standard error, clustered by entity; 0 if it is not identified.
    """

    coef: FloatArray
    error: FloatArray

    @property
    def z(self) -> FloatArray:
        """Return coefficient over standard error, 0 if the coefficient is not identified."""
        return np.divide(self.coef, self.error, out=np.zeros_like(self.coef), where=self.error > 0)


class ScoreTest:
    """A fitted fixed-effects Poisson model, against which left-out regressors are tested.

    Parameters
    ----------
    y : array (n, T), non-negative
    x : float32 array (n, T, P)
        Regressors of the fitted model.
    at_risk : bool array (n, T)
    group : int array (n,), optional
        Entities of a group share period effects.

    Attributes
    ----------
    coef : array (P,)
        Coefficients of the fitted model.
    converged : bool
        Whether the fit converged; the tests mean nothing otherwise.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.poisson(1.0, (400, 20, 2)).astype(np.float32)
    >>> y = rng.poisson(np.exp(0.2 * x[..., 1])).astype(float)
    >>> test = ScoreTest(y, x[..., :1], np.ones((400, 20), bool))
    >>> bool(test.of(x[..., 1:]).z[0] > 10)
    True
    """

    def __init__(
        self,
        y: FloatArray,
        x: Float32Array,
        at_risk: BoolArray,
        group: Int64Array | None = None,
        clusters: Int64Array | None = None,
    ) -> None:
        if not x.shape[2]:
            # the solver needs a column; one of zeros has no coefficient
            x = np.zeros((*at_risk.shape, 1), dtype=np.float32)
        fit = fit_poisson(y, x, at_risk, group).require_convergence()
        self.converged, self.coef = fit.converged, fit.coef
        model = ProfiledPoisson(y, x, at_risk, group)
        theta = np.concatenate([fit.coef * model.scale, fit.period_effects.ravel()])
        _, self._information = model.score_and_information(theta)
        self._clusters = subset_clusters(clusters, model.informative)
        self._model, p = model, model.n_regressors
        shape = model.y.shape
        self._mean, self._residual = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self._coef_scores = np.zeros((shape[0], p))
        for block in model.blocks():
            mean, _, centred, residual = model.fitted(theta, block)
            self._mean[block], self._residual[block] = mean, residual
            self._coef_scores[block] = np.matmul(self._residual[block, None, :], centred)[:, 0]
        # period effects that the model holds fixed have nothing beside the diagonal
        beside = np.abs(self._information).sum(axis=1) - np.abs(np.diag(self._information))
        self._fixed = p + np.nonzero(beside[p:] == 0.0)[0]

    def of(self, added: Float32Array, *, alone: bool = False) -> ScoreResult:
        """Test further regressors, each given the others.

        Parameters
        ----------
        added : float32 array (n, T, K)
            Values outside the estimation sample are ignored.
        alone : bool, default False
            Test each as if it were the only one.
        """
        model, k = self._model, added.shape[2]
        p, t = model.n_regressors, model.n_periods
        entity_score = np.zeros((model.informative.size, k))
        cross, information = np.zeros((self._information.shape[0], k)), np.zeros((k, k))
        square = np.zeros(k)
        for block in model.blocks():
            z = self._centred(added, block, square)
            entity_score[block] = np.matmul(self._residual[block, None, :], z)[:, 0]
            weighted = z * self._mean[block, :, None]
            information += weighted.reshape(-1, k).T @ z.reshape(-1, k)
            # z is centred by the same weights, so x need not be
            cross[:p] += model.x[block].reshape(-1, p).T @ weighted.reshape(-1, k)
            for g in range(model.n_groups):
                at = slice(p + g * t, p + (g + 1) * t)
                cross[at] += weighted[model.group[block] == g].sum(axis=0)
        cross[self._fixed] = 0.0
        projection = np.linalg.solve(self._information, cross)
        entity_score -= self._coef_scores @ projection[:p]
        for g in range(model.n_groups):
            members = model.group == g
            entity_score[members] -= self._residual[members] @ projection[p:][g * t : (g + 1) * t]
        efficient = information - cross.T @ projection
        if alone:
            efficient = np.diag(np.diag(efficient))
        inverse, identified = _inverse(efficient, np.maximum(np.diag(information), square))
        influence = entity_score @ inverse
        error = np.sqrt((cluster_sums(influence, self._clusters) ** 2).sum(axis=0))
        coef = influence.sum(axis=0)
        return ScoreResult(np.where(identified, coef, 0.0), np.where(identified, error, 0.0))

    def _centred(self, added: Float32Array, block: slice, square: FloatArray) -> Float32Array:
        """Return regressors less the entity's mean, weighted by the fitted means.

        Adds `MIN_VARIATION` of their sums of squares to `square`, in place.
        """
        model, weight = self._model, self._mean[block]
        z = added[model.informative[block]]
        square += MIN_VARIATION * np.einsum("nt,ntk->k", weight, z**2, dtype=np.float64)
        share = weight / np.maximum(weight.sum(axis=1, keepdims=True), np.float32(1e-30))
        z = z - np.matmul(share[:, None, :], z)
        return np.asarray(z * model.in_sample[block, :, None], dtype=np.float32)


def _inverse(efficient: FloatArray, reference: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return the generalised inverse without null directions, and who has no part in those."""
    root = np.sqrt(np.maximum(reference, 1e-300))
    values, vectors = np.linalg.eigh(efficient / root / root[:, None])
    kept = values > MIN_INFORMATION
    null_loading = np.sqrt((vectors[:, ~kept] ** 2).sum(axis=1))
    vectors = vectors / root[:, None]
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    return inverse, null_loading < MAX_UNIDENTIFIED_SHARE
