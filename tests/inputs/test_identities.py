"""Anonymous events become their customer's, on every engine and through every door."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.cli import main
from engagement_ml.config import parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import ConfigError, InputError
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.inputs.scoring_reader import read_scoring_tables
from engagement_ml.ledger.cache import batches
from engagement_ml.ledger.cache import events as cache_events
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.model import EngagementModel, estimator
from engagement_ml.tables.identities import StitchedEvents
from engagement_ml.workflow.feature_frame import features
from engagement_ml.workflow.scoring import score
from tests.doors import DOORS, Door, as_csv, as_json_lines, as_parquet

Make = Callable[[pd.DataFrame, str], Any]


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2024, 1, day, hour)


def frame(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=list(columns))
    if "timestamp" in made:
        made["timestamp"] = made["timestamp"].astype("datetime64[us]")
    return made


EVENTS = frame(
    ("customer_id", "anonymous_id", "timestamp", "event_type", "event_id"),
    [
        ("ann", None, at(2), "visit", "1"),
        ("ann", "a2", at(3), "visit", "2"),  # a customer_id that is given stays
        (None, "a1", at(2), "visit", "3"),
        (None, "a1", at(9), "visit", "4"),
        (None, "a2", at(4), "visit", "5"),  # before its identity
        (None, "a2", at(5), "visit", "6"),  # at its identity
        (None, "a2", at(8), "visit", "7"),  # after the next one
        (None, "a3", at(8), "visit", "8"),  # of two customers at once
        (None, "a4", at(8), "visit", "9"),  # not among the identities
        (None, "null", at(8), "visit", "10"),
        (None, None, at(8), "visit", "11"),
        (None, "a1", at(9), "visit", "4"),  # repeated
    ],
)
PAID = frame(("customer_id", "timestamp", "margin"), [("ann", at(2), 1.0), ("bob", at(10), 2.0)])
TIMED = frame(
    ("anonymous_id", "customer_id", "timestamp"),
    [
        ("a1", "ann", None),
        ("a2", "ann", at(5)),
        ("a2", "bob", at(7)),
        ("a2", "bob", at(7)),
        ("a3", "ann", at(1)),
        ("a3", "bob", at(1)),
        (None, "ann", at(1)),
        ("a5", None, at(1)),
    ],
)
NOTES = [
    "5 events without customer_id became a customer's",
    "1 event dropped: they are before the timestamp of their identity",
    "1 event dropped: several customers have their anonymous_id, as on a shared device",
    "1 event dropped: identities lack their anonymous_id",
]


def owners(engine: Engine, tables: Tables) -> list[tuple[Any, int]]:
    """Return customer and day of each event, by the events and by the ledger."""
    rows = engine.pandas(tables.events)
    found = sorted(zip(rows["customer_id"], rows["timestamp"].dt.day, strict=True))
    assert tables.ledger is not None
    ledger = engine.pandas(tables.ledger)
    days = pd.to_datetime(ledger["day"]).dt.day
    parts = zip(ledger["customer_id"], days, ledger["n"], strict=True)
    assert sorted((customer, day) for customer, day, n in parts for _ in range(n)) == found
    return found


def check_timed(engine: Engine, make: Make) -> None:
    """The latest identity at or before an event counts; the rest is dropped, counted and said."""
    sources = {"events": EVENTS, "transactions": PAID, "identities": TIMED}
    made = {name: make(each, name) for name, each in sources.items()}
    tables = read_tables(parse_config({"name": "shop"}), engine, made)
    assert owners(engine, tables) == [
        ("ann", 2), ("ann", 2), ("ann", 3), ("ann", 5), ("ann", 9), ("bob", 8),
    ]  # fmt: skip
    quality = {each.table: each for each in tables.quality}
    assert {d.reason: d.rows for d in quality["events"].dropped} == {
        "null customer_id": 5, "repeated event_id": 1,
    }  # fmt: skip
    # The repeated event is counted before it is dropped.
    assert list(quality["events"].notes) == NOTES
    assert set(quality["events"].notes) <= set(tables.notes)
    assert {d.reason: d.rows for d in quality["identities"].dropped} == {
        "null anonymous_id": 1, "null customer_id": 1,
    }  # fmt: skip
    assert tables.behaviours == ("visit",)


def check_untimed(engine: Engine, make: Make) -> None:
    """Ids in several types meet; an anonymous id of two customers is nobody's."""
    events = frame(
        ("anonymous_id", "timestamp", "event_type"),
        [
            (7.0, at(1), "visit"),
            (8.0, at(2), "visit"),
            (9.0, at(3), "visit"),
            (None, at(3), "visit"),
        ],
    )
    identities = frame(("ANONYMOUS_ID", "user"), [("7", 1), ("7", 1), ("8", 1), ("8", 2), ("9", 2)])
    config = parse_config({"name": "shop", "columns": {"identities": {"customer_id": "user"}}})
    made = {"events": make(events, "events"), "identities": make(identities, "identities")}
    read = read_scoring_tables(config, engine, made)["events"]
    rows = engine.pandas(read.frame)
    assert sorted(zip(rows["customer_id"], rows["timestamp"].dt.day, strict=True)) == [
        (1, 1), (2, 3),
    ]  # fmt: skip
    assert read.quality.notes == (NOTES[0].replace("5", "2"), NOTES[2])


