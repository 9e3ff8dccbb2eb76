"""Customer traits and weekly behaviour counts that do not depend on purchases."""

from __future__ import annotations

import numpy as np

from benchmarks.recovery.spec import Array, Spec, Traits


def ar_waves(rng: np.random.Generator, shape: tuple[int, ...], persistence: Array | float) -> Array:
    """Draw stationary AR(1) processes of unit variance along axis 1 of (n, T, ...)."""
    out = rng.standard_normal(shape, dtype=np.float32)
    persistence = np.asarray(persistence, dtype=np.float32)
    innovation = np.sqrt(1 - persistence**2)
    for t in range(1, shape[1]):
        out[:, t] = persistence * out[:, t - 1] + innovation * out[:, t]
    return out


def draw_traits(spec: Spec, n: int, n_weeks: int, rng: np.random.Generator) -> Traits:
    """Draw affinity, basket size, margin ratio, segment, entry week, season and interest."""
    affinity = rng.standard_normal(n)
    size = np.exp(spec.size_sigma * rng.standard_normal(n) - spec.size_sigma**2 / 2)
    ratio = spec.ratio + spec.ratio_sigma * rng.standard_normal(n)
    segment = rng.integers(0, len(spec.segments), n)
    late = rng.random(n) < spec.late_entry_share
    last = max(int(0.6 * n_weeks), 1)
    entry = np.where(late, rng.integers(0, last, n), 0)
    weeks = np.arange(n_weeks)
    phase = rng.uniform(0, 2 * np.pi)
    shift = np.zeros(len(spec.segments))
    if spec.local_season:
        shift = np.linspace(0, 2 * np.pi, len(spec.segments), endpoint=False)
    bumps = 0.3 * spec.season * rng.standard_normal(n_weeks)
    by_segment = spec.season * np.sin(2 * np.pi * weeks / 52 + phase + shift[:, None]) + bumps
    interest = np.zeros((n, n_weeks), dtype=np.float32)
    if spec.interest:
        interest = spec.interest * ar_waves(rng, (n, n_weeks), spec.interest_persistence)
    return Traits(affinity, size, ratio, segment, entry, by_segment[segment], interest)


def draw_rates(spec: Spec, traits: Traits, rng: np.random.Generator) -> Array:
    """Draw weekly rates (n, T, B), 0 before the customer's entry."""
    n, n_weeks = traits.season.shape
    waves = ar_waves(
        rng,
        (n, n_weeks, len(spec.behaviours)),
        np.array([b.wave_persistence for b in spec.behaviours]),
    )
    individual = rng.standard_normal((n, len(spec.behaviours)), dtype=np.float32)
    present = np.arange(n_weeks) >= traits.entry[:, None]
    for j, b in enumerate(spec.behaviours):
        deviation = b.affinity * traits.affinity + b.level_std * individual[:, j]
        level = np.log(b.rate) - (b.affinity**2 + b.level_std**2 + b.wave_std**2) / 2
        log_rate = waves[:, :, j] * np.float32(b.wave_std)
        log_rate += (level + deviation).astype(np.float32)[:, None]
        if b.season:
            log_rate += (b.season * traits.season).astype(np.float32)
        if b.interest:
            scaled = b.interest * traits.interest
            log_rate += (scaled - np.square(b.interest * spec.interest) / 2).astype(np.float32)
        waves[:, :, j] = np.exp(log_rate) * present
    return waves


def draw_counts(spec: Spec, rates: Array, rng: np.random.Generator) -> Array:
    """Draw counts (n, T, B) of behaviours independent of purchases; the others stay 0."""
    counts = np.zeros(rates.shape, dtype=np.float32)
    for j, b in enumerate(spec.behaviours):
        if b.source == "own":
            counts[:, :, j] = rng.poisson(rates[:, :, j])
    for j, b in enumerate(spec.behaviours):
        if b.source == "part":
            share = rng.random((rates.shape[0], 1)) * 0.3 + b.rate
            parent = counts[:, :, spec.index(str(b.parent))].astype(np.int64)
            counts[:, :, j] = rng.binomial(parent, np.clip(share, 0.05, 0.95))
    return counts


def poisson_from(uniform: Array, rate: Array) -> Array:
    """Draw Poisson counts by inverse transform sampling (common random numbers)."""
    out = np.zeros(uniform.shape, dtype=np.float32)
    flat, u = out.reshape(-1), uniform.reshape(-1)
    lam = np.minimum(np.asarray(rate, dtype=np.float64).reshape(-1), 600.0)
    term = np.exp(-lam)
    cumulated = term.copy()
    pending = np.flatnonzero(u > cumulated)
    k = 0
    while pending.size and k < 2000:
        k += 1
        term[pending] *= lam[pending] / k
        cumulated[pending] += term[pending]
        flat[pending] = k
        pending = pending[(u[pending] > cumulated[pending]) & (term[pending] > 1e-300)]
    return out
