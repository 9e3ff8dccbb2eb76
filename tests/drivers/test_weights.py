"""Weights are shares of margin, caps lie equally far, intervals come from the draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.drivers.curves import Curve, make_curve
from engagement_ml.drivers.weights import weigh
from engagement_ml.drivers.windowed import WindowRows

RNG = np.random.default_rng(4)
COUNTS = {
    "a": RNG.poisson(3.0, 4000).astype(float),
    "b": RNG.poisson(20.0, 4000).astype(float),
    "c": RNG.poisson(0.3, 4000).astype(float),
}
ROWS = {
    b: WindowRows(np.arange(4000) // 4, np.zeros(4000, int), x[:, None], x, x)
    for b, x in COUNTS.items()
}


def weighed(effects, scales=None, costs=None, noise: float = 0.1, seed: int = 0):
    scales, costs = scales or {}, costs or {}
    rng = np.random.default_rng(seed)
    chosen = sorted(effects)
    curves = {b: make_curve(COUNTS[b], effects[b], scales.get(b)) for b in chosen}
    draws = {b: effects[b] * (1 + noise * rng.standard_normal(400)) for b in chosen}
    own = {b: COUNTS[b] for b in chosen}
    return weigh(chosen, curves, draws, own, {b: costs.get(b, 0.0) for b in chosen}), curves


positive = st.floats(0.05, 50)
some_scale = st.one_of(st.none(), st.floats(0.2, 20))


@settings(max_examples=60, deadline=None)
@given(st.tuples(positive, positive, positive), st.tuples(some_scale, some_scale, some_scale))
def test_weights_add_up_and_lie_within_their_intervals(effects, scales) -> None:
    choices, _ = weighed(
        dict(zip("abc", effects, strict=True)), dict(zip("abc", scales, strict=True))
    )
    assert sum(c.weight for c in choices) == pytest.approx(100.0)
    for c in choices:
        assert 0 <= c.weight_low <= c.weight <= c.weight_high <= 100 + 1e-9
        assert c.cap >= max(np.quantile(COUNTS[c.behaviour], 0.99), 1.0) - 1e-9


def test_weights_are_effect_times_spread_where_responses_are_straight() -> None:
    effects = {"a": 2.0, "b": 0.5, "c": 4.0}
    choices, _ = weighed(effects)
    worth = {b: effects[b] * COUNTS[b].std() for b in effects}
    for c in choices:
        assert c.weight == pytest.approx(100 * worth[c.behaviour] / sum(worth.values()))


@settings(max_examples=40, deadline=None)
@given(st.tuples(some_scale, some_scale, some_scale))
def test_caps_lie_at_the_same_number_of_standard_deviations(scales) -> None:
    choices, curves = weighed({"a": 1.0, "b": 1.0, "c": 1.0}, dict(zip("abc", scales, strict=True)))
    reach = [
        float(curves[c.behaviour].shape(np.array([c.cap]))[0]) / curves[c.behaviour].spread
        for c in choices
        if c.cap > 1.0
    ]
    assert max(reach) == pytest.approx(min(reach))


def test_a_point_is_worth_the_same_margin_whoever_earned_it() -> None:
    choices, curves = weighed({"a": 2.0, "b": 0.5, "c": 9.0}, {"a": 3.0})
    per_point = []
    for c in choices:
        curve = curves[c.behaviour]
        top = float(curve.shape(np.array([c.cap]))[0])
        per_point.append(curve.amplitude * top / c.weight)
    assert per_point == pytest.approx([per_point[0]] * 3)


def test_cost_of_serving_lowers_the_weight() -> None:
    free, _ = weighed({"a": 2.0, "b": 0.5})
    dear, _ = weighed({"a": 2.0, "b": 0.5}, costs={"a": 1.0})
    assert dear[0].weight < free[0].weight
    net = {"a": 1.0 * COUNTS["a"].std(), "b": 0.5 * COUNTS["b"].std()}
    assert dear[0].weight == pytest.approx(100 * net["a"] / sum(net.values()))


def test_one_behaviour_has_all_the_weight_for_certain() -> None:
    (only,), _ = weighed({"b": 3.0})
    assert (only.weight, only.weight_low, only.weight_high) == pytest.approx((100, 100, 100))


def test_less_certain_effects_give_wider_weights() -> None:
    narrow, _ = weighed({"a": 2.0, "b": 0.5}, noise=0.02)
    wide, _ = weighed({"a": 2.0, "b": 0.5}, noise=0.3)
    for n, w in zip(narrow, wide, strict=True):
        assert w.weight_high - w.weight_low > 3 * (n.weight_high - n.weight_low)


def test_intervals_hold_the_quantiles_of_the_shares() -> None:
    choices, curves = weighed({"a": 2.0, "b": 0.5}, noise=0.2, seed=3)
    rng = np.random.default_rng(3)
    drawn = np.array([b * (1 + 0.2 * rng.standard_normal(400)) for b in (2.0, 0.5)])
    worth = np.maximum(drawn * [[curves["a"].spread], [curves["b"].spread]], 0)
    low, high = np.quantile(100 * worth[0] / worth.sum(axis=0), [0.025, 0.975])
    assert (choices[0].weight_low, choices[0].weight_high) == pytest.approx((low, high))


def test_nothing_chosen_has_no_weight() -> None:
    assert weigh((), {}, {}, {}, {}) == ()


def test_spread_of_a_behaviour_hardly_anybody_does() -> None:
    curve = Curve("linear", None, 1.0, 0.1, 1.0)
    counts = np.zeros(1000)
    counts[:5] = 1.0
    (choice,) = weigh(("x",), {"x": curve}, {"x": np.ones(50)}, {"x": counts}, {"x": 0.0})
    assert choice.cap == 1.0
