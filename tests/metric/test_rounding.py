from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.errors import InputError
from engagement_ml.metric import round_weights
from engagement_ml.metric.rounding import adds_up, round_significant

SHARES = st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=10)


@given(SHARES)
def test_weights_are_positive_and_add_up_to_exactly_one_hundred(shares):
    weights = round_weights(shares)
    assert sum(Decimal(str(weight)) for weight in weights) == 100
    assert all(weight > 0 for weight in weights)
    assert adds_up(weights)


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=10))
def test_no_weight_is_further_than_a_hundredth_from_its_share(shares):
    weights = round_weights(shares)
    for weight, share in zip(weights, shares, strict=True):
        assert abs(weight - 100 * share / math.fsum(shares)) < 0.01 + 1e-9


@given(SHARES)
def test_a_larger_share_never_gets_a_smaller_weight(shares):
    weights = round_weights(shares)
    ranked = sorted(zip(shares, weights, strict=True))
    # The hundredth that a vanishing share takes comes off the largest weight.
    slack = 0.01 * len(shares) if min(weights) == 0.01 else 1e-9
    assert all(a[1] <= b[1] + slack for a, b in pairwise(ranked) if a[0] < b[0])


@pytest.mark.parametrize("share", [0.0, -1.0, math.nan, math.inf])
def test_a_share_that_is_not_positive_is_refused(share):
    with pytest.raises(InputError, match="share 2 is"):
        round_weights([1.0, share])


def test_a_single_behaviour_has_weight_100():
    assert round_weights([0.3]) == (100.0,)


@given(st.floats(1e-12, 1e12))
def test_rounding_again_changes_nothing(value):
    once = round_significant(value)
    assert round_significant(once) == once
    assert abs(once - value) <= 5e-9 * value
