"""Placebo behaviours (permuted within customers) show no effect."""

from __future__ import annotations

import numpy as np

from engagement_ml.config import parse_config
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS
from engagement_ml.drivers.validation.placebos import largest_placebo_z, shuffle_within

CONFIG = parse_config(
    {"name": "shop", "windows": {"observation_days": 42, "outcome_days": 42}}, origin="test"
)


def test_permuted_behaviours_show_no_effect(simulate_shop) -> None:
    periods = simulate_shop(3, effect=0.25, n=800, n_periods=36)
    study = Study(periods, None, None, CONFIG)
    z = largest_placebo_z(study, periods.behaviours)
    assert z < THRESHOLDS.min_z
    assert z == largest_placebo_z(study, periods.behaviours)


def test_permutation_keeps_totals_and_time_at_risk_of_customers(make_periods) -> None:
    rng = np.random.default_rng(0)
    entry, leave = rng.integers(0, 10, 50), rng.integers(20, 31, 50)
    t = np.arange(30)
    at_risk = (t >= entry[:, None]) & (t < leave[:, None])
    counts = rng.poisson(1.0, (50, 30)) * at_risk
    periods = make_periods({"x": counts}, rng.poisson(1.0, (50, 30)), entry=entry, leave=leave)
    shuffled = shuffle_within(periods, ("x",), seed=1).counts[..., 0]
    assert not shuffled[~at_risk].any()
    np.testing.assert_array_equal(np.sort(shuffled, axis=1), np.sort(counts, axis=1))
    assert (shuffled != counts).mean() > 0.2
    assert periods.counts[..., 0].sum() == counts.sum()
