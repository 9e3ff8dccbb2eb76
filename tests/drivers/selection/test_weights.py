"""Weights are shares of margin; points have equal value; intervals are quantiles of draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.drivers.selection.response_curves import Curve, make_curve
from engagement_ml.drivers.selection.weights import weigh

RNG = np.random.default_rng(4)
COUNTS = {
    "a": RNG.poisson(3.0, 4000).astype(float),
    "b": RNG.poisson(20.0, 4000).astype(float),
    "c": RNG.poisson(0.3, 4000).astype(float),
}


def weights_of(effects, scales=None, costs=None, noise: float = 0.1, seed: int = 0):
    scales, costs = scales or {}, costs or {}
    rng = np.random.default_rng(seed)
    behaviours = sorted(effects)
    curves = {b: make_curve(COUNTS[b], effects[b], scales.get(b)) for b in behaviours}
    draws = {b: effects[b] * (1 + noise * rng.standard_normal(400)) for b in behaviours}
    counts = {b: COUNTS[b] for b in behaviours}
    return weigh(
        behaviours, curves, draws, counts, {b: costs.get(b, 0.0) for b in behaviours}
    ), curves


positive = st.floats(0.05, 50)
some_scale = st.one_of(st.none(), st.floats(0.2, 20))


@settings(max_examples=60, deadline=None)
@given(st.tuples(positive, positive, positive), st.tuples(some_scale, some_scale, some_scale))
def test_weights_sum_to_100_and_lie_within_their_intervals(effects, scales) -> None:
    choices, _ = weights_of(
        dict(zip("abc", effects, strict=True)), dict(zip("abc", scales, strict=True))
    )
    assert sum(c.weight for c in choices) == pytest.approx(100.0)
    for c in choices:
        assert 0 <= c.weight_low <= c.weight <= c.weight_high <= 100 + 1e-9
        assert c.cap >= max(np.quantile(COUNTS[c.behaviour], 0.99), 1.0) - 1e-9


def test_weights_are_effect_times_standard_deviation_if_responses_are_linear() -> None:
    effects = {"a": 2.0, "b": 0.5, "c": 4.0}
    choices, _ = weights_of(effects)
    margin = {b: effects[b] * COUNTS[b].std() for b in effects}
    for c in choices:
        assert c.weight == pytest.approx(100 * margin[c.behaviour] / sum(margin.values()))


@settings(max_examples=60, deadline=None)
@given(st.tuples(positive, positive, positive), st.tuples(some_scale, some_scale, some_scale))
def test_a_point_of_each_behaviour_has_the_same_margin(effects, scales) -> None:
    choices, curves = weights_of(
        dict(zip("abc", effects, strict=True)), dict(zip("abc", scales, strict=True))
    )
    per_point = []
    for c in choices:
        curve = curves[c.behaviour]
        top = float(curve.shape(np.array([c.cap]))[0])
        if c.cap > 1.0 + 1e-9:
            per_point.append(curve.amplitude * top / c.weight)
    assert max(per_point) == pytest.approx(min(per_point), rel=1e-6)


def test_weights_are_effect_times_standard_deviation_if_responses_saturate() -> None:
    effects = {"a": 2.0, "b": 0.5}
    choices, _ = weights_of(effects, {"a": 1.0})
    margin = {b: effects[b] * COUNTS[b].std() for b in effects}
    assert choices[0].weight == pytest.approx(100 * margin["a"] / sum(margin.values()))


def test_the_cost_of_serving_lowers_the_weight() -> None:
    free, _ = weights_of({"a": 2.0, "b": 0.5})
    costly, _ = weights_of({"a": 2.0, "b": 0.5}, costs={"a": 1.0})
    assert costly[0].weight < free[0].weight
    net = {"a": 1.0 * COUNTS["a"].std(), "b": 0.5 * COUNTS["b"].std()}
    assert costly[0].weight == pytest.approx(100 * net["a"] / sum(net.values()))


def test_a_single_behaviour_has_weight_100_with_certainty() -> None:
    (only,), _ = weights_of({"b": 3.0})
    assert (only.weight, only.weight_low, only.weight_high) == pytest.approx((100, 100, 100))


def test_noisier_effects_give_wider_weight_intervals() -> None:
    narrow, _ = weights_of({"a": 2.0, "b": 0.5}, noise=0.02)
    wide, _ = weights_of({"a": 2.0, "b": 0.5}, noise=0.3)
    for n, w in zip(narrow, wide, strict=True):
        assert w.weight_high - w.weight_low > 3 * (n.weight_high - n.weight_low)


def test_intervals_are_quantiles_of_the_share_draws() -> None:
    choices, _ = weights_of({"a": 2.0, "b": 0.5}, noise=0.2, seed=3)
    rng = np.random.default_rng(3)
    effect_draws = np.array([b * (1 + 0.2 * rng.standard_normal(400)) for b in (2.0, 0.5)])
    margin = np.maximum(effect_draws * [[COUNTS["a"].std()], [COUNTS["b"].std()]], 0)
    low, high = np.quantile(100 * margin[0] / margin.sum(axis=0), [0.025, 0.975])
    assert (choices[0].weight_low, choices[0].weight_high) == pytest.approx((low, high))


def test_an_empty_selection_has_no_weights() -> None:
    assert weigh((), {}, {}, {}, {}) == ()


def test_the_cap_of_a_rare_behaviour_is_one_event() -> None:
    curve = Curve("linear", None, 1.0, 0.1, 1.0)
    counts = np.zeros(1000)
    counts[:5] = 1.0
    (choice,) = weigh(("x",), {"x": curve}, {"x": np.ones(50)}, {"x": counts}, {"x": 0.0})
    assert choice.cap == 1.0


def test_points_of_a_response_that_turns_stop_at_its_optimum():
    effects, counts = {"a": 1.0, "b": 2.0}, {b: COUNTS[b] for b in ("a", "b")}
    curves = {b: make_curve(counts[b], effects[b], None) for b in effects}
    draws = {b: np.full(400, effects[b]) for b in effects}
    costs = dict.fromkeys(effects, 0.0)
    free = {c.behaviour: c for c in weigh(("a", "b"), curves, draws, counts, costs)}
    capped = {c.behaviour: c for c in weigh(("a", "b"), curves, draws, counts, costs, {"b": 12.5})}
    assert free["b"].cap > 12.5
    assert capped["b"].cap == 12.5
    assert {b: c.weight for b, c in capped.items()} == {b: c.weight for b, c in free.items()}
