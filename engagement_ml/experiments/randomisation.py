"""Intervals of differences between arms from the random assignment itself.

Margins are skewed and control groups small. Welch's interval then calls lifts certain too often on
one side; quantiles of the statistic over assignments that could have been drawn do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.experiments.lifts import CONFIDENCE, Estimate
from engagement_ml.experiments.measuring import Arms, Lift, measure

DRAWS = 1999
MOST_ROWS = 50_000
"""Beyond this number of customers means are normal enough, and Welch's interval is kept."""

_STEPS, _PRECISION = 40, 1e-3


@dataclass(frozen=True)
class _Arm:
    """Sums and sums of products of columns over one arm; of many draws, or of one assignment."""

    n: int
    sums: FloatArray
    products: FloatArray

    def moments(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mean of ``columns @ weights``, and the variance of that mean."""
        total = self.sums @ weights
        squares = np.einsum("...ij,i,j->...", self.products, weights, weights)
        spread = np.maximum(squares - total**2 / self.n, 0.0)
        return total / self.n, spread / (self.n - 1) / self.n


def _statistic(treated: _Arm, control: _Arm, weights: FloatArray) -> FloatArray:
    """Return Welch's statistic."""
    (mean, variance), (other, other_variance) = treated.moments(weights), control.moments(weights)
    return np.asarray((mean - other) / np.sqrt(np.maximum(variance + other_variance, 1e-300)))


@dataclass(frozen=True)
class _Draws:
    """The real arms, and those of assignments that could have been drawn."""

    real: tuple[_Arm, _Arm]
    drawn: tuple[_Arm, _Arm]

    def quantiles(self, weights: FloatArray) -> tuple[float, float]:
        """Return the bounds within which the statistic lies in 95% of the draws."""
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(_statistic(*self.drawn, weights), [tail, 1 - tail])
        return float(low), float(high)

    def holds(self, r: float) -> bool:
        """Whether the arms do not differ in ``outcome − r · events``."""
        weights = np.array([1.0, -r])
        low, high = self.quantiles(weights)
        return low <= float(_statistic(*self.real, weights)) <= high


def measure_randomised(arms: Arms, seed: int) -> Lift:
    """Return the lift of an experiment with intervals from re-randomisation.

    The arms are aligned by their means, and customers are drawn into a control group of the same
    size again and again; the 2.5% and 97.5% quantiles of Welch's statistic replace those of t. If
    the treatment moves every customer by the same, the interval is exact whatever the distribution.
    The lift per event holds all r for which ``outcome − r · events`` shows no lift; it has no
    bounds if Fieller's interval has none.

    Parameters
    ----------
    arms : Arms
    seed : int

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> treated = np.arange(1000) >= 200
    >>> outcome = rng.lognormal(sigma=1.5, size=1000) + 2.0 * treated
    >>> lift = measure_randomised(Arms(treated, outcome), seed=1).lift
    >>> lift.low < 2.0 < lift.high
    True
    """
    found = measure(arms)
    n_treated = int(arms.treated.sum())
    enough = min(n_treated, len(arms.treated) - n_treated) >= 2
    if not enough or len(arms.treated) > MOST_ROWS or not found.lift.bounded:
        return found
    columns = [arms.outcome] if arms.events is None else [arms.outcome, arms.events]
    table = np.column_stack(columns).astype(float)
    table -= table.mean(axis=0)
    shift = table[arms.treated].mean(axis=0) - table[~arms.treated].mean(axis=0)
    draws = _draw(table, table - arms.treated[:, None] * shift, arms.treated, seed)
    lift = _interval(found.lift, draws, len(columns))
    if arms.events is None or not found.effect.bounded:
        return replace(found, lift=lift, effect=found.effect if arms.events is not None else lift)
    effect = found.effect
    low, high = (_edge(draws.holds, effect.value, bound) for bound in (effect.low, effect.high))
    return replace(found, lift=lift, effect=replace(effect, low=low, high=high))


def _draw(real: FloatArray, aligned: FloatArray, treated: BoolArray, seed: int) -> _Draws:
    rng = np.random.default_rng([seed, len(treated)])
    n, n_control = len(treated), int((~treated).sum())
    n_treated, k = n - n_control, real.shape[1]
    sums, products = np.empty((DRAWS, k)), np.empty((DRAWS, k, k))
    for i in range(DRAWS):
        rows = aligned[rng.choice(n, n_control, replace=False, shuffle=False)]
        sums[i], products[i] = rows.sum(axis=0), rows.T @ rows
    control = _Arm(n_control, sums, products)
    rest = _Arm(n_treated, aligned.sum(axis=0) - sums, aligned.T @ aligned - products)
    one, other = (
        _Arm(len(rows), rows.sum(axis=0), rows.T @ rows) for rows in (real[treated], real[~treated])
    )
    return _Draws((one, other), (rest, control))


def _interval(lift: Estimate, draws: _Draws, n_columns: int) -> Estimate:
    weights = np.eye(n_columns)[0]
    low, high = draws.quantiles(weights)
    _, variances = zip(*(arm.moments(weights) for arm in draws.real), strict=True)
    error = math.sqrt(float(sum(variances)))
    drawn = np.abs(_statistic(*draws.drawn, weights))
    p_value = (1 + int((drawn >= abs(lift.value) / error).sum())) / (DRAWS + 1)
    return Estimate(lift.value, lift.value - high * error, lift.value - low * error, p_value)


def _edge(holds: Callable[[float], bool], inside: float, first: float) -> float:
    """Return where `holds` ends on the way from `inside` past `first`."""
    step, outside = first - inside, first
    for _ in range(_STEPS):
        if not holds(outside):
            break
        inside, outside = outside, outside + step / 4
    else:
        return math.copysign(math.inf, step)
    while abs(outside - inside) > _PRECISION * abs(step):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return (inside + outside) / 2
