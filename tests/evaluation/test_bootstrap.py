from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from engagement_ml.evaluation.bootstrap import Resamples, average, interval, rounded
from engagement_ml.evaluation.cutoff_groups import Block
from engagement_ml.evaluation.measures import measure_blocks, rank_measures


def test_the_same_draws_whatever_the_size_of_a_chunk():
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
    blocks = [Block(entities[rows], rows) for rows in (np.arange(30), np.arange(30, 60))]
    found = measure_blocks(
        blocks, y, {"x": x}, Resamples(n_entities=40, n=60, seed=9), rank_measures
    )["x", "spearman"]

    again, expected = np.random.default_rng(9), []
    for _ in range(60):
        drawn = again.integers(40, size=40)
        per_block = []
        for block in blocks:
            rows = [r for entity in drawn for r in block.rows[block.entities == entity]]
            per_block.append(stats.spearmanr(x[rows], y[rows]).statistic)
        expected.append(np.mean(per_block))
    plain = np.mean([stats.spearmanr(x[b.rows], y[b.rows]).statistic for b in blocks])
    assert found == pytest.approx([plain, *expected], rel=1e-9)
    low, high = np.quantile(expected, [0.025, 0.975])
    assert interval(found) == pytest.approx({"value": plain, "low": low, "high": high}, rel=1e-8)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rho, covered, n_worlds = 0.5, 0, 150
    truth = 6 / np.pi * np.arcsin(rho / 2)
    for seed in range(n_worlds):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=150)
        y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=150)
        block = Block(np.arange(150), np.arange(150))
        measured = measure_blocks(
            [block], y, {"x": x}, Resamples(n_entities=150, n=200, seed=seed), rank_measures
        )
        found = interval(measured["x", "spearman"])
        covered += found["low"] <= truth <= found["high"]
    assert 0.88 <= covered / n_worlds <= 0.99


def test_undefined_is_none():
    assert interval(np.array([np.nan, 1.0, 1.0])) is None
    assert interval(np.array([1.0])) is None
    assert interval(np.array([1.0, *[np.nan] * 2, *[1.0] * 8])) is None
    assert interval(np.array([1.0, np.nan, *[1.0] * 9])) == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert np.isnan(average(np.full((2, 3), np.nan))).all()


def test_ten_digits():
    assert rounded(1 / 3) == 0.3333333333
    assert rounded(123456789012345.0) == 123456789000000.0
