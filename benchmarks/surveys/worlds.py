"""Simulated surveys with known truth; shares no code with what estimates.

Each customer orders at a weekly Poisson rate, does three behaviours, and answers a survey from 0 to
10 now and then. `KINDS` names what ties the score to margin; only in ``drives`` does the score move
margin. ``mood first`` is a limit of the method: a hidden mood moves the score at once and margin
four weeks later, which no timing can tell from an effect of the score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
KINDS = (
    "drives",
    "follows",
    "affinity",
    "mood",
    "mood, slow",
    "mood, missing",
    "mood, after orders",
    "one shock",
    "trends",
    "follows and missing",
    "both ways",
    "mood first",
)
ACTS = ("drives", "both ways")
"""Data sets in which the score moves margin."""
FOLLOWS = ("follows", "follows and missing", "both ways")
"""Data sets in which purchases move the score."""
NO_MOOD = ("drives", "affinity", *FOLLOWS)
"""Data sets without a hidden state that varies in time."""
LIMIT = ("mood first",)
WEEKS = 104
EFFECT = 0.06
"""Change of the log rate of orders for one point, in ``drives``."""


@dataclass(frozen=True)
class SurveyWorld:
    """A simulated survey; `truth` is the change of the log rate for one point."""

    margin: Array
    orders: Array
    counts: Array
    customer: npt.NDArray[np.int64]
    week: npt.NDArray[np.int64]
    score: Array
    truth: float


def simulate(
    kind: str,
    seed: int,
    n: int = 3000,
    weeks: int = WEEKS,
    effect: float = EFFECT,
    every: int = 13,
) -> SurveyWorld:
    """Simulate one survey of `n` customers, each asked once in `every` weeks."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    trait = rng.normal(0, 1, n)
    season = 0.3 * np.sin(2 * np.pi * np.arange(weeks) / 52)
    mood = _mood(kind, rng, n, weeks)
    margin_mood = np.roll(mood, 4, axis=1) if kind == "mood first" else mood
    pull = 0.0 if kind in NO_MOOD else 0.5
    base = np.log(0.4) + 0.5 * trait[:, None] + season[None, :] + pull * margin_mood
    acts = effect if kind in ACTS else 0.0
    score_noise = rng.normal(0, 1.8, (n, weeks))
    wish = rng.random((n, weeks))
    last = np.full(n, np.nan)
    since = rng.integers(0, every, n)
    orders, recent = np.zeros((n, weeks)), np.zeros(n)
    rows: list[tuple[int, int, float]] = []
    for t in range(weeks):
        level = base[:, t] + acts * np.nan_to_num(last - 7.0)
        orders[:, t] = rng.poisson(np.exp(np.minimum(level, 2.5)))
        since += 1
        due = since >= every
        if kind == "mood, after orders":
            due &= orders[:, max(t - 1, 0)] > 0
        chance = np.full(n, 0.5)
        if "missing" in kind:
            chance = 1 / (1 + np.exp(-(mood[:, t] if "mood" in kind else recent - 1.0)))
        answers = due & (wish[:, t] < chance)
        since[due & (kind != "mood, after orders")] = 0
        since[answers] = 0
        mean = 7.0 + 0.8 * trait + 1.2 * (mood[:, t] if pull else 0.0)
        if kind in FOLLOWS:
            mean = mean + 1.5 * (np.log1p(recent) - 0.8)
        score = np.clip(np.round(mean + score_noise[:, t]), 0, 10)
        rows.extend((i, t, score[i]) for i in np.flatnonzero(answers))
        last = np.where(answers, score, last)
        window = orders[:, max(0, t - 7) : t + 1]
        recent = window.sum(axis=1) * 8 / window.shape[1] / 4
    amounts = rng.gamma(4.0, 5.0, (n, weeks))
    rate = 0.3 * trait[:, None] + 0.4 * (mood if pull else 0.0)
    counts = rng.poisson(np.exp(rate[..., None] + np.zeros(3)), (n, weeks, 3)).astype(float)
    customer, week, scores = (np.array(column) for column in zip(*rows, strict=True))
    return SurveyWorld(orders * amounts, orders, counts, customer, week, scores, acts)


def _mood(kind: str, rng: np.random.Generator, n: int, weeks: int) -> Array:
    """Return a hidden state that varies in time within customers, standard deviation near 1."""
    if kind == "one shock":
        at = rng.integers(0, weeks, n)[:, None]
        return np.where(np.arange(weeks)[None, :] >= at, -1.0, 1.0) * rng.random((n, 1)) * 1.5
    if kind == "trends":
        return rng.normal(0, 1, (n, 1)) * np.linspace(-1.5, 1.5, weeks)[None, :]
    memory = 0.97 if kind == "mood, slow" else 0.85
    mood = np.zeros((n, weeks))
    mood[:, 0] = rng.normal(0, 1, n)
    for t in range(1, weeks):
        mood[:, t] = memory * mood[:, t - 1] + np.sqrt(1 - memory**2) * rng.normal(0, 1, n)
    return mood
