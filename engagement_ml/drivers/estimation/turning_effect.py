"""What a turning response is worth: average effect, curve, optimum and break-even, in currency.

With the load ``z = x m / P`` of x events spread evenly over an observation window of P periods (m
is the memory), margin over the outcome window, compared with no event, is

``C(x) = D (P / m) sum_s s y0_s (exp(f_s(x m / P)) − 1)``,   ``D = sum_l w_l k_l``,

summed over gains (s = 1) and losses (s = −1), with y0 the mean amount per period without any load,
k the load's kernel and w the weights of the lags in a window effect (`distributed_lags`). Its slope
is the effect of one more event on a customer with that load.

Optimum, break-even and curve are those of the polynomial, which is smooth. The average effect is
the mean slope over customers as they are. It depends on the few customers with high loads more than
a polynomial of low degree can follow, so it is taken from a linear spline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray, Int64Array
from engagement_ml.drivers.estimation.amount_curve import AmountCurve
from engagement_ml.drivers.estimation.clusters import cluster_sums
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.lag_model import MIN_AMOUNT_SHARE
from engagement_ml.drivers.estimation.load_response import (
    load_kernel,
    powers,
    spline,
)
from engagement_ml.drivers.estimation.turning import Turning
from engagement_ml.drivers.estimation.turning_response import QUADRATIC, TurningSearch
from engagement_ml.drivers.estimation.turning_test import MAX_QUANTILE, TurningTest, peak
from engagement_ml.drivers.estimation.window_effect import DRAWS_STREAM, N_DRAWS, NORMAL_95

GRID_POINTS = 801
"""Number of loads from none to the largest considered, for the optimum and the break-even."""

CURVE_POINTS = 41
"""Number of points of the curve that is returned."""

KNOT_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99)
"""Quantiles of the loads above none at which the flexible curve may change its slope."""


@dataclass(frozen=True)
class TurningEffect:
    """The turn, and the average effect in the form of a lag profile.

    Attributes
    ----------
    turning : Turning
    coef : array (G,)
        Effect of one more event by group of lags, in currency per period: proportional to the
        load's kernel.
    influence, sampling : arrays (n, G)
        Influence of each entity on the coefficients' error, and on the average over entities.
    form_std : float
        Standard deviation of the window effect over forms and memories.
    """

    turning: Turning
    coef: FloatArray
    influence: FloatArray
    sampling: FloatArray
    form_std: float


@dataclass(frozen=True)
class EffectSettings:
    """What turns a load response into currency over the outcome window.

    Attributes
    ----------
    lags : Lags
        Groups of lags with their weights in the window effect.
    gain_level, loss_level : float
        Mean gains and losses per period, in currency.
    cost : float
        Of serving one event, in currency.
    seed : int
    """

    lags: Lags
    gain_level: float
    loss_level: float
    cost: float = 0.0
    seed: int = 0


def turning_effect(
    search: TurningSearch, test: TurningTest, settings: EffectSettings
) -> TurningEffect:
    """Return the average effect, the curve and the optimum of a response that turns."""
    curves = amount_curves(search, test, settings)
    kernel = group_kernel(test.memory, settings.lags)
    flexible = amount_curves(search, test, settings, spline_knots(curves[0]))
    coef, influence, sampling = _lag_profile(
        flexible, kernel, settings.lags.weights, search.periods.clusters
    )
    others = other_forms(search, test, settings)
    effect = float(settings.lags.weights @ coef)
    form_std = _weighted_std([(weight, each - effect) for weight, each, _ in others])
    optimum_std = _weighted_std([(weight, each - test.optimum) for weight, _, each in others])
    turning = _turning(search, test, settings, curves, kernel, optimum_std)
    return TurningEffect(turning, coef, influence, sampling, form_std)


def other_forms(
    search: TurningSearch, test: TurningTest, settings: EffectSettings
) -> list[tuple[float, float, float]]:
    """Return weight, window effect on gains and optimum (as a load) of other forms and memories.

    The quadratic and the cubic curve count by half each if both turn, memories by their share of
    the likelihood; their differences from the estimate are its uncertainty of form.
    """
    panel = search.panel(test.behaviour, test.memory)
    forms = [(0.5, test.memory, fit) for fit in test.fits.values()]
    if test.curve.n_terms == test.fits[QUADRATIC].n_terms:
        forms = []  # the cubic curve does not turn
    forms += [(weight, memory, fit) for memory, (weight, fit) in test.choice.others.items()]
    rows = []
    for weight, memory, fit in forms:
        load, kernel = panel.load(memory), group_kernel(memory, settings.lags)
        profile, _, _ = _lag_profile(
            [AmountCurve(fit, load, 1.0, settings.gain_level)], kernel, settings.lags.weights
        )
        # Beyond the loads that are observed at all often, a cubic curve may rise again.
        top = float(np.quantile(load[fit.cells], MAX_QUANTILE))
        limit = max(top, test.optimum * memory / test.memory)
        at = peak(fit.coef, limit) * test.memory / memory
        rows.append((weight, float(settings.lags.weights @ profile), at))
    return rows


def _weighted_std(deviations: Sequence[tuple[float, float]]) -> float:
    """Return the root of the weighted sum of squares."""
    return float(np.sqrt(sum(weight * size**2 for weight, size in deviations)))


def group_kernel(memory: int, lags: Lags) -> FloatArray:
    """Return what an event adds to the load on average over each group of lags, shape (G,)."""
    kernel = load_kernel(memory, lags.longest)
    return np.array([kernel[a - 1 : b].mean() for a, b in lags.groups])


def spline_knots(curve: AmountCurve) -> tuple[float, ...]:
    """Return the knots of the flexible curve, quantiles of the loads above none."""
    loads = curve.load[curve.fit.cells]
    quantiles = np.quantile(loads[loads > 0], KNOT_QUANTILES)
    return tuple(float(knot) for knot in np.unique(quantiles))


def amount_curves(
    search: TurningSearch,
    test: TurningTest,
    settings: EffectSettings,
    knots: tuple[float, ...] | None = None,
) -> list[AmountCurve]:
    """Return the curve of gains and, unless they are negligible, that of losses.

    The polynomial of the test, or a linear spline with these knots.
    """
    panel = search.panel(test.behaviour, test.memory)
    load = panel.load(test.memory)
    terms = powers(load, test.curve.n_terms) if knots is None else spline(load, knots)
    gain = test.curve if knots is None else panel.fit(test.curve.y, terms)
    if not gain.fit.converged:
        return amount_curves(search, test, settings)
    curves = [AmountCurve(gain, load, 1.0, settings.gain_level, knots)]
    both = settings.gain_level + settings.loss_level
    if settings.loss_level > MIN_AMOUNT_SHARE * both:
        loss = search.amount(search.periods.loss, panel.cells)
        fit = panel.fit(loss, terms)
        if fit.fit.converged:
            curves.append(AmountCurve(fit, load, -1.0, settings.loss_level, knots))
    return curves


def _lag_profile(
    curves: Sequence[AmountCurve],
    kernel: FloatArray,
    weights: FloatArray,
    clusters: Int64Array | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return coefficients, influence and sampling influence by group of lags.

    One number times the kernel, so that the shape over the lags is known and only its size is
    estimated; the window effect is exact.
    """
    n = len(curves[0].load)
    total, influence, sampling = 0.0, np.zeros(n), np.zeros(n)
    for step in np.unique(kernel[kernel > 0]):
        weight = float(weights[kernel == step].sum())
        for curve in curves:
            slope, of_slope, of_sample = curve.slope(float(step))
            total += weight * slope
            influence += weight * of_slope
            sampling += weight * of_sample
    shape = kernel / max(float(weights @ kernel), 1e-300)
    sampling = cluster_sums(sampling, clusters)
    return total * shape, np.outer(influence, shape), np.outer(sampling, shape)


