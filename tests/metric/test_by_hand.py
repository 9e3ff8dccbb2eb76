"""Weights set by hand: as a metric, and never to be mistaken for learned ones."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from matplotlib.figure import Figure

from engagement_ml.errors import InputError
from engagement_ml.metric import EngagementMetric
from engagement_ml.plots import plot_weights

SCORE = """\
weights: {login: 3, review: 1}
full_points_at: {login: 30}
observation_days: 70
"""


def caps(metric: EngagementMetric) -> dict[str, float]:
    return {b.behaviour: b.transform.cap for b in metric.behaviours}


class TestFromWeights:
    def test_weights_of_any_unit_add_up_to_one_hundred(self):
        metric = EngagementMetric.from_weights({"a": 0.2, "b": 0.2, "c": 0.2})
        assert [b.weight for b in metric.behaviours] == [33.34, 33.33, 33.33]
        assert metric.evidence == "by_hand"
        assert (metric.name, metric.observation_days, metric.outcome_days) == ("by-hand", 84, 84)

    def test_points_are_linear_up_to_one_event_a_week_or_what_is_given(self):
        frame = pd.DataFrame({"a": [0, 3, 6, 12, 50]})
        assert EngagementMetric.from_weights({"a": 1}).score(frame)["score"].tolist() == [
            0, 25, 50, 100, 100,
        ]  # fmt: skip
        assert caps(EngagementMetric.from_weights({"a": 1, "b": 2}, full_points_at=5)) == {
            "a": 5, "b": 5,
        }  # fmt: skip
        partly = EngagementMetric.from_weights(
            {"a": 1, "b": 2}, full_points_at={"b": 2.5}, observation_days=28
        )
        assert caps(partly) == {"a": 4, "b": 2.5}

    def test_people_read_that_the_weights_are_no_evidence(self):
        metric = EngagementMetric.from_weights({"a": 1})
        for text in (repr(metric), metric._repr_html_()):
            assert "evidence: weights set by hand" in text
            assert "set by hand, not learned from data" in text
        axes = Figure().subplots()
        assert "by hand" in plot_weights(metric, ax=axes).get_title()

    def test_it_is_stored_and_restored(self, tmp_path):
        metric = EngagementMetric.from_weights({"a": 1, "b": 2}, currency="USD", entity="partner")
        metric.to_json(tmp_path / "metric.json")
        assert EngagementMetric.from_json(tmp_path / "metric.json") == metric

    @pytest.mark.parametrize("weight", [0, -1, math.nan, math.inf, "3", None, True, 10**400])
    def test_a_weight_is_a_positive_number(self, weight):
        with pytest.raises(InputError, match=r"behaviour 'a': .* is not a positive number"):
            EngagementMetric.from_weights({"a": weight, "b": 1})

    @pytest.mark.parametrize(
        ("weights", "options", "message"),
        [
            ({}, {}, "give a weight per behaviour"),
            ([("a", 1)], {}, "give a weight per behaviour"),
            ({1: 1}, {}, "behaviour 1 is not text; put its name in quotes"),
            ({"login": 1}, {"full_points_at": {"logni": 3}}, r"did you mean 'login'"),
            ({"a": 1}, {"full_points_at": 0}, "key 'full_points_at', behaviour 'a': 0"),
            ({"a": 1}, {"observation_days": 0}, "key 'observation_days'"),
            ({"a": 1}, {"name": 3}, "key 'name'"),
        ],
    )
    def test_what_does_not_fit_is_named(self, weights, options, message):
        with pytest.raises(InputError, match=message):
            EngagementMetric.from_weights(weights, **options)


class TestFromYaml:
    def test_the_keys_are_the_arguments(self, tmp_path):
        (tmp_path / "our-score.yaml").write_text(SCORE)
        assert EngagementMetric.from_yaml(tmp_path / "our-score.yaml") == (
            EngagementMetric.from_weights(
                {"login": 3, "review": 1}, full_points_at={"login": 30}, observation_days=70,
                name="our-score",
            )
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("login: 3\nreview: 1", "unknown key 'login'; known are .*stand under 'weights'"),
            ("weight: {a: 1}", "unknown key 'weight' .did you mean 'weights'"),
            ("name: x", "key 'weights' is missing"),
            ("weights: {a: 1, a: 2}", "key 'a' is given twice"),
            ("weights: {a: 1}\nweights: {b: 1}", "key 'weights' is given twice"),
            ("weights: {on: 1}", "behaviour True is not text; put its name in quotes"),
            ("weights: {a: -1}", "behaviour 'a': -1 is not a positive number"),
            ("weights: {a: [1", "cannot be read as YAML"),
            ("[1]", "found a list of 1"),
            ("", "found None"),
            ("weights: {a: &x [*x]}", "behaviour 'a'"),
            ("weights: !!python/object:os.system {}", "cannot be read as YAML"),
        ],
    )
    def test_a_fault_is_one_line_that_names_the_file(self, tmp_path, text, message):
        (tmp_path / "score.yaml").write_text(text)
        with pytest.raises(InputError, match=message) as caught:
            EngagementMetric.from_yaml(tmp_path / "score.yaml")
        assert str(caught.value).startswith(str(tmp_path / "score.yaml"))


class TestScoreQuantiles:
    def test_they_are_stored_only_if_known_and_change_no_score(self, metric):
        known = EngagementMetric.from_dict(
            {**metric.to_dict(), "score_quantiles": [i / 3 for i in range(101)]}
        )
        assert known.score_quantiles[1] == 0.333333333
        assert known.definition_hash == metric.definition_hash
        assert EngagementMetric.from_json(known.to_json()) == known
        assert "score_quantiles" not in metric.to_dict()

    @pytest.mark.parametrize(
        ("quantiles", "message"),
        [
            ([0.0], "1 numbers; give 101"),
            ([0.0] * 100 + [math.nan], "nan is not a score"),
            ([0.0] * 100 + ["1"], "'1' is not a score"),
            ([1.0] + [0.0] * 100, "decrease"),
            ("0" * 101, "is not a list"),
        ],
    )
    def test_what_are_no_quantiles_is_refused(self, metric, quantiles, message):
        with pytest.raises(InputError, match=f"key 'score_quantiles': .*{message}"):
            EngagementMetric.from_dict({**metric.to_dict(), "score_quantiles": quantiles})

    def test_a_metric_that_cannot_score_has_none(self, abstained):
        with pytest.raises(InputError, match="score_quantiles"):
            EngagementMetric.from_dict({**abstained.to_dict(), "score_quantiles": [0] * 101})
