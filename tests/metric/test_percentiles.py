"""Percentiles from frozen quantiles agree with those among the scores themselves."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.metric.percentiles import percentile_among, percentile_in, score_quantiles

SCORES = st.lists(st.integers(0, 40).map(lambda n: n * 2.5), min_size=1, max_size=60)


@given(SCORES, st.lists(st.floats(-5, 110), min_size=2, max_size=20))
def test_percentiles_rise_with_the_score_and_end_at_0_and_100(scores, asked):
    quantiles = score_quantiles(scores)
    found = percentile_in(sorted(asked), quantiles)
    assert (np.diff(found) >= -1e-9).all()
    assert ((found >= 0) & (found <= 100)).all()
    low, high = percentile_in([min(scores) - 1, max(scores) + 1], quantiles)
    assert (low, high) == (0.0, 100.0)


@given(SCORES)
def test_a_score_of_the_training_has_its_rank_there(scores):
    values, counts = np.unique(scores, return_counts=True)
    among = percentile_among(values, counts)
    frozen = percentile_in(values, score_quantiles(scores))
    # A quantile is kept for each percent, so a rank is known to one percent on either side.
    few = 100 / len(scores)
    assert (np.abs(among - frozen) <= 1.01 + few / 2).all()
    assert abs((among * counts).sum() / counts.sum() - 50) < 1e-9


def test_the_order_of_customers_does_not_matter():
    scores = np.random.default_rng(0).gamma(2.0, 10.0, 5_000)
    assert score_quantiles(scores) == score_quantiles(scores[::-1])
