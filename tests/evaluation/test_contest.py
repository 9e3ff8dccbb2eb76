"""A contest: paired differences, the same customers for all, and partial correlations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engagement_ml.evaluation.bootstrap import Resamples
from engagement_ml.evaluation.contest import BEYOND_RFM, Contest, measure_contest
from engagement_ml.evaluation.cutoff_groups import CutoffGroup
from engagement_ml.evaluation.partial_correlation import partial_correlations

N = 120
ROWS = np.arange(N)


def contest(scores: dict[str, np.ndarray], margin: np.ndarray, **more) -> Contest:
    group = CutoffGroup(entities=ROWS, rows=ROWS)
    return Contest(
        margin=margin,
        contestants=scores,
        baselines=more.pop("baselines", {}),
        groups=(group,),
        pair_groups=(),
        control=more.pop("control", None),
        segments=more.pop("segments", None),
        resamples=Resamples(n_entities=N, n=40, seed=0),
    )


@given(st.integers(0, 2**32 - 1))
def test_a_difference_is_that_of_the_estimates_and_turns_with_the_order(seed):
    rng = np.random.default_rng(seed)
    margin, a, b = rng.normal(size=(3, N))
    there = measure_contest(contest({"a": a, "b": b}, margin))
    back = measure_contest(contest({"b": b, "a": a}, margin))
    values = [there["scores"][name]["across"]["spearman"]["value"] for name in ("a", "b")]
    (one,), (other,) = there["differences"], back["differences"]
    difference = one["across"]["spearman"]
    assert difference["value"] == pytest.approx(values[0] - values[1])
    assert difference["low"] == pytest.approx(-other["across"]["spearman"]["high"])


def test_equal_scores_differ_by_exactly_nothing_though_each_is_uncertain():
    rng = np.random.default_rng(1)
    margin = rng.normal(size=N)
    score = margin + rng.normal(size=N)
    measured = measure_contest(contest({"a": score, "twice": 2 * score + 1}, margin))
    assert measured["differences"][0]["across"]["spearman"] == {"value": 0, "low": 0, "high": 0}
    interval = measured["scores"]["a"]["across"]["spearman"]
    assert interval["high"] - interval["low"] > 0.1


def test_every_contestant_is_compared_with_every_other_and_with_the_baselines():
    margin, a, b, c = np.random.default_rng(2).normal(size=(4, N))
    measured = measure_contest(contest({"a": a, "b": b}, margin, baselines={"c": c}))
    pairs = [(each["first"], each["second"]) for each in measured["differences"]]
    assert pairs == [("a", "b"), ("a", "c"), ("b", "c")]


def test_segments_are_measured_on_their_own_customers():
    rng = np.random.default_rng(3)
    margin = rng.normal(size=N)
    plan = np.where(ROWS < 60, "basic", "plus")
    score = np.where(plan == "basic", margin, -margin)
    frame = pd.DataFrame({"segment__plan": plan})
    by_value = {
        each["value"]: each["scores"]["a"]["across"]["spearman"]["value"]
        for each in measure_contest(contest({"a": score}, margin, segments=frame))["segments"]
    }
    assert by_value == {"basic": 1.0, "plus": -1.0}


def test_a_small_segment_is_left_out():
    margin = np.random.default_rng(4).normal(size=N)
    frame = pd.DataFrame({"segment__plan": np.where(ROWS < 49, "few", "many")})
    measured = measure_contest(contest({"a": margin}, margin, segments=frame))
    assert [each["value"] for each in measured["segments"]] == ["many"]


def test_the_mean_margin_of_the_top_tenth_is_in_currency():
    margin = np.arange(N, dtype=float)
    across = measure_contest(contest({"a": margin}, margin))["scores"]["a"]["across"]
    assert across["top_decile_margin"]["value"] == pytest.approx(margin[-N // 10 :].mean())


def test_a_partial_correlation_is_that_of_the_residuals_of_ranks():
    rng = np.random.default_rng(5)
    control = rng.normal(size=N)
    score, margin = control + rng.normal(size=(2, N))
    group = CutoffGroup(entities=ROWS, rows=ROWS)
    draws = Resamples(n_entities=N, n=0, seed=0)
    found = partial_correlations([group], margin, control, {"a": score}, draws)["a"][0]
    x, y, z = (stats.rankdata(values) for values in (score, margin, control))
    residuals = [v - np.polyval(np.polyfit(z, v, 1), z) for v in (x, y)]
    assert found == pytest.approx(np.corrcoef(*residuals)[0, 1])


def test_a_score_that_only_repeats_past_purchases_adds_nothing_to_them():
    rng = np.random.default_rng(6)
    control = rng.normal(size=N)
    margin = control + rng.normal(size=N)
    noisy = control + 0.05 * rng.normal(size=N)
    measured = measure_contest(contest({"a": noisy}, margin, control=control))
    beyond = measured["scores"]["a"]["across"][BEYOND_RFM]
    assert beyond["low"] < 0 < beyond["high"]
