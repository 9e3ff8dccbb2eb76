"""Fisher scoring with step halving and box constraints, for the nonlinear response model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.drivers.estimation.nonlinear_likelihood import NonlinearLikelihood
from engagement_ml.drivers.estimation.nonlinear_state import NonlinearState
from engagement_ml.drivers.estimation.response_functions import rescaling_factor

MAX_ITERATIONS = 20
"""Largest number of scoring steps."""

MAX_HALVINGS = 8
"""Largest number of step halvings before the search ends."""

MAX_ACTIVE_SETS = 4
"""Largest number of passes that fix parameters on their bounds within one step."""

MIN_GAIN = 0.1
"""Gain of the objective, in units of the dispersion, below which the search ends.

The gain is half a squared z: 0.1 moves no coefficient by half a standard error.
"""

NEGLIGIBLE_GAIN = 2.0
"""Promised gain, in units of the dispersion, below which the last step counts as convergence.

The linearised model promises too much where responses are saturated; two units move no coefficient
by more than two standard errors, and the search has found no such step.
"""

MIN_GAIN_START = 10.0
"""The same in the first search for starting values, where κ and φ are fixed."""


def maximise(
    likelihood: NonlinearLikelihood, state: NonlinearState, *, fix_responses: bool = False
) -> NonlinearState:
    """Take scoring steps until the objective gains less than `MIN_GAIN`.

    Parameters
    ----------
    likelihood : NonlinearLikelihood
    state : NonlinearState
        Starting values.
    fix_responses : bool, default False
        Hold κ and φ fixed, to find starting values of all others.

    Returns
    -------
    NonlinearState
        The objective is that of `state` or higher.
    """
    min_gain = MIN_GAIN_START if fix_responses else MIN_GAIN
    for _ in range(MAX_ITERATIONS):
        improved, promised = _scoring_step(likelihood, state, fix_responses)
        if improved is None:
            return replace(state, converged=promised < NEGLIGIBLE_GAIN * likelihood.dispersion)
        gain = improved.objective - state.objective
        state = improved
        if gain < min_gain * likelihood.dispersion:
            return replace(state, converged=promised < NEGLIGIBLE_GAIN * likelihood.dispersion)
    return state


def _scoring_step(
    likelihood: NonlinearLikelihood, state: NonlinearState, fix_responses: bool
) -> tuple[NonlinearState | None, float]:
    """Return the state after one scoring step, and the gain that the step promised.

    The state is None if no length of the step improves the objective.
    """
    change, period_change, promised = _search_direction(likelihood, state, fix_responses)
    # Shorten the whole step to the largest changes of κ and φ, so that it stays an ascent.
    size = np.abs(change)
    limits = likelihood.max_step[size > 0] / size[size > 0]
    length = min(1.0, float(np.min(limits, initial=1.0)))
    for _ in range(MAX_HALVINGS):
        theta = np.clip(state.theta + length * change, likelihood.lower, likelihood.upper)
        _rescale_index(likelihood, theta, state)
        improved = likelihood.evaluate(theta, state.period_effects + length * period_change)
        if improved.objective >= state.objective:
            return improved, promised
        length /= 2
    return None, promised


def _search_direction(
    likelihood: NonlinearLikelihood, state: NonlinearState, fix_responses: bool
) -> tuple[FloatArray, FloatArray, float]:
    """Return the scoring step of parameters and period effects, and the gain that it promises.

    Active set: parameters on a bound that would leave it are fixed, and the step is solved again
    for the others.
    """
    model = likelihood.working_model(state, rescale_with_curvature=True)
    is_response = np.arange(state.theta.size) >= likelihood.curvature_at[0]
    fixed = is_response if fix_responses else np.zeros(state.theta.size, dtype=np.bool_)
    p = model.n_regressors
    for _ in range(MAX_ACTIVE_SETS):
        _, score, inverse = likelihood.penalised_information(model, state, fixed)
        step = inverse.solve(score)
        change = np.where(inverse.identified, step[:p] / model.scale, 0.0)
        outward = ~fixed & _leaves_bounds(likelihood, state, change)
        if not outward.any():
            break
        fixed = fixed | outward
    # Newton decrement: half the product of score and step.
    promised = float(score @ np.where(np.append(fixed, np.zeros(step.size - p, bool)), 0.0, step))
    period_change = step[p:].reshape(state.period_effects.shape)
    return np.where(fixed, 0.0, change), period_change, max(promised, 0.0) / 2


def _leaves_bounds(
    likelihood: NonlinearLikelihood, state: NonlinearState, change: FloatArray
) -> BoolArray:
    """Mark parameters on a bound whose step points out of the feasible range."""
    below = (state.theta <= likelihood.lower) & (change < 0)
    above = (state.theta >= likelihood.upper) & (change > 0)
    return np.asarray(below | above)


def _rescale_index(
    likelihood: NonlinearLikelihood, theta: FloatArray, state: NonlinearState
) -> None:
    """Rescale c with the change of κ so that the mean response stays constant, in place."""
    positions = zip(likelihood.nonlinear, likelihood.curvature_at, state.derivatives, strict=True)
    for b, at, derivatives in positions:
        theta[likelihood.lag_slice(b)] *= rescaling_factor(
            derivatives.mean_index, float(state.theta[at]), float(theta[at])
        )
