"""Poisson regression with entity and period fixed effects, and each entity's share in the estimate.

The entity effects are concentrated out, so the cost grows with entities × periods × regressors and
not with the number of entities' dummies. Entities are worked on in blocks: memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array

_BLOCK_CELLS = 2_000_000
_MAX_ITERATIONS = 40
_TOLERANCE = 1e-4  # of a max_z coefficient; the step that ends it is still taken
_RIDGE = 1e-8
_LEAST_INFORMATION = 1e-5
"""Share of its information at no effect, fitted alone, below which a direction is not estimated:
single precision sums hold no less, and a rate e¹¹ times as high is no finite answer."""
_LEAST_VARIATION = 1e-8  # within entities, of a regressor's mean square
_LEAST_PART = 0.1  # of a regressor, in a direction without information


@dataclass(frozen=True)
class PoissonFit:
    """A fitted model ``E[y_it] = exp(a_i + g_t + x_it'b)``.

    Attributes
    ----------
    coef : array (P,)
        b: the change of log y for one more of each regressor. 0, with no influence, where the data
        say nothing: regressors that never vary within entities, or that no data of this form could
        tell from others or from the periods, or whose best fit is infinite.
    influence : array (n, P)
        What each entity adds to the estimate's error; their outer products sum to the covariance
        clustered by entity. Zero for entities that carry no information (y never above 0).
    n_entities : int
        Entities with y above 0 in some period at risk.
    converged : bool
    period_effects : array (S, T)
        g, by group and period.
    """

    coef: FloatArray
    influence: FloatArray
    n_entities: int
    converged: bool
    period_effects: FloatArray

    @property
    def covariance(self) -> FloatArray:
        """Covariance of `coef`, clustered by entity, shape (P, P)."""
        return self.influence.T @ self.influence


def fit_poisson(
    y: FloatArray,
    x: Float32Array,
    at_risk: BoolArray,
    group: Int64Array | None = None,
) -> PoissonFit:
    """Fit a Poisson pseudo maximum likelihood with entity and group-by-period fixed effects.

    Consistent for any non-negative y with a mean of this form, whatever its variance (Gourieroux,
    Monfort and Trognon 1984; Wooldridge 1999). With regressors that do not answer to past y the
    entity effects leave no bias, however few the periods.

    Parameters
    ----------
    y : array (n, T), non-negative
    x : float32 array (n, T, P)
    at_risk : bool array (n, T)
        Cells to use; the others' values do not matter.
    group : int array (n,), optional
        Codes 0..S−1; each group gets period effects of its own.

    Returns
    -------
    PoissonFit

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.poisson(1.0, (500, 20, 1)).astype(np.float32)
    >>> size = rng.lognormal(size=(500, 1))
    >>> y = rng.poisson(size * np.exp(0.2 * x[..., 0])).astype(float)
    >>> fit = fit_poisson(y, x, np.ones((500, 20), bool))
    >>> bool(abs(fit.coef[0] - 0.2) < 3 * fit.covariance[0, 0] ** 0.5)
    True
    """
    n_regressors = x.shape[2]
    problem = ProfiledPoisson(y, x, at_risk, group)
    if problem.used.size < 2:
        nothing = np.zeros(n_regressors)
        influence = np.zeros((x.shape[0], n_regressors))
        levels = np.zeros((problem.n_groups, problem.n_periods))
        return PoissonFit(nothing, influence, int(problem.used.size), False, levels)
    theta = problem.start()
    score, hessian = problem.score_and_hessian(theta)
    reference = problem.reference(hessian)
    converged = False
    for _ in range(_MAX_ITERATIONS):
        step = InformationInverse(hessian, reference).times(score)
        # A coefficient without a finite maximum (perfect separation) must not run away at once.
        step *= min(1.0, 5.0 / max(np.abs(step).max(), 1e-300))
        theta = theta + step
        score, hessian = problem.score_and_hessian(theta)
        converged = bool(np.abs(step[:n_regressors]).max(initial=0.0) < _TOLERANCE)
        if converged:
            break
    inverse = InformationInverse(hessian, reference)
    coef = np.where(inverse.estimated, theta[:n_regressors] / problem.scale, 0.0)
    influence = problem.influence(theta, inverse)
    levels = theta[n_regressors:].reshape(problem.n_groups, problem.n_periods)
    return PoissonFit(coef, influence, int(problem.used.size), converged, levels)


class InformationInverse:
    """The inverse of the information, period effects eliminated, empty directions left out.

    Attributes
    ----------
    columns : array (P + S·T, P)
        The inverse's columns of the regressors.
    estimated : bool array (P,)
        Regressors that have no part in a direction without information.
    """

    def __init__(self, hessian: FloatArray, reference: FloatArray) -> None:
        p = reference.size
        self.periods = hessian[p:, p:]
        self.across = np.linalg.solve(self.periods, hessian[p:, :p])
        root = np.sqrt(reference)
        own = (hessian[:p, :p] - hessian[:p, p:] @ self.across) / root / root[:, None]
        values, vectors = np.linalg.eigh(own)
        known = values > _LEAST_INFORMATION
        self.estimated = np.sqrt((vectors[:, ~known] ** 2).sum(axis=1)) < _LEAST_PART
        vectors = vectors / root[:, None]
        self.inverse = (vectors[:, known] / values[known]) @ vectors[:, known].T
        self.columns = np.concatenate([self.inverse, -self.across @ self.inverse])

    def times(self, score: FloatArray) -> FloatArray:
        """Return the inverse times a score, shape (P + S·T,)."""
        p = self.inverse.shape[0]
        first = self.inverse @ (score[:p] - self.across.T @ score[p:])
        level = np.linalg.solve(self.periods, score[p:])
        return np.concatenate([first, level - self.across @ first])


class ProfiledPoisson:
    """The sums over entities that Newton's steps need, taken block by block.

    Parameters
    ----------
    y, x, at_risk, group
        As for `fit_poisson`.
    offset : array (n, T), optional
        Added to log E[y].
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
        self.used = used = np.nonzero(y.sum(axis=1) > 0)[0]
        self.group = group[used]
        self.y = y[used]
        self.offset = None if offset is None else offset[used]
        self.at_risk = at_risk[used]
        self.n_periods, self.n_regressors = x.shape[1:]
        self.n_groups = int(group.max()) + 1
        self.x = x[used] * self.at_risk[..., None]
        cells = max(int(self.at_risk.sum()), 1)
        mean = self.x.sum(axis=(0, 1), dtype=np.float64) / cells
        square = np.einsum("ntp,ntp->p", self.x, self.x, dtype=np.float64) / cells
        spread = np.sqrt(np.maximum(square - mean**2, 0.0))
        self.scale = np.where(spread > 1e-6 * np.sqrt(square), spread, 1.0)
        self.scale = np.where(self.scale > 0, self.scale, 1.0)
        self.x /= self.scale.astype(np.float32)
        self.mean_square = square / self.scale**2
        # A period without any y has no finite effect: its cells say nothing and are left out.
        totals = np.zeros((self.n_groups, self.n_periods))
        np.add.at(totals, self.group, self.y)
        self.alive = totals > 0
        self.live = self.at_risk & self.alive[self.group]

    def start(self) -> FloatArray:
        """Return no effect, and the levels of the groups' periods."""
        totals = np.zeros((self.n_groups, self.n_periods))
        cells = np.zeros_like(totals)
        np.add.at(totals, self.group, self.y)
        np.add.at(cells, self.group, self.at_risk.astype(float))
        level = np.log(np.maximum(totals, 1e-300) / np.maximum(cells, 1.0))
        level = np.where(self.alive, level, 0.0)
        return np.concatenate([np.zeros(self.n_regressors), level.ravel()])

    def reference(self, hessian: FloatArray) -> FloatArray:
        """Information on each regressor alone at no effect, or that of the least variation."""
        own = np.diag(hessian)[: self.n_regressors]
        least = _LEAST_VARIATION * self.mean_square * self.y.sum()
        return np.asarray(np.maximum(np.maximum(own, least), 1e-300), dtype=np.float64)

    def blocks(self) -> Iterator[slice]:
        """Cut the entities into blocks of bounded size."""
        size = max(1, _BLOCK_CELLS // (self.n_periods * max(self.n_regressors, 1)))
        for start in range(0, self.used.size, size):
            yield slice(start, min(start + size, self.used.size))

    def fitted(
        self, theta: FloatArray, block: slice
    ) -> tuple[FloatArray, FloatArray, Float32Array, FloatArray]:
        """Return means, their sum per entity, regressors less their weighted mean, residuals."""
        x, group, live = self.x[block], self.group[block], self.live[block]
        level = theta[self.n_regressors :].reshape(self.n_groups, self.n_periods)[group]
        linear = x @ theta[: self.n_regressors].astype(np.float32)
        known = level if self.offset is None else level + self.offset[block]
        eta = np.where(live, linear.astype(np.float64) + known, -np.inf)
        weight = np.exp(eta - eta.max(axis=1, keepdims=True))
        y = np.where(live, self.y[block], 0.0)
        mean = weight * (y.sum(axis=1) / weight.sum(axis=1))[:, None]
        total = mean.sum(axis=1)
        share = (mean / total[:, None]).astype(np.float32)
        centred = x - np.matmul(share[:, None, :], x)
        return mean, total, centred, y - mean

    def score_and_hessian(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return score and information, entity effects concentrated out."""
        p, t, s = self.n_regressors, self.n_periods, self.n_groups
        score = np.zeros(p + s * t)
        hessian = np.zeros((p + s * t, p + s * t))
        for block in self.blocks():
            mean, total, x, residual = self.fitted(theta, block)
            score[:p] += (x.reshape(-1, p).T @ residual.ravel().astype(np.float32)).astype(float)
            root = np.sqrt(mean).astype(np.float32)[..., None]
            x *= root
            flat = x.reshape(-1, p)
            hessian[:p, :p] += flat.T @ flat
            x *= root
            for g in range(s):
                mine = slice(None) if s == 1 else self.group[block] == g
                at = slice(p + g * t, p + (g + 1) * t)
                score[at] += residual[mine].sum(axis=0)
                hessian[at, :p] += x[mine].sum(axis=0, dtype=np.float64)
                share = mean[mine] / np.sqrt(total[mine])[:, None]
                hessian[at, at] += np.diag(mean[mine].sum(axis=0)) - share.T @ share
        hessian[:p, p:] = hessian[p:, :p].T
        self._fix(hessian, score)
        diagonal = np.einsum("ii->i", hessian)
        diagonal += _RIDGE * np.maximum(diagonal, diagonal[:p].max(initial=0.0) * 1e-6) + 1e-300
        return score, hessian

    def _fix(self, hessian: FloatArray, score: FloatArray) -> None:
        """Hold empty period effects and one per group where they are, by a unit row each."""
        p, t = self.n_regressors, self.n_periods
        held = [
            p + g * t + period
            for g in range(self.n_groups)
            for period in sorted(set(range(t)) - set(np.nonzero(self.alive[g])[0][:-1].tolist()))
        ]
        hessian[held, :] = hessian[:, held] = 0.0
        hessian[held, held] = 1.0
        score[held] = 0.0

    def influence(self, theta: FloatArray, inverse: InformationInverse) -> FloatArray:
        """Return what each entity adds to the error of the coefficients, shape (n, P)."""
        columns = np.where(inverse.estimated, inverse.columns, 0.0) / self.scale
        influence = np.zeros((self.n_entities, self.n_regressors))
        for block, scores in self.entity_scores(theta):
            influence[self.used[block]] = scores @ columns
        return influence

    def entity_scores(self, theta: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
        """Return the entities' own scores, shape (entities of the block, P + S·T)."""
        p, t, s = self.n_regressors, self.n_periods, self.n_groups
        for block in self.blocks():
            _, _, x, residual = self.fitted(theta, block)
            scores = np.zeros((residual.shape[0], p + s * t))
            scores[:, :p] = np.matmul(residual.astype(np.float32)[:, None, :], x)[:, 0, :]
            rows = np.arange(residual.shape[0])[:, None]
            columns = p + self.group[block][:, None] * t + np.arange(t)[None, :]
            scores[rows, columns] = residual
            yield block, scores
