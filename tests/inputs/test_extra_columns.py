"""Optional columns that only measures need: read if asked for, and without effect on the rest."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import DuckDBEngine, Engine, open_duckdb
from engagement_ml.errors import ConfigError, InputError
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.inputs.scoring_reader import read_scoring_tables
from engagement_ml.ledger.cache import events as cached_events
from tests.engines.conftest import PolarsEngine

CONFIG = parse_config({"name": "shop"})
DUE = dt.datetime(2999, 1, 1)
EVENTS = pd.DataFrame(
    {
        "customer_id": ["ann", "bob", "ann", "ann", None],
        "timestamp": pd.to_datetime(
            ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-03", "2024-01-03"]
        ),
        "event_type": ["ask", "visit", "visit", "answer", "visit"],
        "event_id": ["1", "2", "2", "4", "5"],
        "session_id": [7, 7, 8, 8, 9],
        "channel": ["web", "", "app", None, "app"],
        "direction": ["inbound", "inbound", None, "outbound", "inbound"],
        "object": ["price", "home", "home", None, "home"],
        "section": ["shop", "start", "start", None, "start"],
        "campaign": ["spring", None, None, None, None],
        "ref": [12.0, None, None, 12.0, None],
        "due": [DUE, None, None, None, None],
        "other": 1,
    }
).astype({"due": "datetime64[us]"})
PAID = pd.DataFrame(
    {
        "customer_id": ["ann", "bob"],
        "timestamp": pd.to_datetime(["2024-02-01", "2024-02-02"]),
        "margin": [1.5, -2.0],
        "revenue": [4.0, 0.0],
        "refund": [None, 3.5],
        "order_id": [1, 2],
        "product": ["pen", "ink"],
        "channel": ["web", None],
    }
)
ASKED = pd.DataFrame(
    {
        "customer_id": ["ann"],
        "timestamp": pd.to_datetime(["2024-01-05"]),
        "survey": ["csat"],
        "score": [4.0],
        "event_id": [4.0],
        "touchpoint": ["chat"],
        "comment": ["fine"],
    }
)
FRAMES = {"events": EVENTS, "transactions": PAID, "surveys": ASKED}
OF_EVENTS = [
    "session_id", "channel", "direction", "object", "section", "campaign", "ref", "due",
]  # fmt: skip
READ = {
    "events": [
        ("7", "web", "inbound", "price", "shop", "spring", "12", DUE),
        ("7", None, "inbound", "home", "start", None, None, None),
        ("8", None, "outbound", None, None, None, "12", None),
    ],
    "transactions": [(4.0, None, "1", "pen", "web"), (0.0, 3.5, "2", "ink", None)],
    "surveys": [("4", "chat", "fine", "1-5")],
}
NAMES = {
    "events": OF_EVENTS,
    "transactions": ["revenue", "refund", "order_id", "product", "channel"],
    "surveys": ["event_id", "touchpoint", "comment", "scale"],
}


@contextmanager
def engine_of(kind: str) -> Iterator[Engine]:
    with open_duckdb(threads=1) if kind == "duckdb" else PolarsEngine() as engine:
        yield engine


def given(engine: Engine, frames: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return frames of the engine."""
    if isinstance(engine, DuckDBEngine):
        return dict(frames)
    return {name: pl.from_pandas(frame) for name, frame in frames.items()}


def values(tables: Tables, name: str) -> list[tuple[Any, ...]]:
    frame = getattr(tables, name)
    rows = tables.engine.rows(frame.sort("timestamp", "customer_id"), source=name)
    return sorted((tuple(row[c] for c in NAMES[name]) for row in rows), key=str)


@pytest.mark.parametrize("kind", ["duckdb", "polars"])
def test_they_are_read_in_their_types_if_asked_for(kind: str) -> None:
    with engine_of(kind) as engine:
        tables = read_tables(CONFIG, engine, given(engine, FRAMES), extra=True)
        for name, expected in READ.items():
            assert values(tables, name) == sorted(expected, key=str)
        assert set(tables.columns("events")) == {
            "customer_id", "timestamp", "event_type", "event_id", *OF_EVENTS,
        }  # fmt: skip
        assert tables.columns("customers") == ()


def write_csv(folder: Path) -> dict[str, Any]:
    paths = {}
    for name, frame in FRAMES.items():
        paths[name] = str(folder / f"{name}.csv")
        # Whole numbers in a column with gaps are no fractions.
        frame.convert_dtypes().to_csv(paths[name], index=False)
    return paths


