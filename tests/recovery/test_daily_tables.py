"""Tables and requirements of the daily data sets, on hand-written results."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.recovery import daily_tables, scoring
from benchmarks.recovery.jobs import PRODUCT, Job, code_versions, make_data
from benchmarks.recovery.panel import BaselinePanel
from benchmarks.recovery.panel_rivals import changes, run_panel_method
from benchmarks.recovery.product import read_output
from benchmarks.recovery.run import FAMILIES, plan_daily
from benchmarks.recovery.tables import Result
from benchmarks.recovery.world import Weekly
from engagement_ml.drivers.segment_evidence import SegmentRow
from engagement_ml.records import DriverEvidence
from engagement_ml.workflow.results import segments_csv

TRUTH = {
    "verdicts": {"a": "driver", "b": "driver", "c": "vanity", "m": "driver"},
    "accepted": {"a": ["driver"], "b": ["driver"], "c": ["inert", "vanity"], "m": ["driver"]},
    "optional": [],
    "effect": {"a": 2.0, "b": 1.0, "c": 0.0, "m": 0.5},
    "std": {"a": 2.0, "b": 2.0, "c": 2.0, "m": 4.0},
    "mean_margin": 100.0,
    "identifiable": True,
    "unmeasured": ["b"],
    "optimum": {"m": 12.0},
    "segment_effect": {
        "a": {"basic": 1.0, "plus": 3.0},
        "b": {"basic": 1.0, "plus": 1.05},
        "m": {"basic": 0.4, "plus": 0.55},
    },
}
NULL = TRUTH | {
    "verdicts": dict.fromkeys("abcm", "vanity"),
    "accepted": {b: ["inert", "vanity"] for b in "abcm"},
    "effect": dict.fromkeys("abcm", 0.0),
    "optimum": {},
    "segment_effect": {},
}


def row(verdict: str, effect: float, low: float, high: float, **more: object) -> dict[str, object]:
    return {"verdict": verdict, "effect": effect, "low": low, "high": high, "reason": ""} | more


OUTPUT = {
    "chosen": ["a", "c"],
    "verdicts": {
        "a": row("driver", 2.4, 1.9, 2.9),
        "b": row("driver", 9.0, 8.0, 10.0),
        "c": row("driver", 0.2, 0.1, 0.3, converged=False),
        "m": row("inert", 0.4, -0.1, 0.9, optimum=15.0),
    },
    "segments": {"a": True, "b": True},
}


def results() -> list[Result]:
    job = Job("daily_turning", "4000x80", 4000, 80, 1)
    null_job = Job("daily_turning_null", "4000x80", 4000, 80, 1)
    quiet = {"chosen": [], "verdicts": {"c": row("unverifiable", 0, -1, 1, converged=False)}}
    rival = {"chosen": ["a", "b"], "passed": ["a", "b", "c"], "skipped": None}
    return [
        Result(job, PRODUCT, TRUTH, OUTPUT),
        Result(null_job, PRODUCT, NULL, quiet),
        Result(job, "FE Poisson", TRUTH, rival),
        Result(null_job, "FE Poisson", NULL, rival),
    ]


def test_the_summary_counts_false_drivers_alarms_and_errors_of_effects() -> None:
    s = daily_tables.summarise(results())
    assert (s.called, s.false) == (3, 1)
    assert (s.nulls, s.alarms) == (1, 0)
    assert s.recall == pytest.approx(2 / 3)
    assert s.f1 == pytest.approx(2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3))
    # the effect of b per logged event is not defined
    assert s.ratio == pytest.approx(1.2)
    assert s.error == pytest.approx(0.2)
    assert s.coverage == 1
    assert s.no_convergence == 1


def test_methods_are_compared_by_f1_false_selections_and_null_alarms() -> None:
    rows = daily_tables.method_rows(results())
    assert rows["FE Poisson"] == (pytest.approx(0.8), pytest.approx(4 / 6), 1.0)
    assert rows[PRODUCT][2] == 0


def test_turning_points_and_segments_are_scored() -> None:
    t = daily_tables.turns(results())
    assert t.signs == [True]
    assert t.found == [True]
    assert t.errors == [pytest.approx(0.25)]
    assert not any(t.false)
    assert daily_tables.segment_calls(results()) == ([True], [True])
    assert scoring.differs_by_segment(TRUTH, "m") is None
    assert scoring.differs_by_segment(TRUTH, "c") is None


def test_all_tables_show_requirements_that_are_and_are_not_met() -> None:
    text = daily_tables.all_tables(results())
    met = {name: ok for name, _, ok in daily_tables.requirements(results())}
    assert met["null twins: no driver in at least 98%"]
    assert not met["daily: false among drivers at most 2%"]
    assert not met["no verdict on a fit that did not converge"]
    assert not met["… above every other method"]
    assert "1/3" in text
    assert "FE Poisson" in text
    assert "nan" not in text


def test_families_have_names_of_their_own_and_caches_apart() -> None:
    assert not set(FAMILIES["old"]) & set(FAMILIES["daily"])
    jobs = plan_daily(["daily_calm", "daily_habit_null"], (300, 40), range(1, 3))
    assert [j.kind for j in jobs] == ["daily_calm", "daily_habit_null"] * 2
    assert jobs[0].size == "300x40"
    old, daily = code_versions([PRODUCT, "SHAP"]), code_versions([PRODUCT, "SHAP"], daily=True)
    assert all(old[name] != daily[name] for name in old)
    assert make_data(Job("daily_habit_null", "60x30", 60, 30, 1)).kind == "habit_null"
    assert make_data(Job("habit", "60x30", 60, 30, 1)).kind == "habit"


def test_optima_convergence_and_segments_are_read(tmp_path) -> None:
    head = "behaviour,verdict,effect,effect_low,effect_high,selection_frequency,reason,"
    lines = "a,driver,1,0.5,1.5,1,so,12.5,true\nb,inert,0,-1,1,0,,,false\n"
    segments = tuple(
        SegmentRow("plan", value, behaviour, 1.0, 0.5, 1.5, 50, True, differs=differs)
        for behaviour, value, differs in (("a", "x", False), ("a", "y", True), ("b", "x", False))
    )
    (tmp_path / "metric.json").write_text(json.dumps({"behaviours": [], "reason": None}))
    (tmp_path / "drivers.csv").write_text(head + "optimum,converged\n" + lines)
    (tmp_path / "evaluation.json").write_text("{}")
    evidence = DriverEvidence("driver", (), None, (), segments=segments)
    (tmp_path / "segments.csv").write_text(segments_csv(evidence))
    output = read_output(tmp_path)
    assert output["verdicts"]["a"]["optimum"] == 12.5
    assert output["verdicts"]["b"]["optimum"] is None
    assert output["verdicts"]["b"]["converged"] is False
    assert output["segments"] == {"a": True, "b": False}


def test_changes_are_within_customers() -> None:
    panel = BaselinePanel(
        counts=pd.DataFrame({"x": [1.0, 5.0, 4.0, 5.0]}),
        history=pd.DataFrame(index=range(4)),
        margin=pd.Series([10.0, 20.0, 13.0, 26.0]),
        customer=pd.Series(["a", "b", "a", "b"]),
    )
    counts, margin = changes(panel)
    assert counts["x"].tolist() == [3.0, 0.0]
    assert margin.tolist() == [3.0, 6.0]


def test_fixed_effects_poisson_finds_an_effect_and_not_an_affinity() -> None:
    rng = np.random.default_rng(1)
    affinity = rng.normal(size=(200, 1))
    counts = rng.poisson(0.5 * np.exp(np.stack([0 * affinity, affinity], 2) * np.ones((1, 40, 1))))
    stock = np.stack([counts[:, t - 4 : t, 0].sum(axis=1) if t >= 4 else np.zeros(200)
                      for t in range(40)], axis=1)  # fmt: skip
    gain = 10.0 * rng.poisson(0.4 * np.exp(affinity) * (1 + 0.5 * stock))
    n = np.zeros(200, dtype=np.int64)
    weekly = Weekly(("acts", "rides"), counts.astype(np.float32), gain, 0 * gain,
                    gain.astype(np.float32), n, n + 40, {})  # fmt: skip
    panel = BaselinePanel(pd.DataFrame(), pd.DataFrame(), pd.Series(), pd.Series())
    assert run_panel_method("FE Poisson", weekly, panel, 0).chosen == ("acts",)
