"""The indicator metric: behaviours that foretell margin best beyond what purchases already tell."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.evidence import Choice
from engagement_ml.drivers.selection.cross_section import clipped
from engagement_ml.drivers.selection.response_curves import Curve, make_curve
from engagement_ml.drivers.selection.shap_importance import boosted
from engagement_ml.drivers.selection.weights import weigh
from engagement_ml.drivers.selection.window_rows import WindowRows
from engagement_ml.features.period_panel import Periods

_N_FITS = 20
_MOST_CORRELATED = 0.9
_LEAST_FREQUENCY = 0.5
_STABLE, _RIVAL = 0.9, 0.4
"""Share of fits that must choose each of the chosen, and fewer than which choose any other, for
weights to be told."""


@dataclass(frozen=True)
class Indicators:
    """Behaviours chosen to foretell margin.

    Attributes
    ----------
    choices : tuple of Choice
    curves : dict of behaviour to Curve
    importance : dict of behaviour to mean absolute SHAP, in currency
    frequency : dict of behaviour to share of fits on resampled entities that would choose it
    """

    choices: tuple[Choice, ...]
    curves: dict[str, Curve]
    importance: dict[str, float]
    frequency: dict[str, float]

    @property
    def shares(self) -> tuple[float, float]:
        """The smallest share of fits that choose a chosen one, the largest that choose another."""
        return _shares(self.frequency, [c.behaviour for c in self.choices])

    @property
    def stable(self) -> bool:
        """Whether other entities would lead to the same behaviours."""
        return _is_stable(self.frequency, [c.behaviour for c in self.choices])


def purchase_history(periods: Periods, spans: Spans, rows: WindowRows) -> FloatArray:
    """Return recency in periods, orders and margin of the observation window, and lifetime rate."""
    orders = np.cumsum(np.pad(periods.orders.astype(float), ((0, 0), (1, 0))), axis=1)
    t = np.arange(periods.gain.shape[1])
    last = np.maximum.accumulate(np.where(periods.orders > 0, t, -1), axis=1)
    i, c = rows.entity, rows.cutoff
    there = np.maximum(c - periods.entry[i], 1)
    recency = np.where(last[i, c - 1] >= 0, c - last[i, c - 1], c + spans.observation)
    frequency = orders[i, c] - orders[i, c - spans.observation]
    return np.column_stack([recency, frequency, rows.past_margin, orders[i, c] / there])


def choose_indicators(
    rows: WindowRows,
    history: FloatArray,
    names: tuple[str, ...],
    eligible: tuple[str, ...],
    *,
    at_most: int,
    seed: int,
) -> Indicators:
    """Choose by SHAP of a model of later margin on log counts, purchase history beside them.

    In each of twenty fits a model learns from a random half of the entities and is asked of the
    other half. Behaviours are taken in the order of mean absolute SHAP there. Left out are those
    without which the squared error would be no larger there, those that foretell less margin the
    more there is of them, and those that say the same as one already taken (rank correlation above
    0.9). What half of the fits would choose is chosen. Where fewer than nine in ten would choose
    one of them, or four in ten another, the choice is unstable and no weights are told from it: all
    count alike.

    Parameters
    ----------
    rows : WindowRows
    history : array (R, H)
        Recency, frequency, past margin of the same rows.
    names : tuple of str
        The behaviours, in the order of the columns of ``rows.counts``.
    eligible : tuple of str
        Those that may be chosen.
    at_most : int
    seed : int
    """
    if rows.margin.size < 200 or not eligible:
        return Indicators((), {}, {}, dict.fromkeys(names, 0.0))
    x = np.log1p(rows.counts)
    columns = [names.index(b) for b in eligible]
    design = np.concatenate([x[:, columns], history], axis=1)
    y = clipped(rows.margin)
    alike = _rank_correlations(rows.counts[:, columns])
    entities, place = np.unique(rows.entity, return_inverse=True)
    rng = np.random.default_rng([seed, 4])
    values, picks = [], []
    for k in range(_N_FITS):
        drawn = rng.random(entities.size) < 0.5
        mine = drawn[place]
        if mine.sum() < 100:
            continue
        booster = boosted(design[mine], y[mine], seed=seed + k, rounds=80)
        shap = booster.predict(design[~mine], pred_contrib=True, num_threads=2)
        own = shap[:, : len(columns)] - shap[:, : len(columns)].mean(axis=0)
        left = y[~mine] - shap.sum(axis=1)
        # What noise was fitted to makes predictions for other entities worse, not better.
        helps = ((left[:, None] + own) ** 2 - left[:, None] ** 2).mean(axis=0) > 0
        slope = np.array([_slope(design[~mine, j], own[:, j]) for j in range(len(columns))])
        size = np.abs(own).mean(axis=0)
        values.append(np.where(helps & (slope > 0), size, 0.0))
        picks.append(_take(values[-1], alike, at_most))
    if not values:
        return Indicators((), {}, {}, dict.fromkeys(names, 0.0))
    table = np.array(values)
    mean = table.mean(axis=0)
    frequency = {b: float(np.mean([j in p for p in picks])) for j, b in enumerate(eligible)}
    frequent = np.array([frequency[b] >= _LEAST_FREQUENCY for b in eligible])
    chosen = [eligible[j] for j in _take(np.where(frequent, mean, 0.0), alike, at_most)]
    importance = {b: float(mean[j]) for j, b in enumerate(eligible)}
    every = {**dict.fromkeys(names, 0.0), **frequency}
    stable = _is_stable(every, chosen)
    worth = {b: importance[b] for b in chosen}
    if not stable:
        worth = dict.fromkeys(chosen, float(np.mean([importance[b] for b in chosen] or [0.0])))
    curves, draws, counts = {}, {}, {}
    for b in chosen:
        own = rows.counts[:, names.index(b)]
        doers = own[own > 0]
        # So that a weight, effect times spread, is the share of SHAP importance.
        curves[b] = make_curve(own, worth[b] / float(own.std()), float(doers.mean()))
        draws[b] = table[:, eligible.index(b)] / float(own.std())
        counts[b] = own
    choices = weigh(chosen, curves, draws, counts, dict.fromkeys(chosen, 0.0))
    if not stable:
        choices = tuple(replace(c, weight_low=None, weight_high=None) for c in choices)
    return Indicators(choices, curves, importance, every)


def _shares(frequency: dict[str, float], chosen: list[str]) -> tuple[float, float]:
    least = min((frequency[b] for b in chosen), default=0.0)
    return least, max((f for b, f in frequency.items() if b not in chosen), default=0.0)


def _is_stable(frequency: dict[str, float], chosen: list[str]) -> bool:
    least, other = _shares(frequency, chosen)
    return least >= _STABLE and other < _RIVAL


def _take(value: FloatArray, alike: FloatArray, at_most: int) -> list[int]:
    taken: list[int] = []
    for j in np.argsort(-value, kind="stable"):
        if value[j] <= 0 or len(taken) == at_most:
            break
        if all(alike[j, k] < _MOST_CORRELATED for k in taken):
            taken.append(int(j))
    return taken


def _slope(x: FloatArray, y: FloatArray) -> float:
    return float(np.mean((x - x.mean()) * (y - y.mean())))


def _rank_correlations(values: FloatArray) -> FloatArray:
    """Absolute rank correlations of the columns, 0 with one that does not vary."""
    from scipy.stats import rankdata

    ranks = np.asarray(rankdata(values, axis=0), dtype=np.float64)
    ranks -= ranks.mean(axis=0)
    size = np.linalg.norm(ranks, axis=0)
    ranks /= np.where(size > 0, size, 1.0)
    return np.asarray(np.abs(ranks.T @ ranks), dtype=np.float64)
