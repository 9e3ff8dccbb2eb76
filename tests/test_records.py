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

from engagement_ml.drivers.evidence import (
    CheckRow,
    Choice,
    DriverEvidence,
    DriverRow,
    NaiveRow,
    PairRow,
    ResponseCurve,
    SegmentRow,
    Unprofitable,
)
from engagement_ml.drivers.experiment_rows import ExperimentRow, Experiments, ExperimentSegment
from engagement_ml.errors import InputError, OutputError
from engagement_ml.plain_types import plain
from engagement_ml.records import DrawnSample, RunRecord
from engagement_ml.tables.quality import TableQuality
from engagement_ml.windows import History, Windows


@dataclass(frozen=True)
class Part:
    x: np.float64
    when: dt.date


DAY = dt.date(2024, 1, 1)


def driver_row(behaviour: str = "a", **more: object) -> DriverRow:
    values: dict = {
        "behaviour": behaviour, "verdict": "vanity", "selected": False, "shap_rank": 1,
        "mean_abs_shap": 0.1, "effect": np.float32(0.5), "effect_low": 0.1, "effect_high": 0.9,
        "selection_frequency": 0.0, "saturation_point": np.nan, "reason": "it is rare",
    }  # fmt: skip
    return DriverRow(**(values | more))


def evidence(**more: object) -> DriverEvidence:
    values: dict = {
        "evidence": "driver", "choices": (), "reason": "nothing passed",
        "drivers": (driver_row(),),
    }  # fmt: skip
    return DriverEvidence(**(values | more))


def record(**more: object) -> RunRecord:
    values: dict = {
        "name": "shop",
        "entity": "customer",
        "currency": "EUR",
        "created_at": dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        "version": "0.1.0",
        "config": {"name": "shop"},
        "windows": Windows(84, 84, 0, (DAY,), (), DAY, History(DAY, dt.date(2024, 6, 1))),
        "tables": [TableQuality("events", "e.csv", np.int64(3), 2, (), None, None, "ab")],
        "n_entities": np.int64(10),
        "n_rows": 40,
        "metric": {"format": 1, "evidence": "driver", "reason": "nothing passed"},
        "evidence": evidence(),
        "evaluation": {"profit": {"r2": np.inf, "deciles": np.arange(3)}},
    }
    return RunRecord(**(values | more))


def test_a_record_comes_back_equal(tmp_path):
    curve = ResponseCurve((0.0, 1.0), (0.0, 2.0), (0.0, 1.0), (0.0, 3.0), None, 1.0, 2.0, "linear")
    tested = ExperimentRow(
        "a", "May", None, 28, 10, 10, 5.0, 0.5, 0.1, 0.9, 0.01, None, None, None, None, None, None,
        (ExperimentSegment("plan", "pro", 5, 5, *(None,) * 7),), {"plan": None}, "A", 0.0,
        "driver", "vanity", None, None, None,
    )  # fmt: skip
    original = record(
        evidence=evidence(
            choices=(Choice("a", 100.0, None, None, "linear", None, None, 4.0),),
            naive=(NaiveRow("a", 0.3, 1),),
            responses={"a": curve},
            checks=(CheckRow("stability", "Again?", "yes", None),),
            segments=(SegmentRow("plan", "pro", "a", 1.0, 0.5, 1.5, 100, True),),
            pairs=(PairRow("a", "b", 1.0, 0.5, 1.5, 0.04, "more together"),),
            unprofitable=Unprofitable(4, 1, np.float64(0.25), 3.0, ()),
            experiments=Experiments(results=(tested,)),
            notes=("ö", "b"),
        ),
        sample=DrawnSample(10, 100, 0.1, ("spending",), 4, 3.2, {"a": 0.2}),
        registered={"model": "shop", "version": 3},
    )
    text = original.to_json(tmp_path / "record.json")
    again = RunRecord.from_json(tmp_path / "record.json")
    assert again == original == RunRecord.from_json(text)
    assert again.to_json() == text
    assert json.loads(text)["format"] == 1