@pytest.mark.parametrize("door", [*DOORS, as_json_lines])
def test_events_become_their_customers(door: Door, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_timed(engine, lambda each, name: door(each, tmp_path, name))


@pytest.mark.parametrize("door", [each for each in DOORS if each is not as_csv])
def test_all_events_may_be_anonymous(door: Door, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_untimed(engine, lambda each, name: door(each, tmp_path, name))


def test_large_files_are_read_again_if_the_identities_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_events, "MIN_CACHED_BYTES", 1)
    monkeypatch.setattr(batches, "SMALLEST", 1)
    folder = tmp_path / "events"
    folder.mkdir()
    for place in range(0, len(EVENTS), 5):
        EVENTS.iloc[place : place + 5].to_parquet(folder / f"{place:02}.parquet")
    config = parse_config({"name": "shop", "engine": {"keep": str(tmp_path / "keep")}})

    def read(identities: pd.DataFrame) -> tuple[list[tuple[Any, int]], tuple[str, ...], set[str]]:
        sources = {"events": folder, "transactions": PAID, "identities": identities}
        with open_duckdb(threads=1) as engine:
            tables = read_tables(config, engine, sources)
            names = {part.name for part in tables.partitions}
            return owners(engine, tables), tables.quality[0].notes, names

    first = read(TIMED)
    with open_duckdb(threads=1) as engine:
        check_timed(engine, lambda each, name: folder if name == "events" else each)
    assert read(TIMED) == first
    moved = TIMED.assign(customer_id=TIMED["customer_id"].replace({"ann": "bob"}))
    second = read(moved)
    assert second[0].count(("bob", 2)) == 1
    assert not first[2] & second[2]
    stores = [path for path in (tmp_path / "keep").iterdir() if path.is_dir()]
    assert len(stores) == 1
    ledgers = {path.name for path in stores[0].glob("ledger-*")}
    assert ledgers
    assert not ledgers & first[2]


def test_a_table_of_identities_is_validated() -> None:
    with open_duckdb(threads=1) as engine:

        def read(**changes: Any) -> Tables:
            sources = {"events": EVENTS, "transactions": PAID, "identities": TIMED, **changes}
            return read_tables(parse_config({"name": "shop"}), engine, sources)

        with pytest.raises(InputError, match=r"column 'anonymous_id' \(required with 'identities'"):
            read(events=EVENTS.drop(columns="anonymous_id"))
        with pytest.raises(InputError, match=r"column 'customer_id' is missing from table 'ident"):
            read(identities=TIMED.drop(columns="customer_id"))
        with pytest.raises(InputError, match=r"'timestamp', row 2: expected a timestamp such as"):
            read(identities=TIMED.assign(timestamp=["2024-01-01", "soon", *["2024-01-02"] * 6]))
        with pytest.raises(InputError, match=r"'anonymous_id', row 1: expected an id of at most"):
            read(events=EVENTS.assign(anonymous_id=2.0**60))
        none = read(identities=TIMED.assign(anonymous_id="z"))
        assert "no event became a customer's by identities" in none.quality[0].notes[0]
    with pytest.raises(ConfigError, match=r"sources.identites'.*did you mean 'identities'"):
        parse_config({"name": "shop", "sources": {"identites": "x.csv"}})


METRIC = EngagementMetric(
    "shop", "driver", 84, 84,
    (WeightedBehaviour("visit", 100, None, None, "frequency", "events",
                       Transform("linear", scale=None, shape=None, cap=4)),),
)  # fmt: skip


def check_scores(make: Make) -> None:
    """Anonymous events count for their customer, and the notes say so."""
    made = {name: make(each, name) for name, each in (("events", EVENTS), ("ids", TIMED))}
    scores = score(METRIC, made["events"], identities=made["ids"], as_of="2024-01-20")
    assert dict(zip(scores.frame["customer_id"], scores.frame["score"], strict=True)) == {
        "ann": 100.0, "bob": 25.0,
    }  # fmt: skip
    assert any("became a customer's" in note for note in scores.notes)
    assert any("a shared device" in note for note in scores.notes)


@pytest.mark.parametrize("door", [as_csv, as_parquet, DOORS[-2]])
def test_scores_count_anonymous_events(door: Door, tmp_path: Path) -> None:
    check_scores(lambda each, name: door(each, tmp_path, name))


def test_every_entry_point_takes_identities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    METRIC.to_json(tmp_path / "metric.json")
    events, identities = (
        as_parquet(each, tmp_path, name) for each, name in ((EVENTS, "events"), (TIMED, "ids"))
    )
    arguments = ["score", tmp_path / "metric.json", events, "--identities", identities,
                 "--as-of", "2024-01-20", "--output", tmp_path / "scores.csv"]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["engagement-ml", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert not caught.value.code
    assert "5 events without customer_id became a customer's" in capsys.readouterr().out
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert scores["customer_id"].tolist() == ["ann", "bob"]
    windows = {"observation_days": 2, "outcome_days": 2, "every_days": 1}
    panel = features(EVENTS, PAID, identities=TIMED, windows=windows)
    assert panel["visit__frequency"].max() >= 2
    given: dict[str, Any] = {}

    class SeenError(Exception):
        pass

    def fit_pipeline(config: Any, **keys: Any) -> None:
        given.update(keys)
        raise SeenError

    monkeypatch.setattr(estimator, "fit_pipeline", fit_pipeline)
    with pytest.raises(SeenError):
        EngagementModel().fit(EVENTS, PAID, identities=TIMED, progress=False)
    assert given["frames"]["identities"] is TIMED


IDS = st.sampled_from(["a", "b", "c"])
CUSTOMERS = st.sampled_from(["ann", "bob"])
DAYS = st.integers(1, 5)


def owner(identities: list[tuple[str, str, int | None]], anonymous: str, day: int) -> str | None:
    """Return the customer by the rule, in plain Python."""
    held = [(since or 0, who) for key, who, since in identities if key == anonymous]
    before = [since for since, _ in held if since <= day]
    latest = {who for since, who in held if before and since == max(before)}
    return latest.pop() if len(latest) == 1 else None


@settings(max_examples=6)
@given(
    st.lists(st.tuples(IDS, CUSTOMERS, st.none() | DAYS), min_size=1, max_size=9),
    st.lists(st.tuples(IDS, DAYS), max_size=15),
    st.randoms(use_true_random=False),
)
def test_the_rule_in_plain_python(
    identities: list[tuple[str, str, int | None]], events: list[tuple[str, int]], random: Any
) -> None:
    named = [("ann", None, at(1), "visit"), ("bob", None, at(1), "visit")]
    rows = [*named, *((None, key, at(day), "visit") for key, day in events)]
    table = frame(
        ("anonymous_id", "customer_id", "timestamp"),
        [(key, who, None if day is None else at(day)) for key, who, day in identities],
    )
    random.shuffle(rows)
    columns = ("customer_id", "anonymous_id", "timestamp", "event_type")
    with open_duckdb(threads=1) as engine:
        sources = {"events": frame(columns, rows), "transactions": PAID, "identities": table}
        found = owners(engine, read_tables(parse_config({"name": "shop"}), engine, sources))
    expected = [(who, day) for key, day in events if (who := owner(identities, key, day))]
    assert found == sorted([("ann", 1), ("bob", 1), *expected])


def test_counts_of_parts_add_up() -> None:
    assert StitchedEvents.total([(1, 2, 3, 4), (1, 0, 0, 1)]).plain() == [2, 2, 3, 5]
