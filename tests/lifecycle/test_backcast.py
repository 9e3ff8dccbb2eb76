"""Backcast: parts add up to the change of every score, and ranks share ties."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.lifecycle.backcast import CutoffCounts, backcast
from engagement_ml.lifecycle.change_of_score import decompose
from engagement_ml.lifecycle.rankings import in_top_tenth, moved, ranks, shift_groups
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour, round_weights

NAMES = ("call", 'visit "<b>"', "naïve\nreview", "cart: weight")
amounts = st.floats(0.1, 50)


@st.composite
def transforms(draw: st.DrawFn) -> Transform:
    kind = draw(st.sampled_from(["linear", "log1p", "hill"]))
    return Transform(kind, draw(amounts), draw(st.floats(0.5, 5)), draw(amounts))


@st.composite
def metrics(draw: st.DrawFn, days: st.SearchStrategy[int]) -> EngagementMetric:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    weights = round_weights([draw(st.floats(1, 10)) for _ in names])
    behaviours = tuple(
        WeightedBehaviour(name, weight, None, None, "frequency", "events", draw(transforms()))
        for name, weight in zip(names, weights, strict=True)
    )
    return EngagementMetric("shop", "driver", draw(days), 84, behaviours)


def counts_for(draw: st.DrawFn, metric: EngagementMetric, n: int) -> dict[str, np.ndarray]:
    counts = st.lists(st.integers(0, 60), min_size=n, max_size=n)
    return {b.behaviour: np.array(draw(counts), float) for b in metric.behaviours}


def scores_of(metric: EngagementMetric, counts: dict[str, np.ndarray]) -> np.ndarray:
    import pandas as pd

    return metric.score(pd.DataFrame(counts))["score"].to_numpy()


@given(data=st.data())
def test_parts_add_up_to_the_change_of_every_score(data):
    days = st.sampled_from([56, 84])
    before, after = data.draw(metrics(days)), data.draw(metrics(days))
    n = data.draw(st.integers(1, 6))
    old, new = counts_for(data.draw, before, n), counts_for(data.draw, after, n)
    if before.observation_days == after.observation_days:
        new |= {name: values for name, values in old.items() if name in new}
    parts = decompose(before, after, old, new)
    change = scores_of(after, new) - scores_of(before, old)
    np.testing.assert_allclose(np.sum([*parts.values()], axis=0), change, atol=1e-9)
    # What does not differ adds nothing, and the reverse change is the opposite.
    for (name, factor), values in parts.items():
        both = [b for m in (before, after) for b in m.behaviours if b.behaviour == name]
        if factor == "weight" and both[0].weight == both[1].weight:
            assert not values.any()
        if factor == "transform" and both[0].transform == both[1].transform:
            assert not values.any()
    assert ("window" in {f for _, f in parts}) <= (
        before.observation_days != after.observation_days
    )
    opposite = {"added": "removed", "removed": "added"}
    for (name, factor), values in decompose(after, before, new, old).items():
        forward = parts[name, opposite.get(factor, factor)]
        np.testing.assert_allclose(values, -forward, atol=1e-9)


def straight(cap: float = 10.0) -> Transform:
    return Transform("linear", scale=None, shape=None, cap=cap)


def metric_of(days: int = 84, **weights: float) -> EngagementMetric:
    behaviours = tuple(
        WeightedBehaviour(name, weight, None, None, "frequency", "events", straight(), label=name)
        for name, weight in weights.items()
    )
    return EngagementMetric("shop", "driver", days, 84, behaviours)


@pytest.fixture
def example():
    rng = np.random.default_rng(0)
    before, after = metric_of(call=60, visit=40), metric_of(days=56, call=60, review=40)
    n, counts = 100, []
    for cutoff in (dt.date(2024, 1, 1), dt.date(2024, 2, 1)):
        old = {"call": rng.poisson(4.0, n) * 1.0, "visit": rng.poisson(5.0, n) * 1.0}
        new = {"call": np.floor(old["call"] / 2), "review": rng.poisson(3.0, n) * 1.0}
        ids = np.array([f"c{i}" for i in range(n)], dtype=object)
        plans = np.where(np.arange(n) % 4 == 0, "plus", "basic").astype(object)
        plans[0] = None
        counts.append(CutoffCounts(cutoff, ids, old, new, {"plan": plans}))
    return before, after, counts


def test_a_backcast_holds_who_moves_and_why(example):
    before, after, counts = example
    found = backcast(before, after, counts)
    last = found.last.change
    assert [each.cutoff for each in found.cutoffs] == [dt.date(2024, 1, 1), dt.date(2024, 2, 1)]
    assert sum(part.mean for part in found.parts) == pytest.approx(last.mean_change, abs=1e-9)
    assert {(part.behaviour, part.factor) for part in found.parts} == {
        ("call", "weight"), ("call", "transform"), ("call", "window"), ("visit", "removed"),
        ("review", "added"),
    }  # fmt: skip
    assert {part.factor for part in found.parts if part.mean_abs > 0} == {
        "window", "removed", "added",
    }  # fmt: skip
    assert len(found.movers) == 20
    sizes = [abs(mover.change) for mover in found.movers]
    assert sizes == sorted(sizes, reverse=True)
    for mover in found.movers:
        assert sum(part.points for part in mover.parts) == pytest.approx(mover.change, abs=1e-9)
        assert mover.after - mover.before == pytest.approx(mover.change)
    assert {row.value: row.change.customers for row in found.segments} == {
        "basic": 75, "plus": 24, "missing": 1,
    }  # fmt: skip
    of_all = sum(row.change.customers * row.change.mean_change for row in found.segments) / 100
    assert of_all == pytest.approx(last.mean_change)
    assert sum(share for _, _, share in found.shifts) == pytest.approx(1.0)
    beyond = sum(share for low, high, share in found.shifts if low >= 0.1 or high <= -0.1)
    assert beyond == pytest.approx(last.moved_share)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["format"] == 1


def test_the_same_metric_moves_no_one(example):
    before, _, counts = example
    same = [CutoffCounts(c.cutoff, c.customers, c.before, c.before, c.segments) for c in counts]
    found = backcast(before, before, same)
    assert found.movers == ()
    assert found.last.turnover == 0.0
    assert found.last.change.moved_share == found.last.change.mean_abs_change == 0.0
    assert all(part.mean_abs == 0 for part in found.parts)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_the_top_tenth_has_a_tenth_of_the_places_and_does_not_depend_on_order(scores):
    values = np.array(scores, float)
    member = in_top_tenth(values)
    assert member.sum() == pytest.approx(max(len(values) / 10, 1.0))
    np.testing.assert_array_equal(in_top_tenth(values[::-1]), member[::-1])
    assert ranks(values).mean() == pytest.approx(0.5)


def test_a_shift_of_exactly_a_tenth_counts():
    for n in (10, 30, 70, 110):
        before = np.arange(n, dtype=float)
        after = before.copy()
        step = n // 10
        after[0] = step + 0.5
        shift = ranks(after) - ranks(before)
        assert moved(shift).tolist() == [True, *[False] * (n - 1)] or n == 10
        shares = {(low, high): share for low, high, share in shift_groups(shift)}
        assert shares[0.1, 0.2] == pytest.approx(1 / n)
