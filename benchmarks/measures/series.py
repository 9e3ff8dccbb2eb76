"""Simulated durations and series: requests that are still open, and trends."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from benchmarks.measures.cases import Case
from engagement_ml.measures.kinds.durations import Durations, DurationTotals, influences, until
from engagement_ml.measures.kinds.trend import theil_sen

LIMIT, MEDIAN = 24.0, 20.0
SHARE = 100 * (1 - 0.5 ** (LIMIT / MEDIAN))
Interval = Callable[[Generator, int], tuple[float | None, float | None]]


def requests(
    shows: Literal["median", "share"], per_person: int, open_until: float, alike: float = 0.0
) -> Interval:
    """Exponential waits; requests begin at any time before the tables end.

    Each person has a speed of their own, the more `alike` the more they differ.
    """
    kind = Durations(shows, unit=60, step=1)

    def interval(rng: Generator, n: int) -> tuple[float | None, float | None]:
        speed = np.repeat(rng.normal(0, 1, n), per_person)
        own = rng.normal(0, 1, n * per_person)
        drawn = math.sqrt(alike) * speed + math.sqrt(1 - alike) * own
        # Normal scores to exponential waits: the marginal distribution is the same for all.
        waits = -np.log(_upper_tail(drawn)) * MEDIAN / math.log(2)
        ends = rng.uniform(0, open_until, n * per_person)
        people = np.repeat(np.arange(n), per_person)
        totals = count(np.ceil(60 * np.minimum(waits, ends)), waits <= ends, people, shows)
        estimate = kind.estimate(totals)
        return estimate.low, estimate.high

    return interval


def count(times: Any, answered: Any, people: Any, shows: str) -> DurationTotals:
    """Return the distinct times with the design effect of several requests a person."""
    distinct, places = np.unique(times.astype(int), return_inverse=True)
    n, m = len(np.unique(people)), len(distinct)
    counts = [np.bincount(places[answered == flag], minlength=m) for flag in (True, False)]
    totals = DurationTotals(n, distinct, counts[0], counts[1], LIMIT * 60)
    of_answered, of_open = influences(totals, until(totals, shows))
    each = np.where(answered, of_answered[places], of_open[places])
    by_person = np.bincount(people, weights=each)
    effect = max(float(by_person @ by_person / (each @ each)) * n / (n - 1), 1.0)
    return DurationTotals(n, distinct, counts[0], counts[1], LIMIT * 60, effect)


def line(errors: Callable[[Generator, int], Any]) -> Interval:
    """Trend of 0.5 a period."""

    def interval(rng: Generator, n: int) -> tuple[float | None, float | None]:
        trend = theil_sen((0.5 * np.arange(n) + errors(rng, n)).tolist())
        return trend.low, trend.high

    return interval


def _upper_tail(scores: Any) -> Any:
    from scipy.special import ndtr

    return ndtr(-scores)


def _following(rng: Generator, n: int) -> Any:
    """Errors that last: 0.6 of the one before."""
    errors = rng.normal(0, 1, n + 20)
    for i in range(1, n + 20):
        errors[i] += 0.6 * errors[i - 1]
    return errors[20:]


STEPS = "whole numbers of slopes: the next shorter interval holds less than 95%"
SERIES = (
    Case("duration, median", "few open", MEDIAN, (20, 100), requests("median", 1, 400)),
    Case("duration, median", "a third open", MEDIAN, (20, 100, 400), requests("median", 1, 80)),
    Case("duration, within limit", "few open", SHARE, (20, 100), requests("share", 1, 400)),
    Case("duration, within limit", "a third open", SHARE, (20, 100), requests("share", 1, 80)),
    Case("duration, within limit", "5 a person, alike", SHARE, (20, 100),
         requests("share", 5, 400, 0.5)),
    Case("duration, median", "5 a person, alike", MEDIAN, (20, 100),
         requests("median", 5, 400, 0.5)),
    Case("trend", "independent", 0.5, (4, 5, 6, 8, 13, 24),
         line(lambda rng, n: rng.normal(0, 1, n)), STEPS),
    Case("trend", "long tails", 0.5, (6, 13), line(lambda rng, n: rng.standard_t(2, n)), STEPS),
    Case("trend", "errors last", 0.5, (13, 24), line(_following),
         "13 or 24 periods do not show well how long deviations last"),
)  # fmt: skip
