"""Each measure under weights equals the plain measure on rows repeated that often."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from sklearn import metrics

from engagement_ml.evaluation import weighted_measures
from engagement_ml.evaluation.weighted_measures import Ranking

N = 14
values = arrays(
    np.float64, N, elements=st.sampled_from([-30.5, -1.0, 0.0, 0.0, 0.5, 2.0, 7.0, 1e4])
)
weights = arrays(np.float64, (N, 2), elements=st.sampled_from([0.0, 1.0, 1.0, 2.0, 3.0]))
binary = arrays(np.float64, N, elements=st.sampled_from([0.0, 1.0]))


def repeated(column: np.ndarray, w: np.ndarray) -> np.ndarray:
    return np.repeat(column, w.astype(int))


def check(found: np.ndarray, W: np.ndarray, oracle) -> None:
    """Compare column by column; NaN is expected if the oracle gives None."""
    assert found.shape == (W.shape[1],)
    for value, w in zip(found, W.T, strict=True):
        expected = oracle(w)
        if expected is None:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(x=values, y=values, W=weights)
def test_spearman_is_scipys(x, y, W):
    def oracle(w):
        a, b = repeated(x, w), repeated(y, w)
        if len(set(a)) < 2 or len(set(b)) < 2:
            return None
        return stats.spearmanr(a, b).statistic

    found = weighted_measures.spearman(Ranking.of(x).midranks(W), Ranking.of(y).midranks(W), W)
    check(found, W, oracle)


@given(x=values, y=values, W=weights)
def test_gini_is_the_normalised_area_between_the_curves(x, y, W):
    def area(order_by, margin):
        """Concentration area, ties sharing their margin: mean over all orders among ties."""
        total = 0.0
        for value in np.unique(order_by):
            tied = order_by == value
            before = (order_by < value).sum()
            total += margin[tied].sum() * (before + (tied.sum() + 1) / 2)
        return total - margin.sum() * (len(margin) + 1) / 2

    def oracle(w):
        a, b = repeated(x, w), repeated(y, w)
        if len(set(b)) < 2:
            return None
        return area(a, b) / area(b, b)

    found = weighted_measures.gini(y, Ranking.of(x).midranks(W), Ranking.of(y).midranks(W), W)
    check(found, W, oracle)


@given(x=values, y=values, W=weights)
def test_r_squared_is_scikit_learns(x, y, W):
    def oracle(w):
        a, b = repeated(x, w), repeated(y, w)
        return metrics.r2_score(b, a) if len(set(b)) > 1 else None

    check(weighted_measures.r_squared(y, x, W), W, oracle)


@given(x=values, y=binary, W=weights)
def test_auc_and_average_precision_are_scikit_learns(x, y, W):
    def auc(w):
        b = repeated(y, w)
        return metrics.roc_auc_score(b, repeated(x, w)) if len(set(b)) == 2 else None

    def precision(w):
        b = repeated(y, w)
        return metrics.average_precision_score(b, repeated(x, w)) if b.any() else None

    check(weighted_measures.roc_auc(y, Ranking.of(x), W), W, auc)
    check(weighted_measures.average_precision(y, Ranking.of(x), W), W, precision)


@given(x=values, y=values, W=weights)
def test_top_decile_lift_is_the_mean_over_all_orders_among_ties(x, y, W):
    def oracle(w):
        a, b = repeated(x, w), repeated(y, w)
        if not len(b) or b.mean() <= 1e-9:
            return None
        left, taken = len(b) / 10, 0.0
        for value in np.unique(a)[::-1]:
            tied = b[a == value]
            fits = min(left, len(tied))
            taken += fits * tied.mean()
            left -= fits
        return taken / (len(b) / 10) / b.mean()

    check(weighted_measures.top_decile_lift(y, Ranking.of(x), W), W, oracle)


@given(x=values, W=weights)
def test_a_perfect_order_has_correlation_one(x, W):
    ranks = Ranking.of(x).midranks(W)
    for found in (
        weighted_measures.spearman(ranks, ranks, W),
        weighted_measures.gini(x, ranks, ranks, W),
    ):
        assert found[~np.isnan(found)] == pytest.approx(1.0)


def test_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, 200).astype(float), rng.normal(1, 3, 200)
    W, new = rng.integers(0, 3, (200, 4)).astype(float), rng.permutation(200)
    first = weighted_measures.top_decile_lift(y, Ranking.of(x), W)
    second = weighted_measures.top_decile_lift(y[new], Ranking.of(x[new]), W[new])
    assert first == pytest.approx(second, rel=1e-12)


def test_deciles_keep_ties_together():
    assert set(weighted_measures.deciles(np.zeros(50))) == {6}
    assert weighted_measures.deciles(np.zeros(0)).shape == (0,)
    assert np.bincount(weighted_measures.deciles(np.arange(1000.0)))[1:].tolist() == [100] * 10
