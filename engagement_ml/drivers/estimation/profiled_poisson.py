"""Score, information and influence functions of the profile likelihood of a fixed-effects Poisson.

Given the other parameters, the entity effect has the closed form
``exp(a_i) = sum_t y_it / sum_t exp(g_t + x_it'b)``. Put back into the likelihood, it leaves the
multinomial likelihood of when an entity's total falls within its periods (Hausman, Hall and
Griliches 1984). All sums run over blocks of entities, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array

BLOCK_CELLS = 2_000_000
"""Number of values of x worked on at once: entities × periods × regressors of a block."""

RIDGE = 1e-8
"""Relative ridge on the diagonal of the information, against exact singularity."""

MIN_INFORMATION = 1e-5
"""Share of a direction's information at no effect below which the direction is not identified.

Single precision sums hold no less, and a rate that is e¹¹ times as high is not a finite estimate.
"""

MIN_VARIATION = 1e-8
"""Smallest within-entity variance of a regressor, as a share of its mean square."""

MAX_UNIDENTIFIED_SHARE = 0.1
"""Largest loading of an identified regressor on the directions that are not identified."""

MIN_RELATIVE_STD = 1e-6
"""A standard deviation below this share of the root mean square is single precision rounding."""


class InformationInverse:
    """Generalised inverse of the information: period effects eliminated, null directions left out.

    Parameters
    ----------
    information : array (P + S·T, P + S·T)
        Regressors first, then period effects.
    reference : array (P,)
        Information of each regressor at no effect, the unit of `MIN_INFORMATION`.

    Attributes
    ----------
    columns : array (P + S·T, P)
        The regressors' columns of the inverse.
    identified : bool array (P,)
        Regressors without a part in the null directions.
    reduced : array (P, P)
        Information of the regressors, period effects eliminated.
    """

    def __init__(self, information: FloatArray, reference: FloatArray) -> None:
        p = reference.size
        # Schur complement of the period effects, scaled by the reference information.
        self.period_block = information[p:, p:]
        self.projection = np.linalg.solve(self.period_block, information[p:, :p])
        root = np.sqrt(reference)
        self.reduced = information[:p, :p] - information[:p, p:] @ self.projection
        values, vectors = np.linalg.eigh(self.reduced / root / root[:, None])
        # Eigenvectors with too little information are the null directions.
        kept = values > MIN_INFORMATION
        null_loading = np.sqrt((vectors[:, ~kept] ** 2).sum(axis=1))
        self.identified = null_loading < MAX_UNIDENTIFIED_SHARE
        vectors = vectors / root[:, None]
        self.inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
        self.columns = np.concatenate([self.inverse, -self.projection @ self.inverse])

    def solve(self, score: FloatArray) -> FloatArray:
        """Return the inverse times a score: the Newton step, shape (P + S·T,)."""
        p = self.inverse.shape[0]
        coef_step = self.inverse @ (score[:p] - self.projection.T @ score[p:])
        period_step = np.linalg.solve(self.period_block, score[p:])
        return np.concatenate([coef_step, period_step - self.projection @ coef_step])


class ProfiledPoisson:
    """Profile likelihood of a fixed-effects Poisson model, on standardised regressors.

    Parameters
    ----------
    y, x, at_risk, group
        As for `fit_poisson`.
    offset : array (n, T), optional
        Added to log E[y], with coefficient 1.

    Attributes
    ----------
    informative : int array (m,)
        Rows of the entities with any y; all other attributes are of these.
    scale : array (P,)
        Standard deviation of each regressor; parameters are per standard deviation.
    has_outcome : bool array (S, T)
        Periods in which the group has any y. The effect of other periods is minus infinity.
    in_sample : bool array (m, T)
        Cells at risk in such periods.
    """

    def __init__(
        self,
        y: FloatArray,
        x: Float32Array,
        at_risk: BoolArray,
        group: Int64Array | None = None,
        offset: FloatArray | None = None,
    ) -> None:
        y = np.where(at_risk, y, 0.0)
        self.n_entities = y.shape[0]
        group = np.zeros(y.shape[0], dtype=np.int64) if group is None else group
        self.informative = rows = np.nonzero(y.sum(axis=1) > 0)[0]
        self.group = group[rows]
        self.y = y[rows]
        self.offset = None if offset is None else offset[rows]
        self.at_risk = at_risk[rows]
        self.n_periods, self.n_regressors = x.shape[1:]
        self.n_groups = int(group.max()) + 1
        self.x = x[rows] * self.at_risk[..., None]
        # Standardise the regressors.
        n_cells = max(int(self.at_risk.sum()), 1)
        mean = self.x.sum(axis=(0, 1), dtype=np.float64) / n_cells
        square = np.einsum("ntp,ntp->p", self.x, self.x, dtype=np.float64) / n_cells
        std = np.sqrt(np.maximum(square - mean**2, 0.0))
        self.scale = np.where(std > MIN_RELATIVE_STD * np.sqrt(square), std, 1.0)
        self.scale = np.where(self.scale > 0, self.scale, 1.0)
        self.x /= self.scale.astype(np.float32)
        self.mean_square = square / self.scale**2
        totals = np.zeros((self.n_groups, self.n_periods))
        np.add.at(totals, self.group, self.y)
        self.has_outcome = totals > 0
        self.in_sample = self.at_risk & self.has_outcome[self.group]

    def start_values(self) -> FloatArray:
        """Return zero coefficients and the log mean of each group's periods, shape (P + S·T,)."""
        totals = np.zeros((self.n_groups, self.n_periods))
        n_cells = np.zeros_like(totals)
        np.add.at(totals, self.group, self.y)
        np.add.at(n_cells, self.group, self.at_risk.astype(float))
        log_mean = np.log(np.maximum(totals, 1e-300) / np.maximum(n_cells, 1.0))
        log_mean = np.where(self.has_outcome, log_mean, 0.0)
        return np.concatenate([np.zeros(self.n_regressors), log_mean.ravel()])

    def reference_information(self, information: FloatArray) -> FloatArray:
        """Return each regressor's information at no effect, at least that of `MIN_VARIATION`."""
        diagonal = np.diag(information)[: self.n_regressors]
        floor = MIN_VARIATION * self.mean_square * self.y.sum()
        return np.asarray(np.maximum(np.maximum(diagonal, floor), 1e-300), dtype=np.float64)

    def blocks(self) -> Iterator[slice]:
        """Yield slices of the informative entities, of bounded size."""
        size = max(1, BLOCK_CELLS // (self.n_periods * max(self.n_regressors, 1)))
        for start in range(0, self.informative.size, size):
            yield slice(start, min(start + size, self.informative.size))

    def fitted(
        self, theta: FloatArray, block: slice
    ) -> tuple[FloatArray, FloatArray, Float32Array, FloatArray]:
        """Return fitted means, their sum per entity, centred regressors and residuals of a block.

        Regressors are centred on their mean within the entity, weighted by the fitted means.
        """
        x, in_sample = self.x[block], self.in_sample[block]
        eta = self._linear_predictor(theta, block)
        # Profile out the entity effects: fitted means sum to the entity's total.
        relative = np.exp(eta - eta.max(axis=1, keepdims=True))
        y = np.where(in_sample, self.y[block], 0.0)
        mean = relative * (y.sum(axis=1) / relative.sum(axis=1))[:, None]
        total = mean.sum(axis=1)
        share = (mean / total[:, None]).astype(np.float32)
        centred = x - np.matmul(share[:, None, :], x)
        return mean, total, centred, y - mean

    def log_likelihood(self, theta: FloatArray) -> float:
        """Return the profile log pseudo-likelihood, without terms that do not depend on theta."""
        total = 0.0
        for block in self.blocks():
            eta = self._linear_predictor(theta, block)
            y = np.where(self.in_sample[block], self.y[block], 0.0)
            largest = eta.max(axis=1, keepdims=True)
            log_sum = largest[:, 0] + np.log(np.exp(eta - largest).sum(axis=1))
            explained = (y * np.where(self.in_sample[block], eta, 0.0)).sum()
            total += float(explained - (y.sum(axis=1) * log_sum).sum())
        return total

    def _linear_predictor(self, theta: FloatArray, block: slice) -> FloatArray:
        """Return log E[y] of a block without entity effects, minus infinity out of sample."""
        group, in_sample = self.group[block], self.in_sample[block]
        period_effects = theta[self.n_regressors :].reshape(self.n_groups, self.n_periods)[group]
        linear = self.x[block] @ theta[: self.n_regressors].astype(np.float32)
        fixed = period_effects if self.offset is None else period_effects + self.offset[block]
        return np.where(in_sample, linear.astype(np.float64) + fixed, -np.inf)

    def score_and_information(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return score and observed information of the profile likelihood, with the ridge."""
        p, t, s = self.n_regressors, self.n_periods, self.n_groups
        score = np.zeros(p + s * t)
        information = np.zeros((p + s * t, p + s * t))
        for block in self.blocks():
            mean, total, x, residual = self.fitted(theta, block)
            score[:p] += (x.reshape(-1, p).T @ residual.ravel().astype(np.float32)).astype(float)
            root = np.sqrt(mean).astype(np.float32)[..., None]
            x *= root
            flat = x.reshape(-1, p)
            information[:p, :p] += flat.T @ flat
            x *= root  # x is now weighted by the fitted means
            for g in range(s):
                members = slice(None) if s == 1 else self.group[block] == g
                at = slice(p + g * t, p + (g + 1) * t)
                score[at] += residual[members].sum(axis=0)
                information[at, :p] += x[members].sum(axis=0, dtype=np.float64)
                share = mean[members] / np.sqrt(total[members])[:, None]
                information[at, at] += np.diag(mean[members].sum(axis=0)) - share.T @ share
        information[:p, p:] = information[p:, :p].T
        self._fix_period_effects(information, score)
        diagonal = np.einsum("ii->i", information)
        diagonal += RIDGE * np.maximum(diagonal, diagonal[:p].max(initial=0.0) * 1e-6) + 1e-300
        return score, information

    def _fix_period_effects(self, information: FloatArray, score: FloatArray) -> None:
        """Fix the effects of periods without y and of one base period per group, in place.

        Their rows and columns become those of the identity, so that their steps are 0.
        """
        p, t = self.n_regressors, self.n_periods
        fixed = [
            p + g * t + period
            for g in range(self.n_groups)
            for period in sorted(
                set(range(t)) - set(np.nonzero(self.has_outcome[g])[0][:-1].tolist())
            )
        ]
        information[fixed, :] = information[:, fixed] = 0.0
        information[fixed, fixed] = 1.0
        score[fixed] = 0.0

    def influence(self, theta: FloatArray, inverse: InformationInverse) -> FloatArray:
        """Return the influence function of each entity on the coefficients, shape (n, P).

        The inverse information times the entity's score, per unit of the unscaled regressors.
        """
        columns = np.where(inverse.identified, inverse.columns, 0.0) / self.scale
        influence = np.zeros((self.n_entities, self.n_regressors))
        for block, scores in self.entity_scores(theta):
            influence[self.informative[block]] = scores @ columns
        return influence

    def entity_scores(self, theta: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
        """Yield each block with the scores of its entities, shape (block size, P + S·T)."""
        p, t, s = self.n_regressors, self.n_periods, self.n_groups
        for block in self.blocks():
            _, _, x, residual = self.fitted(theta, block)
            scores = np.zeros((residual.shape[0], p + s * t))
            scores[:, :p] = np.matmul(residual.astype(np.float32)[:, None, :], x)[:, 0, :]
            rows = np.arange(residual.shape[0])[:, None]
            columns = p + self.group[block][:, None] * t + np.arange(t)[None, :]
            scores[rows, columns] = residual
            yield block, scores