def write_parquet(folder: Path) -> dict[str, Any]:
    paths = {}
    for name, frame in FRAMES.items():
        paths[name] = str(folder / f"{name}.parquet")
        frame.to_parquet(paths[name])
    return paths


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_files_give_the_same(tmp_path: Path, write: Any) -> None:
    with open_duckdb(threads=1) as engine:
        tables = read_tables(CONFIG, engine, write(tmp_path), extra=True)
        for name, expected in READ.items():
            assert values(tables, name) == sorted(expected, key=str)


@pytest.mark.parametrize("kind", ["duckdb", "polars"])
@pytest.mark.parametrize("sessions", [False, True])
def test_what_is_computed_without_them_stays_the_same(kind: str, sessions: bool) -> None:
    raw = {"name": "shop"} | ({"features": {"sessions": {"gap_minutes": 30}}} if sessions else {})
    config = parse_config(raw)
    with engine_of(kind) as engine:
        plain = read_tables(config, engine, given(engine, FRAMES))
        more = read_tables(config, engine, given(engine, FRAMES), extra=True)
        assert more.quality == plain.quality
        assert (more.history, more.event_counts) == (plain.history, plain.event_counts)
        assert [note for note in plain.notes if "surveys" not in note] == list(more.notes)
        for one, other in ((plain.ledger, more.ledger), (plain.sessions, more.sessions)):
            if one is None or other is None:
                assert one is other
                continue
            rows = [engine.rows(each, source="ledger") for each in (one, other)]
            assert sorted(map(str, rows[0])) == sorted(map(str, rows[1]))
        for name in ("events", "transactions", "surveys"):
            assert set(plain.columns(name)) <= set(more.columns(name))
        unread = {"channel", "ref", "due", "order_id", "refund", "comment", "touchpoint"}
        assert not unread & {c for name in FRAMES for c in plain.columns(name)}


def test_bad_values_of_theirs_stop_only_what_reads_them() -> None:
    events = EVENTS.assign(due="soon", ref=2.0**60)
    with open_duckdb(threads=1) as engine:
        read_tables(CONFIG, engine, {**FRAMES, "events": events})


WRONG = [
    ("events", {"due": ["2024-01-01", "soon", None, None, None]},
     "column 'due', row 2: expected a timestamp such as 2024-05-31 14:30:00, found 'soon'; if it "
     "is something else, leave it out: 'columns: {events: {due: null}}'"),
    ("events", {"due": [1.5] * 5}, "column 'due' holds DOUBLE, not timestamps"),
    ("events", {"ref": [2.0**60] * 5}, "column 'ref', row 1: expected an id of at most 9,0"),
    ("transactions", {"refund": [-3, 0]},
     "column 'refund', row 1: expected an amount of 0 or more: what of the row's revenue was paid "
     "back, found '-3'"),
    ("transactions", {"refund": [float("inf"), 0]}, "'refund', row 1: expected a finite number"),
    ("transactions", {"refund": ["none", "0"]}, "'refund', row 1: expected a number, found 'none'"),
    ("transactions", {"refund": [True, False]}, "column 'refund' holds BOOLEAN, not numbers"),
    ("events", {"object": [["a"]] * 5},
     "not text; map a field of it or another column; if it is something else, leave it out: "
     "'columns: {events: {object: null}}'"),
    ("transactions", {"revenue": ["x", "0"]}, "'revenue', row 1: expected a number, found 'x'"),
]  # fmt: skip


# Polars itself reads no times from text.
CASES = [("duckdb", *case) for case in WRONG] + [("polars", *case) for case in WRONG[1:]]


@pytest.mark.parametrize(("kind", "name", "changed", "said"), CASES)
def test_what_does_not_fit_is_named(
    kind: str, name: str, changed: dict[str, Any], said: str
) -> None:
    frames = {**FRAMES, name: FRAMES[name].assign(**changed)}
    with engine_of(kind) as engine, pytest.raises(InputError) as caught:
        read_tables(CONFIG, engine, given(engine, frames), extra=True)
    if kind == "polars":
        said = re.sub(r", row [0-9]", "", said)
        said = said.replace("DOUBLE", "Float64").replace("BOOLEAN", "Boolean")
    assert said in str(caught.value)


@pytest.mark.parametrize("extra", [False, True])
def test_a_mapped_column_that_is_missing_is_named_by_all(extra: bool) -> None:
    config = parse_config({"name": "shop", "columns": {"events": {"ref": "ticket"}}})
    with open_duckdb(threads=1) as engine, pytest.raises(InputError) as caught:
        read_tables(config, engine, FRAMES, extra=extra)
    assert "column 'ticket', which 'columns: {events: {ref: ticket}}' names, is missing" in str(
        caught.value
    )


