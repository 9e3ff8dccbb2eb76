"""The likelihood of bending responses, its scoring steps, and mean effects by the delta method.

What is fitted, and why, is in ``bending``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.estimation.fe_poisson import (
    InformationInverse,
    PoissonFit,
    ProfiledPoisson,
)
from engagement_ml.drivers.estimation.response_functions import (
    SaturatingResponse,
    as_float32,
    baseline_level,
    log_rescaling_derivative,
    rescaling_factor,
    saturating_response,
)

CURVATURE_SPREAD, ELASTICITY_SPREAD = 1.0, 0.5
MOST_CURVATURE = 8.0
ELASTICITIES = (0.0, 1.0)

_MAX_ITERATIONS = 20
_MAX_HALVINGS = 8
_FARTHEST = (2.0, 0.5)  # that κ and φ move in one step
_HELD = 1e9  # times the information of κ and φ
_MAX_RELEASES = 4
_ENOUGH = 0.1  # gain of the log pseudo likelihood, in units of the dispersion, that ends it
_ENOUGH_HELD = 10.0  # where the search only starts
_DIFFERENCE = 1e-2
_ENOUGH_ENTITIES = 2000  # for derivatives
_SCALE_SPREAD = 2.0  # of the log of c, where the response is spent
_SPENT_POWER = 4
_LEAST_PERIODS = 8  # with any y, for φ
_LARGEST_GAIN = np.float32(20.0)  # of the log of y by one event, of entities with hardly any y


@dataclass(frozen=True)
class NonlinearFit:
    """Mean effects under bending responses.

    Attributes
    ----------
    coef : array (B, G)
        Change of the mean of y for one more event, at each group of lags, as a share of mean y:
        the mean over entities and periods of ``E[y | x + 1] − E[y | x]``, over that of ``E[y]``.
    influence : array (n, B, G)
        Each entity's share in the error of the response, κ and φ included.
    own : dict of place to array (n, G)
        What one more event adds to the sum of y over each entity's own periods.
    response_functions : dict of place to SaturatingResponse
    """

    coef: FloatArray
    influence: FloatArray
    own: dict[int, FloatArray]
    response_functions: dict[int, SaturatingResponse]


@dataclass(frozen=True)
class State:
    """Where the search is: coefficients with κ and φ, period effects, log of the mean, slopes."""

    theta: FloatArray
    levels: FloatArray
    eta: FloatArray
    slopes: tuple[Slopes, ...]
    objective: float


@dataclass(frozen=True)
class Slopes:
    """Derivatives of one behaviour's response, shape (n, T), and how far it is used."""

    by_sum: Float32Array
    by_curvature: Float32Array
    by_elasticity: Float32Array
    by_scale: Float32Array
    usual: float


