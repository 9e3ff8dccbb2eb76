"""Placebos find nothing where there is nothing, and something where the method is misled."""

from __future__ import annotations

import numpy as np

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.spans import spans_from_config
from engagement_ml.drivers.validation import placebos
from engagement_ml.drivers.validation.placebos import placebo_behaviours

SPANS = spans_from_config(WindowsConfig(observation_days=42, outcome_days=42))


def test_shuffled_behaviours_show_nothing(simulate_shop) -> None:
    periods = simulate_shop(3, effect=0.25, n=800, n_periods=36)
    found = placebo_behaviours(periods, SPANS, periods.behaviours, seed=0)
    assert found.passed
    assert found == placebo_behaviours(periods, SPANS, periods.behaviours, seed=0)


def test_shuffling_keeps_who_does_how_much_and_when_they_are_there(
    make_periods, monkeypatch
) -> None:
    """Seen through the fit that it is handed to."""
    rng = np.random.default_rng(0)
    entry, leave = rng.integers(0, 10, 50), rng.integers(20, 31, 50)
    t = np.arange(30)
    there = (t >= entry[:, None]) & (t < leave[:, None])
    counts = rng.poisson(1.0, (50, 30)) * there
    periods = make_periods({"x": counts}, rng.poisson(1.0, (50, 30)), entry=entry, leave=leave)
    seen = []
    real = placebos.estimate_lag_effects
    monkeypatch.setattr(
        placebos,
        "estimate_lag_effects",
        lambda fake, *a, **k: (seen.append(fake.counts[..., 0]), real(fake, *a, **k))[1],
    )
    placebo_behaviours(periods, SPANS, ("x",), seed=1)
    (shuffled,) = seen
    assert not shuffled[~there].any()
    np.testing.assert_array_equal(np.sort(shuffled, axis=1), np.sort(counts, axis=1))
    assert (shuffled != counts).mean() > 0.2
    assert periods.counts[..., 0].sum() == counts.sum()