def test_they_are_mapped_computed_and_left_out_like_all_columns() -> None:
    config = parse_config(
        {
            "name": "shop",
            "columns": {"events": {"ref": "Ticket", "section": None}},
            "shape": {"events": {"values": {"object": "upper(channel)"}}},
        }
    )
    events = EVENTS.rename(columns={"ref": "Ticket", "object": "Object"})
    with open_duckdb(threads=1) as engine:
        tables = read_tables(config, engine, {**FRAMES, "events": events}, extra=True)
        rows = engine.rows(tables.events.sort("timestamp"), source="events")
        assert [(row["ref"], row["object"]) for row in rows] == [
            ("12", "WEB"), (None, None), ("12", None),
        ]  # fmt: skip
        assert "section" not in tables.columns("events")
        assert "object" not in read_tables(config, engine, {**FRAMES, "events": events}).columns(
            "events"
        )


def test_a_computed_column_that_none_has_is_refused() -> None:
    shape = {"events": {"values": {"chanel": "other"}}}
    config = parse_config({"name": "shop", "shape": shape})
    with (
        open_duckdb(threads=1) as engine,
        pytest.raises(ConfigError, match=r"'chanel' is no column of 'events' \(did you mean"),
    ):
        read_tables(config, engine, FRAMES)


def test_the_first_of_repeated_rows_stays_with_its_own_columns() -> None:
    first, second = EVENTS.iloc[[1]], EVENTS.iloc[[1]].assign(channel="b", object="a")
    rest = EVENTS.iloc[[0]]
    found = []
    for order in ([rest, first, second], [second, first, rest]):
        with open_duckdb(threads=1) as engine:
            events = pd.concat(order, ignore_index=True)
            tables = read_tables(CONFIG, engine, {**FRAMES, "events": events}, extra=True)
            found.append(values(tables, "events"))
    assert found[0] == found[1]
    assert len(found[0]) == 2


def oracle(events: pd.DataFrame) -> set[str]:
    """Return the kept rows by their `object`: usable ones, of each id the earliest."""
    rows = events.astype(object).where(events.notna(), None).to_dict("records")
    usable = [
        row
        for row in rows
        if row["customer_id"] not in (None, "nan")
        and row["event_type"] not in (None, "")
        and row["timestamp"] is not None
        and row["timestamp"].year > 1989
    ]
    first: dict[Any, Any] = {}
    for row in usable:
        key = row["event_id"] if row["event_id"] is not None else object()
        kept = first.setdefault(key, row)
        if (row["timestamp"], row["customer_id"]) < (kept["timestamp"], kept["customer_id"]):
            first[key] = row
    return {
        row["object"] for row in first.values() if row["timestamp"] < pd.Timestamp("2024-02-03")
    }


@pytest.mark.parametrize("kind", ["duckdb", "polars"])
@pytest.mark.parametrize(("seed", "most"), [(0, 0), (1, 0), (2, 1000), (3, 1000)])
def test_usable_events_are_those_of_a_slow_oracle(
    monkeypatch: pytest.MonkeyPatch, kind: str, seed: int, most: int
) -> None:
    monkeypatch.setattr("engagement_ml.ledger.usable_events.MOST_COMPARED", most)
    monkeypatch.setattr("engagement_ml.ledger.lazy.MOST_COMPARED", most)
    random = np.random.default_rng(seed)
    n = 60
    # Each seed lacks other reasons to drop a row, so that other conditions are left out.
    faulty = [seed != place for place in range(3)]
    moments = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.permutation(n), "h")
    events = pd.DataFrame(
        {
            "customer_id": random.choice(["ann", "bob", *([None, "nan"] * faulty[0])], n),
            "timestamp": pd.Series(moments).where((random.random(n) > 0.1) | (not faulty[1])),
            "event_type": random.choice(["ask", "visit", *([None, ""] * faulty[2])], n),
            "event_id": random.choice([None, *map(str, range(30))], n)
            if seed
            else [str(i) for i in range(n)],
            "object": [str(i) for i in range(n)],
        }
    )
    events.loc[events.index[:2], "timestamp"] = pd.Timestamp("1970-01-01")
    events.loc[events.index[2:4], "timestamp"] = pd.Timestamp("2024-03-01")
    with engine_of(kind) as engine:
        tables = read_tables(
            CONFIG, engine, given(engine, {**FRAMES, "events": events}), extra=True
        )
        rows = engine.rows(tables.events, source="events")
        assert {row["object"] for row in rows} == oracle(events)
        assert len(rows) == len(oracle(events)) == tables.quality[0].rows_kept
        asked = engine.rows(tables.events.filter(nw.col("event_type") == "ask"), source="events")
        assert {row["object"] for row in asked} == {
            row["object"] for row in rows if row["event_type"] == "ask"
        }


