from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.errors import InputError
from engagement_ml.metric import Transform

TRANSFORMS = st.one_of(
    st.builds(Transform, st.just("linear"), st.none(), st.none(), st.floats(0.5, 1e4)),
    st.builds(Transform, st.just("log1p"), st.floats(0.1, 1e3), st.none(), st.floats(0.5, 1e4)),
    st.builds(
        Transform, st.just("hill"), st.floats(0.1, 1e3), st.floats(0.2, 6), st.floats(0.5, 1e4)
    ),
)


def by_hand(transform: Transform, count: float) -> float:
    def g(x: float) -> float:
        if transform.kind == "linear":
            return x
        if transform.kind == "log1p":
            return math.log1p(x / transform.scale)
        return x**transform.shape / (x**transform.shape + transform.scale**transform.shape)

    return min(g(count) / g(transform.cap), 1.0)


@given(TRANSFORMS, st.floats(0, 1e5))
def test_a_transform_follows_its_formula(transform, count):
    assert transform(count) == pytest.approx(by_hand(transform, count), rel=1e-9, abs=1e-12)


@given(TRANSFORMS, st.lists(st.floats(0, 1e5), min_size=2, max_size=20))
def test_a_transform_increases_from_0_to_1_at_the_cap(transform, counts):
    shares = transform(np.sort(counts))
    assert np.all(np.diff(shares) >= -1e-15)
    assert transform(0.0) == 0.0
    assert transform([transform.cap, transform.cap * 7]) == pytest.approx(1.0, abs=1e-12)


@given(TRANSFORMS)
def test_values_that_are_not_counts_are_no_events(transform):
    assert transform([-3.0, -math.inf, math.nan]).tolist() == [0.0, 0.0, 0.0]
    assert transform(math.inf) == transform(transform.cap)


@given(TRANSFORMS)
def test_a_transform_is_restored_from_its_dictionary(transform):
    assert Transform.from_dict(transform.to_dict()) == transform


def test_parameters_that_a_kind_does_not_use_are_null():
    assert Transform("linear", 3.0, 2.0, 5.0) == Transform("linear", None, None, 5.0)
    assert Transform("log1p", 3.0, 2.0, 5.0) == Transform("log1p", 3.0, None, 5.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("logp1", 1.0, None, 5.0), r"key 'kind': 'logp1' .*did you mean 'log1p'"),
        (("linear", None, None, 0.0), "key 'cap'"),
        (("linear", None, None, math.nan), "key 'cap'"),
        (("linear", None, None, "5"), "key 'cap'"),
        (("log1p", None, None, 5.0), "key 'scale'"),
        (("log1p", 1e6, None, 5.0), "use linear"),
        (("hill", 1.0, None, 5.0), "key 'shape'"),
        (("hill", 1.0, 21.0, 5.0), "key 'shape'"),
        (("hill", 1e-200, 2.0, 5.0), "too far"),
        (("hill", True, 2.0, 5.0), "key 'scale'"),
    ],
)
def test_numbers_out_of_range_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        Transform(*values)
