from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.errors import InputError, OutputError
from engagement_ml.records import RunRecord, plain


@dataclass(frozen=True)
class Part:
    x: np.float64
    when: dt.date


def record(**more: object) -> RunRecord:
    values: dict = {
        "name": "shop",
        "entity": "customer",
        "currency": "EUR",
        "created_at": dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        "version": "0.1.0",
        "config": {"name": "shop"},
        "windows": {"cutoffs": (dt.date(2024, 1, 1),)},
        "tables": [{"rows_read": np.int64(3)}],
        "n_entities": np.int64(10),
        "n_rows": 40,
        "metric": {"format": 1},
        "drivers": [{"behaviour": "a", "effect": np.float32(0.5), "saturation_point": np.nan}],
        "evaluation": {"profit": {"r2": np.inf, "deciles": np.arange(3)}},
    }
    return RunRecord(**(values | more))


def test_a_record_comes_back_equal(tmp_path):
    original = record(unprofitable={"share": np.float64(0.1)}, notes=("ö", "b"))
    text = original.to_json(tmp_path / "record.json")
    again = RunRecord.from_json(tmp_path / "record.json")
    assert again == original == RunRecord.from_json(text)
    assert again.to_json() == text
    assert json.loads(text)["format"] == 1


def test_numbers_that_json_does_not_have_become_null():
    made = record()
    assert made.drivers[0]["saturation_point"] is None
    assert made.evaluation == {"profit": {"r2": None, "deciles": [0, 1, 2]}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.bool_(True), True),
        (np.float32(0.5), 0.5),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        (pd.Timestamp("2024-01-01"), "2024-01-01T00:00:00"),
        (pd.NaT, None),
        (np.datetime64("2024-01-01"), "2024-01-01"),
        (pd.Series([1, 2]), [1, 2]),
        (np.str_("a"), "a"),
        (Path("a/b"), "a/b"),
        ({"b", "a"}, ["a", "b"]),
        ({1: {dt.date(2024, 1, 1): (1,)}}, {"1": {"2024-01-01": [1]}}),
        (Part(np.float64(1), dt.date(2024, 1, 1)), {"x": 1.0, "when": "2024-01-01"}),
    ],
)
def test_what_science_libraries_hold_becomes_plain(value, expected):
    made = plain(value)
    assert made == expected
    assert json.loads(json.dumps(made, allow_nan=False)) == expected


def test_what_has_no_plain_form_is_refused():
    with pytest.raises(TypeError, match="a object has no plain form"):
        plain({"x": [object()]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_plain_is_stable_and_is_json(value):
    made = plain(value)
    assert plain(made) == made
    assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_changing_what_was_given_does_not_change_a_record():
    notes = ["a"]
    made = record(notes=notes)
    notes.append("b")
    assert made.notes == ["a"]
    made.to_dict()["notes"].append("c")
    assert made.notes == ["a"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "key 'format': 2 is not known"),
        ({"format": None}, "key 'format'"),
        ({"drivers": ...}, "key 'drivers' is missing"),
    ],
)
def test_other_formats_and_missing_keys_are_refused(change, message):
    raw = record().to_dict() | change
    raw = {key: value for key, value in raw.items() if value is not ...}
    with pytest.raises(InputError, match=message):
        RunRecord.from_dict(raw)


def test_files_that_are_no_record_are_named(tmp_path):
    (tmp_path / "cut.json").write_text('{"format": 1')
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "binary.json").write_bytes(b"\xff")
    for name in ("cut.json", "list.json", "binary.json", "none.json"):
        with pytest.raises(InputError, match=name) as caught:
            RunRecord.from_json(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(OutputError, match="cannot be written"):
        record().to_json(tmp_path / "none" / "record.json")


def test_what_a_later_version_added_is_passed_over():
    made = record()
    assert RunRecord.from_dict({**made.to_dict(), "more": 1}) == made
