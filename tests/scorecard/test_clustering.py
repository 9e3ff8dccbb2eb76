"""Clusters are found where customers form groups, and not in one continuous population."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from engagement_ml.scorecard.segments.clustering import (
    Clusters,
    NoClusters,
    find_clusters,
    scores_of,
)
from engagement_ml.scorecard.segments.kmeans import adjusted_rand, nearest, partition
from engagement_ml.scorecard.segments.one_cloud import OneCloud
from engagement_ml.scorecard.segments.scale import MAX_LEVELS, BehaviourScale
from tests.scorecard import populations

LABELS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30)


def active(counts: populations.Counts) -> populations.Counts:
    return counts[counts.any(axis=1)]


@pytest.mark.parametrize("seed", [1, 2])
def test_groups_are_found(seed: int) -> None:
    counts, group = populations.three_groups(seed)

    found = find_clusters(counts, seed=seed)

    assert isinstance(found, Clusters)
    assert len(found.offsets) == 3
    assert adjusted_rand_score(group, found.assign(counts)) > 0.9
    assert found.stability > 0.9


@pytest.mark.parametrize(
    "draw",
    [
        populations.independent,
        populations.activity,
        populations.gaussian,
        populations.rare,
        populations.one_binary,
    ],
)
def test_one_population_has_no_clusters(draw: Callable[[int], populations.Counts]) -> None:
    found = find_clusters(active(draw(3)), seed=3)

    assert isinstance(found, NoClusters), found


def test_neither_order_of_customers_nor_of_behaviours_matters() -> None:
    counts, _ = populations.three_groups(4, 300)
    rng = np.random.default_rng(4)
    rows, columns = rng.permutation(len(counts)), rng.permutation(counts.shape[1])

    first = find_clusters(counts, seed=5)
    second = find_clusters(counts[rows][:, columns], seed=5)

    assert isinstance(first, Clusters)
    assert isinstance(second, Clusters)
    assert second.stability == first.stability
    assert second.gain == first.gain
    np.testing.assert_array_equal(
        second.assign(counts[rows][:, columns]), first.assign(counts)[rows]
    )


def test_a_frequent_behaviour_has_no_more_weight_than_another() -> None:
    counts, group = populations.three_groups(6, 300)
    counts[:, 0] = np.floor(np.exp(counts[:, 0]))

    found = find_clusters(counts, seed=6)

    assert isinstance(found, Clusters)
    assert adjusted_rand_score(group, found.assign(counts)) > 0.9


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        (np.zeros((0, 3)), "only 0 customers"),
        (np.array([[1.0, 0.0], [0.0, 3.0]]), "only 2 customers"),
        (np.ones((200, 3)), "fewer than two behaviours differ"),
        (np.arange(200.0)[:, None] + 1, "fewer than two behaviours differ"),
        (np.column_stack([np.arange(200.0) + 1, np.ones(200)]), "fewer than two behaviours differ"),
        (np.repeat(np.arange(100.0)[:, None] + 1, 3, axis=1), "customers"),
        (np.repeat([[1.0, 2.0], [2.0, 1.0]], 100, axis=0), "customers"),
    ],
)
def test_what_cannot_be_divided_has_a_reason(counts: populations.Counts, reason: str) -> None:
    found = find_clusters(counts, seed=0)

    assert isinstance(found, NoClusters)
    assert reason in found.reason


def test_one_cloud_has_the_counts_and_the_correlations_of_the_data() -> None:
    counts = active(populations.activity(7, 2000))
    scales = [BehaviourScale.of(column) for column in counts.T]
    scores = scores_of(scales, counts)
    rng = np.random.default_rng(7)

    cloud = OneCloud.of(scales, np.corrcoef(scores, rowvar=False), rng)
    drawn = cloud.draw(4000, rng)

    assert not np.all(drawn == [scale.scores[0] for scale in scales], axis=1).any()
    np.testing.assert_allclose(
        np.corrcoef(drawn, rowvar=False), np.corrcoef(scores, rowvar=False), atol=0.06
    )
    for column, scale in zip(drawn.T, scales, strict=True):
        shares = [np.mean(column == score) for score in scale.scores]
        np.testing.assert_allclose(shares, scale.shares, atol=0.04)


@given(LABELS)
def test_the_adjusted_rand_index_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array(labels) for labels in zip(*pairs, strict=True))

    assert adjusted_rand(first, second) == pytest.approx(adjusted_rand_score(first, second))


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_a_partition_is_a_local_optimum(seed: int, k: int) -> None:
    points = np.random.default_rng(seed).normal(size=(40, 2)).round(1)

    found = partition(points, k, np.random.default_rng(seed), starts=2)

    distances = ((points[:, None] - found.centres) ** 2).sum(axis=2)
    assert found.within == pytest.approx(distances.min(axis=1).sum(), abs=1e-9)
    np.testing.assert_array_equal(found.labels, nearest(points, found.centres))
    for cluster in np.unique(found.labels):
        np.testing.assert_allclose(
            found.centres[cluster], points[found.labels == cluster].mean(axis=0), atol=1e-9
        )


@given(st.lists(st.integers(0, 500), min_size=1, max_size=200))
def test_scores_keep_the_order_of_counts(values: list[int]) -> None:
    counts = np.array(values, dtype=np.float64)

    scale = BehaviourScale.of(counts)
    scores = scale.scores[scale.levels(counts)]

    assert len(scale.edges) <= MAX_LEVELS
    assert scale.shares.sum() == pytest.approx(1.0)
    assert scores.mean() == pytest.approx(0.0, abs=1e-9)
    assert np.all(np.diff(scores[np.argsort(counts, kind="stable")]) >= 0)
    assert scale.zero_share == np.mean(counts == 0)
