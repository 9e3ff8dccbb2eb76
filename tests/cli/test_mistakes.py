"""Mistakes of users: one clear line, exit status 2 and no files left behind."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from engagement_ml.cli import main


@dataclass
class Place:
    """A working folder with valid tables, until a test spoils one."""

    folder: Path
    write_yaml: Callable[..., Path]
    events: pd.DataFrame
    transactions: pd.DataFrame

    def given(self, events: Any = None, transactions: Any = None, **changes: Any) -> None:
        tables = {
            "events": self.events if events is None else events,
            "transactions": self.transactions if transactions is None else transactions,
        }
        for name, table in tables.items():
            table.to_csv(self.folder / f"{name}.csv", index=False)
        sources = {name: f"{name}.csv" for name in tables}
        settings = {"segments": [], "behaviours": {}, "sources": sources, **changes}
        self.write_yaml(**settings)


@pytest.fixture
def place(tmp_path, write_yaml, small_shop, monkeypatch) -> Place:
    monkeypatch.chdir(tmp_path)
    events = small_shop.events.loc[
        lambda e: e["event_type"].isin(["tutorial_done", "wishlist_add"]),
        ["customer_id", "timestamp", "event_type", "value"],
    ]
    transactions = small_shop.transactions[["customer_id", "timestamp", "revenue", "cost"]]
    return Place(
        tmp_path, write_yaml, events.reset_index(drop=True), transactions.reset_index(drop=True)
    )


def spoiled(table: pd.DataFrame, row: int, column: str, value: str) -> pd.DataFrame:
    texts = table.astype(str)
    texts.loc[row, column] = value
    return texts


def missing_file(p: Place) -> None:
    p.given(sources={"events": "event.csv", "transactions": "transactions.csv"})


def file_of_another_kind(p: Place) -> None:
    p.given(sources={"events": "events.parquet", "transactions": "transactions.csv"})
    (p.folder / "events.parquet").write_bytes(b"%PDF-1.7 not a table")


def missing_column(p: Place) -> None:
    p.given(events=p.events.rename(columns={"event_type": "kind"}))


def text_in_a_number(p: Place) -> None:
    p.given(transactions=spoiled(p.transactions, 6, "revenue", "12 euros"))


def unparsable_timestamp(p: Place) -> None:
    p.given(events=spoiled(p.events, 4, "timestamp", "yesterday"))


def mixed_zones(p: Place) -> None:
    p.given(events=spoiled(p.events, 4, "timestamp", "2024-03-01 10:00:00+02:00"))


def empty_table(p: Place) -> None:
    p.given(events=p.events.head(0))


def one_customer(p: Place) -> None:
    p.given(
        events=p.events.assign(customer_id="ann"),
        transactions=p.transactions.assign(customer_id="ann"),
    )


def no_transactions(p: Place) -> None:
    p.given(transactions=p.transactions.head(0))


def no_event_in_any_window(p: Place) -> None:
    # One cutoff, and no event in the 28 days before it.
    p.given(
        events=p.events[p.events["timestamp"] < "2024-04-01"],
        windows={"observation_days": 28, "outcome_days": 28, "cutoffs": ["2024-08-01"]},
    )


def short_history(p: Place) -> None:
    p.given(windows={"observation_days": 200, "outcome_days": 100})


def unknown_key(p: Place) -> None:
    p.given(windws={"observation_days": 28})


def behaviour_the_events_lack(p: Place) -> None:
    p.given(behaviours={"tutorial_don": {"cost_per_event": 1}})


def experiment(**changes: Any) -> list[dict[str, Any]]:
    return [{"behaviour": "tutorial_done", "treated": 50, "control": 50, "lift": 2.0, **changes}]


def experiment_with_its_bounds_swapped(p: Place) -> None:
    p.given(experiments=experiment(low=3.0, high=1.0))


def experiment_of_a_behaviour_the_events_lack(p: Place) -> None:
    p.given(experiments=experiment(behaviour="tutorial_don", standard_error=1.0))


def experiment_with_text_in_a_number(p: Place) -> None:
    p.given(experiments=experiment(standard_error="about one"))


def given_table(p: Place, **changes: Any) -> None:
    rows = pd.DataFrame({"arm": ["b", "a"] * 20, "margin": range(40)})
    rows.to_csv(p.folder / "test.csv", index=False)
    columns = {
        "arm_column": "arm",
        "treated_arm": "b",
        "control_arm": "a",
        "outcome_column": "margin",
    }
    test = {"behaviour": "tutorial_done", "table": "test.csv", **columns, **changes}
    p.given(experiments=[test])


def experiment_table_without_its_column(p: Place) -> None:
    given_table(p, outcome_column="profit")


def experiment_table_without_its_arm(p: Place) -> None:
    given_table(p, treated_arm="c")


def experiment_table_that_is_missing(p: Place) -> None:
    given_table(p, table="tset.csv")


def ratio_of_a_behaviour_the_events_lack(p: Place) -> None:
    ratio = {"name": "finished", "begun": "wishlist_add", "done": "tutorial_doen"}
    p.given(features={"ratios": [ratio]})


def ratio_without_its_denominator(p: Place) -> None:
    p.given(features={"ratios": [{"name": "finished", "numerator": "tutorial_done"}]})


def ratio_called_like_a_behaviour(p: Place) -> None:
    p.given(features={"ratios": [{"name": "tutorial_done", "breadth": "wishlist_add"}]})


def sessions_of_a_behaviour_the_events_lack(p: Place) -> None:
    p.given(features={"sessions": {"event_types": ["wishlist_ad"]}})


def date_that_does_not_exist(p: Place) -> None:
    p.given(windows={"observation_days": 28, "outcome_days": 28, "cutoffs": ["DATE"]})
    file = p.folder / "small-shop.yaml"
    file.write_text(file.read_text().replace("DATE", "2024-02-30"))


def enormous_window(p: Place) -> None:
    p.given(windows={"observation_days": 10**9, "outcome_days": 28})


def with_customers(p: Place, **changes: Any) -> None:
    ids = p.events["customer_id"].unique()
    customers = pd.DataFrame({"customer_id": ids, "signup": pd.Timestamp("2023-01-01")})
    customers["tags"] = [["a", "b"]] * len(ids)
    customers.to_parquet(p.folder / "customers.parquet")
    sources = {n: f"{n}.csv" for n in ("events", "transactions")}
    p.given(sources={**sources, "customers": "customers.parquet"}, **changes)


def segments_by_a_moment(p: Place) -> None:
    with_customers(p, segments=["signup"])


def segments_by_a_list(p: Place) -> None:
    with_customers(p, segments=["tags"])


def name_that_is_too_long(p: Place) -> None:
    p.given(sources={"events": "e" * 300 + ".csv", "transactions": "transactions.csv"})


def output_that_cannot_be_written(p: Place) -> None:
    p.given()
    (p.folder / "out").write_text("a file is in the way")


def store_out_of_reach(p: Place) -> None:
    p.given(tracking={"uri": "http://127.0.0.1:9"})


MISTAKES = {
    missing_file: ("event.csv", "no such file", "did you mean 'events.csv'"),
    file_of_another_kind: ("events.parquet", "PDF", "give a Parquet"),
    missing_column: ("events.csv", "'event_type'", "kind", "columns:"),
    text_in_a_number: ("transactions.csv", "'revenue'", "row 7", "12 euros"),
    unparsable_timestamp: ("events.csv", "'timestamp'", "row 5", "yesterday"),
    mixed_zones: ("events.csv", "row 5", "+02:00", "time zone"),
    empty_table: ("events.csv", "empty"),
    one_customer: ("events.csv", "only one customer", "ann"),
    no_transactions: ("transactions.csv", "empty"),
    no_event_in_any_window: ("'windows.cutoffs'", "2024-08-01", "observation window"),
    short_history: ("covers 2", "need 300", "200", "100"),
    unknown_key: ("small-shop.yaml", "'windws'", "did you mean 'windows'"),
    behaviour_the_events_lack: ("'behaviours.tutorial_don'", "did you mean 'tutorial_done'"),
    experiment_with_its_bounds_swapped: ("small-shop.yaml", "experiments.0", "low must be below"),
    experiment_of_a_behaviour_the_events_lack: (
        "'experiments.0.behaviour'", "'tutorial_don'", "did you mean 'tutorial_done'",
    ),
    experiment_with_text_in_a_number: ("experiments.0.standard_error", "'about one'"),
    experiment_table_without_its_column: (
        "test.csv", "'profit'", "experiments.0.outcome_column", "arm, margin",
    ),
    experiment_table_without_its_arm: ("test.csv", "no arm 'c'", "experiments.0.treated_arm"),
    experiment_table_that_is_missing: ("tset.csv", "did you mean 'test.csv'"),
    ratio_of_a_behaviour_the_events_lack: (
        "'features.ratios.0.done'", "'tutorial_doen'", "did you mean 'tutorial_done'",
    ),
    ratio_without_its_denominator: ("small-shop.yaml", "'finished' needs", "has 'numerator'"),
    ratio_called_like_a_behaviour: ("'features.ratios.0.name'", "'tutorial_done' is an event type"),
    sessions_of_a_behaviour_the_events_lack: (
        "'features.sessions.event_types'", "did you mean 'wishlist_add'",
    ),
    date_that_does_not_exist: ("small-shop.yaml", "2024-02-30 in line", "give a date that exists"),
    enormous_window: ("'windows.observation_days'", "less than or equal to 36500", "1000000000"),
    segments_by_a_moment: ("'segments'", "'signup'", "customers.parquet", "groups"),
    segments_by_a_list: ("'segments'", "'tags'", "groups"),
    name_that_is_too_long: ("eeee.csv", "'events'", "file name too long", "shorter path"),
    output_that_cannot_be_written: ("out", "cannot be written"),
    store_out_of_reach: ("http://127.0.0.1:9", "no answer", "tracking.uri"),
}  # fmt: skip


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["engagement-ml", *arguments])
    with pytest.raises(SystemExit) as exit_:
        main()
    return int(exit_.value.code or 0)


def tree(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_one_clear_line_and_no_files_left(place, mistake, monkeypatch, capsys):
    mistake(place)
    before = tree(place.folder)
    status = run(monkeypatch, "train", "small-shop.yaml", "--output", "out")
    said = capsys.readouterr()
    assert status == 2
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    for part in MISTAKES[mistake]:
        assert part in said.err
    assert said.out == ""
    assert tree(place.folder) == before


def test_a_folder_without_permission(place, monkeypatch, capsys):
    place.given()
    locked = place.folder / "locked"
    locked.mkdir()

    def no_mkdir(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", no_mkdir)
    assert run(monkeypatch, "train", "small-shop.yaml", "--output", "locked/out") == 2
    assert "locked/out: cannot be written: permission denied" in capsys.readouterr().err
    assert list(locked.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["train", "nowhere.yaml"], ["nowhere.yaml", "no such file"]),
        (["evaluate", "nowhere"], ["nowhere", "no such folder", "models:/"]),
        (["report", "nowhere"], ["nowhere", "no such folder"]),
        (["score", "nowhere", "events.csv"], ["nowhere", "no such folder"]),
        (["score", "models:/shop@champion", "events.csv"], ["mlruns/mlflow.db", "train first"]),
        (["demo", "--dataset", "complete-jorney"], ["did you mean 'complete-journey'"]),
        (["demo", "--dataset", "online-retail"], ["--path"]),
        (["demo", "--dataset", "online-retail", "--path", "x.parquet"], ["x.parquet"]),
        (["demo", "--path", "x.parquet"], ["--path", "shop needs no file"]),
        (["demo", "--dataset", "complete-journey", "--no-effects"], ["--no-effects"]),
        (["demo", "--customers", "0"], ["at least one customer"]),
        (["demo", "--preset", "sass"], ["--preset", "did you mean 'saas'", "healthcare"]),
        (["demo", "--preset", "saas", "--customers", "0"], ["at least one customer"]),
        (["demo", "--preset", "saas", "--no-effects"], ["--preset", "--no-effects"]),
        (["demo", "--preset", "saas", "--path", "x.parquet"], ["--preset", "--path"]),
        (["demo", "--dataset", "saas"], ["'saas' is a preset", "--preset"]),
        (["demo", "--seed", "-1"], ["seed", "from 0 on", "-1"]),
        (["train", "c" * 300], ["ccc", "file name too long"]),
        (["evaluate", "m" * 300], ["mmm", "file name too long"]),
        (["score", "m" * 300, "events.csv"], ["mmm", "file name too long"]),
        (["report", "m" * 300], ["mmm", "file name too long"]),
        (["score", "m\0", "events.csv"], ["expected the path", "m"]),
        (["features", "nowhere.yaml", "--output", "out"], ["nowhere.yaml"]),
    ],
)
def test_other_commands_report_errors_in_one_line_too(place, arguments, parts, monkeypatch, capsys):
    before = tree(place.folder)
    assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    for part in parts:
        assert part in said.err
    assert tree(place.folder) == before


def test_debug_shows_the_traceback_as_well(place, monkeypatch, capsys):
    assert run(monkeypatch, "train", "nowhere.yaml", "--debug") == 2
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.splitlines()[-1].startswith("error: nowhere.yaml")
