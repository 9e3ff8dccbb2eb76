"""How answers are judged, on answers made by hand."""

from __future__ import annotations

import json

import pytest

from benchmarks.recovery import scoring
from benchmarks.recovery.jobs import OURS, Job
from benchmarks.recovery.panel import build_usual_panel
from benchmarks.recovery.product import read_output
from benchmarks.recovery.rivals import correlation
from benchmarks.recovery.tables import Answer, Steers, everything, figures
from benchmarks.recovery.worlds import make_world

TRUTH = {
    "verdicts": {"a": "driver", "b": "driver", "c": "vanity", "d": "harmful", "e": "driver"},
    "accepted": {"c": ["inert", "vanity"]},
    "either": ["e"],
    "effect": {"a": 3.0, "b": 1.0, "c": 0.0, "d": -2.0, "e": 0.1},
    "spread": {"a": 2.0, "b": 2.0, "c": 5.0, "d": 1.0, "e": 1.0},
    "mean_margin": 100.0,
    "identifiable": True,
}


def row(verdict: str, effect: float, low: float, high: float) -> dict[str, object]:
    return {"verdict": verdict, "effect": effect, "low": low, "high": high}


FOUND = {
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
    ("chosen", "expected"),
    [
        (["a", "b"], 1.0),
        (["a", "b", "e"], 1.0),
        (["a", "c"], 0.5),
        (["a"], 2 / 3),
        (["c"], 0.0),
        ([], 0.0),
    ],
)
def test_f1_leaves_out_what_counts_neither_way(chosen: list[str], expected: float) -> None:
    assert scoring.f1(TRUTH, {"chosen": chosen}) == pytest.approx(expected)


def test_where_nothing_acts_or_could_be_told_only_silence_is_right() -> None:
    nothing = TRUTH | {"verdicts": {"a": "inert", "c": "vanity"}, "either": []}
    assert scoring.f1(nothing, {"chosen": []}) == 1
    assert scoring.f1(nothing, {"chosen": ["c"]}) == 0
    section = TRUTH | {"identifiable": False}
    assert scoring.f1(section, {"chosen": []}) == 1
    assert scoring.f1(section, {"chosen": ["a", "b"]}) == 0
    assert scoring.f1(section, FOUND) == 0
    quiet = {"chosen": [], "verdicts": {"a": row("unverifiable", 1.0, -1.0, 2.0)}}
    assert scoring.f1(section, quiet) == 1


def test_figures_of_an_answer() -> None:
    answer = Answer(Job("confounded", "large", 5000, 60, 1), OURS, TRUTH, FOUND)
    found = figures([answer])
    assert found.f1 == 1
    assert found.false_drivers == 0
    assert found.harmful_recall == 0
    assert found.weight_error == pytest.approx(0.05)
    assert found.weight_coverage == 1
    assert found.effect_ratio == pytest.approx((1.1 + 1.5) / 2)
    assert found.effect_coverage == 0.5
    assert found.steers["total_events"].share == 1.0
    assert found.steers["total_events"].least == pytest.approx(0.2)
    assert found.steers["best vanity"].share == 0.0
    assert found.steers["best vanity"].mean == pytest.approx(-0.05)

    text = everything([answer])
    assert "best vanity" in text
    assert "FEW DATA" not in text


def test_leads_of_steering_are_told_for_the_worst_kind_on_average() -> None:
    found = Steers.of([("a", 0.1), ("a", -0.02), ("b", 0.01), ("b", 0.03)])
    assert (found.share, found.least, found.kind) == (0.75, -0.02, "b")
    assert found.mean == pytest.approx(0.02)


def test_a_wrong_driver_is_counted_and_an_accepted_verdict_is_not() -> None:
    wrong = FOUND | {"verdicts": FOUND["verdicts"] | {"c": row("driver", 1.0, 0.5, 2.0)}}
    answer = Answer(Job("confounded", "large", 5000, 60, 1), OURS, TRUTH, wrong)
    assert figures([answer]).false_drivers == pytest.approx(1 / 3)
    assert ("vanity", "inert", True) in scoring.verdict_pairs(TRUTH, FOUND)


def test_weights_are_judged_only_where_all_chosen_are_drivers() -> None:
    assert len(scoring.weight_rows(TRUTH, FOUND)) == 2
    assert scoring.weight_rows(TRUTH, FOUND)[0][3] == pytest.approx(0.75)
    with_vanity = {"weights": {"a": [70.0, 60.0, 80.0], "c": [30.0, 20.0, 40.0]}}
    assert scoring.weight_rows(TRUTH, with_vanity) == []


def test_reads_what_train_leaves(tmp_path) -> None:
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
    found = read_output(tmp_path)
    assert found["chosen"] == ["a"]
    assert found["verdicts"]["a"]["effect"] == 1.5
    assert found["verdicts"]["b"]["low"] is None
    assert found["within"] == {"metric": 0.3}


def test_the_usual_panel_counts_what_the_simulation_did() -> None:
    world = make_world("confounded", 120, 48, 2)
    panel = build_usual_panel(world)
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
