"""Effect of a score on margin within customers, by fixed-effects Poisson regression.

Margin of a week is regressed on the customer's last score, on the next one, and on whether there is
an answer at that distance, with an effect for each customer and each week. The score is taken less
the customer's own mean, so that only its changes count. What an answer says of the margin *before*
it cannot be its effect (pre-trend test).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, IntArray
from engagement_ml.drivers.estimation.event_study import LeadTest, lead_test
from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.estimation.lag_model import (
    MIN_AMOUNT_SHARE,
    estimation_sample,
    tenure_dummies,
    winsorise,
)
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.features.period_panel import Periods
from engagement_ml.measures.kinds.kind import Z
from engagement_ml.scorecard.surveys.answers import Answers
from engagement_ml.scorecard.surveys.design import ScoreDesign, score_design

MIN_REACH = 8
"""Weeks on either side of an answer that are compared at least."""
BOOTSTRAPS = 1000
SEED = 7


@dataclass(frozen=True)
class ScoreEffect:
    """Effect of one unit of a value of the score, such as one point, within customers.

    Attributes
    ----------
    effect, error : float
        In currency over an outcome window; `error` is its standard error, clustered by customer,
        times √(G / (G − K)) for G customers and K regressors of answers.
    freedom : float
        Degrees of freedom: the effective number of customers less one. Few customers with much
        margin decide less than their number says.
    z : float
        The normal quantile with the probability that Student's t has.
    half_z : (float, float)
        z in two random halves of the customers.
    leads : tuple of LeadTest
        What follows an answer compared with what precedes it: over all weeks, and without those
        next to the answer.
    before_excess_z : float
        z of what precedes an answer less twice the size of what follows it: how clearly the score
        only follows.
    pass_share : float
        Share of bootstrap samples of customers in which z reaches the limit again.
    people : int
        Customers with two different values and any margin.
    converged : bool
    level : float
        Mean net margin per customer and outcome window after answers.
    """

    effect: float
    error: float
    freedom: float
    z: float
    half_z: tuple[float, float]
    leads: tuple[LeadTest, ...]
    before_excess_z: float
    pass_share: float
    people: int
    converged: bool
    level: float

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval, with the errors of form and level that all effects have."""
        from scipy.stats import t

        relative = np.hypot(THRESHOLDS.form_error, THRESHOLDS.common_error)
        quantile = float(t.ppf(0.975, self.freedom))
        half = float(np.hypot(quantile * self.error, Z * relative * self.effect))
        return self.effect - half, self.effect + half


def estimate_effect(
    periods: Periods,
    answers: Answers,
    values: FloatArray,
    valid: BoolArray,
    *,
    outcome: int,
    controls: Float32Array | None = None,
    thresholds: Thresholds = THRESHOLDS,
) -> ScoreEffect:
    """Estimate the effect of a value of the answers on margin within customers.

    Parameters
    ----------
    periods : Periods
    answers : Answers
    values : float array (m,)
        Centred by customer, or changes.
    valid : bool array (m,)
        Answers that have a value.
    outcome : int
        Periods of an outcome window.
    controls : float32 array (n, T, C), optional
        Further regressors.
    thresholds : Thresholds
    """
    pool = np.flatnonzero(answers.counts(len(periods.entities)) >= 2)
    periods, answers, kept = restrict(periods, answers, pool)
    design = score_design(
        answers, values[kept], valid[kept], periods.gain.shape, max(outcome, MIN_REACH)
    )
    at_risk = estimation_sample(periods, 0) & design.near
    extra = [tenure_dummies(periods)] + ([] if controls is None else [controls[pool]])
    x = np.concatenate([design.x, *extra], axis=2)
    coef, influence, converged = _net_effects(periods, x, at_risk, design)
    varied = np.abs(design.x[..., : len(design.groups)]).sum(axis=(1, 2)) > 0
    paying = np.where(at_risk, periods.gain, 0.0).sum(axis=1) > 0
    after = at_risk & design.after
    net = (periods.gain - periods.loss)[after]
    return _effect_of(
        coef,
        influence,
        design,
        outcome,
        people=int((varied & paying).sum()),
        converged=converged,
        level=float(net.mean() * outcome) if net.size else 0.0,
        min_z=thresholds.min_z,
    )


def restrict(
    periods: Periods, answers: Answers, pool: IntArray
) -> tuple[Periods, Answers, BoolArray]:
    """Return the panel and the answers of some customers, and which answers these are."""
    place = np.full(len(periods.entities), -1, dtype=np.int64)
    place[pool] = np.arange(len(pool))
    kept = place[answers.customer] >= 0
    panel = replace(
        periods,
        entities=periods.entities[pool],
        counts=periods.counts[pool],
        gain=periods.gain[pool],
        loss=periods.loss[pool],
        orders=periods.orders[pool],
        entry=periods.entry[pool],
        exit=periods.exit[pool],
        segments={},
        days=None,
    )
    chosen = replace(
        answers,
        customer=place[answers.customer[kept]],
        week=answers.week[kept],
        score=answers.score[kept],
        sent_week=answers.sent_week[kept],
    )
    return panel, chosen, kept


