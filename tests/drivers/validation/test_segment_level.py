"""Levels of segments: invariance, errors, and a season that differs between segments."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.validation.segment_level import SegmentLevels


def levels(n: int = 400, seed: int = 0, late_season: float = 1.0) -> SegmentLevels:
    """Gains of customers; those at even places have a season in the outcome windows."""
    rng = np.random.default_rng(seed)
    size = rng.lognormal(2.0, 0.5, n)
    windows, cells = rng.integers(3, 8, n), rng.integers(20, 40, n)
    season = np.where(np.arange(n) % 2 == 0, late_season, 1.0)
    late = rng.gamma(4.0, size * windows * season / 4.0)
    return SegmentLevels(late, rng.gamma(9.0, size * cells / 9.0), windows, cells)


def even(n: int = 400) -> np.ndarray:
    return np.arange(n) % 2 == 0


def test_everybody_has_the_level_of_everybody() -> None:
    level, influence = levels().relative(np.ones(400, dtype=bool))
    assert level == pytest.approx(1.0)
    np.testing.assert_allclose(influence, 0.0, atol=1e-12)


def test_a_season_in_one_segment_is_a_level_and_not_an_effect() -> None:
    each = levels(40_000, late_season=1.5)
    first, second = (each.relative(members)[0] for members in (even(40_000), ~even(40_000)))
    assert first / second == pytest.approx(1.5, rel=0.03)


def test_the_influence_gives_the_sampling_error() -> None:
    draws = [levels(seed=s).relative(even())[0] for s in range(300)]
    errors = [np.linalg.norm(levels(seed=s).relative(even())[1]) for s in range(20)]
    assert np.mean(errors) == pytest.approx(np.std(draws), rel=0.15)


def test_a_segment_without_gains_keeps_the_level_of_everybody() -> None:
    each = levels()
    each.late[even()] = 0.0
    level, influence = each.relative(even())
    assert level == 1.0
    assert not influence.any()
