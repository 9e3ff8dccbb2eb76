"""Credit by each rule, against paths and games that are enumerated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.attribution.paths import PathCounts, count_paths
from engagement_ml.attribution.rules import RULES, shares
from engagement_ml.engine import open_duckdb
from tests.attribution import oracle

K = 4
LOOKBACK = 10
touch_lists = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.integers(0, K - 1)),
    min_size=1,
    max_size=40,
)
sale_lists = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.integers(1, 9)),
    max_size=12,
    unique_by=lambda sale: sale[:2],
)


@pytest.fixture(scope="module")
def engine():
    with open_duckdb() as opened:
        yield opened


def counted(engine, touches, sales, lookback=LOOKBACK, end=61) -> PathCounts:
    who, at, code = zip(*touches, strict=True)
    bought = list(zip(*sales, strict=True)) or [[], [], []]
    return count_paths(
        engine,
        engine.small({"customer_id": list(who), "micros": list(at), "code": list(code)}),
        engine.small(
            {
                "customer_id": np.array(bought[0], dtype=object).astype(str),
                "micros": np.array(bought[1], dtype=np.int64),
                "value": np.array(bought[2], dtype=np.int64) * 10**6,
            }
        ),
        lookback=lookback,
        end=end,
    )


@settings(max_examples=15, deadline=None)
@given(touch_lists, sale_lists)
def test_all_rules_equal_enumeration(engine, touches, sales):
    counts = counted(engine, touches, sales)
    found = oracle.paths(touches, sales, LOOKBACK)
    for by_value in (False, True):
        expected = oracle.credit(found, K, by_value=by_value)
        for name, rule in RULES.items():
            np.testing.assert_allclose(
                rule(counts, K, by_value=by_value), expected[name], atol=1e-9, err_msg=name
            )


@settings(max_examples=6, deadline=None)
@given(touch_lists, sale_lists)
def test_credit_adds_up_to_the_conversions_and_is_zero_for_who_has_none(engine, touches, sales):
    counts = counted(engine, touches, sales)
    won = [p for p, converted, _ in oracle.paths(touches, sales, LOOKBACK) if converted]
    for name, rule in RULES.items():
        credit = rule(counts, K)
        assert credit.sum() == pytest.approx(len(won)), name
        without = [code for code in range(K) if not any(code in path for path in won)]
        if name != "markov":
            # A chain of first order continues a path without a conversion as others went on.
            np.testing.assert_allclose(credit[without], 0, err_msg=name)


@settings(max_examples=6, deadline=None)
@given(touch_lists, sale_lists, st.permutations(range(K)))
def test_credit_does_not_depend_on_the_names_if_no_two_touches_have_one_moment(
    engine, touches, sales, order
):
    once = list({(who, at): (who, at, code) for who, at, code in touches}.values())
    counts = counted(engine, once, sales)
    renamed = counted(engine, [(who, at, order[code]) for who, at, code in once], sales)
    for name, rule in RULES.items():
        np.testing.assert_allclose(
            rule(renamed, K)[list(order)], rule(counts, K), atol=1e-9, err_msg=name
        )


def test_a_path_begins_after_the_conversion_before_and_within_the_lookback(engine):
    # Customer a: 0 is too early, 5 (at the lookback's border) and 14 count, 15 comes after the
    # sale at the same moment, and belongs to the next path.
    touches = [("a", 0, 0), ("a", 5, 1), ("a", 14, 2), ("a", 15, 3)]
    counts = counted(engine, touches, [("a", 15, 4), ("a", 20, 6)])
    assert RULES["first"](counts, K).tolist() == [0, 1, 0, 1]
    assert RULES["last"](counts, K, by_value=True).tolist() == [0, 0, 4, 6]
    assert counts.ends.n[counts.ends.converted == 0].sum() == 1


def test_a_path_without_conversion_ends_when_the_lookback_passes_without_a_touch(engine):
    touches = [("a", 0, 0), ("a", 10, 1), ("a", 21, 2), ("a", 22, 2), ("a", 55, 3)]
    counts = counted(engine, touches, [])
    assert counts.ends.code.tolist() == [1, 2, 3]
    # Only the last touch is within the lookback of the end.
    assert (counts.ends.n * counts.ends.by).tolist() == [0, 0, 1]


def test_repeats_in_a_row_are_one_touch(engine):
    touches = [("a", at, code) for at, code in enumerate([0, 0, 0, 1, 0])]
    counts = counted(engine, touches, [("a", 9, 1)])
    assert RULES["linear"](counts, 2) == pytest.approx([2 / 3, 1 / 3])
    assert RULES["shapley"](counts, 2) == pytest.approx([1 / 2, 1 / 2])


def test_touches_at_one_moment_are_counted(engine):
    counts = counted(engine, [("a", 3, 1), ("a", 3, 0), ("b", 3, 0)], [])
    assert counts.n_same_moment == 1


def test_shares_of_a_loss_are_not_given():
    assert shares(np.array([1.0, -3.0])) is None
    assert shares(np.array([3.0, -1.0])) == pytest.approx([1.5, -0.5])


def test_markov_by_hand(engine):
    # 0 → 1 → sale, 0 → nothing, 1 → sale, worked out by hand: P = 2/3; without 0: 1/3; without
    # 1: 0. Removal effects are 1/2 and 1, of two sales.
    touches = [("a", 0, 0), ("a", 1, 1), ("b", 0, 0), ("c", 0, 1)]
    counts = counted(engine, touches, [("a", 2, 1), ("c", 2, 1)])
    assert RULES["markov"](counts, 2) == pytest.approx([2 / 3, 4 / 3])