def _net_effects(
    periods: Periods, x: Float32Array, at_risk: BoolArray, design: ScoreDesign
) -> tuple[FloatArray, FloatArray, bool]:
    """Return coefficients of the value by group in currency per week, and their influence."""
    g = len(design.groups)
    coef, influence, converged = np.zeros(g), np.zeros((len(periods.entities), g)), True
    after = at_risk & design.after
    amounts = {1.0: periods.gain, -1.0: periods.loss}
    total = sum(float(amount[at_risk].sum()) for amount in amounts.values())
    for sign, amount in amounts.items():
        if float(amount[at_risk].sum()) <= MIN_AMOUNT_SHARE * total or not after.any():
            converged = converged and sign < 0
            continue
        fit = fit_poisson(winsorise(np.where(at_risk, amount, 0.0)), x, at_risk)
        level = sign * float(amount[after].mean())
        coef += level * fit.coef[:g]
        influence += level * fit.influence[:, :g]
        converged = converged and fit.converged
    return coef, influence, converged


def _effect_of(
    coef: FloatArray,
    influence: FloatArray,
    design: ScoreDesign,
    outcome: int,
    *,
    people: int,
    converged: bool,
    level: float,
    min_z: float,
) -> ScoreEffect:
    """Sum the weeks after an answer, and compare them with those before it."""
    weights = np.array([_width(group, outcome) for group in design.groups], dtype=np.float64)
    influence = influence * np.sqrt(people / max(people - 2 * len(design.groups), 1))
    effect, each = float(weights @ coef), influence @ weights
    error = float(np.sqrt(each @ each))
    freedom = max(error**4 / max(float((each**4).sum()), 1e-300) - 1.0, 1.0)
    covariance, far = influence.T @ influence, list(design.far)
    reach = design.groups[-1][1]
    leads = (
        lead_test(coef, covariance, design.groups, (reach,)),
        lead_test(
            coef[far],
            covariance[np.ix_(far, far)],
            tuple(design.groups[place] for place in far),
            (reach,),
        ),
    )
    mirrored = tuple((-last, -first) for first, last in reversed(design.groups))
    reverse = lead_test(coef[::-1], covariance[::-1, ::-1], mirrored, (reach,))
    return ScoreEffect(
        effect=effect,
        error=error,
        freedom=freedom,
        z=_normal_z(effect / error, freedom) if error > 0 else 0.0,
        half_z=_half_z(effect, each),
        leads=leads,
        before_excess_z=reverse.excess_z[0],
        pass_share=_pass_share(effect, each, min_z),
        people=people,
        converged=converged and error > 0,
        level=level,
    )


def _width(group: tuple[int, int], outcome: int) -> int:
    """Return how many weeks of an outcome window after an answer a group of distances covers."""
    first, last = group
    return max(0, min(last, outcome) - first + 1) if first > 0 else 0


def _normal_z(statistic: float, freedom: float) -> float:
    """Return the normal quantile with the same probability as a t statistic.

    Examples
    --------
    >>> round(_normal_z(-2.228, 10.0), 2), round(_normal_z(50.0, 1e6), 0)
    (-1.96, 50.0)
    """
    from scipy.stats import norm, t

    tail = float(t.sf(abs(statistic), freedom))
    return float(np.sign(statistic) * norm.isf(tail)) if tail > 1e-300 else statistic


def _half_z(effect: float, influence: FloatArray) -> tuple[float, float]:
    """Return z in two random halves of the customers, from the influence of each."""
    half = np.random.default_rng(SEED).permutation(len(influence)) % 2
    found = []
    for side in (0, 1):
        mine = 2 * influence[half == side]
        error = float(np.sqrt(mine @ mine))
        found.append((effect + float(mine.sum())) / error if error > 0 else 0.0)
    return found[0], found[1]


def _pass_share(effect: float, influence: FloatArray, min_z: float) -> float:
    """Return the share of bootstrap samples of customers in which |z| reaches a limit."""
    n = len(influence)
    error = float(np.sqrt(influence @ influence))
    if n < 2 or error == 0:
        return 0.0
    rng = np.random.default_rng(SEED)
    passed = 0
    for _ in range(BOOTSTRAPS):
        drawn = np.bincount(rng.integers(n, size=n), minlength=n)
        again = effect + float((drawn - 1) @ influence)
        passed += np.sign(effect) * again >= min_z * error
    return passed / BOOTSTRAPS
