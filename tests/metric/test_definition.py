from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from engagement_ml.errors import InputError, OutputError
from engagement_ml.metric import EngagementMetric, WeightedBehaviour


def with_weights(metric: EngagementMetric, *weights: float) -> EngagementMetric:
    behaviours = tuple(
        dataclasses.replace(behaviour, weight=weight, weight_low=None, weight_high=None)
        for behaviour, weight in zip(metric.behaviours, weights, strict=True)
    )
    return dataclasses.replace(metric, behaviours=behaviours)


class TestDefinition:
    def test_weights_must_add_up_to_one_hundred(self, metric):
        with pytest.raises(InputError, match=r"add up to 99\.99, not to 100"):
            with_weights(metric, 41.2, 33.3, 25.49)

    @pytest.mark.parametrize("weight", [0.0, -1.0, 101.0, float("nan"), "41", None, True, [1]])
    def test_a_weight_is_a_positive_number_up_to_one_hundred(self, metric, weight):
        with pytest.raises(InputError, match="key 'weight'"):
            dataclasses.replace(metric.behaviours[0], weight=weight)

    def test_an_interval_has_its_ends_in_order(self, metric):
        with pytest.raises(InputError, match="weight_low"):
            dataclasses.replace(metric.behaviours[0], weight_low=50, weight_high=40)

    def test_an_interval_need_not_hold_the_weight(self, metric):
        behaviour = dataclasses.replace(metric.behaviours[0], weight_low=42, weight_high=44)
        assert behaviour.weight < behaviour.weight_low

    @pytest.mark.parametrize("name", ["", "a\x00b", "\ud800", None, 3])
    def test_a_behaviour_has_a_name_that_can_be_written(self, metric, name):
        with pytest.raises(InputError, match="key 'behaviour'"):
            dataclasses.replace(metric.behaviours[0], behaviour=name)

    def test_no_behaviour_is_listed_twice(self, metric):
        half = dataclasses.replace(metric.behaviours[0], weight=50)
        with pytest.raises(InputError, match="'tutorial done' is listed twice"):
            dataclasses.replace(metric, behaviours=(half, half))

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("observation_days", 0),
            ("outcome_days", 84.5),
            ("gap_days", -1),
            ("gap_days", "7"),
            ("observation_days", True),
            ("evidence", "proof"),
        ],
    )
    def test_values_out_of_range_name_their_key(self, metric, key, value):
        with pytest.raises(InputError, match=f"key '{key}'"):
            dataclasses.replace(metric, **{key: value})

    def test_a_metric_without_behaviours_abstains_and_needs_a_reason(self, abstained):
        assert abstained.abstained
        with pytest.raises(InputError, match="key 'reason'"):
            dataclasses.replace(abstained, reason=None)

    def test_an_unknown_feature_is_refused(self, metric):
        with pytest.raises(InputError, match=r"'freqency' is not known \(did you mean 'frequency'"):
            dataclasses.replace(metric.behaviours[0], feature="freqency")


class TestHash:
    @pytest.mark.parametrize(
        "change",
        [{"name": "other"}, {"currency": "USD"}, {"entity": "partner"}, {"evidence": "indicator"}],
    )
    def test_the_hash_depends_only_on_what_determines_scores(self, metric, change):
        assert dataclasses.replace(metric, **change).definition_hash == metric.definition_hash

    def test_the_order_of_behaviours_does_not_change_the_hash(self, metric):
        turned = dataclasses.replace(metric, behaviours=metric.behaviours[::-1])
        assert turned.definition_hash == metric.definition_hash

    def test_a_change_of_scores_changes_the_hash(self, metric):
        first, *others = metric.behaviours
        capped = dataclasses.replace(first.transform, cap=11)
        renamed = dataclasses.replace(first, behaviour="other")
        recapped = dataclasses.replace(first, transform=capped)
        hashes = {
            metric.definition_hash,
            dataclasses.replace(metric, observation_days=83).definition_hash,
            dataclasses.replace(metric, behaviours=(renamed, *others)).definition_hash,
            dataclasses.replace(metric, behaviours=(recapped, *others)).definition_hash,
            with_weights(metric, 41.21, 33.29, 25.5).definition_hash,
        }
        assert len(hashes) == 5


