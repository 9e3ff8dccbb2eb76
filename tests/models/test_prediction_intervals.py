"""Prediction intervals hold the share of customers that they say, in every group."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.models.prediction_intervals import PredictionIntervals, calibrate_intervals


def shop(n: int, seed: int, cutoffs: int = 1):
    """Customers whose margin is mostly 0, heavy-tailed, and grows with the prediction."""
    rng = np.random.default_rng(seed)
    size = rng.lognormal(3.0, 1.0, n)
    rows = np.tile(size, cutoffs)
    bought = rng.random(len(rows)) < 0.6
    margin = np.where(bought, rows * rng.lognormal(0.0, 0.8, len(rows)), 0.0)
    margin -= (rng.random(len(rows)) < 0.05) * 3 * rows
    return rows, margin, np.tile(np.arange(n), cutoffs)


def test_other_customers_are_covered_overall_and_by_group():
    shares, by_group, stated = [], [], []
    for seed in range(8):
        intervals = calibrate_intervals(*shop(800, seed, 2), seed=seed)
        predicted, margin, _ = shop(4000, 100 + seed)
        low, high = intervals.bounds(predicted)
        covered = (low <= margin) & (margin <= high)
        tenth = np.argsort(np.argsort(predicted)) * 10 // len(predicted)
        shares.append(covered.mean())
        by_group.append([covered[tenth == t].mean() for t in range(10)])
        stated.append(intervals.coverage)
    assert 0.89 < np.mean(shares) < 0.94
    assert (np.mean(by_group, axis=0) > 0.87).all()
    assert abs(np.mean(stated) - np.mean(shares)) < 0.015


def test_the_tails_have_their_own_width():
    intervals = calibrate_intervals(*shop(2000, 3))
    low, high = intervals.bounds(np.array([10.0, 100.0]))
    assert (high - [10, 100] > 1.2 * ([10, 100] - low)).all()
    assert high[1] > 5 * high[0]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_an_interval_holds_its_prediction(predicted):
    intervals = PredictionIntervals(
        scale=2.0, edges=(0.0, 50.0), low=(-3.0, 0.0, 0.5), high=(0.0, 0.0, 4.0)
    )
    low, high = intervals.bounds(predicted)
    assert (low <= predicted).all()
    assert (predicted <= high).all()


def test_too_few_customers_have_no_interval_but_a_reason():
    intervals = calibrate_intervals(*shop(40, 0, 5))
    assert intervals.reason == (
        "40 customers have an outcome at the test cutoffs, and intervals need 63"
    )
    assert np.isnan(intervals.bounds([1.0])).all()


@pytest.mark.parametrize("constant", [0.0, 7.0])
def test_equal_predictions_are_one_group(constant):
    _, margin, customers = shop(300, 1)
    intervals = calibrate_intervals(np.full(300, constant), margin, customers)
    assert intervals.edges == ()
    assert 0.85 < intervals.coverage <= 1.0


def test_rows_and_names_of_customers_do_not_matter():
    predicted, margin, customers = shop(300, 2, 2)
    names = np.array([f"c{c:04d}" for c in customers])
    order = np.random.default_rng(0).permutation(len(margin))
    first = calibrate_intervals(predicted, margin, customers)
    again = calibrate_intervals(predicted[order], margin[order], names[order])
    assert dataclasses.asdict(first) == dataclasses.asdict(again)
