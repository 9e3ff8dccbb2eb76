"""Indicators: behaviours that best predict margin beyond purchase history."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.evidence import Choice
from engagement_ml.drivers.selection.cross_section import clipped
from engagement_ml.drivers.selection.response_curves import Curve, make_curve
from engagement_ml.drivers.selection.shap_importance import boosted
from engagement_ml.drivers.selection.weights import weigh
from engagement_ml.drivers.selection.window_rows import WindowRows
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.features.period_panel import Periods

_N_FITS = 20
_ROUNDS = 80
_MIN_ROWS = 200
_MIN_TRAINING_ROWS = 100


@dataclass(frozen=True)
class Indicators:
    """Behaviours selected to predict margin.

    Attributes
    ----------
    choices : tuple of Choice
    curves : dict of behaviour to Curve
    importance : dict of behaviour to mean absolute SHAP, in currency
    frequency : dict of behaviour to share of fits on random halves of customers that select it
    """

    choices: tuple[Choice, ...]
    curves: dict[str, Curve]
    importance: dict[str, float]
    frequency: dict[str, float]
    thresholds: Thresholds = THRESHOLDS

    @property
    def shares(self) -> tuple[float, float]:
        """Smallest share of fits that select a selected behaviour, largest that select another."""
        return _shares(self.frequency, [c.behaviour for c in self.choices])

    @property
    def stable(self) -> bool:
        """Whether other customers would lead to the same behaviours."""
        return _is_stable(self.frequency, [c.behaviour for c in self.choices], self.thresholds)


def purchase_history(periods: Periods, spans: Spans, rows: WindowRows) -> FloatArray:
    """Return recency in periods, orders and margin of the observation window, and lifetime rate."""
    orders = np.cumsum(np.pad(periods.orders.astype(float), ((0, 0), (1, 0))), axis=1)
    t = np.arange(periods.gain.shape[1])
    last = np.maximum.accumulate(np.where(periods.orders > 0, t, -1), axis=1)
    i, c = rows.entity, rows.cutoff
    tenure = np.maximum(c - periods.entry[i], 1)
    recency = np.where(last[i, c - 1] >= 0, c - last[i, c - 1], c + spans.observation)
    frequency = orders[i, c] - orders[i, c - spans.observation]
    return np.column_stack([recency, frequency, rows.past_margin, orders[i, c] / tenure])


def choose_indicators(
    rows: WindowRows,
    history: FloatArray,
    names: tuple[str, ...],
    eligible: tuple[str, ...],
    *,
    at_most: int,
    seed: int,
    thresholds: Thresholds = THRESHOLDS,
) -> Indicators:
    """Select by SHAP of a model of later margin on log counts, beside purchase history.

    Each of twenty fits trains on a random half of the customers and explains the other half.
    Behaviours are ranked by mean absolute SHAP there. Left out are behaviours without which the
    squared error there is no larger, behaviours with a negative slope, and behaviours redundant
    with one already taken (rank correlation above 0.9). Behaviours that half of the fits select are
    selected. The selection is unstable if fewer than nine in ten fits select one of them, or four
    in ten select another; all weights are then equal.

    Parameters
    ----------
    rows : WindowRows
    history : array (R, H)
        Recency, frequency, past margin of the same rows.
    names : tuple of str
        The behaviours, in the order of the columns of ``rows.counts``.
    eligible : tuple of str
        Those that may be selected.
    at_most : int
    seed : int
    thresholds : Thresholds
    """
    if rows.margin.size < _MIN_ROWS or not eligible:
        return Indicators((), {}, {}, dict.fromkeys(names, 0.0))
    columns = [names.index(b) for b in eligible]
    redundant = ~(_rank_correlations(rows.counts[:, columns]) < thresholds.max_correlation)
    values, picks = _fits(rows, history, columns, redundant, at_most, seed)
    if not values.size:
        return Indicators((), {}, {}, dict.fromkeys(names, 0.0))
    mean = values.mean(axis=0)
    frequency = {b: float(np.mean([j in p for p in picks])) for j, b in enumerate(eligible)}
    frequent = np.array([frequency[b] >= thresholds.indicator_share for b in eligible])
    chosen = [eligible[j] for j in _take(np.where(frequent, mean, 0.0), redundant, at_most)]
    importance = {b: float(mean[j]) for j, b in enumerate(eligible)}
    frequency = {**dict.fromkeys(names, 0.0), **frequency}
    stable = _is_stable(frequency, chosen, thresholds)
    weighed = {b: importance[b] for b in chosen}
    if not stable:
        weighed = dict.fromkeys(chosen, float(np.mean([importance[b] for b in chosen] or [0.0])))
    draws = {b: values[:, eligible.index(b)] for b in chosen}
    curves, choices = _weigh(rows, names, weighed, draws)
    if not stable:
        choices = tuple(replace(c, weight_low=None, weight_high=None) for c in choices)
    return Indicators(choices, curves, importance, frequency, thresholds)


def _fits(
    rows: WindowRows,
    history: FloatArray,
    columns: list[int],
    redundant: BoolArray,
    at_most: int,
    seed: int,
) -> tuple[FloatArray, list[list[int]]]:
    """Return each fit's importance by eligible behaviour, shape (F, E), and what it selects."""
    x = np.log1p(rows.counts)
    design = np.concatenate([x[:, columns], history], axis=1)
    y = clipped(rows.margin)
    unit = rows.unit
    n_units = int(unit.max(initial=-1)) + 1
    rng = np.random.default_rng([seed, 4])
    values, picks = [], []
    for k in range(_N_FITS):
        half = (rng.random(n_units) < 0.5)[unit]
        if half.sum() < _MIN_TRAINING_ROWS:
            continue
        booster = boosted(design[half], y[half], seed=seed + k, rounds=_ROUNDS)
        shap = booster.predict(design[~half], pred_contrib=True, num_threads=1)
        of_behaviours = shap[:, : len(columns)] - shap[:, : len(columns)].mean(axis=0)
        residual = y[~half] - shap.sum(axis=1)
        # a behaviour fitted to noise makes predictions for other customers worse
        helps = ((residual[:, None] + of_behaviours) ** 2 - residual[:, None] ** 2).mean(axis=0) > 0
        slope = np.array(
            [_covariance(design[~half, j], of_behaviours[:, j]) for j in range(len(columns))]
        )
        values.append(np.where(helps & (slope > 0), np.abs(of_behaviours).mean(axis=0), 0.0))
        picks.append(_take(values[-1], redundant, at_most))
    return np.array(values), picks