class TestJson:
    def test_a_metric_is_restored_equal_and_byte_for_byte(self, metric, abstained, tmp_path):
        for original in (metric, abstained):
            text = original.to_json(tmp_path / "metric.json")
            again = EngagementMetric.from_json(tmp_path / "metric.json")
            assert again == original
            assert again.to_json() == text == (tmp_path / "metric.json").read_text("utf-8")
            assert EngagementMetric.from_json(text) == original
            assert EngagementMetric.from_dict(original.to_dict()) == original

    def test_numpy_numbers_give_the_same_bytes(self, metric):
        first = metric.behaviours[0]
        same = WeightedBehaviour(
            behaviour=first.behaviour,
            weight=np.float32(41.2),
            weight_low=np.float64(first.weight_low + 1e-12),
            weight_high=np.float64(first.weight_high),
            feature=first.feature,
            unit=first.unit,
            transform=dataclasses.replace(first.transform, cap=np.int64(12), scale=3 + 1e-11),
        )
        remade = dataclasses.replace(
            metric, behaviours=(same, *metric.behaviours[1:]), observation_days=np.int32(84)
        )
        assert remade.to_json() == metric.to_json()

    def test_the_file_has_the_documented_keys(self, metric):
        raw = json.loads(metric.to_json())
        assert raw["format"] == 1
        assert raw["abstained"] is False
        assert {
            "name", "format", "definition_hash", "evidence", "abstained", "reason", "currency",
            "observation_days", "outcome_days", "behaviours",
        } <= set(raw)  # fmt: skip
        assert {
            "behaviour", "weight", "weight_low", "weight_high", "feature", "unit", "transform",
        } <= set(raw["behaviours"][0])  # fmt: skip

    def test_unknown_keys_are_ignored(self, metric):
        assert EngagementMetric.from_dict({**metric.to_dict(), "colour": "red"}) == metric

    @pytest.mark.parametrize(
        ("path", "value", "message"),
        [
            (("format",), 2, "key 'format': 2 is not known"),
            (("format",), None, "key 'format'"),
            (("evidence",), "proof", "key 'evidence'"),
            (
                ("abstained",),
                True,
                "'abstained': True contradicts key 'behaviours', which lists 3",
            ),
            (("behaviours",), {}, "key 'behaviours': expected a list"),
            (("behaviours", 0), "review", r"behaviours\[0\]: expected a behaviour's keys"),
            (("behaviours", 0, "weight"), 40.2, "add up to 99.00"),
            (("behaviours", 0, "weight"), "much", r"behaviours\[0\]: key 'weight'"),
            (("behaviours", 1, "transform"), None, r"behaviours\[1\]: key 'transform'"),
            (("behaviours", 1, "transform", "kind"), "x", r"behaviours\[1\].transform: key 'kind'"),
            (("behaviours", 1, "transform", "cap"), 21.0, "key 'definition_hash'"),
            (("behaviours", 1, "behaviour"), "reviews", "key 'definition_hash'"),
            (("observation_days",), 28, "key 'definition_hash'"),
            (("definition_hash",), "0" * 64, "key 'definition_hash'"),
            (("name",), 7, "key 'name': 7 is not text"),
        ],
    )
    def test_damage_is_reported_in_one_line(self, metric, tmp_path, path, value, message):
        raw = json.loads(metric.to_json())
        place = raw
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        file = tmp_path / "metric.json"
        file.write_text(json.dumps(raw))
        with pytest.raises(InputError, match=message) as caught:
            EngagementMetric.from_json(file)
        assert str(caught.value).startswith(str(file))
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("key", ["name", "definition_hash", "observation_days"])
    def test_a_missing_key_is_named(self, metric, key):
        raw = metric.to_dict()
        del raw[key]
        with pytest.raises(InputError, match=f"metric: key '{key}' is missing"):
            EngagementMetric.from_dict(raw)

    def test_a_file_that_is_not_a_metric_is_refused(self, tmp_path):
        (tmp_path / "cut.json").write_text('{"name": "sho')
        (tmp_path / "list.json").write_text("[1]")
        (tmp_path / "binary.json").write_bytes(b"\xff\xfe{")
        for name, message in [
            ("none.json", "no such file"),
            ("", "a folder"),
            ("cut.json", "cannot be read as JSON"),
            ("list.json", "found list"),
            ("binary.json", "not UTF-8"),
        ]:
            with pytest.raises(InputError, match=message):
                EngagementMetric.from_json(tmp_path / name)

    def test_a_file_that_cannot_be_written_is_an_error(self, metric, tmp_path):
        with pytest.raises(OutputError, match="cannot be written"):
            metric.to_json(tmp_path / "none" / "metric.json")


def test_scoring_loads_no_model_library(metric, tmp_path):
    metric.to_json(tmp_path / "metric.json")
    code = (
        "import sys, pyarrow as pa; from engagement_ml.metric import EngagementMetric;"
        f"m = EngagementMetric.from_json({str(tmp_path / 'metric.json')!r});"
        "m.score(pa.table({'review': [1.0]})); m.to_sql();"
        "heavy = {'mlflow', 'shap', 'lightgbm', 'sklearn', 'scipy', 'matplotlib',"
        " 'duckdb', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