def _turning(
    search: TurningSearch,
    test: TurningTest,
    settings: EffectSettings,
    curves: Sequence[AmountCurve],
    kernel: FloatArray,
    optimum_std: float,
) -> Turning:
    """Return the turn; `optimum_std` is the uncertainty of form of the optimum, as a load."""
    load, cells = curves[0].load, curves[0].fit.cells
    limit = max(float(np.quantile(load[cells], MAX_QUANTILE)), test.optimum)
    grid = np.linspace(0.0, limit, GRID_POINTS)
    per_load = search.spans.observation / test.memory
    periods = float(settings.lags.weights @ kernel)
    coefs = _draw_coefs(curves, settings.seed)
    gross = sum(curve.margin(grid, drawn) for curve, drawn in zip(curves, coefs, strict=True))
    gross = np.asarray(gross) * periods * per_load
    net = gross - settings.cost * grid * per_load
    optima = grid[net.argmax(axis=1)]
    low, high = _interval(optima, optimum_std)
    points = np.linspace(0, GRID_POINTS - 1, CURVE_POINTS).astype(int)
    band = NORMAL_95 * gross[1:, points].std(axis=0)
    effect = gross[0, points]
    return Turning(
        memory=test.memory,
        optimum=float(optima[0] * per_load),
        optimum_low=low * per_load,
        optimum_high=high * per_load,
        break_even=_break_even(grid * per_load, net[0]),
        x=tuple((grid[points] * per_load).tolist()),
        effect=tuple(effect.tolist()),
        low=tuple((effect - band).tolist()),
        high=tuple((effect + band).tolist()),
        curvature_z=test.curvature_z,
        rising_z=test.rising_z,
        falling_z=test.falling_z,
        step_std=tuple(np.diff(gross[1:, points], axis=1).std(axis=0).tolist()),
    )


def _draw_coefs(curves: Sequence[AmountCurve], seed: int) -> list[FloatArray]:
    """Return the estimates, then draws of them, of each curve, shape (1 + D, K).

    The draws of gains and losses belong together: a multivariate normal with the covariance of all
    coefficients, clustered by entity.
    """
    influence = np.concatenate([curve.fit.influence for curve in curves], axis=1)
    coef = np.concatenate([curve.fit.coef for curve in curves])
    values, vectors = np.linalg.eigh(influence.T @ influence)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    errors = np.random.default_rng([seed, DRAWS_STREAM, 1]).standard_normal((N_DRAWS, len(coef)))
    drawn = np.concatenate([coef[None], coef + errors @ root.T])
    return np.split(drawn, np.cumsum([curve.fit.n_terms for curve in curves])[:-1], axis=1)


def _interval(optima: FloatArray, form: float) -> tuple[float, float]:
    """Return the 95% interval of the optimum: quantiles of the draws, widened by the form error."""
    estimate, margin = float(optima[0]), NORMAL_95 * form
    below, above = (float(q) for q in np.quantile(optima[1:], [0.025, 0.975]))
    low = estimate - np.hypot(max(estimate - below, 0.0), margin)
    high = estimate + np.hypot(max(above - estimate, 0.0), margin)
    return float(max(low, 0.0)), float(high)


def _break_even(x: FloatArray, net: FloatArray) -> float | None:
    """Return where the curve comes back to zero beyond its peak; None if it does not."""
    top = int(net.argmax())
    below = np.nonzero(net[top:] < 0)[0]
    if not below.size or net[top] <= 0:
        return None
    after = top + int(below[0])
    share = net[after - 1] / (net[after - 1] - net[after])
    return float(x[after - 1] + share * (x[after] - x[after - 1]))
