"""How effects on churn hold up: other shapes, other times, segments and pairs of behaviours.

Each function refits the hazard of the joint fit with other terms in place of the recent counts, and
keeps its controls and its notice period.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.retention.churn_effects import ChurnFit

N_QUARTERS = 4
"""Parts of the history, with about as many churned entities in each."""

TOP_QUANTILE = 0.99
"""Quantile at which counts are winsorised in products of two."""

StepFunction = Callable[[Float32Array], Float32Array]


@dataclass(frozen=True)
class ShareByGroup:
    """The effect of a behaviour in groups of rows, relative to its effect over all rows.

    Attributes
    ----------
    share : array (K,)
        1 if the effect is the same as over all rows.
    covariance : array (K, K)
        Clustered by entity.
    """

    share: FloatArray
    covariance: FloatArray

    def over(self, groups: Sequence[int]) -> tuple[float, float]:
        """Return the precision-weighted share of some groups, and its standard error.

        (0, infinity) if the share of none of them is identified.
        """
        rows = np.asarray(groups)
        variance = np.diag(self.covariance)[rows]
        weight = np.where(variance > 0, 1.0 / np.where(variance > 0, variance, 1.0), 0.0)
        if not weight.any():
            return 0.0, np.inf
        weight /= weight.sum()
        error = np.sqrt(weight @ self.covariance[np.ix_(rows, rows)] @ weight)
        return float(weight @ self.share[rows]), float(error)


def z_with_steps(
    fit: ChurnFit, candidates: Sequence[str], acting: Sequence[str], steps: StepFunction
) -> dict[str, tuple[float, float]]:
    """Return each candidate's z with linear controls for the others, and with step functions.

    Parameters
    ----------
    fit : ChurnFit
    candidates, acting : sequence of str
        Behaviours to test, and those that may act in any shape.
    steps : callable
        Returns indicators (N, S) of a behaviour's window count (N,).
    """
    counts, place = fit.design.window_counts, _places(fit)
    linear = _z(fit, counts)
    indicators = {b: steps(counts[:, place[b]]) for b in acting}
    found = {}
    for b in candidates:
        others = [indicators[other] for other in acting if other != b]
        stepped = _z(fit, np.concatenate([counts, *others], axis=1))
        found[b] = (-float(linear[place[b]]), -float(stepped[place[b]]))
    return found


def quarters(fit: ChurnFit) -> Int64Array:
    """Return each row's quarter of the history, 0 to 3, with about as many churned in each."""
    period, event = fit.design.period, fit.design.event
    churned = np.bincount(period, event, minlength=int(period.max(initial=0)) + 1)
    middle = np.cumsum(churned) - churned / 2
    quarter = (N_QUARTERS * middle / max(float(churned.sum()), 1.0)).astype(np.int64)
    return np.asarray(np.minimum(quarter, N_QUARTERS - 1)[period])


def shares_by_group(
    fit: ChurnFit, profiles: Mapping[str, FloatArray], group: Int64Array, n_groups: int
) -> dict[str, ShareByGroup]:
    """Estimate how much of each behaviour's effect there is in each group of rows.

    The lag profile of the behaviour over all rows becomes one index, which enters the hazard once
    for each group. Window counts of the other behaviours are controls.

    Parameters
    ----------
    fit : ChurnFit
    profiles : mapping of behaviour to array (G,)
        Effects by group of lags, such as ``WindowEffect.profile``.
    group : int array (N,)
        Group of each row; rows at −1 belong to none.
    n_groups : int
    """
    place, sums = _places(fit), fit.design.sums
    names = [b for b in profiles if np.any(profiles[b])]
    n_lags = len(fit.effects.lags.groups)
    terms, inside = [], [group == k for k in range(n_groups)]
    for b in names:
        columns = slice(place[b] * n_lags, (place[b] + 1) * n_lags)
        index = sums[:, columns] @ profiles[b].astype(np.float32)
        terms += [index * rows for rows in inside]
    others = [i for b, i in place.items() if b not in names]
    # Groups differ in their hazard, whatever they do.
    dummies = [rows.astype(np.float32) for rows in inside[1:]]
    design = np.stack(terms + dummies, axis=1) if terms else np.zeros((group.size, 0))
    x = np.concatenate([design, fit.design.window_counts[:, others]], axis=1).astype(np.float32)
    refit = fit.design.fit_terms(x, fit.rates)
    found = {}
    for i, b in enumerate(names):
        own = slice(i * n_groups, (i + 1) * n_groups)
        influence = refit.influence[:, own]
        # A profile is minus the change of the hazard.
        found[b] = ShareByGroup(-refit.coef[own], influence.T @ influence)
    return found


def z_long_before(fit: ChurnFit, earlier: Float32Array, b: str) -> tuple[float, float]:
    """Return the z of a behaviour's counts long before, and of recent counts less those.

    Parameters
    ----------
    fit : ChurnFit
    earlier : float32 array (N, B)
        Counts before the window of the fit, in as many periods.
    b : str

    Returns
    -------
    (z, z)
        Positive if more of it goes before a lower hazard.
    """
    counts, i = fit.design.window_counts, _places(fit)[b]
    refit = fit.design.fit_terms(np.concatenate([counts, earlier], axis=1), fit.rates)
    j = counts.shape[1] + i
    before = refit.influence[:, j]
    contrast = refit.influence[:, i] - before
    return (
        -_ratio(float(refit.coef[j]), before),
        -_ratio(float(refit.coef[i] - refit.coef[j]), contrast),
    )


def interaction(fit: ChurnFit, first: str, second: str) -> tuple[float, float]:
    """Return minus the second difference of the hazard by two behaviours, and its standard error.

    Relative to the hazard: ``−(b_xy + b_x b_y)``, with b_xy the coefficient of the product of their
    window counts, each winsorised and less its mean, beside all counts and the two squares.
    """
    place, counts = _places(fit), fit.design.window_counts
    x, y = (_centred(counts[:, place[b]]) for b in (first, second))
    products = np.stack([x * y, x * x, y * y], axis=1)
    terms = np.concatenate([products, counts], axis=1).astype(np.float32)
    refit = fit.design.fit_terms(terms, fit.rates)
    a, b = 3 + place[first], 3 + place[second]
    # delta method
    gradient = np.zeros(refit.coef.size)
    gradient[0], gradient[a], gradient[b] = 1.0, refit.coef[b], refit.coef[a]
    difference = float(refit.coef[0] + refit.coef[a] * refit.coef[b])
    return -difference, float(np.linalg.norm(refit.influence @ gradient))


def _places(fit: ChurnFit) -> dict[str, int]:
    return {b: i for i, b in enumerate(fit.effects.behaviours)}


def _centred(counts: Float32Array) -> FloatArray:
    winsorised = np.minimum(counts, np.quantile(counts, TOP_QUANTILE)).astype(np.float64)
    return np.asarray(winsorised - winsorised.mean())


def _z(fit: ChurnFit, terms: Float32Array) -> FloatArray:
    """Return the z of each term, clustered by entity; 0 if not identified."""
    refit = fit.design.fit_terms(terms, fit.rates)
    k = terms.shape[1]
    error = np.linalg.norm(refit.influence[:, :k], axis=0)
    return np.asarray(np.where(error > 0, refit.coef[:k] / np.where(error > 0, error, 1.0), 0.0))


def _ratio(value: float, influence: FloatArray) -> float:
    error = float(np.linalg.norm(influence))
    return value / error if error > 0 else 0.0