def test_numbers_that_json_does_not_have_become_null():
    made = record()
    assert made.drivers[0].saturation_point is None
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
    config = {"segments": ["a"]}
    made = record(config=config)
    config["segments"].append("b")
    assert made.config == {"segments": ["a"]}
    made.to_dict()["config"]["segments"].append("c")
    assert made.config == {"segments": ["a"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "key 'format': 2 is not known"),
        ({"format": None}, "key 'format'"),
        ({"drivers": ...}, "key 'drivers' is missing"),
        ({"n_rows": "many"}, "key 'n_rows': input should be a valid integer"),
        ({"windows": {"observation_days": 84}}, "key 'windows.outcome_days': field required"),
        ({"drivers": [{"behaviour": "a"}]}, r"key 'drivers\.0\.verdict': field required"),
        ({"drivers": [3]}, r"key 'drivers\.0': .* found 3"),
        ({"drivers": None}, "key 'drivers': input should be a valid tuple, found None"),
        ({"metric": 1}, "key 'metric': input should be a valid dictionary"),
        ({"checks": [{"name": "a\nb", "question": "", "result": ""}]}, "passed"),
    ],
)
def test_other_formats_and_missing_keys_are_refused(change, message):
    raw = record().to_dict() | change
    raw = {key: value for key, value in raw.items() if value is not ...}
    with pytest.raises(InputError, match=message) as caught:
        RunRecord.from_dict(raw, origin="run.json")
    assert str(caught.value).startswith("run.json: ")
    assert "\n" not in str(caught.value)


def test_a_value_of_the_wrong_type_is_refused_at_once():
    with pytest.raises(InputError, match="key 'windows'"):
        record(windows=None)
    with pytest.raises(InputError, match=r"key 'drivers\.0\.effect'"):
        record(evidence=evidence(drivers=(driver_row(effect="much"),)))


def test_the_file_of_a_record_is_flat():
    flat = record().to_dict()
    assert {"drivers", "naive", "responses", "checks", "segments", "pairs", "notes"} <= set(flat)
    assert {"unprofitable", "experiments"} <= set(flat)
    assert "evidence" not in flat
    assert "observed_verdict" not in flat["drivers"][0]
    row = driver_row(basis="experiment", observed_verdict="vanity")
    flat = record(evidence=evidence(drivers=(row,))).to_dict()
    assert flat["drivers"][0]["observed_verdict"] == "vanity"


def test_files_of_earlier_versions_are_read():
    """They have no choices, no experiments, and another name for one column."""
    raw = record(
        evidence=evidence(drivers=(driver_row(log_rate_after_purchases=0.26),)),
        metric={
            "format": 1,
            "evidence": "driver",
            "reason": None,
            "behaviours": [
                {
                    "behaviour": "a", "weight": 100.0, "weight_low": None, "weight_high": None,
                    "feature": "frequency", "unit": "events in 84 days", "label": None,
                    "transform": {"kind": "log1p", "scale": 2.0, "shape": None, "cap": 6.0},
                }
            ],
        },
    ).to_dict()  # fmt: skip
    for key in ("choices", "experiments", "sample", "notes"):
        del raw[key]
    (row,) = raw["drivers"]
    row["lead_ratio"] = row.pop("log_rate_after_purchases")
    for key in ("basis", "robustness_value", "stage"):
        del row[key]
    del raw["windows"]["history"]["paid_from"]
    made = RunRecord.from_dict(json.loads(json.dumps(raw)))
    assert made.drivers[0].log_rate_after_purchases == 0.26
    assert made.drivers[0].basis == "observation"
    assert made.evidence.choices == (Choice("a", 100.0, None, None, "log1p", 2.0, None, 6.0),)
    assert made.evidence.experiments == Experiments()
    assert made.notes == ()


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


@pytest.mark.parametrize("change", [("84", "48"), ("true", "false"), ("0", "1"), ("e", "a")])
def test_a_changed_record_is_refused_by_its_hash(tmp_path: Path, change: tuple[str, str]) -> None:
    text = record().to_json()
    start = text.index('"windows"')
    changed = text[:start] + text[start:].replace(*change, 1)
    assert changed != text
    (tmp_path / "run.json").write_text(changed)
    with pytest.raises(InputError, match=r"run.json: ") as caught:
        RunRecord.from_json(tmp_path / "run.json")
    assert "\n" not in str(caught.value)


def test_a_record_of_an_earlier_version_has_no_hash() -> None:
    raw = json.loads(record().to_json())
    del raw["sha256"]
    assert RunRecord.from_json(json.dumps(raw)) == record()
