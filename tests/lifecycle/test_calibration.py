"""Calibration of the models on outcomes that matured since training."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from engagement_ml.lifecycle.monitoring.calibration import Outcomes, calibration_rows
from engagement_ml.lifecycle.monitoring.spending import Look

TRAINED = dt.date(2024, 6, 3)
LOOK = Look(3, dt.date(2024, 8, 26))
N = 1500


def outcomes(ratio: float = 1.0, slope: float = 1.0, *, earlier: float = 1.0) -> Outcomes:
    """Four cutoffs four weeks apart with new outcomes; three more from before the training."""
    rng = np.random.default_rng(0)
    days = [np.datetime64("2024-06-03") - np.timedelta64(28 * k, "D") for k in range(7)]
    predicted = rng.gamma(2.0, 50.0, (7, N))
    mean = predicted.mean()
    slopes, ratios = np.full((7, 1), slope), np.full((7, 1), ratio)
    slopes[3:], ratios[3:] = 1.0, earlier
    observed = (mean + slopes * (predicted - mean)) * ratios * rng.gamma(2.0, 0.5, (7, N))
    return Outcomes(
        np.tile(np.arange(N), 7), np.repeat(days, N), predicted.ravel(), observed.ravel()
    )


def rows(data: Outcomes, **options):
    return calibration_rows(
        "profit", data, LOOK, matured_after=TRAINED, outcome_days=84, unit="EUR", **options
    )


def test_a_calibrated_model_is_fine():
    mean, slope = rows(outcomes())
    assert (mean.status, slope.status) == ("ok", "ok")
    assert mean.low < mean.value < mean.high
    assert slope.value == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_a_wrong_mean_is_an_alarm_of_the_mean_alone(ratio):
    mean, slope = rows(outcomes(ratio))
    assert (mean.status, slope.status) == ("alarm", "ok")
    assert not mean.low <= mean.value <= mean.high


def test_a_wrong_slope_is_an_alarm_of_the_slope_alone():
    mean, slope = rows(outcomes(slope=0.2))
    assert (mean.status, slope.status) == ("ok", "alarm")


def test_errors_known_at_training_and_seasons_are_no_fault():
    assert rows(outcomes(1.6, earlier=1.7))[0].status == "ok"
    assert rows(outcomes(1.6), season=(0.1, -0.6))[0].status == "ok"
    assert rows(outcomes(1.6))[0].status == "alarm"


def test_what_cannot_be_checked_says_why():
    data = outcomes()
    none = data.at(np.zeros(0, dtype=int))
    few = data.at(data.customer < 50)
    same = replace(data, predicted=np.full(len(data.predicted), 3.0))
    old = data.at(data.cutoff < np.datetime64("2024-03-12"))
    for each, reason in (
        (none, "no outcome window"),
        (few, "only 50 customers"),
        (same, "the same for all"),
        (old, "no outcome window has matured since training"),
    ):
        for row in rows(each):
            assert (row.status, row.value) == ("unknown", None)
            assert reason in row.sentence


def test_a_customer_with_many_rows_counts_once():
    rng = np.random.default_rng(1)
    predicted = rng.gamma(2.0, 50.0, 200)
    observed = predicted * rng.lognormal(0.3, 1.2, 200)
    day = np.full(200, np.datetime64("2024-06-03"))
    one = Outcomes(np.arange(200), day, predicted, observed)
    parts = (np.tile(v, 3) for v in (one.customer, one.cutoff, one.predicted, one.observed))
    thrice = Outcomes(*parts)
    # Three copies of a customer's row narrow no limit.
    single, triple = rows(one)[0], rows(thrice)[0]
    assert triple.high == pytest.approx(single.high)
