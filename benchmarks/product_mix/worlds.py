"""Simulated partners who sell three products, day by day; shares no code with estimation.

The rate of selling product p on a day is ``base · season · max(floor, 1 + Σ_b β_bp S_b)``, and S_b
sums the partner's earlier events of behaviour b, each with weight ``0.5 ** (days / half-life)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

PRODUCTS = ("plus", "core", "value")
_MARGIN = np.array([24.0, 14.0, 5.0])
_PER_WEEK = np.array([0.30, 0.45, 0.60])
_FLOOR = 0.1
_START = np.datetime64("2024-01-01", "us")
_DAY_SECONDS = 86_400

BETAS: dict[str, dict[str, tuple[float, float, float]]] = {
    "net negative": {"visit": (-0.55, 0.30, 0.0), "training": (0.35, 0.35, 0.0)},
    "net zero": {"visit": (-0.35, 0.40, 0.0), "training": (0.35, 0.35, 0.0)},
    "net positive": {"visit": (-0.25, 0.80, 0.0), "training": (0.35, 0.35, 0.0)},
    "incentive": {"bonus": (-0.40, 0.0, 0.60), "training": (0.35, 0.35, 0.0)},
    "all raised": {"visit": (0.40, 0.40, 0.40), "training": (0.0, 0.45, 0.0)},
    "nothing acts": {},
    "two shift": {"visit": (-0.40, 0.45, 0.0), "bonus": (0.45, -0.45, 0.0)},
    "one falls": {"visit": (-0.45, 0.0, 0.0), "training": (0.0, 0.45, 0.45)},
    "hidden wave": {"visit": (-0.40, 0.40, 0.0)},
    "preparing": {"visit": (-0.40, 0.40, 0.0)},
}
"""Coefficients of each kind of world, by behaviour and product."""
SEEN = ("net negative", "net zero", "net positive", "incentive", "all raised", "nothing acts")
"""Kinds that were looked at while the product was made; the others are kept for the end."""
_BEHAVIOURS = {
    "visit": (0.22, 0.2), "training": (0.20, 0.2), "bonus": (0.22, 0.0),
    "portal_login": (1.2, 1.0), "brochure": (0.6, 0.9), "newsletter": (0.8, 0.6),
    "webinar": (0.20, 0.0), "quiz": (0.3, 0.3), "fair": (0.25, 0.5),
}  # fmt: skip
"""Events a week, and how strongly their number follows affinity."""
FOLLOWS = "invoice_viewed"
_SEASONAL = ("fair", "newsletter")
_WAVE = ("portal_login", "brochure", "quiz")
"""In a hidden wave, interest in core raises its sales and these, which do not act."""
_PREPARES, _PREPARED = "brochure", 0
"""In a world of preparation, most sales of plus have one of these some days before."""
_BURN_IN = 140


@dataclass(frozen=True)
class World:
    """One simulated data set.

    Attributes
    ----------
    events, transactions : DataFrame
    truth : mapping of behaviour to mapping of product to float
        Change of a partner's margin of the product over the outcome window for one more event in
        the observation window, averaged over partners, cutoffs and days of the event.
    """

    events: pd.DataFrame
    transactions: pd.DataFrame
    truth: Mapping[str, Mapping[str, float]]


def make_world(kind: str, seed: int, *, n: int = 1800, days: int = 406, window: int = 84) -> World:
    """Simulate one world of a kind in `BETAS`."""
    rng = np.random.default_rng([seed, list(BETAS).index(kind)])
    names = tuple(_BEHAVIOURS)
    beta = np.array([BETAS[kind].get(b, (0.0, 0.0, 0.0)) for b in names])
    half_life = rng.uniform(14, 28)
    affinity = rng.normal(0, 0.6, n)
    taste = rng.normal(0, 0.4, (n, 3))
    base = _PER_WEEK / 7 * np.exp(0.7 * affinity[:, None] + taste - 0.3)
    total = days + _BURN_IN
    season = 1 + 0.25 * np.sin(2 * np.pi * (np.arange(total) / 365 + rng.uniform()))
    counts = _counts(rng, names, affinity, season, total)
    hidden = np.zeros((n, total))
    if kind == "hidden wave":
        hidden = _spells(rng, n, total)
        for name in _WAVE:
            i = names.index(name)
            counts[:, :, i] = rng.poisson(counts[:, :, i] * np.exp(0.8 * hidden - 0.3))
    decay = 0.5 ** (1 / half_life)
    state, rate = np.zeros((n, len(names))), np.zeros((n, total, 3), dtype=np.float32)
    factor = np.ones((n, total, 3), dtype=np.float32)
    for t in range(total):
        factor[:, t] = 1 + state @ beta
        rate[:, t] = base * season[t]
        rate[:, t, 1] *= np.exp(0.6 * hidden[:, t])
        state = (state + counts[:, t]) * decay
    sold = rng.poisson(rate * np.maximum(_FLOOR, factor))
    if kind == "preparing":
        counts[:, :, names.index(_PREPARES)] += _before(rng, sold[:, :, _PREPARED])
    kept = slice(_BURN_IN, total)
    truth = _truth(rng, names, beta, rate[:, kept], factor[:, kept], decay, window)
    events = _events(rng, names, counts[:, kept], sold[:, kept].sum(axis=2))
    return World(events, _transactions(rng, sold[:, kept]), truth | {FOLLOWS: _none()})


def _none() -> dict[str, float]:
    return dict.fromkeys(PRODUCTS, 0.0)


def _counts(
    rng: np.random.Generator,
    names: tuple[str, ...],
    affinity: np.ndarray,
    season: np.ndarray,
    total: int,
) -> np.ndarray:
    """Return events per partner, day and behaviour; rates change from month to month."""
    n, months = len(affinity), total // 28 + 1
    counts = np.zeros((n, total, len(names)), dtype=np.int16)
    for i, name in enumerate(names):
        per_week, follows = _BEHAVIOURS[name]
        spells = np.repeat(rng.normal(0, 0.9, (n, months)), 28, axis=1)[:, :total]
        rate = per_week / 7 * np.exp(follows * affinity[:, None] + spells - 0.4)
        if name in _SEASONAL:
            rate = rate * season**2
        counts[:, :, i] = rng.poisson(rate)
    return counts


def _spells(rng: np.random.Generator, n: int, total: int) -> np.ndarray:
    """Return a hidden state per partner and day: smooth, with spells of some six weeks."""
    knots = rng.normal(0, 1.0, (n, total // 21 + 2))
    at = np.arange(total) / 21
    left = at.astype(int)
    share = at - left
    return knots[:, left] * (1 - share) + knots[:, left + 1] * share


def _before(rng: np.random.Generator, sold: np.ndarray) -> np.ndarray:
    """Return events that precede 70% of the sales by one to ten days."""
    events = np.zeros(sold.shape, dtype=np.int16)
    chosen = rng.binomial(sold, 0.7)
    entity, day = np.nonzero(chosen)
    ahead = rng.integers(1, 11, len(day))
    known = day >= ahead
    np.add.at(events, (entity[known], (day - ahead)[known]), chosen[entity, day][known])
    return events


def _truth(
    rng: np.random.Generator,
    names: tuple[str, ...],
    beta: np.ndarray,
    rate: np.ndarray,
    factor: np.ndarray,
    decay: float,
    window: int,
) -> dict[str, dict[str, float]]:
    """Return the mean change of margin that one more event brings, by counterfactual rates."""
    days = rate.shape[1]
    cutoffs = np.arange(window, days - window + 1, 28)
    lags = np.arange(window)
    effects = {}
    for i, name in enumerate(names):
        if not beta[i].any():
            effects[name] = _none()
            continue
        change = np.zeros(3)
        for cutoff in cutoffs:
            inside = slice(cutoff, cutoff + window)
            day = rng.integers(1, window + 1, rate.shape[0])
            weight = decay ** (day[:, None] + lags)
            before = factor[:, inside]
            after = before + weight[:, :, None] * beta[i]
            gained = np.maximum(_FLOOR, after) - np.maximum(_FLOOR, before)
            change += (rate[:, inside] * gained).sum(axis=1).mean(axis=0) * _MARGIN
        effects[name] = dict(zip(PRODUCTS, (change / len(cutoffs)).tolist(), strict=True))
    return effects


def _events(
    rng: np.random.Generator, names: tuple[str, ...], counts: np.ndarray, orders: np.ndarray
) -> pd.DataFrame:
    follow = rng.poisson(0.9 * orders)
    later = np.zeros_like(follow)
    later[:, 3:] = follow[:, :-3]
    stacked = np.concatenate([counts, later[:, :, None]], axis=2)
    return _rows(rng, stacked, "event_type", (*names, FOLLOWS))


def _transactions(rng: np.random.Generator, sold: np.ndarray) -> pd.DataFrame:
    rows = _rows(rng, sold, "product", PRODUCTS)
    mean = rows["product"].map(dict(zip(PRODUCTS, _MARGIN, strict=True))).to_numpy(float)
    rows["margin"] = np.round(mean * rng.lognormal(-0.08, 0.4, len(rows)), 2)
    return rows


def _rows(
    rng: np.random.Generator, counts: np.ndarray, column: str, names: tuple[str, ...]
) -> pd.DataFrame:
    """Return a row per event at a random second of its day."""
    entity, day, kind = np.nonzero(counts)
    repeat = counts[entity, day, kind]
    entity, day, kind = (np.repeat(a, repeat) for a in (entity, day, kind))
    second = day * _DAY_SECONDS + rng.integers(0, _DAY_SECONDS, len(day))
    return pd.DataFrame(
        {
            "customer_id": [f"p{i:05d}" for i in entity],
            "timestamp": _START + second.astype("timedelta64[s]"),
            column: np.array(names)[kind],
        }
    )
