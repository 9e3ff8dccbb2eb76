"""Scores of a method's output, on hand-written outputs."""

from __future__ import annotations

import json

import pytest

from benchmarks.recovery import scoring
from benchmarks.recovery.jobs import PRODUCT, Job
from benchmarks.recovery.panel import build_baseline_panel
from benchmarks.recovery.product import read_output
from benchmarks.recovery.rivals import correlation
from benchmarks.recovery.tables import Lead, Result, all_tables, summarise
from benchmarks.recovery.worlds import make_world

TRUTH = {
    "verdicts": {"a": "driver", "b": "driver", "c": "vanity", "d": "harmful", "e": "driver"},
    "accepted": {"c": ["inert", "vanity"]},
    "optional": ["e"],
    "effect": {"a": 3.0, "b": 1.0, "c": 0.0, "d": -2.0, "e": 0.1},
    "std": {"a": 2.0, "b": 2.0, "c": 5.0, "d": 1.0, "e": 1.0},
    "mean_margin": 100.0,
    "identifiable": True,
}


def row(verdict: str, effect: float, low: float, high: float) -> dict[str, object]:
    return {"verdict": verdict, "effect": effect, "low": low, "high": high}


OUTPUT = {
    "chosen": ["a", "b"],
    "weights": {"a": [70.0, 60.0, 80.0], "b": [30.0, 20.0, 40.0]},
    "verdicts": {
        "a": row("driver", 3.3, 2.0, 4.0),
        "b": row("driver", 1.5, 1.2, 2.0),
        "c": row("inert", 0.1, -0.5, 0.5),
        "d": row("unverifiable", -1.0, -4.0, 1.0),
        "e": row("inert", 0.0, -1.0, 1.0),
    },
    "within": {"metric": 0.3, "total_events": 0.1, "full_model": 0.5},
    "vanity": {"c": 0.35},
}


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        (["a", "b"], 1.0),
        (["a", "b", "e"], 1.0),
        (["a", "c"], 0.5),
        (["a"], 2 / 3),
        (["c"], 0.0),
        ([], 0.0),
    ],
)
def test_f1_ignores_optional_behaviours(selected: list[str], expected: float) -> None:
    assert scoring.f1(TRUTH, {"chosen": selected}) == pytest.approx(expected)


def test_without_effects_or_identification_only_an_empty_selection_is_correct() -> None:
    nothing = TRUTH | {"verdicts": {"a": "inert", "c": "vanity"}, "optional": []}
    assert scoring.f1(nothing, {"chosen": []}) == 1
    assert scoring.f1(nothing, {"chosen": ["c"]}) == 0
    cross_section = TRUTH | {"identifiable": False}
    assert scoring.f1(cross_section, {"chosen": []}) == 1
    assert scoring.f1(cross_section, {"chosen": ["a", "b"]}) == 0
    assert scoring.f1(cross_section, OUTPUT) == 0
    undecided = {"chosen": [], "verdicts": {"a": row("unverifiable", 1.0, -1.0, 2.0)}}
    assert scoring.f1(cross_section, undecided) == 1


def test_summary_of_one_result() -> None:
    result = Result(Job("confounded", "large", 5000, 60, 1), PRODUCT, TRUTH, OUTPUT)
    summary = summarise([result])
    assert summary.f1 == 1
    assert summary.false_drivers == 0
    assert summary.harmful_recall == 0
    assert summary.weight_error == pytest.approx(0.05)
    assert summary.weight_coverage == 1
    assert summary.effect_ratio == pytest.approx((1.1 + 1.5) / 2)
    assert summary.effect_coverage == 0.5
    assert summary.leads["total_events"].share == 1.0
    assert summary.leads["total_events"].min == pytest.approx(0.2)
    assert summary.leads["best vanity"].share == 0.0
    assert summary.leads["best vanity"].worst_mean == pytest.approx(-0.05)

    text = all_tables([result])
    assert "best vanity" in text
    assert "LITTLE DATA" not in text


def test_a_lead_reports_the_kind_with_the_smallest_mean() -> None:
    lead = Lead.of([("a", 0.1), ("a", -0.02), ("b", 0.01), ("b", 0.03)])
    assert (lead.share, lead.min, lead.worst_kind) == (0.75, -0.02, "b")
    assert lead.worst_mean == pytest.approx(0.02)


def test_a_false_driver_is_an_error_and_an_accepted_verdict_is_not() -> None:
    wrong = OUTPUT | {"verdicts": OUTPUT["verdicts"] | {"c": row("driver", 1.0, 0.5, 2.0)}}
    result = Result(Job("confounded", "large", 5000, 60, 1), PRODUCT, TRUTH, wrong)
    assert summarise([result]).false_drivers == pytest.approx(1 / 3)
    assert ("vanity", "inert", True) in scoring.verdict_pairs(TRUTH, OUTPUT)


def test_weights_are_scored_only_if_all_selected_behaviours_are_drivers() -> None:
    assert len(scoring.weight_rows(TRUTH, OUTPUT)) == 2
    assert scoring.weight_rows(TRUTH, OUTPUT)[0][3] == pytest.approx(0.75)
    with_vanity = {"weights": {"a": [70.0, 60.0, 80.0], "c": [30.0, 20.0, 40.0]}}
    assert scoring.weight_rows(TRUTH, with_vanity) == []


def test_output_files_of_train_are_read(tmp_path) -> None:
    metric = {
        "behaviours": [{"behaviour": "a", "weight": 100, "weight_low": 90, "weight_high": 100}],
        "reason": None,
    }
    head = "behaviour,verdict,selected,shap_rank,mean_abs_shap,effect,effect_low,effect_high,"
    head += "selection_frequency,saturation_point,reason\n"
    lines = "a,driver,true,1,2.0,1.5,1.0,2.0,0.99,,because\nb,unverifiable,false,2,1.0,,,,0.0,,?\n"
    within = {"metric": {"spearman": {"value": 0.3}}, "total_events": {"spearman": None}}
    (tmp_path / "metric.json").write_text(json.dumps(metric))
    (tmp_path / "drivers.csv").write_text(head + lines)
    (tmp_path / "evaluation.json").write_text(json.dumps({"metric": {"within": within}}))
    output = read_output(tmp_path)
    assert output["chosen"] == ["a"]
    assert output["verdicts"]["a"]["effect"] == 1.5
    assert output["verdicts"]["b"]["low"] is None
    assert output["within"] == {"metric": 0.3}


def test_the_baseline_panel_agrees_with_the_simulation() -> None:
    world = make_world("confounded", 120, 48, 2)
    panel = build_baseline_panel(world)
    weekly = world.weekly()
    last = panel.customer.to_numpy()[-120:]
    assert panel.customer.is_unique is False
    numbers = [int(c[1:]) for c in last]
    assert numbers == sorted(numbers)
    expected = weekly.counts[numbers, 24:36].sum(axis=1)
    assert (panel.counts.to_numpy()[-120:] == expected).all()
    margin = (weekly.gain - weekly.loss)[numbers, 36:48].sum(axis=1)
    assert panel.margin.to_numpy()[-120:] == pytest.approx(margin)
    assert len(correlation(panel, 0)) == 3
