"""Standard errors by cluster: against sums in loops, and in worlds where clusters move together."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.estimation.clusters import cluster_sums
from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.retention.discrete_hazard import fit_hazard
from engagement_ml.drivers.validation.score_test import ScoreTest


def test_the_covariance_is_that_of_sums_by_cluster():
    rng = np.random.default_rng(0)
    influence, clusters = rng.normal(size=(30, 2)), rng.integers(0, 9, 30)
    rows = cluster_sums(influence, clusters, correct=False)
    expected = np.zeros((2, 2))
    for cluster in set(clusters.tolist()):
        total = sum(influence[i] for i in range(30) if clusters[i] == cluster)
        expected += np.outer(total, total)
    np.testing.assert_allclose(rows.T @ rows, expected)
    np.testing.assert_allclose(rows.sum(axis=0), influence.sum(axis=0))
    assert cluster_sums(influence, None) is influence


def test_summing_twice_changes_nothing_whichever_part_was_summed_first():
    rng = np.random.default_rng(1)
    influence, clusters = rng.normal(size=40), rng.integers(0, 7, 40)
    part = rng.random(40) < 0.5
    placed = np.zeros(40)
    placed[part] = cluster_sums(influence[part], clusters[part], correct=False)
    whole = cluster_sums(np.where(part, influence, 0.0), clusters, correct=False)
    np.testing.assert_allclose(cluster_sums(placed, clusters, correct=False), whole)


def shocked(seed: int):
    """Return y that partners' shocks move, and visits that act on nothing."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(40), 8)
    shocks = 0.5 * rng.normal(size=(40, 16))
    visits = rng.poisson(1.0, (40, 16, 1)).astype(np.float32)
    y = rng.poisson(2.0 * np.exp(shocks[clusters])).astype(float)
    return y, visits[clusters], np.ones(y.shape, bool), clusters.astype(np.int64)


def test_visits_that_do_nothing_have_the_right_z_only_by_cluster():
    by_cluster, by_customer, scores = [], [], []
    for seed in range(60):
        y, x, cells, clusters = shocked(seed)
        fit = fit_poisson(y, x, cells, clusters=clusters)
        alone = fit_poisson(y, x, cells)
        assert fit.coef[0] == alone.coef[0]
        by_cluster.append(fit.coef[0] / np.sqrt(fit.covariance[0, 0]))
        by_customer.append(alone.coef[0] / np.sqrt(alone.covariance[0, 0]))
        if seed < 20:
            test = ScoreTest(y, np.zeros((*y.shape, 0), np.float32), cells, clusters=clusters)
            scores.append(test.of(x).z[0] / by_cluster[-1])
    assert 0.75 < np.std(by_cluster) < 1.2
    assert np.std(by_customer) > 1.4
    # The score test does not refit, so it differs a little.
    np.testing.assert_allclose(scores, 1.0, atol=0.25)


def test_hazards_are_clustered_alike():
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(50), 20)
    x = rng.normal(size=50)[clusters][:, None].astype(np.float32)
    shock = 0.8 * rng.normal(size=50)[clusters]
    event = rng.random(1000) < 1 / (1 + np.exp(1.0 - shock))
    one = np.arange(1000)
    alone, together = (fit_hazard(event, x, one, 1000, c) for c in (None, clusters))
    assert together.coef == alone.coef
    errors = [float(np.linalg.norm(fit.influence[:, 0])) for fit in (alone, together)]
    assert errors[1] > 1.3 * errors[0]


@pytest.mark.parametrize(("n", "least"), [(4, 1.7), (1000, 1.0)])
def test_few_clusters_widen_intervals(n, least):
    rows = np.random.default_rng(0).normal(size=n)
    ratio = np.linalg.norm(cluster_sums(rows, np.arange(n))) / np.linalg.norm(rows)
    assert least <= ratio < least + 0.2