def large(folder: Path) -> PipelineConfig:
    """Write events of many files, two of which share an id, and return the configuration."""
    source = folder / "events"
    source.mkdir()
    for part in range(4):
        rows = range(25)
        days = [dt.datetime(2024, 1, 1 + part) + dt.timedelta(hours=i % 20) for i in rows]
        frame = pd.DataFrame(
            {
                "customer_id": [f"c{i % 5}" for i in rows],
                "timestamp": days,
                "event_type": ["visit" if i % 2 else "ask" for i in rows],
                "event_id": [f"{min(part, 2)}-{i}" for i in rows],
                "channel": [f"{part}" for _ in rows],
                "due": days,
                "session_id": [f"{part}" for _ in rows],
            }
        )
        frame.to_parquet(source / f"{part}.parquet")
    paid = PAID.assign(customer_id=["c1", "c2"])
    paid.to_parquet(folder / "paid.parquet")
    return parse_config(
        {
            "name": "shop",
            "sources": {"events": str(source), "transactions": str(folder / "paid.parquet")},
            "engine": {"keep": str(folder / "kept")},
        }
    )


def test_the_cache_on_disk_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_events, "is_large", lambda table: bool(table.files))
    monkeypatch.setattr("engagement_ml.ledger.events.is_large", lambda table: bool(table.files))
    config = large(tmp_path)

    def files() -> dict[str, int]:
        kept = (tmp_path / "kept").rglob("*")
        return {str(f): f.stat().st_mtime_ns for f in kept if f.suffix in (".parquet", ".npy")}

    with open_duckdb(threads=1) as engine:
        plain = read_tables(config, engine)
        assert plain.partitions
    before = files()
    with open_duckdb(threads=1) as engine:
        tables = read_tables(config, engine, extra=True)
        assert tables.partitions == plain.partitions
        assert tables.quality == plain.quality
        rows = engine.rows(tables.events, source="events")
    assert before
    assert files() == before
    assert len(rows) == 75
    # Of the two rows with the same id, the earlier one stays.
    assert {row["channel"] for row in rows} == {"0", "1", "2"}
    assert all(row["due"] == row["timestamp"] for row in rows)


def test_events_to_score_may_lack_columns_that_only_measures_read() -> None:
    columns = {"events": {"Ref": "ticket", "object": "page", "event_id": "key"}}
    config = parse_config({"name": "shop", "columns": columns})
    lacking = EVENTS[["customer_id", "timestamp", "event_type", "channel"]]
    with open_duckdb(threads=1) as engine:
        # A column that stands for another one is not taken for itself, read or not.
        events = lacking.assign(key=["1", "2", "2", "4", "5"])
        read = read_scoring_tables(config, engine, {"events": events})
        assert read["events"].quality.rows_kept == 3
        other = parse_config({"name": "shop", "columns": {"events": {"ref": "event_id"}}})
        read = read_scoring_tables(other, engine, {"events": EVENTS})
        assert read["events"].quality.rows_kept == 4
    with open_duckdb(threads=1) as engine, pytest.raises(InputError, match="column 'key'"):
        read_scoring_tables(config, engine, {"events": lacking})


@pytest.mark.parametrize("kind", ["duckdb", "polars"])
def test_events_that_become_a_customers_keep_their_columns(kind: str) -> None:
    events = EVENTS.assign(
        anonymous_id=["x", "y", "x", None, "z"],
        customer_id=[None, "bob", None, "ann", None],
        event_id=["1", "2", "1", "4", "5"],
    )
    identities = pd.DataFrame({"anonymous_id": ["x", "y"], "customer_id": ["ann", "bob"]})
    with engine_of(kind) as engine:
        frames = given(engine, {**FRAMES, "events": events, "identities": identities})
        tables = read_tables(CONFIG, engine, frames, extra=True)
        rows = engine.rows(tables.events.sort("timestamp"), source="events")
        assert "anonymous_id" not in tables.columns("events")
        assert [(row["customer_id"], row["object"], row["ref"]) for row in rows] == [
            ("ann", "price", "12"), ("bob", "home", None), ("ann", None, "12"),
        ]  # fmt: skip
        assert tables.quality == read_tables(CONFIG, engine, frames).quality
