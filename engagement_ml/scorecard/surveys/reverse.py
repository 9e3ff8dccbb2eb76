"""Reverse causality: what purchases, and behaviours, say of the next score.

A customer's scores are regressed on the customer's purchases before each answer, with an effect for
each customer and each quarter of a year, given the previous score (linear within estimator, errors
clustered by customer).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray, IntArray, LagGroups
from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.estimation.lag_model import estimation_sample, winsorise
from engagement_ml.drivers.estimation.reverse_causality import PURCHASE_LAGS, lagged_purchases
from engagement_ml.drivers.multiple_testing import holm
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.features.period_panel import Periods
from engagement_ml.scorecard.surveys.answers import Answers
from engagement_ml.scorecard.surveys.design import score_design

WEEKS_OF_A_SEASON = 13
MAX_P_VALUE = 0.01
"""Holm-adjusted p-value from which a behaviour differs before an answer."""


@dataclass(frozen=True)
class ScoreResponse:
    """What purchases do to the next score, within customers.

    Attributes
    ----------
    strength : float
        Change of the score, in its within-customer standard deviations, for one such deviation
        more purchases.
    points : float
        The same change, in points of the score.
    z : float
        At the group of weeks with the largest |z|.
    lag : (int, int)
        That group, in weeks before the answer.
    """

    strength: float = 0.0
    points: float = 0.0
    z: float = 0.0
    lag: tuple[int, int] = (0, 0)
    thresholds: Thresholds = THRESHOLDS

    @property
    def follows(self) -> bool:
        """Whether past purchases certainly predict the score, by however little."""
        return abs(self.z) >= self.thresholds.follows_z

    @property
    def responds(self) -> bool:
        """Whether the score rises after purchases by enough to matter."""
        return self.z >= self.thresholds.follows_z and (
            self.strength >= self.thresholds.follows_increase
        )


def response_to_purchases(
    periods: Periods, answers: Answers, thresholds: Thresholds = THRESHOLDS
) -> ScoreResponse:
    """Regress the score on the customer's purchases before the answer.

    Returns
    -------
    ScoreResponse
        Zeros if no customer has two answers.
    """
    kept = answers.counts(len(periods.entities))[answers.customer] >= 2
    if not kept.any():
        return ScoreResponse(thresholds=thresholds)
    lags: LagGroups = ((0, 0), *PURCHASE_LAGS)
    purchases = lagged_purchases(periods, lags, in_logs=True)[answers.customer, answers.week]
    first = ~answers.has_previous
    previous = np.where(first, 0.0, np.concatenate([[0.0], answers.score[:-1]]))
    season = answers.week // WEEKS_OF_A_SEASON
    dummies = (season[:, None] == np.unique(season)[None, 1:]).astype(float)
    x = np.column_stack([purchases, first.astype(float), previous, dummies])[kept].astype(float)
    y, customer = answers.score[kept], answers.customer[kept]
    coef, error, spread = _within(y, x, customer)
    p = len(lags)
    z = np.divide(coef, error, out=np.zeros_like(coef), where=error > 0)[:p]
    strongest = 1 + int(np.abs(z[1:]).argmax())  # the same week is no evidence
    points = float(coef[strongest] * spread[strongest])
    std = float(_demeaned(y[:, None], customer).std()) or 1.0
    return ScoreResponse(points / std, points, float(z[strongest]), lags[strongest], thresholds)


def behaviours_before(
    periods: Periods, answers: Answers, behaviours: tuple[str, ...], reach: int
) -> dict[str, float]:
    """Return the behaviours that differ in the weeks before an answer with the score, with their z.

    An effect of the score cannot precede the answer: a hidden state or another cause moves both.
    """
    pool = answers.counts(len(periods.entities)) >= 2
    values = answers.centred(answers.score)
    design = score_design(
        answers, values, np.ones(answers.n, dtype=bool), periods.gain.shape, reach
    )
    at_risk = estimation_sample(periods, 0) & design.near & pool[:, None]
    weights = np.array([last - first + 1 if last < 0 else 0 for first, last in design.groups])
    found = {}
    for name in behaviours:
        counts = periods.counts[..., periods.behaviours.index(name)].astype(np.float64)
        fit = fit_poisson(winsorise(np.where(at_risk, counts, 0.0)), design.x, at_risk)
        each = fit.influence[:, : len(weights)] @ weights
        error = float(np.sqrt(each @ each))
        if fit.converged and error > 0:
            found[name] = float(weights @ fit.coef[: len(weights)]) / error
    if not found:
        return {}
    from scipy.stats import norm

    adjusted = holm([2 * float(norm.sf(abs(z))) for z in found.values()])
    return {b: z for (b, z), p in zip(found.items(), adjusted, strict=True) if p < MAX_P_VALUE}


def _within(
    y: FloatArray, x: FloatArray, cluster: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return coefficients, clustered errors and standard deviations of a within regression."""
    x, y = _demeaned(x, cluster), _demeaned(y[:, None], cluster)[:, 0]
    spread = x.std(axis=0)
    scaled = x / np.where(spread > 0, spread, 1.0)
    inverse = np.linalg.pinv(scaled.T @ scaled, rcond=1e-8, hermitian=True)
    coef = inverse @ (scaled.T @ y)
    scores = scaled * (y - scaled @ coef)[:, None]
    _, place = np.unique(cluster, return_inverse=True)
    sums = np.zeros((place.max() + 1, x.shape[1]))
    np.add.at(sums, place, scores)
    influence = sums @ inverse
    error = np.sqrt((influence**2).sum(axis=0))
    scale = np.where(spread > 0, spread, 1.0)
    return coef / scale, error / scale, spread


def _demeaned(values: FloatArray, cluster: IntArray) -> FloatArray:
    _, place = np.unique(cluster, return_inverse=True)
    sums = np.zeros((place.max() + 1, values.shape[1]))
    np.add.at(sums, place, values)
    return np.asarray(values - (sums / np.bincount(place)[:, None])[place], dtype=np.float64)