def _weigh(
    rows: WindowRows,
    names: tuple[str, ...],
    worth: dict[str, float],
    importance_draws: dict[str, FloatArray],
) -> tuple[dict[str, Curve], tuple[Choice, ...]]:
    """Return response curves and weights in proportion to SHAP importance."""
    curves, draws, counts = {}, {}, {}
    for b, value in worth.items():
        x = rows.counts[:, names.index(b)]
        positive = x[x > 0]
        # a weight is effect × std, so this makes it the share of SHAP importance
        curves[b] = make_curve(x, value / float(x.std()), float(positive.mean()))
        draws[b] = importance_draws[b] / float(x.std())
        counts[b] = x
    return curves, weigh(list(worth), curves, draws, counts, dict.fromkeys(worth, 0.0))


def _shares(frequency: dict[str, float], chosen: list[str]) -> tuple[float, float]:
    least = min((frequency[b] for b in chosen), default=0.0)
    return least, max((f for b, f in frequency.items() if b not in chosen), default=0.0)


def _is_stable(frequency: dict[str, float], chosen: list[str], thresholds: Thresholds) -> bool:
    least, other = _shares(frequency, chosen)
    return least >= thresholds.stable_share and other < thresholds.rival_share


def _take(value: FloatArray, redundant: BoolArray, at_most: int) -> list[int]:
    """Return the columns with the largest positive values, redundant ones left out."""
    taken: list[int] = []
    for j in np.argsort(-value, kind="stable"):
        if value[j] <= 0 or len(taken) == at_most:
            break
        if not any(redundant[j, k] for k in taken):
            taken.append(int(j))
    return taken


def _covariance(x: FloatArray, y: FloatArray) -> float:
    return float(np.mean((x - x.mean()) * (y - y.mean())))


def _rank_correlations(values: FloatArray) -> FloatArray:
    """Return absolute rank correlations of the columns, 0 with a constant one."""
    from scipy.stats import rankdata

    ranks = np.asarray(rankdata(values, axis=0), dtype=np.float64)
    ranks -= ranks.mean(axis=0)
    size = np.linalg.norm(ranks, axis=0)
    ranks /= np.where(size > 0, size, 1.0)
    return np.asarray(np.abs(ranks.T @ ranks), dtype=np.float64)
