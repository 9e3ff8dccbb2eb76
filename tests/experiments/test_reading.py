"""Tables of experiments: arms, refusals, and equal results for every source."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import engagement_ml as em
from engagement_ml.config import parse_config, read_config
from engagement_ml.engine import open_duckdb
from engagement_ml.experiments import read_experiments

COLUMNS = {"arm": "arm", "treated": "yes", "control": "no", "outcome": "margin"}


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    arm = np.array(["yes", "no", "other"])[np.arange(90) % 3]
    return pd.DataFrame(
        {
            "customer_id": np.arange(90),
            "arm": arm,
            "margin": rng.normal(2.0 * (arm == "yes"), 1.0).round(3),
            "calls": rng.poisson(1.0 + (arm == "yes")),
            "plan": np.array(["pro", None, "basic"])[np.arange(90) // 30],
        }
    )


def test_every_source_gives_the_same_result(table, tmp_path) -> None:
    table.to_csv(tmp_path / "test.csv.gz", index=False)
    table.to_parquet(tmp_path / "test.parquet")
    options = {**COLUMNS, "events": "calls", "segments": "plan"}
    found = em.lift(table, **options)
    others = [tmp_path / "test.csv.gz", str(tmp_path / "test.parquet"), pl.from_pandas(table)]
    assert [em.lift(other, **options).to_dict() for other in others] == [found.to_dict()] * 3
    yes, no = (table.loc[table["arm"] == arm] for arm in ("yes", "no"))
    assert found.lift.value == pytest.approx(yes["margin"].mean() - no["margin"].mean())
    assert found.events.value == pytest.approx(yes["calls"].mean() - no["calls"].mean())
    assert found.effect.value == pytest.approx(found.lift.value / found.events.value)
    assert (found.n_treated, found.n_control, found.left_out) == (30, 30, 30)
    assert [s.value for s in found.by_segment] == ["basic", "not known", "pro"]
    assert "30 treated, 30 control" in repr(found)


@pytest.mark.parametrize(
    ("written", "treated", "control"),
    [
        ([1, 0], 1, 0), ([1, 0], True, False), ([True, False], True, False), ([1.0, 0.0], 1, 0),
        (["1", "0"], 1, 0), (["B", "A"], "B", "A"), (["yes", "no"], True, False),
        (["true", "false"], True, False),
    ],
)  # fmt: skip
def test_arms_may_be_numbers_text_or_truth_values(table, written, treated, control) -> None:
    table = table[table["arm"] != "other"]
    first, second = written
    table = table.assign(arm=[first if arm == "yes" else second for arm in table["arm"]])
    found = em.lift(table, arm="arm", treated=treated, control=control, outcome="margin")
    assert found.lift.value > 1.0


MISTAKES = [
    ({"arm": "am"}, "column 'am', which key 'arm' names, is missing (did you mean 'arm'?)"),
    ({"outcome": "margn"}, "column 'margn', which key 'outcome' names, is missing"),
    ({"events": "cals"}, "which key 'events' names, is missing (did you mean 'calls'?)"),
    ({"segments": ["region"]}, "column 'region', which key 'segments' names, is missing"),
    ({"treated": "yess"}, "no arm 'yess', which key 'treated' names (did you mean 'yes'?)"),
    ({"control": "yes"}, "'treated' and 'control' are the same, 'yes'"),
    ({"outcome": "plan"}, "row 1: expected a number, found 'pro'"),
    ({"segments": "customer_id"}, "column 'customer_id' has 60 values, too many"),
]


@pytest.mark.parametrize(("changes", "said"), MISTAKES)
def test_mistakes_are_reported_in_one_line(table, changes, said, tmp_path) -> None:
    table.to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(em.EngagementError) as raised:
        em.lift(tmp_path / "test.csv", **{**COLUMNS, **changes})
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


SPOILED = [
    (lambda t: t.assign(customer_id=7), "column 'customer_id': 7 is there 60 times"),
    (lambda t: t.assign(margin=t["margin"].where(t.index != 4)), "row 5: expected a number, found"),
    (lambda t: t.assign(margin=1.5), "column 'margin' does not vary within the arms"),
    (lambda t: t[(t["arm"] != "yes") | (t.index == 0)], "arm 'yes' has only one row"),
    (lambda t: t.assign(calls=0), "column 'calls' is 0 throughout"),
    (lambda t: t.head(0), "its arms are none"),
    (lambda t: t.assign(margin=np.inf), "expected a finite number"),
]


@pytest.mark.parametrize(("spoil", "said"), SPOILED)
def test_tables_that_cannot_be_used_are_refused(table, spoil, said) -> None:
    with pytest.raises(em.EngagementError) as raised:
        em.lift(spoil(table), **COLUMNS, events="calls")
    assert said in str(raised.value)


def test_a_missing_outcome_of_another_arm_does_not_matter(table) -> None:
    spoiled = table.assign(margin=table["margin"].where(table["arm"] != "other"))
    assert em.lift(spoiled, **COLUMNS).to_dict() == em.lift(table, **COLUMNS).to_dict()


def test_a_configuration_reads_tables_beside_it(table, tmp_path) -> None:
    (tmp_path / "tests").mkdir()
    table.to_csv(tmp_path / "tests" / "call.csv", index=False)
    (tmp_path / "shop.yaml").write_text(
        "name: shop\n"
        "experiments:\n"
        "  - behaviour: call\n"
        "    name: Spring\n"
        "    table: tests/call.csv\n"
        "    arm_column: arm\n"
        "    treated_arm: yes\n"
        "    control_arm: no\n"
        "    outcome_column: margin\n"
        "    events_column: calls\n"
        "    segments: [plan]\n"
        "  - {behaviour: call, treated: 900, control: 1100, lift: 3.0, standard_error: 0.5,\n"
        "     events_per_entity: 2, days: 28}\n"
    )
    config = read_config(tmp_path / "shop.yaml")
    with open_duckdb() as engine:
        table_based, summary = read_experiments(config, engine)
    direct = em.lift(table, **COLUMNS, events="calls", segments="plan")
    assert table_based.found.to_dict() == direct.to_dict()
    assert (table_based.name, table_based.days) == ("Spring", 84)
    row = table_based.to_dict()
    assert row["lift"] == direct.lift.value
    assert len(row["by_segment"]) == 3
    assert (summary.days, summary.source, summary.found.n) == (28, None, 2000)
    assert summary.found.effect.value == 1.5
    assert summary.found.effect.high == pytest.approx((3.0 + 1.959964 * 0.5) / 2)
    assert summary.found.lift.p_value == pytest.approx(1.97e-9, rel=0.01)


def test_a_wrong_column_is_named_by_its_key(table, tmp_path) -> None:
    table.to_csv(tmp_path / "call.csv", index=False)
    test = {
        "behaviour": "call", "table": str(tmp_path / "call.csv"), "arm_column": "arm",
        "treated_arm": "yes", "control_arm": "none", "outcome_column": "margin",
    }  # fmt: skip
    with open_duckdb() as engine, pytest.raises(em.EngagementError) as raised:
        read_experiments(parse_config({"name": "shop", "experiments": [test]}), engine)
    assert "holds no arm 'none', which key 'experiments.0.control_arm' names" in str(raised.value)
