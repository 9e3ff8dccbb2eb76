"""Average marginal effects of one more event in the nonlinear response model, by the delta method.

The effect at a group of lags is the mean over entities and periods of ``E[y | x + 1] − E[y | x]``,
relative to the mean of ``E[y]``. Its influence function is the Jacobian of that mean, taken by
finite differences, times the influence functions of c, κ and φ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.clusters import cluster_sums
from engagement_ml.drivers.estimation.nonlinear_likelihood import NonlinearLikelihood
from engagement_ml.drivers.estimation.nonlinear_state import NonlinearState
from engagement_ml.drivers.estimation.response_functions import (
    SaturatingResponse,
    as_float32,
    saturating_response,
)

DIFFERENCE_STEP = 1e-2
"""Relative step of the finite differences; single precision needs a large one."""

MIN_COEF_SCALE = 0.1
"""A coefficient's step is relative to at least this share of the largest coefficient."""

JACOBIAN_ENTITIES = 2000
"""Number of entities from which the Jacobian is computed, roughly; it is a mean."""

MAX_LOG_GAIN = np.float32(20.0)
"""Largest change of log E[y] by one event, against overflow of entities with hardly any y."""


@dataclass(frozen=True)
class NonlinearFit:
    """Average marginal effects under nonlinear responses.

    Attributes
    ----------
    coef : array (B, G)
        Effect of one more event on the mean of y at each group of lags, as a share of mean y.
        Log-linear behaviours keep their coefficient.
    influence : array (n, B, G)
        Influence function of each entity, with the errors of κ and φ.
    entity_effects : dict of position to array (n, G)
        Effect of one more event on the sum of y over each entity's own periods.
    responses : dict of position to SaturatingResponse
    converged : bool
        Whether the search for the maximum ended at one.
    """

    coef: FloatArray
    influence: FloatArray
    entity_effects: dict[int, FloatArray]
    responses: dict[int, SaturatingResponse]
    converged: bool = True


def marginal_effects(likelihood: NonlinearLikelihood, state: NonlinearState) -> NonlinearFit:
    """Return average marginal effects at the maximum of the likelihood, by the delta method."""
    model = likelihood.working_model(state)
    working, _, inverse = likelihood.penalised_information(model, state)
    theta_influence = cluster_sums(model.influence(working, inverse), likelihood.clusters)
    mean = np.zeros(likelihood.y.shape)
    for block in model.blocks():
        mean[likelihood.informative[block]] = model.fitted(working, block)[0]
    shape = (likelihood.n_behaviours, likelihood.n_groups)
    n_lag_coef = likelihood.n_lag_coef
    coef = state.theta[:n_lag_coef].reshape(shape).copy()
    influence = theta_influence[:, :n_lag_coef].reshape(-1, *shape).copy()
    total = max(float(mean[likelihood.at_risk].sum()), 1e-300)
    responses, entity_effects = {}, {}
    for k, b in enumerate(likelihood.nonlinear):
        at = likelihood.curvature_at[k]
        curvature, elasticity = (float(v) for v in state.theta[at : at + 2])
        responses[b] = SaturatingResponse(curvature, elasticity, coef[b].copy())
        parameters = np.concatenate([coef[b], state.theta[at : at + 2]])
        own = likelihood.lag_slice(b)
        positions = [*range(own.start, own.stop), at, at + 1]
        jacobian = _jacobian(likelihood, k, parameters, mean)
        influence[:, b] = theta_influence[:, positions] @ jacobian.T
        entity_effects[b] = _one_more_event(likelihood, k, parameters, mean)
        coef[b] = entity_effects[b].sum(axis=0) / total
    return NonlinearFit(coef, influence, entity_effects, responses, state.converged)


def _jacobian(
    likelihood: NonlinearLikelihood, k: int, parameters: FloatArray, mean: FloatArray
) -> FloatArray:
    """Differentiate the average marginal effects by c, κ and φ, shape (G, G + 2).

    Parameters on a bound are fixed and have derivative 0.
    """
    n_groups = likelihood.n_groups
    rows = slice(None, None, 1 + likelihood.y.shape[0] // JACOBIAN_ENTITIES)
    bounds = (likelihood.curvature_bounds, likelihood.elasticity_bounds)
    jacobian = np.zeros((n_groups, parameters.size))
    total = max(float(mean[rows][likelihood.at_risk[rows]].sum()), 1e-300)
    before = _one_more_event(likelihood, k, parameters, mean, rows).sum(axis=0)
    largest = float(np.abs(parameters[:n_groups]).max())
    for j in range(parameters.size):
        response = j - n_groups
        if response >= 0 and not bounds[response][0] < parameters[j] < bounds[response][1]:
            continue
        scale = max(abs(parameters[j]), MIN_COEF_SCALE * largest, 1e-12) if response < 0 else 1.0
        change = np.zeros(parameters.size)
        change[j] = DIFFERENCE_STEP * scale
        after = _one_more_event(likelihood, k, parameters + change, mean, rows).sum(axis=0)
        jacobian[:, j] = (after - before) / (change[j] * total)
    return jacobian


def _one_more_event(
    likelihood: NonlinearLikelihood,
    k: int,
    parameters: FloatArray,
    mean: FloatArray,
    rows: slice = slice(None),
) -> FloatArray:
    """Return the effect of one more event on each entity's sum of y, by lag group, (n, G)."""
    coef = parameters[: likelihood.n_groups]
    curvature, elasticity = float(parameters[-2]), float(parameters[-1])
    fitted = np.where(likelihood.at_risk[rows], mean[rows], 0.0)
    level_factor = np.exp(-np.float32(elasticity) * likelihood.baseline[rows])
    u = likelihood.index(k, coef, elasticity, rows)
    before = saturating_response(u, curvature)[0]
    columns = []
    for c in coef:
        after = saturating_response(u + as_float32(c) * level_factor, curvature)[0]
        added = np.minimum(after - before, MAX_LOG_GAIN)
        columns.append(np.einsum("nt,nt->n", fitted, np.expm1(added)))
    return np.stack(columns, axis=1)