class NonlinearLikelihood:
    """The acting behaviours bend, all others are log-linear; entity effects are taken out."""

    def __init__(
        self,
        y: FloatArray,
        x: Float32Array,
        beside: Float32Array,
        at_risk: BoolArray,
        group: Int64Array | None,
        acting: Sequence[int],
        plain: PoissonFit,
        offset: FloatArray | None = None,
    ) -> None:
        n, n_periods, self.n_behaviours, self.n_groups = x.shape
        self.y, self.x, self.beside, self.group = y, x, beside, group
        self.acting = acting
        self.offset: FloatArray | float = 0.0 if offset is None else offset
        # Of few periods with any y, an entity's sum is no measure of its usual level.
        telling = np.count_nonzero(np.where(at_risk, y, 0.0).any(axis=0)) >= _LEAST_PERIODS
        self.curvatures = (0.0, MOST_CURVATURE)
        self.elasticities = ELASTICITIES if telling else (0.0, 0.0)
        self.width = self.n_behaviours * self.n_groups
        self.base = np.concatenate([x.reshape(n, n_periods, -1), beside], axis=2)
        self.free = self.base.shape[2] + 2 * np.arange(len(acting))
        size = self.base.shape[2] + 2 * len(acting)
        self.centre, self.precision = np.zeros(size), np.zeros(size)
        self.centre[self.free] = 1.0
        self.lowest, self.highest = np.full(size, -np.inf), np.full(size, np.inf)
        self.farthest = np.full(size, np.inf)
        for k, (low, high) in enumerate((self.curvatures, self.elasticities)):
            self.lowest[self.free + k], self.highest[self.free + k] = low, high
            self.farthest[self.free + k] = _FARTHEST[k]
        problem = ProfiledPoisson(y, self.base, at_risk, group, offset)
        # A period in which nobody has any y has no usual level.
        codes = np.zeros(n, dtype=np.int64) if group is None else group
        self.at_risk = at_risk & problem.alive[codes]
        theta = np.concatenate([plain.coef * problem.scale, plain.period_effects.ravel()])
        mean = np.concatenate([problem.fitted(theta, block)[0] for block in problem.blocks()])
        self.live, self.used, self.codes = problem.live, problem.used, problem.group
        squares = (problem.y - mean) ** 2 / np.maximum(mean, 1e-12)
        self.dispersion = float(squares[self.live & (mean > 0)].mean())
        self.precision[self.free] = self.dispersion / CURVATURE_SPREAD**2
        self.precision[self.free + 1] = self.dispersion / ELASTICITY_SPREAD**2
        self.level = np.zeros(y.shape, dtype=np.float32)

    def start(self, plain: PoissonFit) -> State:
        """Return the log-linear fit as a first state, κ at 1 and φ at 0."""
        theta = np.concatenate([plain.coef, self.centre[self.base.shape[2] :]])
        return self.state(theta, plain.period_effects)

    def climb(self, state: State, *, held: bool = False) -> State:
        """Take scoring steps while they gain; κ and φ are held for a start where they are."""
        for _ in range(_MAX_ITERATIONS):
            better = self.step(state, held)
            if better is None:
                break
            gain = better.objective - state.objective
            state = better
            if gain < (_ENOUGH_HELD if held else _ENOUGH) * self.dispersion:
                break
        return state

    def levelled(self, state: State) -> State:
        """Return the state with the usual levels taken anew."""
        codes = 0 if self.group is None else self.group
        levels = np.broadcast_to(state.levels[codes], self.y.shape)
        self.level = baseline_level(self.y, state.eta, levels, self.at_risk)
        return self.state(state.theta, state.levels)

    def own(self, theta: FloatArray, k: int) -> FloatArray:
        """Return c of the k-th acting behaviour."""
        first = self.acting[k] * self.n_groups
        return theta[first : first + self.n_groups]

    def index(
        self, k: int, coef: FloatArray, elasticity: float, some: slice = slice(None)
    ) -> Float32Array:
        """Return u of the k-th acting behaviour."""
        u = self.x[some, :, self.acting[k]] @ coef.astype(np.float32)
        size = np.exp(-np.float32(elasticity) * self.level[some])
        return np.asarray(u * size, dtype=np.float32)

    def state(self, theta: FloatArray, levels: FloatArray) -> State:
        """Return the state at these coefficients and period effects."""
        coef = theta[: self.width].reshape(self.n_behaviours, self.n_groups).copy()
        slopes = []
        bent = np.zeros(self.y.shape)
        for k, b in enumerate(self.acting):
            curvature, elasticity = theta[self.free[k]], theta[self.free[k] + 1]
            u = self.index(k, coef[b], elasticity)
            f, by_curvature, slope = saturating_response(u, float(curvature))
            bent += f
            by_sum = np.exp(-np.float32(elasticity) * self.level) * slope
            usual = float(np.abs(u[self.at_risk]).mean(dtype=np.float64))
            by_scale = u * slope
            slopes.append(Slopes(by_sum, by_curvature, -self.level * by_scale, by_scale, usual))
            coef[b] = 0.0
        straight = np.concatenate([coef.ravel(), theta[self.width : self.base.shape[2]]])
        eta = bent + self.offset + self.base @ straight.astype(np.float32)
        off = theta - self.centre
        objective = self.likelihood(eta, levels) - float((self.precision * off**2).sum()) / 2
        return State(theta, levels, eta, tuple(slopes), objective)

    def likelihood(self, eta: FloatArray, levels: FloatArray) -> float:
        """Log pseudo likelihood of when each entity's y falls, given its sum."""
        index = np.where(self.live, eta[self.used] + levels[self.codes], -np.inf)
        top = index.max(axis=1, keepdims=True)
        total = top[:, 0] + np.log(np.exp(index - top).sum(axis=1))
        y = np.where(self.live, self.y[self.used], 0.0)
        return float((y * np.where(self.live, index, 0.0)).sum() - (y.sum(axis=1) * total).sum())

    def working(self, state: State, *, along: bool = False) -> ProfiledPoisson:
        """Return the problem of one scoring step: slopes for regressors, the fit as offset.

        With `along`, κ takes c along (`rescaling`).
        """
        own = [self.base]
        for k, slopes in enumerate(state.slopes):
            by_curvature = slopes.by_curvature
            if along:
                pull = log_rescaling_derivative(slopes.usual, float(state.theta[self.free[k]]))
                by_curvature = by_curvature + np.float32(pull) * slopes.by_scale
            own += [by_curvature[..., None], slopes.by_elasticity[..., None]]
        design = np.concatenate(own, axis=2).astype(np.float32)
        for b, slopes in zip(self.acting, state.slopes, strict=True):
            first = b * self.n_groups
            design[..., first : first + self.n_groups] *= slopes.by_sum[..., None]
        return ProfiledPoisson(self.y, design, self.at_risk, self.group, state.eta)

    def inverse(
        self, problem: ProfiledPoisson, state: State, held: BoolArray | None = None
    ) -> tuple[FloatArray, FloatArray, InformationInverse]:
        """Return where the step starts, its score, and the inverse information."""
        at = np.concatenate([np.zeros(problem.n_regressors), state.levels.ravel()])
        score, hessian = problem.score_and_hessian(at)
        p = problem.n_regressors
        precision = self.precision / problem.scale**2
        score[:p] -= precision * (state.theta - self.centre) * problem.scale
        if held is not None:
            precision = np.where(
                held, _HELD * np.maximum(precision, np.diag(hessian)[:p]), precision
            )
            score[:p] = np.where(held, 0.0, score[:p])
        hessian[np.arange(p), np.arange(p)] += precision
        self._hold_spent(hessian, problem, state)
        reference = np.maximum(problem.reference(hessian), 1e-3 * np.diag(hessian)[:p])
        return at, score, InformationInverse(hessian, reference)

    def _hold_spent(self, hessian: FloatArray, problem: ProfiledPoisson, state: State) -> None:
        """Add what little is known beforehand of how large c is, where the response is spent.

        Far out, f(u; κ) is a power of u: a larger c adds the same for everybody, and entity effects
        take that up.
        """
        for b, free, slopes in zip(self.acting, self.free, state.slopes, strict=True):
            own = slice(b * self.n_groups, (b + 1) * self.n_groups)
            size = state.theta[own] * problem.scale[own]
            reach = float(state.theta[free]) * slopes.usual
            spent = (reach / (1.0 + reach)) ** _SPENT_POWER
            squares = max(float(size @ size), 1e-300)
            known = self.dispersion * spent / _SCALE_SPREAD**2
            hessian[own, own] += known * np.outer(size, size) / squares**2

    def step(self, state: State, held: bool) -> State | None:
        """Return a better state one scoring step on, or None where there is none."""
        problem = self.working(state, along=True)
        bends = np.arange(state.theta.size) >= self.free[0]
        fixed = bends if held else np.zeros(state.theta.size, dtype=np.bool_)
        for _ in range(_MAX_RELEASES):
            _, score, inverse = self.inverse(problem, state, fixed)
            step = inverse.times(score)
            p = problem.n_regressors
            change = np.where(inverse.estimated, step[:p] / problem.scale, 0.0)
            outward = ~fixed & (
                ((state.theta <= self.lowest) & (change < 0))
                | ((state.theta >= self.highest) & (change > 0))
            )
            if not outward.any():
                break
            # What lies on its bound and would leave it stays, and the others step without it.
            fixed = fixed | outward
        change = np.where(fixed, 0.0, change)
        levels = step[p:].reshape(state.levels.shape)
        # All of the step is shortened together: a part of it need not lead uphill.
        size = np.abs(change)
        part = min(1.0, float(np.min(self.farthest[size > 0] / size[size > 0], initial=1.0)))
        for _ in range(_MAX_HALVINGS):
            theta = np.clip(state.theta + part * change, self.lowest, self.highest)
            self.rescale(theta, state)
            found = self.state(theta, state.levels + part * levels)
            if found.objective >= state.objective:
                return found
            part /= 2
        return None

    def rescale(self, theta: FloatArray, state: State) -> None:
        """Take c along with the changes of κ, in place."""
        for b, free, slopes in zip(self.acting, self.free, state.slopes, strict=True):
            own = slice(b * self.n_groups, (b + 1) * self.n_groups)
            theta[own] *= rescaling_factor(
                slopes.usual, float(state.theta[free]), float(theta[free])
            )

    def summary(self, state: State) -> NonlinearFit:
        """Turn coefficients of the index into mean effects, by the delta method."""
        problem = self.working(state)
        at, _, inverse = self.inverse(problem, state)
        parts = problem.influence(at, inverse)
        mean = np.zeros(self.y.shape)
        for block in problem.blocks():
            mean[self.used[block]] = problem.fitted(at, block)[0]
        shape = (self.n_behaviours, self.n_groups)
        coef = state.theta[: self.width].reshape(shape).copy()
        influence = parts[:, : self.width].reshape(-1, *shape).copy()
        bends, sums = {}, {}
        for k, b in enumerate(self.acting):
            free = self.free[k]
            curvature, elasticity = (float(v) for v in state.theta[free : free + 2])
            bends[b] = SaturatingResponse(curvature, elasticity, coef[b].copy())
            own = np.concatenate([coef[b], state.theta[free : free + 2]])
            places = [*range(b * self.n_groups, (b + 1) * self.n_groups), free, free + 1]
            influence[:, b] = parts[:, places] @ self._jacobian(k, own, mean).T
            sums[b] = self._one_more(k, own, mean)
            coef[b] = sums[b].sum(axis=0) / max(float(mean[self.at_risk].sum()), 1e-300)
        return NonlinearFit(coef, influence, sums, bends)

    def _jacobian(self, k: int, own: FloatArray, mean: FloatArray) -> FloatArray:
        """Differentiate one more event's effects by the coefficients, κ and φ."""
        some = slice(None, None, 1 + self.y.shape[0] // _ENOUGH_ENTITIES)
        limits = (self.curvatures, self.elasticities)
        found = np.zeros((self.n_groups, own.size))
        total = max(float(mean[some][self.at_risk[some]].sum()), 1e-300)
        before = self._one_more(k, own, mean, some).sum(axis=0)
        largest = float(np.abs(own[: self.n_groups]).max())
        for j in range(own.size):
            free = j - self.n_groups
            if free >= 0 and not limits[free][0] < own[j] < limits[free][1]:
                continue
            change = np.zeros(own.size)
            size = max(abs(own[j]), 0.1 * largest, 1e-12) if free < 0 else 1.0
            change[j] = _DIFFERENCE * size
            after = self._one_more(k, own + change, mean, some).sum(axis=0)
            found[:, j] = (after - before) / (change[j] * total)
        return found

    def _one_more(
        self, k: int, own: FloatArray, mean: FloatArray, some: slice = slice(None)
    ) -> FloatArray:
        """Return what one more event adds to each entity's y, by group of lags, shape (n, G)."""
        coef, kappa, phi = own[: self.n_groups], float(own[-2]), float(own[-1])
        level = np.where(self.at_risk[some], mean[some], 0.0)
        size = np.exp(-np.float32(phi) * self.level[some])
        u = self.index(k, coef, phi, some)
        usual = saturating_response(u, kappa)[0]
        columns = []
        for c in coef:
            added = np.minimum(
                saturating_response(u + as_float32(c) * size, kappa)[0] - usual, _LARGEST_GAIN
            )
            columns.append(np.einsum("nt,nt->n", level, np.expm1(added)))
        return np.stack(columns, axis=1)
