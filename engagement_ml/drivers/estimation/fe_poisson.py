"""Fixed-effects Poisson (within) estimator, with entity and group-by-period effects.

``E[y_it] = exp(a_i + g_s(i)t + x_it'b)``, fitted by Poisson pseudo maximum likelihood: Newton's
method on the profile likelihood, which for the canonical link is iteratively reweighted least
squares. The entity effects a_i are profiled out in closed form, so the cost grows with entities ×
periods × regressors and not with the number of entity dummies.

``pyfixest.fepois`` fits the same model, and the tests compare the two. This solver is kept because
it returns the influence function of each entity, from which bootstraps, sample splits and intervals
follow without a refit; because it works on blocks of entities, so that memory stays bounded; and
because its score and information are also those of the nonlinear response functions
(`nonlinear_likelihood`), which are fitted together with the fixed effects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.estimation.clusters import cluster_sums
from engagement_ml.drivers.estimation.profiled_poisson import InformationInverse, ProfiledPoisson

MAX_ITERATIONS = 40
"""Largest number of Newton steps."""

STEP_TOLERANCE = 1e-4
"""Newton's method ends if no coefficient of a standardised regressor moves by more than this.

The last step is still taken. Convergence is quadratic, so its error is of the order of 1e-8.
"""

MAX_HALVINGS = 12
"""Largest number of halvings of one step before the search ends without convergence."""

MIN_ENTITIES = 2
"""Entities with any y that a fit needs."""

SAFE_STEP = 0.02
"""A Newton step this small is taken in full: the change of the likelihood drowns in rounding."""

MAX_STEP = 5.0
"""Largest change of a standardised coefficient or period effect in one Newton step.

Under perfect separation the maximum is at infinity, and a full step could overflow.
"""


class NotConvergedError(RuntimeError):
    """A fit did not converge, so nothing that rests on it can be said."""


@dataclass(frozen=True)
class PoissonFit:
    """Coefficients, influence functions and period effects of a fixed-effects Poisson model.

    Attributes
    ----------
    coef : array (P,)
        b: change of log E[y] for one more unit of each regressor. It is 0, with zero influence, if
        b is not identified: the regressor never varies within entities, or it is collinear with
        other regressors or with period effects, or its maximum likelihood estimate is infinite
        (separation; Correia, Guimarães and Zylkin 2019).
    influence : array (n, P)
        Influence function of each entity: its contribution to the estimation error. The sum of
        outer products is the covariance clustered by entity. Zero for entities without information
        (y never above 0).
    n_entities : int
        Number of entities with y above 0 in some period at risk.
    converged : bool
        Whether the last Newton step was smaller than `STEP_TOLERANCE`. What rests on a fit that did
        not converge is no evidence.
    period_effects : array (S, T)
        g by group and period.
    information : array (P, P)
        Sums of squares and products of the regressors within entities and periods, weighted by
        fitted means: the information of b.
    """

    coef: FloatArray
    influence: FloatArray
    n_entities: int
    converged: bool
    period_effects: FloatArray
    information: FloatArray

    def require_convergence(self) -> PoissonFit:
        """Return the fit itself.

        Raises
        ------
        NotConvergedError
            If it did not converge although entities have any y.
        """
        if not self.converged and self.n_entities >= MIN_ENTITIES:
            raise NotConvergedError
        return self

    @property
    def covariance(self) -> FloatArray:
        """Covariance of `coef`, clustered by entity, shape (P, P)."""
        return self.influence.T @ self.influence


def fit_poisson(
    y: FloatArray,
    x: Float32Array,
    at_risk: BoolArray,
    group: Int64Array | None = None,
    clusters: Int64Array | None = None,
) -> PoissonFit:
    """Fit a Poisson pseudo maximum likelihood with entity and group-by-period fixed effects.

    Consistent for any non-negative y whose mean has this form, whatever its variance (Gourieroux,
    Monfort and Trognon 1984; Wooldridge 1999). With strictly exogenous regressors there is no
    incidental parameters bias, however few the periods.

    Parameters
    ----------
    y : array (n, T), non-negative
    x : float32 array (n, T, P)
    at_risk : bool array (n, T)
        Cells of the estimation sample; values in other cells are ignored.
    group : int array (n,), optional
        Codes 0..S−1; each group has its own period effects. One group if absent.
    clusters : int array (n,), optional
        Entities of a cluster are not independent; see ``clusters.cluster_sums``.

    Returns
    -------
    PoissonFit
        Zeros with ``converged`` False if fewer than two entities have any y.

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
    model = ProfiledPoisson(y, x, at_risk, group)
    n_informative = int(model.informative.size)
    if n_informative < MIN_ENTITIES:
        influence = np.zeros((x.shape[0], n_regressors))
        period_effects = np.zeros((model.n_groups, model.n_periods))
        none = np.zeros((n_regressors, n_regressors))
        return PoissonFit(
            np.zeros(n_regressors), influence, n_informative, False, period_effects, none
        )
    theta, information, reference, converged = _newton(model)
    inverse = InformationInverse(information, reference)
    coef = np.where(inverse.identified, theta[:n_regressors] / model.scale, 0.0)
    influence = cluster_sums(model.influence(theta, inverse), clusters)
    period_effects = theta[n_regressors:].reshape(model.n_groups, model.n_periods)
    products = inverse.reduced * model.scale * model.scale[:, None]
    return PoissonFit(coef, influence, n_informative, converged, period_effects, products)


def _newton(model: ProfiledPoisson) -> tuple[FloatArray, FloatArray, FloatArray, bool]:
    """Maximise the profile likelihood by damped Newton steps.

    The likelihood is concave, so a Newton step is an ascent direction, and halving it until the
    likelihood rises cannot fail but for rounding.

    Returns
    -------
    theta, information, reference : arrays
    converged : bool
    """
    p = model.n_regressors
    theta = model.start_values()
    score, information = model.score_and_information(theta)
    reference = model.reference_information(information)
    objective = model.log_likelihood(theta)
    for _ in range(MAX_ITERATIONS):
        # Newton step, shortened to the trust region, then halved until the likelihood rises.
        step = InformationInverse(information, reference).solve(score)
        step *= min(1.0, MAX_STEP / max(np.abs(step).max(), 1e-300))
        full_step = float(np.abs(step[:p]).max(initial=0.0))
        raised = model.log_likelihood(theta + step)
        halvings = 0
        while raised < objective and full_step > SAFE_STEP:
            halvings += 1
            if halvings > MAX_HALVINGS:
                return theta, information, reference, False
            step /= 2
            raised = model.log_likelihood(theta + step)
        theta, objective = theta + step, raised
        score, information = model.score_and_information(theta)
        if full_step < STEP_TOLERANCE:
            return theta, information, reference, True
    return theta, information, reference, False
