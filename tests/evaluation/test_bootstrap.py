from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from engagement_ml.evaluation.bootstrap import Resamples, average, interval, rounded
from engagement_ml.evaluation.cutoff_groups import CutoffGroup
from engagement_ml.evaluation.measurement import measure_groups
from engagement_ml.evaluation.measures import SPEARMAN_ACROSS


def test_the_draws_do_not_depend_on_the_chunk_size():
    resamples = Resamples(n_entities=17, n=23, seed=4)
    whole = np.hstack(list(resamples.chunks(1000)))
    assert whole.shape == (17, 24)
    assert (np.hstack(list(resamples.chunks(5))) == whole).all()
    assert (whole.sum(axis=0) == 17).all()
    assert (whole[:, 0] == 1).all()


def test_the_interval_is_that_of_a_naive_bootstrap_by_entity():
    rng = np.random.default_rng(1)
    entities = np.r_[np.arange(30), np.arange(10, 40)]
    x, y = rng.integers(0, 6, 60).astype(float), rng.normal(size=60).round(1)
    groups = [CutoffGroup(entities[rows], rows) for rows in (np.arange(30), np.arange(30, 60))]
    found = measure_groups(
        groups, y, {"x": x}, Resamples(n_entities=40, n=60, seed=9), [SPEARMAN_ACROSS]
    )["x", "spearman"]

    again, expected = np.random.default_rng(9), []
    for _ in range(60):
        drawn = again.integers(40, size=40)
        per_group = []
        for group in groups:
            rows = [r for entity in drawn for r in group.rows[group.entities == entity]]
            per_group.append(stats.spearmanr(x[rows], y[rows]).statistic)
        expected.append(np.mean(per_group))
    plain = np.mean([stats.spearmanr(x[b.rows], y[b.rows]).statistic for b in groups])
    assert found == pytest.approx([plain, *expected], rel=1e-9)
    low, high = np.quantile(expected, [0.025, 0.975])
    assert interval(found) == pytest.approx({"value": plain, "low": low, "high": high}, rel=1e-8)


def test_a_95_percent_interval_covers_the_truth_in_95_percent_of_samples():
    rho, covered, n_samples = 0.5, 0, 150
    truth = 6 / np.pi * np.arcsin(rho / 2)
    for seed in range(n_samples):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=150)
        y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=150)
        group = CutoffGroup(np.arange(150), np.arange(150))
        measured = measure_groups(
            [group], y, {"x": x}, Resamples(n_entities=150, n=200, seed=seed), [SPEARMAN_ACROSS]
        )
        found = interval(measured["x", "spearman"])
        covered += found["low"] <= truth <= found["high"]
    assert 0.88 <= covered / n_samples <= 0.99


def test_an_undefined_measure_has_no_interval():
    assert interval(np.array([np.nan, 1.0, 1.0])) is None
    assert interval(np.array([1.0])) is None
    assert interval(np.array([1.0, *[np.nan] * 2, *[1.0] * 8])) is None
    assert interval(np.array([1.0, np.nan, *[1.0] * 9])) == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert np.isnan(average(np.full((2, 3), np.nan))).all()


def test_numbers_are_rounded_to_ten_significant_digits():
    assert rounded(1 / 3) == 0.3333333333
    assert rounded(123456789012345.0) == 123456789000000.0
