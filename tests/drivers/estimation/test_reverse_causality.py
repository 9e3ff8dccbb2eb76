"""Reverse causality: responses to purchases are detected, causes and correlates are not."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.estimation.reverse_causality import (
    PurchaseResponse,
    estimate_purchase_responses,
    within_std,
)

BURN_IN = 4


@pytest.fixture(scope="module")
def responses(make_periods):
    """Simulate orders, a cause, two consequences and a message triggered by their absence."""
    rng = np.random.default_rng(7)
    n, n_periods = 1200, 48
    affinity = rng.standard_normal((n, 1))
    driver = rng.poisson(0.5 * np.exp(0.3 * affinity), (n, n_periods))
    stock = np.zeros((n, n_periods))
    for lag in range(1, 5):
        stock[:, lag:] += driver[:, :-lag]
    orders = rng.poisson(0.35 * np.exp(0.5 * affinity) * (1 + 0.15 * stock))
    bought = np.cumsum(np.pad(orders, ((0, 0), (1, 0))), axis=1)
    t = np.arange(n_periods)
    silent = (bought[:, t] - bought[:, np.maximum(t - 6, 0)] == 0) & (t >= 6)
    before = np.pad(orders, ((0, 0), (1, 0)))[:, :-1]
    counts = {
        "driver": driver,
        "vanity": rng.poisson(np.exp(0.9 * affinity), (n, n_periods)),
        "season": rng.poisson(np.exp(0.5 * np.sin(t / 4)), (n, n_periods)),
        "status_checked": rng.poisson(0.5 * orders + 0.8 * before),
        "lapsed_message": rng.poisson(0.5 * silent),
        "complaint": rng.poisson(0.05 + 0.4 * np.pad(orders, ((0, 0), (3, 0)))[:, :n_periods]),
    }
    periods = make_periods(counts, 10.0 * orders, orders=orders)
    return estimate_purchase_responses(periods, periods.behaviours, burn_in=BURN_IN)


def test_consequences_of_purchases_are_detected_with_their_lag(responses) -> None:
    after = responses["status_checked"]
    assert after.responds
    assert after.strength > 0
    assert after.lag == (1, 1)
    assert after.same_period > 0
    late = responses["complaint"]
    assert late.responds
    assert late.strength > 0
    assert late.lag == (2, 3)


def test_a_message_to_lapsed_customers_is_detected(responses) -> None:
    sent = responses["lapsed_message"]
    assert sent.responds
    assert sent.strength < 0


@pytest.mark.parametrize("behaviour", ["driver", "vanity", "season"])
def test_behaviours_without_reverse_causality_do_not_respond(responses, behaviour: str) -> None:
    assert not responses[behaviour].responds


def test_cells_outside_an_entitys_stay_are_ignored(make_periods) -> None:
    """Counts after the exit of an entity do not change the estimate."""
    rng = np.random.default_rng(3)
    n, n_periods = 300, 30
    orders = rng.poisson(0.5, (n, n_periods))
    counts = rng.poisson(0.3 + 0.8 * np.pad(orders, ((0, 0), (1, 0)))[:, :-1])
    leave = np.where(np.arange(n) < 100, 20, n_periods)
    present = np.arange(n_periods) < leave[:, None]
    orders, counts = orders * present, counts * present
    stay = make_periods({"x": counts}, 10.0 * orders, orders=orders, leave=leave)
    noisy = counts + (~present) * 50
    other = make_periods({"x": noisy}, 10.0 * orders, orders=orders, leave=leave)
    first, second = (estimate_purchase_responses(p, ("x",), burn_in=4)["x"] for p in (stay, other))
    assert first.responds
    assert second.strength == pytest.approx(first.strength, rel=0.02)


@pytest.mark.parametrize(
    ("strength", "z", "responds"),
    [
        (0.3, 20.0, True),
        (0.3, 3.0, False),
        (0.05, 20.0, False),
        (-0.3, -20.0, True),
        (-0.1, -20.0, False),
    ],
)
def test_a_response_must_be_significant_and_large(
    strength: float, z: float, responds: bool
) -> None:
    assert PurchaseResponse("x", strength, z, (1, 1), 0.0).responds is responds


def test_an_increase_that_makes_up_for_a_larger_decrease_is_none() -> None:
    follows = PurchaseResponse("x", 0.05, 6.0, (2, 3), 0.0, increase_z=6.0)
    rebounds = PurchaseResponse("x", -0.05, -20.0, (1, 1), 0.0, increase_z=6.0)
    assert follows.follows
    assert not rebounds.follows


def test_within_std_is_around_each_entitys_mean() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 12, 2)).astype(np.float32) + 50 * np.arange(20)[:, None, None]
    cells = rng.random((20, 12)) < 0.7
    own = [x[i][cells[i]] - x[i][cells[i]].mean(axis=0) for i in range(20)]
    expected = np.sqrt((np.concatenate(own) ** 2).mean(axis=0))
    np.testing.assert_allclose(within_std(x, cells), expected, rtol=1e-4)
