"""Nonlinear response model: fixed-effects Poisson with saturating response functions.

``log E[y_it] = a_i + g_t + x_it'b + sum_j f(exp(−φ_j m_it) x_jit'c_j; κ_j)``,
``f(u; κ) = sign(u) log(1 + κ |u|) / κ``,

with m_it the log baseline level of the entity and the period (`response_functions`).

A log-linear response, ``E[y] = exp(a + g + x'b)``, says that each further event multiplies margin
by the same factor, for small and for large entities. If an event instead adds a share of the
baseline, or the same amount for all, the most active entities dominate the log-linear estimate, and
for frequent behaviours it is too small by half. So each behaviour with an effect gets two more
parameters, estimated from the data: κ, the curvature, and φ, the elasticity.

The baseline level is taken from the entity's total y. The likelihood is conditional on that total,
and when it falls within the periods depends on the level through φ only, so the level causes no
bias. κ and φ have weak normal priors, which decide if the data say little.

The fit is by Fisher scoring with step halving on the penalised Poisson pseudo-likelihood, entity
effects profiled out. A change of κ rescales c so that the mean response stays constant: with c
unchanged, a more curved response would first fit worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engagement_ml.drivers.estimation.fe_poisson import PoissonFit
from engagement_ml.drivers.estimation.marginal_effects import NonlinearFit, marginal_effects
from engagement_ml.drivers.estimation.nonlinear_likelihood import NonlinearLikelihood
from engagement_ml.drivers.estimation.nonlinear_solver import maximise
from engagement_ml.drivers.estimation.nonlinear_state import LaggedPanel, NonlinearState

BASELINE_UPDATES = 2
"""Number of times that baseline levels are recomputed with the fitted responses."""


def fit_nonlinear_response(
    panel: LaggedPanel, log_linear: PoissonFit, nonlinear: Sequence[int]
) -> NonlinearFit:
    """Fit nonlinear responses of some behaviours, all others log-linear.

    Parameters
    ----------
    panel : LaggedPanel
    log_linear : PoissonFit
        Log-linear fit of the same regressors, x before the controls: the starting values.
    nonlinear : sequence of int
        Positions of the behaviours with a nonlinear response.

    Returns
    -------
    NonlinearFit
    """
    partial, start = _fit_responses(panel, log_linear, nonlinear)
    likelihood = NonlinearLikelihood(panel, nonlinear, log_linear)
    likelihood.baseline = partial.baseline
    # Starting values: responses and controls of the partial fit, other behaviours log-linear.
    lag_coef = log_linear.coef[: likelihood.n_lag_coef]
    theta = np.concatenate([lag_coef, start.theta[partial.n_lag_coef :]])
    for k, b in enumerate(nonlinear):
        theta[likelihood.lag_slice(b)] = start.theta[partial.lag_slice(k)]
    state = maximise(likelihood, likelihood.evaluate(theta, start.period_effects))
    return marginal_effects(likelihood, state)


def _fit_responses(
    panel: LaggedPanel, log_linear: PoissonFit, nonlinear: Sequence[int]
) -> tuple[NonlinearLikelihood, NonlinearState]:
    """Fit the nonlinear responses with the other behaviours' effects as an offset.

    Their coefficients hardly move, and steps without them cost a fraction of the time.
    """
    _, _, n_behaviours, n_groups = panel.x.shape
    positions = np.arange(n_behaviours * n_groups).reshape(n_behaviours, n_groups)
    others = [b for b in range(n_behaviours) if b not in nonlinear]
    controls = np.arange(positions.size, log_linear.coef.size)
    kept = np.concatenate([positions[list(nonlinear)].ravel(), controls])
    other_coef = log_linear.coef[positions[others]].astype(np.float32)
    offset = np.einsum("ntbg,bg->nt", panel.x[:, :, others], other_coef).astype(np.float64)
    start = replace(log_linear, coef=log_linear.coef[kept])
    partial = replace(panel, x=panel.x[:, :, list(nonlinear)])
    likelihood = NonlinearLikelihood(partial, range(len(nonlinear)), start, offset)
    state = likelihood.update_baseline(likelihood.start(start))
    state = maximise(likelihood, state, fix_responses=True)
    for _ in range(BASELINE_UPDATES):
        # The baseline level excludes what the behaviours themselves have added.
        state = maximise(likelihood, likelihood.update_baseline(state))
    return likelihood, state
