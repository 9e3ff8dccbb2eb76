"""How customers score: counted another way, and what has no data stays empty."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.metric.standing import MIN_FOR_INTERVAL, MOST_VALUES, standing

scores_of = st.lists(st.floats(0, 100), min_size=1, max_size=60)


@given(scores_of)
def test_every_customer_is_in_the_bin_of_their_score(scores: list[float]) -> None:
    found = standing(np.array(scores), ["2024-01-01"] * len(scores), {})
    assert found is not None
    assert found.bins[0] == sum(score == 0 for score in scores)
    for place in range(1, 11):
        inside = [s for s in scores if s > 10 * (place - 1) and s <= 10 * place]
        # The quotient of a score just above a border may round to the border.
        borders = (10 * place - 10, 10 * place)
        near = sum(0 < abs(s - border) < 1e-9 for s in scores for border in borders)
        assert abs(found.bins[place] - len(inside)) <= near
    assert sum(found.bins) == len(scores)


def test_mean_share_and_interval_are_those_of_each_cutoff() -> None:
    rng = np.random.default_rng(3)
    early, late = rng.uniform(0, 60, 400), np.where(rng.random(300) < 0.4, 0.0, 55.0)
    dates = ["2024-03-01"] * 400 + ["2024-02-01"] * 300
    found = standing(np.concatenate([early, late]), dates, {})
    assert found is not None
    first, last = found.cutoffs
    assert (first.cutoff, first.n_entities, last.n_entities) == ("2024-02-01", 300, 400)
    assert first.share_at_zero == sum(x == 0 for x in late) / 300
    mean = sum(early) / 400
    variance = sum((x - mean) ** 2 for x in early) / 399
    assert last.mean == pytest.approx(mean, abs=1e-4)
    assert (last.mean_high or 0) - mean == pytest.approx(1.96 * math.sqrt(variance / 400), rel=1e-3)
    assert last.quantiles[2] == pytest.approx(sorted(early)[199:201][0], abs=0.5)
    assert sum(found.bins) == 400, "the last date, not the last row"


def test_the_interval_of_a_mean_holds_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth, inside, n = 0.6 * 30, 0, 800
    for _ in range(n):
        scores = np.where(rng.random(80) < 0.4, 0.0, rng.uniform(0, 60, 80))
        found = standing(scores, ["2024-01-01"] * 80, {})
        assert found is not None
        row = found.cutoffs[0]
        assert row.mean_low is not None
        assert row.mean_high is not None
        inside += row.mean_low <= truth <= row.mean_high
    assert 0.925 < inside / n < 0.975


def test_segments_are_those_at_the_last_cutoff() -> None:
    scores = np.array([10.0, 20.0, 30.0, 50.0])
    dates = ["2024-01-01", "2024-02-01", "2024-02-01", "2024-02-01"]
    found = standing(scores, dates, {"plan": ["gone", "pro", "", "pro"]})
    assert found is not None
    rows = {row.value: row for row in found.segments}
    assert rows["pro"].mean == 35.0
    assert rows[""].n_entities == 1
    gone = rows["gone"]
    assert (gone.n_entities, gone.mean, gone.share_at_zero) == (0, None, None)
    assert rows["pro"].mean_low is None, f"no interval below {MIN_FOR_INTERVAL}"
    assert [row.value for row in found.segments] == ["pro", "", "gone"]


def test_values_beyond_the_most_are_counted() -> None:
    n = MOST_VALUES + 7
    found = standing(np.zeros(n), ["2024-01-01"] * n, {"city": [f"c{i}" for i in range(n)]})
    assert found is not None
    assert len(found.segments) == MOST_VALUES
    assert found.left_out == {"city": 7}


def test_without_rows_there_is_no_standing() -> None:
    assert standing(np.array([]), [], {}) is None
