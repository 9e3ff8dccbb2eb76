"""Periods made by hand, by small simulations and by the benchmark's worlds."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engagement_ml.features.periods import Periods

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

START = dt.date(2023, 1, 2)


def build(
    counts: dict[str, Any],
    gain: Any,
    *,
    loss: Any = None,
    orders: Any = None,
    entry: Any = None,
    leave: Any = None,
    segments: dict[str, Any] | None = None,
    period_days: int = 7,
) -> Periods:
    gain = np.asarray(gain, dtype=np.float64)
    n, n_periods = gain.shape
    return Periods(
        entities=np.array([f"c{i:05d}" for i in range(n)], dtype=object),
        behaviours=tuple(counts),
        period_days=period_days,
        start=START,
        until=START + dt.timedelta(days=period_days * n_periods),
        counts=np.stack([np.asarray(c, dtype=np.float32) for c in counts.values()], axis=2),
        gain=gain,
        loss=np.zeros((n, n_periods)) if loss is None else np.asarray(loss, dtype=np.float64),
        orders=(gain > 0).astype(np.float32)
        if orders is None
        else np.asarray(orders, dtype=np.float32),
        entry=np.zeros(n, dtype=np.int32) if entry is None else np.asarray(entry, dtype=np.int32),
        exit=np.full(n, n_periods, dtype=np.int32)
        if leave is None
        else np.asarray(leave, dtype=np.int32),
        segments={} if segments is None else segments,
    )


@pytest.fixture(scope="session")
def make_periods() -> Callable[..., Periods]:
    """Periods out of arrays (n, T) per behaviour; everyone is there all the time unless told."""
    return build


@pytest.fixture(scope="session")
def periods_of() -> Callable[[Any], Periods]:
    """Periods out of a benchmark world's own weekly arrays, without any feature code."""

    def convert(world: Any) -> Periods:
        weekly = world.weekly()
        counts = {b: weekly.counts[..., j] for j, b in enumerate(weekly.behaviours)}
        return build(
            counts,
            weekly.gain,
            loss=weekly.loss,
            orders=weekly.orders,
            entry=weekly.entry,
            leave=weekly.exit,
            segments=weekly.segments,
        )

    return convert
