"""Penalised pseudo-likelihood of the nonlinear response model: value, score and information.

``log E[y_it] = a_i + g_t + x_it'b + sum_j f(exp(−φ_j m_it) x_jit'c_j; κ_j)``, entity effects
profiled out, with normal priors on κ and φ. `nonlinear_response` describes the model,
`nonlinear_solver` maximises this likelihood and `marginal_effects` averages its responses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray
from engagement_ml.drivers.estimation.fe_poisson import PoissonFit
from engagement_ml.drivers.estimation.nonlinear_state import (
    LaggedPanel,
    NonlinearState,
    ResponseDerivatives,
)
from engagement_ml.drivers.estimation.profiled_poisson import InformationInverse, ProfiledPoisson
from engagement_ml.drivers.estimation.response_functions import (
    baseline_level,
    log_rescaling_derivative,
    saturating_response,
)

PRIOR_CURVATURE, PRIOR_ELASTICITY = 1.0, 0.0
"""Prior means of κ and φ: a response linear in currency, in proportion to the baseline level."""

PRIOR_CURVATURE_STD, PRIOR_ELASTICITY_STD = 1.0, 0.5
"""Prior standard deviations of κ and φ; they decide if the data say little."""

CURVATURE_BOUNDS = (0.0, 8.0)
"""Range of κ: from log-linear to a response that is nearly flat after the first events."""

ELASTICITY_BOUNDS = (0.0, 1.0)
"""Range of φ: from effects in proportion to the baseline level to the same amount for all."""

MAX_STEP = (2.0, 0.5)
"""Largest changes of κ and φ in one scoring step; the quadratic approximation holds no further."""

MIN_OUTCOME_PERIODS = 8
"""Periods with any y that φ needs; with fewer, an entity's total does not measure its level."""

SCALE_PRIOR_STD = 2.0
"""Prior standard deviation of the log of the scale of c, in a saturated response."""

SATURATION_POWER = 4
"""Power of the saturated share of a response in the weight of the prior on the scale of c.

High, so that the prior acts on nearly saturated responses only.
"""

MIN_MEAN = 1e-12
"""Smallest fitted mean in a Pearson residual, against division by zero."""

FIXED_PRECISION = 1e9
"""Precision of a parameter that is held fixed, as a multiple of its information."""

MIN_REFERENCE = 1e-3
"""Smallest reference information of a direction, as a share of its present information."""


