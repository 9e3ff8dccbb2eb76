"""Daily simulated subscribers: their affinity, decisions to leave, notice and interest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.estimators.base import Estimates
from engagement_ml.drivers.estimators.churn_event import ChurnEventEstimator
from engagement_ml.drivers.study import Study
from engagement_ml.features.period_panel import Days, Periods

WEEKLY_RATES = np.array([1.2, 0.8, 2.0, 1.0, 0.6, 1.5, 0.9, 0.5])
ACTING = (0, 2)
STRENGTH = 0.12
WEEKS, BEFORE = 60, 98
FEE = 20.0


@cache
def simulate(
    kind: str, *, acts: bool, seed: int, n: int = 2000, base: float = 0.006, memory: int = 42
) -> Periods:
    """Return periods of subscribers who leave.

    Parameters
    ----------
    kind : {"plain", "notice", "decline"}
        With notice, they decide 2 to 6 weeks before and do 60% less from then on. With a decline,
        an interest with a memory of 60 days raises all counts and lowers the hazard.
    acts : bool
        Whether behaviours 0 and 2 lower the hazard of deciding, for `memory` days.
    base : float
        Hazard per day.
    """
    rng = np.random.default_rng([seed, 77])
    size = WEEKLY_RATES.size
    affinity, own = rng.standard_normal(n), 0.4 * rng.standard_normal((n, size))
    loading = rng.uniform(0.2, 0.8, size)
    entry = rng.integers(0, BEFORE + WEEKS * 4, n) * (rng.random(n) < 0.6)
    wave, interest = rng.standard_normal((n, size)), rng.standard_normal(n)
    strength = np.where(np.isin(np.arange(size), ACTING), STRENGTH * acts, 0.0)
    n_days, never = WEEKS * 7 + BEFORE, 10**6
    counts = np.zeros((n, n_days, size), dtype=np.uint8)
    exits, decided = np.full(n, never), np.full(n, never)
    recent = np.zeros((n, size))
    for d in range(n_days):
        if d % 7 == 0:
            wave = 0.85 * wave + np.sqrt(1 - 0.85**2) * rng.standard_normal((n, size))
            keeps = np.exp(-7 / 60)
            interest = keeps * interest + np.sqrt(1 - keeps**2) * rng.standard_normal(n)
            log_rate = np.log(WEEKLY_RATES / 7) + loading * affinity[:, None] + own + 0.5 * wave
            if kind == "decline":
                log_rate = log_rate + 0.5 * interest[:, None] * (0.5 + loading)
            rate = np.exp(log_rate - (loading**2 + 0.41) / 2)
        active = (d >= entry) & (d < exits)
        depth = np.where((kind == "notice") & (d >= decided), 0.4, 1.0)
        today = rng.poisson(rate * (active * depth)[:, None])
        log_hazard = np.log(base) - 0.4 * affinity - recent @ strength
        log_hazard -= 0.7 * interest * (kind == "decline")
        decides = active & (decided == never) & (d > entry + 7)
        decides &= rng.random(n) < np.exp(log_hazard)
        counts[:, d] = today
        recent += today
        if d >= memory:
            recent -= counts[:, d - memory]
        decided[decides] = d + 1
        exits[decides] = d + 1
        if kind == "notice":
            exits[decides] += rng.integers(14, 43, int(decides.sum()))
    return _periods(counts[:, BEFORE:], entry - BEFORE, exits - BEFORE)


def _periods(counts: np.ndarray, entry: np.ndarray, exits: np.ndarray) -> Periods:
    """Return the periods of those present after the start."""
    n_days = WEEKS * 7
    exit_day = np.minimum(exits, n_days)
    exit_period = np.where(exit_day < n_days, exit_day // 7 + 1, WEEKS).astype(np.int32)
    entry_period = np.maximum(-(-entry // 7), 0).astype(np.int32)
    there = (exits > 0) & (entry_period < exit_period)
    counts, exit_day = counts[there], exit_day[there]
    entry_period, exit_period = entry_period[there], exit_period[there]
    entity, day, behaviour = np.nonzero(counts)
    week = np.arange(WEEKS)
    present = (week >= entry_period[:, None]) & (week < exit_period[:, None])
    gain = FEE * (present & ((week - entry_period[:, None]) % 4 == 0))
    start = dt.date(2024, 1, 1)
    return Periods(
        entities=np.arange(len(counts)),
        behaviours=tuple("abcdefgh"),
        period_days=7,
        start=start,
        until=start + dt.timedelta(days=n_days),
        counts=counts.reshape(len(counts), WEEKS, 7, -1).sum(axis=2).astype(np.float32),
        gain=gain,
        loss=np.zeros_like(gain),
        orders=(gain > 0).astype(np.float32),
        entry=entry_period,
        exit=exit_period,
        segments={
            "plan": np.where(np.arange(len(counts)) % 2 == 0, "basic", "plus").astype(object)
        },
        days=Days(
            entity=entity.astype(np.int32),
            day=day.astype(np.int32),
            behaviour=behaviour.astype(np.int32),
            n=counts[entity, day, behaviour].astype(np.float32),
            exit=exit_day.astype(np.int32),
        ),
    )


def churn_config(notice_days: int | None = None) -> PipelineConfig:
    churn = {"kind": "event", "event_type": "left", "notice_days": notice_days}
    sources = {"events": "events", "transactions": "transactions"}
    return PipelineConfig.model_validate({"name": "x", "sources": sources, "churn": churn})


def study_of(periods: Periods, notice_days: int | None = None) -> Study:
    return Study(periods, None, None, churn_config(notice_days))


@cache
def _estimated(kind: str, acts: bool, seed: int, notice_days: int | None, base: float) -> Estimates:
    periods = simulate(kind, acts=acts, seed=seed, base=base)
    return ChurnEventEstimator().estimate(study_of(periods, notice_days))


@pytest.fixture(scope="session")
def subscribers() -> Callable[..., Periods]:
    return simulate


@pytest.fixture(scope="session")
def make_study() -> Callable[..., Study]:
    return study_of


@pytest.fixture(scope="session")
def estimated() -> Callable[..., Estimates]:
    def estimate(
        kind: str,
        *,
        acts: bool,
        seed: int,
        notice_days: int | None = None,
        base: float = 0.006,
    ) -> Estimates:
        return _estimated(kind, acts, seed, notice_days, base)

    return estimate
