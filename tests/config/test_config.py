"""Configuration: defaults of the contract, unknown keys, values that do not fit."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml

from engagement_ml.config import parse_config, read_config
from engagement_ml.errors import ConfigError

SMALLEST: dict[str, Any] = {
    "name": "shop-engagement",
    "sources": {"events": "events.parquet", "transactions": "transactions.parquet"},
}


def test_defaults_are_those_of_the_contract() -> None:
    found = parse_config(SMALLEST).to_dict()
    contract = {
        "sources": {
            **SMALLEST["sources"],
            **dict.fromkeys(("customers", "surveys", "identities", "links")),
        },
        "entity": "customer",
        "currency": "EUR",
        "columns": {},
        "windows": {
            "observation_days": 84,
            "outcome_days": 84,
            "gap_days": 0,
            "every_days": 28,
            "cutoffs": None,
        },
        "behaviours": {},
        "churn": {"kind": "no_transaction", "event_type": None, "notice_days": None},
        "segments": [],
        "experiments": [],
        "features": {"sessions": None, "ratios": []},
        "tracking": {"uri": "sqlite:///mlruns/mlflow.db", "experiment": None, "register": True},
        "random_seed": 0,
    }
    assert {key: found[key] for key in contract} == contract
    assert (found["select"]["at_most"], found["select"]["require"]) == (3, "driver")
    assert found["select"]["smallest_effect"] == 0.01


FULL: dict[str, Any] = {
    **SMALLEST,
    "windows": {"cutoffs": ["2024-03-01", "2024-02-01", "2024-03-01"]},
    "behaviours": {"visit": {"role": "confounder", "cost_per_event": 0.5, "label": "Visits"}},
    "churn": {"kind": "event", "event_type": "cancelled"},
    "columns": {"events": {"customer_id": "user_id"}},
    "segments": ["plan"],
    "features": {
        "sessions": {"gap_minutes": 20, "event_types": ["visit", "like"]},
        "ratios": [
            {"name": "likes", "numerator": "like", "denominator": ["visit", "call"]},
            {"name": "lost", "begun": "visit", "done": "call"},
            {"name": "breadth", "breadth": ["like", "call"]},
        ],
    },
    "experiments": [
        {"behaviour": "visit", "treated": 900, "control": 1100, "lift": 3, "low": 1, "high": 5},
        {
            "behaviour": "call",
            "table": "call.csv",
            "arm_column": "arm",
            "treated_arm": 1,
            "control_arm": False,
            "outcome_column": "margin",
            "segments": ["plan"],
        },
    ],
    "tracking": {"register": False, "uri": None},
    "sample": {"customers": 5000},
}


def test_a_written_configuration_reads_back_equal() -> None:
    config = parse_config(FULL)
    assert parse_config(config.to_dict()) == config
    assert parse_config(yaml.safe_load(yaml.safe_dump(config.to_dict()))) == config
    assert config.windows.cutoffs == (dt.date(2024, 2, 1), dt.date(2024, 3, 1))
    assert config.behaviour("visit").cost_per_event == 0.5
    assert (config.label("visit"), config.label("like")) == ("Visits", "like")
    assert config.behaviour("like").role == "behaviour"
    assert not config.tracking.register_
    assert config.experiment == "shop-engagement"


@pytest.mark.parametrize("on", [True, {}, {"gap_minutes": 30}])
def test_sessions_have_a_short_form(on: Any) -> None:
    found = parse_config({**SMALLEST, "features": {"sessions": on}}).features.sessions
    assert found is not None
    assert (found.gap_minutes, found.event_types) == (30, None)
    for off in (None, False):
        assert parse_config({**SMALLEST, "features": {"sessions": off}}) == parse_config(SMALLEST)


@pytest.mark.parametrize("n", [5000, None])
def test_a_sample_has_a_short_form(n: int | None) -> None:
    found = parse_config({**SMALLEST, "sample": n})
    assert found == parse_config({**SMALLEST, "sample": {"customers": n}})
    assert found.sample.customers == n
    assert parse_config(SMALLEST).sample.customers == 20_000


def test_the_fingerprint_depends_only_on_content() -> None:
    shuffled = dict(reversed(list(FULL.items())))
    assert parse_config(shuffled).fingerprint == parse_config(FULL).fingerprint
    other = parse_config({**FULL, "random_seed": 1})
    assert other.fingerprint != parse_config(FULL).fingerprint


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"windws": {}}, "unknown key 'windws' (did you mean 'windows'?); known keys here: "),
        ({"windows": {"observation": 7}},
         "unknown key 'windows.observation' (did you mean 'observation_days'?)"),
        ({"behaviours": {"visit": {"rol": "ignore"}}},
         "unknown key 'behaviours.visit.rol' (did you mean 'role'?); known keys here: "
         "cost_per_event, direction, label, role, stage, unit"),
        ({"tracking": {"registr": True}},
         "unknown key 'tracking.registr' (did you mean 'register'?)"),
        ({"behaviours": {"visit": {"role": "driver"}}}, "key 'behaviours.visit.role': "),
        ({"behaviours": {"visit": {"cost_per_event": -1}}},
         "key 'behaviours.visit.cost_per_event': "),
        ({"behaviours": {"visit": {"cost_per_event": float("nan")}}},
         "key 'behaviours.visit.cost_per_event': "),
        ({"windows": {"observation_days": 0}}, "key 'windows.observation_days': "),
        ({"windows": {"every_days": "often"}}, "found 'often'"),
        ({"windows": {"cutoffs": []}}, "key 'windows.cutoffs': is empty"),
        ({"windows": {"cutoffs": ["2024-02-30"]}}, "key 'windows.cutoffs.0': "),
        ({"churn": {"kind": "event"}},
         "key 'churn': 'event_type' and 'kind: event' need each other"),
        ({"churn": {"event_type": "cancelled"}}, "key 'churn': 'event_type' and 'kind: event'"),
        ({"select": {"at_most": 0}}, "key 'select.at_most': "),
        ({"select": {"require": "vanity"}}, "key 'select.require': "),
        ({"columns": {"event": {}}}, "'event' is not a table (did you mean 'events'?)"),
        ({"name": ""}, "key 'name': "),
        ({"name": "a/b"}, "key 'name': "),
        ({"random_seed": -1}, "key 'random_seed': "),
        ({"sample": {"customer": 500}},
         "unknown key 'sample.customer' (did you mean 'customers'?)"),
        ({"sample": {"customers": 99}}, "key 'sample.customers': "),
        ({"sample": {"customers": "many"}}, "found 'many'"),
        ({"sample": {"customers": 0.1}}, "key 'sample.customers': "),
        ({"sample": "all"}, "key 'sample': give a number of customers, null for all, or keys"),
        ({"sample": 7}, "key 'sample.customers': "),
        ({"features": {"sesions": True}},
         "unknown key 'features.sesions' (did you mean 'sessions'?); known keys here: ratios, "),
        ({"features": {"sessions": {"gap_minute": 5}}},
         "unknown key 'features.sessions.gap_minute' (did you mean 'gap_minutes'?)"),
        ({"features": {"sessions": "often"}}, "key 'features.sessions': give true, false or keys"),
        ({"features": {"sessions": {"gap_minutes": 0}}}, "key 'features.sessions.gap_minutes': "),
        ({"features": {"sessions": {"gap_minutes": 1441}}}, "key 'features.sessions.gap_minutes'"),
        ({"features": {"sessions": {"event_types": []}}},
         "key 'features.sessions.event_types': is empty; name at least one event type"),
        ({"features": {"ratios": [{"name": "a", "numerater": "x"}]}},
         "unknown key 'features.ratios.0.numerater' (did you mean 'numerator'?)"),
        ({"features": {"ratios": [{"numerator": "x", "denominator": "y"}]}},
         "key 'features.ratios.0.name' is missing"),
        ({"features": {"ratios": [{"name": "a", "numerator": "x"}]}},
         "key 'features.ratios.0': ratio 'a' needs 'numerator' with 'denominator', or 'begun' "
         "with 'done', or 'breadth' alone, and has 'numerator'"),
        ({"features": {"ratios": [{"name": "a", "begun": "x", "done": "y", "breadth": "z"}]}},
         "and has 'begun' and 'done' and 'breadth'"),
        ({"features": {"ratios": [{"name": "a"}]}}, "and has none of them"),
        ({"features": {"ratios": [{"name": "a", "breadth": ["x", "y", "x"]}]}},
         "key 'features.ratios.0.breadth': 'x' is listed twice"),
        ({"features": {"ratios": [{"name": "a", "breadth": "x"}, {"name": "A", "breadth": "y"}]}},
         "key 'features': two of 'ratios' are named 'a'; give each a different name"),
        ({"features": {"ratios": [{"name": "a__b|", "breadth": "x"}]}},
         "key 'features.ratios.0.name': "),
        ({"behaviours": {"beat": {"role": "ignore"}},
          "features": {"ratios": [{"name": "a", "begun": "visit", "done": "beat"}]}},
         "key 'features.ratios.0.done': 'beat' has 'role: ignore'; remove that role"),
        ({"churn": {"kind": "event", "event_type": "left"},
          "features": {"sessions": {"event_types": ["visit", "left"]}}},
         "key 'features.sessions.event_types': 'left' is the churn event, not a behaviour"),
    ],
)  # fmt: skip
def test_an_invalid_key_is_named(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({**SMALLEST, **more}, origin="pipeline.yml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("pipeline.yml: ")
    assert "\n" not in str(caught.value)


def test_a_missing_name_and_a_list_are_errors() -> None:
    with pytest.raises(ConfigError, match=r"key 'name' is missing"):
        parse_config({})
    with pytest.raises(ConfigError, match=r"expected keys and values .* found list"):
        parse_config(["name"])


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {
        "events": "data/events/*.parquet",
        "transactions": "shop.duckdb::transactions",
        "customers": "/srv/customers.csv",
    }
    (tmp_path / "pipeline.yml").write_text(yaml.safe_dump({**SMALLEST, "sources": sources}))
    monkeypatch.chdir(tmp_path)
    config = read_config("pipeline.yml")
    assert config.sources.events == str(tmp_path / "data/events/*.parquet")
    assert config.sources.transactions == str(tmp_path / "shop.duckdb::transactions")
    assert config.sources.customers == "/srv/customers.csv"
    assert config.sources.surveys is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: [unclosed", "cannot be read as YAML"),
        (b"name: caf\xe9", "cannot be read as YAML"),
        (b"", "expected keys and values such as 'name: shop-engagement', found NoneType"),
        (b"just words", "found str"),
        (b"1: 2", "pipeline.yml: "),
    ],
)
def test_files_that_are_not_a_configuration_are_errors(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "pipeline.yml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; give the path of a pipeline's YAML"):
        read_config(tmp_path / "nowhere.yml")
    with pytest.raises(ConfigError, match="a folder; give the path"):
        read_config(tmp_path)


def test_a_configuration_cannot_be_changed() -> None:
    config = parse_config(SMALLEST)
    with pytest.raises(pydantic.ValidationError):
        config.windows.gap_days = 3  # type: ignore[misc]


SUMMARY: dict[str, Any] = {"behaviour": "visit", "treated": 90, "control": 80, "lift": 2.0}
TABLE: dict[str, Any] = {
    "behaviour": "visit", "table": "t.csv", "arm_column": "arm", "treated_arm": "b",
    "control_arm": "a", "outcome_column": "margin",
}  # fmt: skip
EXPERIMENTS = [
    ({"behaviour": "visit"}, "'experiments.0': give the result: 'lift' with 'treated'"),
    ({**SUMMARY}, "'lift' needs 'low' and 'high', its 95% interval, or 'standard_error'"),
    ({**SUMMARY, "low": 3, "high": 1}, "low is 3 and high 1; low must be below high"),
    ({**SUMMARY, "low": 2.5, "high": 3}, "lift 2 lies outside its interval, 2.5 to 3"),
    ({**SUMMARY, "low": 1, "high": 3, "standard_error": 1}, "or 'standard_error', not both"),
    ({**SUMMARY, "standard_error": 0}, "key 'experiments.0.standard_error': "),
    ({**SUMMARY, "standard_error": 1, "control": None}, "also needs the key 'control'"),
    ({**SUMMARY, "standard_error": 1, "treated": 0}, "key 'experiments.0.treated': "),
    ({**SUMMARY, "standard_error": 1, "lift": "two"}, "'experiments.0.lift': .*found 'two'"),
    ({**SUMMARY, "standard_error": 1, "lift": float("nan")}, "'experiments.0.lift': .*finite"),
    ({**SUMMARY, "standard_error": 1, "events_per_entity": 0}, "events_per_entity is 0"),
    ({**SUMMARY, "standard_error": 1, "segments": ["plan"]}, "'segments' needs the key 'table'"),
    ({**SUMMARY, "lifts": 1}, r"'experiments.0.lifts' \(did you mean 'lift'\?\)"),
    ({**TABLE, "lift": 2.0}, "'lift' cannot be combined with 'table', whose rows give"),
    ({**TABLE, "outcome_column": None}, "'table' also needs the key 'outcome_column'"),
    ({**TABLE, "treated_arm": "a"}, "treated_arm and control_arm are the same, 'a'"),
    (
        {**TABLE, "events_column": "n", "events_per_entity": 2},
        "cannot be combined with 'events_column'",
    ),
]


@pytest.mark.parametrize(("experiment", "message"), EXPERIMENTS)
def test_incomplete_and_contradictory_experiments_are_errors(experiment, message) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        parse_config({**SMALLEST, "experiments": [experiment]})
    assert "\n" not in str(raised.value)


def test_experiments_must_be_on_candidates() -> None:
    good = {**SMALLEST, "experiments": [{**SUMMARY, "standard_error": 1}]}
    with pytest.raises(ConfigError, match=r"'experiments.0.behaviour': 'visit' has 'role: ignore'"):
        parse_config({**good, "behaviours": {"visit": {"role": "ignore"}}})
    with pytest.raises(ConfigError, match="'visit' is the churn event, not a behaviour"):
        parse_config({**good, "churn": {"kind": "event", "event_type": "visit"}})


def test_tables_of_experiments_are_relative_to_the_file(tmp_path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump({**SMALLEST, "experiments": [TABLE]}))
    assert read_config(file).experiments[0].table == str(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: shop\nname: other\n", r"key 'name' is given twice, in lines 1 and 2; keep one"),
        ("name: shop\nwindows:\n  gap_days: 1\n  outcome_days: 5\n  gap_days: 2\n",
         "key 'gap_days' is given twice, in lines 3 and 5"),
        ("name: shop\nwindows: {observation_days: true}\n",
         "key 'windows.observation_days': expected a number, found True"),
        ("name: shop\nbehaviours: {visit: {cost_per_event: yes}}\n",
         "key 'behaviours.visit.cost_per_event': expected a number, found True"),
        ("name: shop\nchurn: {kind: event, event_type: left, notice_days: false}\n",
         "key 'churn.notice_days': expected a number, found False"),
    ],
)  # fmt: skip
def test_keys_given_twice_and_truth_values_for_numbers_are_refused(
    text: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_config(file)
    assert str(caught.value).startswith(str(file))


def test_a_merged_key_may_be_given_again(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(
        "name: shop\nbehaviours:\n  visit: &usual {stage: a, cost_per_event: 1}\n"
        "  call: {<<: *usual, cost_per_event: 2}\n"
    )
    call = read_config(file).behaviours["call"]
    assert (call.stage, call.cost_per_event) == ("a", 2)
