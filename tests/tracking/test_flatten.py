from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.tracking.flatten import MAX_KEY_LENGTH, flat_numbers, flat_texts, safe_key
from engagement_ml.tracking.session import import_mlflow

KEYS = st.text(min_size=1, max_size=300)


@settings(deadline=None)
@given(st.lists(KEYS, min_size=1, max_size=3))
def test_mlflow_accepts_every_key(parts):
    import_mlflow()
    from mlflow.utils.validation import _validate_metric_name, _validate_param

    key = safe_key("drivers", *parts)
    assert len(key) <= MAX_KEY_LENGTH
    _validate_metric_name(key)
    _validate_param(key, "1")


def test_long_keys_that_differ_at_the_end_stay_different():
    assert safe_key("x" * 300 + "a") != safe_key("x" * 300 + "b")


def test_only_finite_numbers_are_metrics():
    values = {"a": math.nan, "b": math.inf, "c": True, "d": "1", "e": None, "f": [1], "g": 2}
    assert flat_numbers(values) == {"g": 2.0}


def test_every_value_becomes_a_parameter():
    values = {"a": {"b": 1.5, "c": {}}, "d": [1, "ü"], "e": None, "f": "text"}
    assert flat_texts(values) == {
        "a.b": "1.5",
        "a.c": "{}",
        "d": '[1, "ü"]',
        "e": "null",
        "f": "text",
    }
