"""The Poisson model with responses that bend with the count and differ with the entity's level.

A log-linear response, ``E[y] = exp(a + g + x'b)``, says that each further event multiplies margin,
and that it does so by the same factor for small and large entities. Where an event adds a share of
the usual margin instead, or the same amount for all, those who do most dominate the estimate, and
it comes out too small, by half for frequent behaviours. So the response of a behaviour that acts is
let free in two ways, and the data say which holds:

``log E[y_it] = a_i + g_t + x_it'b + sum_j f(exp(−φ_j m_it) x_jit'c_j; κ_j)``,
``f(u; κ) = sign(u) log(1 + κ |u|) / κ``

with m_it the log of the usual margin of the entity and the period. κ = 0 is the log-linear
response, κ = 1 one straight in currency, more a response that flattens out. φ = 0 is an effect in
proportion to the usual margin, φ = 1 one of the same amount for all. Given the sum of an entity's
margin, when it falls within the periods does not depend on its level but by φ, so a level taken
from that sum brings no bias. Both have a weak prior, normal with the standard deviations
`CURVATURE_SPREAD` and `ELASTICITY_SPREAD`, which decides where the data say little.

Fitted by Fisher scoring with step halving on the Poisson pseudo likelihood, entity and period
effects concentrated out. A step of κ takes c along, so that what the usual number of events adds
stays as it is: with c left where it is, a more bent response would first have to fit worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.estimation.fe_poisson import PoissonFit
from engagement_ml.drivers.estimation.nonlinear_likelihood import (
    NonlinearFit,
    NonlinearLikelihood,
    State,
)

_LEVELLINGS = 2


def fit_nonlinear_response(
    y: FloatArray,
    x: Float32Array,
    beside: Float32Array,
    at_risk: BoolArray,
    group: Int64Array | None,
    plain: PoissonFit,
    acting: Sequence[int],
) -> NonlinearFit:
    """Fit the responses of the acting behaviours, all others log-linear.

    Parameters
    ----------
    y : array (n, T)
    x : float32 array (n, T, B, G)
        Counts by behaviour and group of lags.
    beside : float32 array (n, T, C)
        Further regressors.
    at_risk : bool array (n, T)
    group : int array (n,) or None
    plain : PoissonFit
        The log-linear fit of the same regressors, x before `beside`, where the search starts.
    acting : sequence of int
        Places of the behaviours whose response may bend.
    """
    few, some = _search(y, x, beside, at_risk, group, plain, acting)
    model = NonlinearLikelihood(y, x, beside, at_risk, group, acting, plain)
    model.level = few.level
    own = few.width
    theta = np.concatenate([plain.coef[: model.width], some.theta[own:]])
    for k, b in enumerate(acting):
        theta[b * few.n_groups : (b + 1) * few.n_groups] = few.own(some.theta, k)
    return model.summary(model.climb(model.state(theta, some.levels)))


def _search(
    y: FloatArray,
    x: Float32Array,
    beside: Float32Array,
    at_risk: BoolArray,
    group: Int64Array | None,
    plain: PoissonFit,
    acting: Sequence[int],
) -> tuple[NonlinearLikelihood, State]:
    """Look for the responses with all other behaviours as the log-linear fit has them.

    Theirs hardly move, and steps that leave them out cost a fraction.
    """
    _, _, n_behaviours, n_groups = x.shape
    places = np.arange(n_behaviours * n_groups).reshape(n_behaviours, n_groups)
    others = [b for b in range(n_behaviours) if b not in acting]
    kept = np.concatenate([places[list(acting)].ravel(), np.arange(places.size, plain.coef.size)])
    aside = plain.coef[places[others]].astype(np.float32)
    offset = np.einsum("ntbg,bg->nt", x[:, :, others], aside).astype(np.float64)
    start = replace(plain, coef=plain.coef[kept])
    model = NonlinearLikelihood(
        y, x[:, :, list(acting)], beside, at_risk, group, range(len(acting)), start, offset
    )
    state = model.climb(model.levelled(model.start(start)), held=True)
    for _ in range(_LEVELLINGS):
        # What an entity's behaviours brought it is no part of its usual level.
        state = model.climb(model.levelled(state))
    return model, state