class NonlinearLikelihood:
    """Penalised pseudo-likelihood with some behaviours nonlinear and all others log-linear.

    Parameters
    ----------
    panel : LaggedPanel
    nonlinear : sequence of int
        Positions of the behaviours with a nonlinear response.
    log_linear : PoissonFit
        Log-linear fit of the same regressors, x before the controls. Its residuals give the
        dispersion, the unit of the priors.
    offset : array (n, T), optional
        Added to log E[y].

    Attributes
    ----------
    curvature_at : int array
        Position in theta of κ of each nonlinear behaviour; φ is the next.
    baseline : float32 array (n, T)
        m, the log baseline level; zeros until `update_baseline`.
    dispersion : float
        Mean squared Pearson residual of the log-linear fit.
    """

    def __init__(
        self,
        panel: LaggedPanel,
        nonlinear: Sequence[int],
        log_linear: PoissonFit,
        offset: FloatArray | None = None,
    ) -> None:
        n, n_periods, self.n_behaviours, self.n_groups = panel.x.shape
        self.y, self.x, self.group = panel.y, panel.x, panel.group
        self.clusters = panel.clusters
        self.nonlinear = nonlinear
        self.offset: FloatArray | float = 0.0 if offset is None else offset
        self.n_lag_coef = self.n_behaviours * self.n_groups
        lagged = panel.x.reshape(n, n_periods, -1)
        self.linear_design = np.concatenate([lagged, panel.controls], axis=2)
        self.n_linear = self.linear_design.shape[2]
        self.curvature_at = self.n_linear + 2 * np.arange(len(nonlinear))
        self._set_bounds(panel)
        model = ProfiledPoisson(self.y, self.linear_design, panel.at_risk, self.group, offset)
        # A period without any y in the group has no baseline level.
        codes = np.zeros(n, dtype=np.int64) if self.group is None else self.group
        self.at_risk = panel.at_risk & model.has_outcome[codes]
        self.in_sample = model.in_sample
        self.informative, self.informative_group = model.informative, model.group
        self.dispersion = self._pearson_dispersion(model, log_linear)
        self.prior_precision = np.zeros(self.prior_mean.size)
        self.prior_precision[self.curvature_at] = self.dispersion / PRIOR_CURVATURE_STD**2
        self.prior_precision[self.curvature_at + 1] = self.dispersion / PRIOR_ELASTICITY_STD**2
        self.baseline = np.zeros(self.y.shape, dtype=np.float32)

    def _set_bounds(self, panel: LaggedPanel) -> None:
        """Set prior means, bounds and largest steps of all parameters."""
        outcome_periods = np.where(panel.at_risk, panel.y, 0.0).any(axis=0)
        has_levels = np.count_nonzero(outcome_periods) >= MIN_OUTCOME_PERIODS
        self.curvature_bounds = CURVATURE_BOUNDS
        self.elasticity_bounds = ELASTICITY_BOUNDS if has_levels else (0.0, 0.0)
        size = self.n_linear + 2 * len(self.nonlinear)
        self.prior_mean = np.zeros(size)
        self.prior_mean[self.curvature_at] = PRIOR_CURVATURE
        self.prior_mean[self.curvature_at + 1] = PRIOR_ELASTICITY
        self.lower, self.upper = np.full(size, -np.inf), np.full(size, np.inf)
        self.max_step = np.full(size, np.inf)
        for k, (low, high) in enumerate((self.curvature_bounds, self.elasticity_bounds)):
            self.lower[self.curvature_at + k], self.upper[self.curvature_at + k] = low, high
            self.max_step[self.curvature_at + k] = MAX_STEP[k]

    def _pearson_dispersion(self, model: ProfiledPoisson, log_linear: PoissonFit) -> float:
        """Return the mean squared Pearson residual of the log-linear fit."""
        coef = log_linear.coef * model.scale
        theta = np.concatenate([coef, log_linear.period_effects.ravel()])
        mean = np.concatenate([model.fitted(theta, block)[0] for block in model.blocks()])
        squares = (model.y - mean) ** 2 / np.maximum(mean, MIN_MEAN)
        return float(squares[self.in_sample & (mean > 0)].mean())

    def start(self, log_linear: PoissonFit) -> NonlinearState:
        """Return the state of the log-linear coefficients, with κ and φ at their prior means."""
        theta = np.concatenate([log_linear.coef, self.prior_mean[self.n_linear :]])
        return self.evaluate(theta, log_linear.period_effects)

    def update_baseline(self, state: NonlinearState) -> NonlinearState:
        """Recompute the baseline levels at a state and return the updated state."""
        codes = 0 if self.group is None else self.group
        period_effects = np.broadcast_to(state.period_effects[codes], self.y.shape)
        self.baseline = baseline_level(self.y, state.eta, period_effects, self.at_risk)
        return self.evaluate(state.theta, state.period_effects)

    def lag_slice(self, behaviour: int) -> slice:
        """Return the positions in theta of a behaviour's coefficients."""
        return slice(behaviour * self.n_groups, (behaviour + 1) * self.n_groups)

    def index(
        self, k: int, coef: FloatArray, elasticity: float, rows: slice = slice(None)
    ) -> Float32Array:
        """Return the index u of the k-th nonlinear behaviour, of some rows."""
        u = self.x[rows, :, self.nonlinear[k]] @ coef.astype(np.float32)
        level_factor = np.exp(-np.float32(elasticity) * self.baseline[rows])
        return np.asarray(u * level_factor, dtype=np.float32)

    def evaluate(self, theta: FloatArray, period_effects: FloatArray) -> NonlinearState:
        """Return the state at these parameters and period effects."""
        coef = theta[: self.n_lag_coef].reshape(self.n_behaviours, self.n_groups).copy()
        derivatives = []
        response = np.zeros(self.y.shape)
        for k, b in enumerate(self.nonlinear):
            curvature, elasticity = theta[self.curvature_at[k]], theta[self.curvature_at[k] + 1]
            u = self.index(k, coef[b], elasticity)
            f, by_curvature, slope = saturating_response(u, float(curvature))
            response += f
            by_index = np.exp(-np.float32(elasticity) * self.baseline) * slope
            mean_index = float(np.abs(u[self.at_risk]).mean(dtype=np.float64))
            by_scale = u * slope
            by_elasticity = -self.baseline * by_scale
            derivatives.append(
                ResponseDerivatives(by_index, by_curvature, by_elasticity, by_scale, mean_index)
            )
            coef[b] = 0.0
        linear = np.concatenate([coef.ravel(), theta[self.n_lag_coef : self.n_linear]])
        eta = response + self.offset + self.linear_design @ linear.astype(np.float32)
        deviation = theta - self.prior_mean
        penalty = float((self.prior_precision * deviation**2).sum()) / 2
        objective = self.log_likelihood(eta, period_effects) - penalty
        return NonlinearState(theta, period_effects, eta, tuple(derivatives), objective)

    def log_likelihood(self, eta: FloatArray, period_effects: FloatArray) -> float:
        """Return the log pseudo-likelihood of each entity's y over periods, given its total."""
        linear = eta[self.informative] + period_effects[self.informative_group]
        linear = np.where(self.in_sample, linear, -np.inf)
        largest = linear.max(axis=1, keepdims=True)
        log_total = largest[:, 0] + np.log(np.exp(linear - largest).sum(axis=1))
        y = np.where(self.in_sample, self.y[self.informative], 0.0)
        explained = (y * np.where(self.in_sample, linear, 0.0)).sum()
        return float(explained - (y.sum(axis=1) * log_total).sum())

    def working_model(
        self, state: NonlinearState, *, rescale_with_curvature: bool = False
    ) -> ProfiledPoisson:
        """Return the linearised model at a state: derivatives as regressors, eta as offset.

        With `rescale_with_curvature`, the derivative by κ includes that of c rescaled with κ, so
        that the mean response stays constant (`rescaling_factor`).
        """
        columns = [self.linear_design]
        for k, d in enumerate(state.derivatives):
            by_curvature = d.by_curvature
            if rescale_with_curvature:
                curvature = float(state.theta[self.curvature_at[k]])
                rate = log_rescaling_derivative(d.mean_index, curvature)
                by_curvature = by_curvature + np.float32(rate) * d.by_scale
            columns += [by_curvature[..., None], d.by_elasticity[..., None]]
        design = np.concatenate(columns, axis=2).astype(np.float32)
        for b, d in zip(self.nonlinear, state.derivatives, strict=True):
            design[..., self.lag_slice(b)] *= d.by_index[..., None]
        return ProfiledPoisson(self.y, design, self.at_risk, self.group, state.eta)

    def penalised_information(
        self, model: ProfiledPoisson, state: NonlinearState, fixed: BoolArray | None = None
    ) -> tuple[FloatArray, FloatArray, InformationInverse]:
        """Return the working parameters, the penalised score and the inverse information.

        `fixed` marks parameters that a step must leave where they are.
        """
        working = np.concatenate([np.zeros(model.n_regressors), state.period_effects.ravel()])
        score, information = model.score_and_information(working)
        p = model.n_regressors
        precision = self.prior_precision / model.scale**2
        score[:p] -= precision * (state.theta - self.prior_mean) * model.scale
        if fixed is not None:
            held = FIXED_PRECISION * np.maximum(precision, np.diag(information)[:p])
            precision = np.where(fixed, held, precision)
            score[:p] = np.where(fixed, 0.0, score[:p])
        information[np.arange(p), np.arange(p)] += precision
        self._add_scale_prior(information, model, state)
        reference = model.reference_information(information)
        reference = np.maximum(reference, MIN_REFERENCE * np.diag(information)[:p])
        return working, score, InformationInverse(information, reference)

    def _add_scale_prior(
        self, information: FloatArray, model: ProfiledPoisson, state: NonlinearState
    ) -> None:
        """Add a weak prior on the scale of c if the response is saturated, in place.

        For large u, f(u; κ) is close to a constant plus log u / κ: a larger c adds the same for
        all entities, which the entity effects absorb.
        """
        for b, at, d in zip(self.nonlinear, self.curvature_at, state.derivatives, strict=True):
            own = self.lag_slice(b)
            coef = state.theta[own] * model.scale[own]
            reach = float(state.theta[at]) * d.mean_index
            saturated = (reach / (1.0 + reach)) ** SATURATION_POWER
            squares = max(float(coef @ coef), 1e-300)
            precision = self.dispersion * saturated / SCALE_PRIOR_STD**2
            information[own, own] += precision * np.outer(coef, coef) / squares**2
