"""Verdicts on parts of margin where the truth is known, and the results of a run with parts."""

from __future__ import annotations

import csv
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import engagement_ml as em
from engagement_ml.config import parse_config
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.drivers.outcome_search import OutcomeFindings, judge_outcome
from engagement_ml.errors import InputError
from engagement_ml.features import Periods
from engagement_ml.further import Further
from engagement_ml.metric import EngagementMetric
from engagement_ml.outcomes import part_evidence
from engagement_ml.outcomes.evidence import OutcomeEvidence
from engagement_ml.outcomes.part_evidence import judge_part
from engagement_ml.records import RunRecord
from engagement_ml.tracking.run_files import log_driver_table
from engagement_ml.tracking.run_values import run_tags
from engagement_ml.windows import History, Windows
from tests.drivers.conftest import START, build

WEEKS = 70
CONFIG = parse_config(
    {
        "name": "x",
        "sources": {"events": "e", "transactions": "t"},
        "windows": {"observation_days": 56, "outcome_days": 56},
        "behaviours": {"shift": {"cost_per_event": 3.0}},
    }
)


@pytest.fixture(scope="module")
def sold() -> SimpleNamespace:
    """Weekly sales of two products: `shift` moves sales from plus to core, `lift` raises core."""
    rng = np.random.default_rng(5)
    n = 900
    counts = {
        name: rng.poisson(0.5 * np.exp(rng.normal(0, 0.8, (n, WEEKS // 7)).repeat(7, axis=1)))
        for name in ("shift", "lift", "view")
    }
    recent = {name: np.zeros((n, WEEKS)) for name in counts}
    for week in range(1, WEEKS):
        for name, count in counts.items():
            recent[name][:, week] = 0.7 * (recent[name][:, week - 1] + count[:, week - 1])
    base = np.exp(rng.normal(-0.6, 0.5, (n, 1)))

    def rates_of(recent: dict[str, Any]) -> dict[str, Any]:
        core = 1 + 0.30 * recent["shift"] + 0.30 * recent["lift"]
        return {"core": base * core, "plus": base * np.maximum(0.1, 1 - 0.28 * recent["shift"])}

    def truth_of(name: str, behaviour: str) -> float:
        """Mean change of eight weeks' sales by one more event in the eight weeks before."""
        changes = []
        for week in range(8, WEEKS - 7):
            after = {b: r[:, week : week + 8] for b, r in recent.items()}
            for lag in range(1, 9):
                more = after | {behaviour: after[behaviour] + 0.7 ** (lag + np.arange(8))}
                change = rates_of(more)[name] - rates_of(after)[name]
                changes.append(10.0 * change.sum(axis=1).mean())
        return float(np.mean(changes))

    rates = rates_of(recent)
    truth = {(p, b): truth_of(p, b) for p in rates for b in counts}
    gain = {name: 10.0 * rng.poisson(rate) for name, rate in rates.items()}
    periods = {name: build(counts, amounts) for name, amounts in gain.items()}
    whole = build(counts, gain["core"] + gain["plus"])
    windows = Windows(56, 56, 0, (), (), whole.until, History(START, whole.until, None))
    return SimpleNamespace(periods=periods, whole=whole, windows=windows, truth=truth)


def judged(periods: Periods, windows: Windows, name: str) -> OutcomeFindings:
    config = CONFIG.model_copy(update={"behaviours": {}})
    return judge_outcome(periods, None, windows, config, name=f"margin of {name}", n_outcomes=2)


@pytest.mark.seldom
def test_a_shift_between_products_is_found_and_adds_up(sold: SimpleNamespace) -> None:
    found = {name: judged(p, sold.windows, name) for name, p in sold.periods.items()}
    rows = {name: {row.behaviour: row for row in f.rows} for name, f in found.items()}
    assert rows["core"]["shift"].verdict == "driver"
    assert rows["core"]["lift"].verdict == "driver"
    assert rows["plus"]["shift"].verdict == "harmful"
    assert rows["plus"]["lift"].verdict not in ("driver", "harmful")
    assert all(rows[name]["view"].verdict not in ("driver", "harmful") for name in rows)
    assert "later margin of plus is lower" in rows["plus"]["shift"].reason
    total = {row.behaviour: row for row in judged(sold.whole, sold.windows, "all").rows}
    for behaviour in ("shift", "lift", "view"):
        of_parts = [of_part[behaviour] for of_part in rows.values()]
        errors = [(r.effect_high - r.effect_low) / 3.92 for r in (*of_parts, total[behaviour])]
        added = sum(r.effect for r in of_parts)
        assert abs(added - total[behaviour].effect) < 1.96 * np.hypot.reduce(errors)
        for name in rows:
            r, truth = rows[name][behaviour], sold.truth[name, behaviour]
            assert r.effect_low <= truth <= r.effect_high
            assert abs(r.effect - truth) <= max(0.15 * abs(truth), 0.05)
    ranked = found["core"].rows
    assert {row.shap_rank for row in ranked} == {row.mean_abs_shap for row in ranked} == {None}
    assert not any(row.selected for row in ranked)


def test_a_part_that_few_bought_has_a_reason_and_no_rows(sold: SimpleNamespace) -> None:
    few = sold.periods["plus"]
    gain = np.where(np.arange(len(few.entities))[:, None] < 5, few.gain, 0.0)
    found = judged(replace(few, gain=gain, orders=np.sign(gain)), sold.windows, "plus")
    assert found.rows == ()
    assert "with any margin of plus" in str(found.obstacle)


def row(verdict: str, **changes: Any) -> DriverRow:
    values: dict[str, Any] = {
        "behaviour": "shift", "verdict": verdict, "selected": False, "shap_rank": 1,
        "mean_abs_shap": 1.0, "effect": 2.0, "effect_low": 1.0, "effect_high": 3.0,
        "selection_frequency": 1.0, "saturation_point": None, "reason": f"{verdict} reason",
    }  # fmt: skip
    return DriverRow(**{**values, **changes})


@pytest.fixture
def part_of(monkeypatch: pytest.MonkeyPatch, sold: SimpleNamespace) -> Any:
    """Judge a part of which the search says `driver`, given a verdict on margin."""

    def judge(total: DriverRow) -> tuple[DriverRow, Any]:
        asked: list[Any] = []

        def search(periods: Any, panel: Any, windows: Any, config: Any, **_: Any) -> Any:
            asked.append(config.behaviour("shift"))
            return OutcomeFindings((row("driver", rule="passed"),), None, 10.0)

        monkeypatch.setattr(part_evidence, "judge_outcome", search)
        panel = SimpleNamespace(frame=())
        evidence = judge_part(
            "core", sold.periods["core"], panel, sold.windows, CONFIG, [total], n_parts=2
        )  # type: ignore[arg-type]
        return evidence.drivers[0], asked[0]

    return judge


def test_costs_are_borne_by_margin_and_by_no_part(part_of: Any) -> None:
    found, settings = part_of(row("driver", rule="passed"))
    assert settings.cost_per_event == 0.0
    assert settings.role == "behaviour"
    assert (found.verdict, found.outcome, found.unit) == ("driver", "core", "EUR")


def test_what_follows_purchases_is_judged_for_no_part(part_of: Any) -> None:
    found, settings = part_of(row("consequence", rule="follows purchases"))
    assert settings.role == "consequence"
    assert found.reason == "consequence reason"
    tested = row("inert", basis="experiment", observed_verdict="consequence")
    assert part_of(tested)[1].role == "consequence"


@pytest.mark.parametrize(
    ("total", "verdict"),
    [
        (row("unverifiable", rule="preparing"), "unverifiable"),
        (row("unverifiable", rule="vetoed"), "unverifiable"),
        (row("unverifiable", rule="inconclusive"), "driver"),
        (row("inert", rule="below smallest effect"), "driver"),
        (row("inert", basis="experiment", observed_verdict="driver"), "unverifiable"),
        (row("driver", basis="experiment", observed_verdict="driver"), "driver"),
    ],
)
def test_a_bias_that_margin_shows_is_accepted_for_no_part(
    part_of: Any, total: DriverRow, verdict: str
) -> None:
    found, _ = part_of(total)
    assert found.verdict == verdict
    if verdict == "unverifiable":
        assert "; but of margin in all, " in found.reason


@pytest.fixture
def quick_parts(monkeypatch: pytest.MonkeyPatch, quick_drivers: Any) -> None:
    """Replace the search for parts by a stand-in, too."""

    def search(periods: Any, panel: Any, windows: Any, config: Any, **_: Any) -> Any:
        of_margin = {name: row("inert", behaviour=name) for name in periods.behaviours}
        of_margin["tutorial_done"] = row("driver", behaviour="tutorial_done")
        level = float(panel.frame["margin"].mean())
        return OutcomeFindings(tuple(of_margin.values()), None, level)

    monkeypatch.setattr(part_evidence, "judge_outcome", search)


OUTCOMES = {"soft": {"where": {"product": ["clothing", "beauty"]}, "label": "Soft goods"}}


def test_files_and_results_hold_all_outcomes(here: Any, quick_parts: None, write_yaml: Any) -> None:
    result = em.train(write_yaml(outcomes=OUTCOMES, tracking={"uri": None}), output="out")
    with (here / "out" / "drivers.csv").open() as file:
        rows = list(csv.DictReader(file))
    n = len(result.drivers)
    assert [r["outcome"] for r in rows] == ["margin"] * n + ["soft"] * n + ["other"] * n
    assert {r["unit"] for r in rows if r["outcome"] != "margin"} == {"EUR"}
    assert rows[0]["behaviour"] == result.drivers["behaviour"][0]
    assert set(result.outcomes["outcome"]) == {"soft", "other"}
    assert set(result.drivers["outcome"]) == {"margin"}
    record = RunRecord.from_json(here / "out" / "run.json")
    assert record == result.record
    soft, other = record.further.outcomes
    assert soft.label == "Soft goods"
    assert "sport" in soft.notes[0]
    assert record.further.mix[0].raises == ("soft", "other")
    assert soft.level is not None
    assert other.level is not None


def test_mlflow_gets_a_table_and_a_tag(record_with_parts: RunRecord) -> None:
    tables: dict[str, Any] = {}
    client = SimpleNamespace(log_table=lambda _, frame, name: tables.setdefault(name, frame))
    log_driver_table(client, "run", record_with_parts)
    assert set(tables) == {"tables/drivers.json", "tables/outcomes.json"}
    assert set(tables["tables/outcomes.json"]["outcome"]) == {"core"}
    metric = EngagementMetric.from_dict(record_with_parts.metric)
    assert run_tags(record_with_parts, metric, None)["engagement_ml.outcomes"] == "core"
    alone = replace(record_with_parts, further=Further())
    assert "engagement_ml.outcomes" not in run_tags(alone, metric, None)


@pytest.fixture
def record_with_parts(trained: Any) -> RunRecord:
    rows = (row("driver", outcome="core", unit="EUR"),)
    outcome = OutcomeEvidence("core", "part", "core", "EUR", 9, 1.0, rows)
    record: RunRecord = trained.result.record
    return replace(record, further=Further(outcomes=(outcome,)))


def test_the_estimator_has_the_rows_of_other_outcomes(small_shop: Any, quick_parts: None) -> None:
    windows = {"observation_days": 28, "outcome_days": 28}
    model = em.EngagementModel(name="x", windows=windows, outcomes=OUTCOMES)
    model.fit(small_shop.events, small_shop.transactions)
    assert set(model.outcomes_["outcome"]) == {"soft", "other"}
    assert set(model.drivers_["outcome"]) == {"margin"}


def test_a_table_without_the_column_is_an_error_of_one_line(
    small_shop: Any, quick_parts: None
) -> None:
    windows = {"observation_days": 28, "outcome_days": 28}
    model = em.EngagementModel(name="x", windows=windows, outcomes=OUTCOMES)
    with pytest.raises(InputError, match=r"column 'product' is missing, which key 'outcomes\.soft"):
        model.fit(small_shop.events, small_shop.transactions.drop(columns="product"))
