"""Links between actors and customers, against a slow oracle in plain Python."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pytest

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import ConfigError, InputError
from engagement_ml.features.daily_totals import entities
from engagement_ml.inputs import read_tables
from tests.engines.conftest import PolarsEngine

START = pd.Timestamp("2024-01-01")
DAYS = 70


def make_frames(seed: int = 0, *, integers: bool = False) -> dict[str, pd.DataFrame]:
    """Return events of 12 customers and 5 actors, transactions, and links with all oddities."""
    rng = np.random.default_rng(seed)
    customers = list(range(12)) if integers else [f"c{i}" for i in range(12)]
    actors = list(range(100, 105)) if integers else [f"a{i}" for i in range(5)]

    def moments(n: int) -> pd.Series:
        seconds = rng.integers(0, DAYS * 24, n) * 3600
        return pd.Series(START + pd.to_timedelta(seconds, unit="s")).astype("datetime64[us]")

    ids = [*rng.choice(customers, 120), *rng.choice(actors, 150)]
    events = pd.DataFrame({"customer_id": ids, "timestamp": moments(270)})
    events["event_type"] = np.where(rng.random(270) < 0.5, "visit", "portal")
    events["value"] = rng.integers(1, 9, 270).astype(float)
    events["event_id"] = [f"e{i}" for i in range(270)]
    events = pd.concat([events, events.iloc[200:220]], ignore_index=True)
    paid = pd.DataFrame({"customer_id": rng.choice(customers, 150), "timestamp": moments(150)})
    paid["margin"] = rng.integers(-300, 900, 150) / 100
    links = pd.DataFrame(
        {"actor_id": rng.choice(actors, 50), "customer_id": rng.choice(customers, 50)}
    )
    links["role"] = rng.choice(np.array(["rep", "user", None], dtype=object), 50)
    links["from"] = moments(50).where(rng.random(50) < 0.6)
    shift = pd.to_timedelta(rng.integers(-3, 40, 50), unit="D")
    links["to"] = (links["from"] + shift).where(rng.random(50) < 0.7).astype("datetime64[us]")
    # One actor is a customer, too.
    paid.loc[0, "customer_id"] = actors[0]
    return {"events": events, "transactions": paid, "links": links}


def oracle(frames: dict[str, pd.DataFrame]) -> tuple[Counter, Counter]:
    """Return the own and derived events, and the number of people active by week."""
    last = frames["transactions"]["timestamp"].max().normalize() + pd.Timedelta(days=1)
    known = {*frames["transactions"]["customer_id"], *frames["links"]["customer_id"]}
    actors = set(frames["links"]["actor_id"])
    events, people = Counter(), {}
    for event in frames["events"].drop_duplicates("event_id").itertuples():
        if event.timestamp >= last:
            continue
        who = event.customer_id
        if who in known or who not in actors:
            events[who, event.timestamp, event.event_type] += 1
        served = set()
        for link in frames["links"].to_dict("records"):
            if link["actor_id"] != who:
                continue
            after = pd.isna(link["from"]) or link["from"] <= event.timestamp
            before = pd.isna(link["to"]) or event.timestamp < link["to"]
            if after and before:
                role = link["role"] if isinstance(link["role"], str) else "actor"
                served.add((link["customer_id"], role))
        for customer, role in served:
            events[customer, event.timestamp, f"{role}.{event.event_type}"] += 1
            if role == "user":
                week = (last - event.timestamp - pd.Timedelta(microseconds=1)).days // 7
                people.setdefault((customer, week), set()).add(who)
    return events, Counter({key: len(each) for key, each in people.items()})


def read(frames, engine, **keys):
    config = PipelineConfig.model_validate({"name": "shop", **keys})
    given = frames
    if isinstance(engine, PolarsEngine):
        given = {name: pl.from_pandas(frame).lazy() for name, frame in frames.items()}
    return config, read_tables(config, engine, given)


def rows_of(frame) -> pd.DataFrame:
    native = frame.collect().to_pandas()
    native["day"] = pd.to_datetime(native["day"])
    return native.sort_values(list(native.columns[:3]), ignore_index=True)


@pytest.fixture(params=["duckdb", "polars"])
def engine(request):
    with open_duckdb() if request.param == "duckdb" else PolarsEngine() as opened:
        yield opened


@pytest.mark.parametrize("integers", [False, True])
def test_what_actors_do_is_their_customers_behaviour_while_they_serve_them(engine, integers):
    frames = make_frames(integers=integers)
    expected, people = oracle(frames)
    _, tables = read(frames, engine)
    found = tables.events.select("customer_id", "timestamp", "event_type").collect().rows()
    active = [row for row in found if row[2] == "user.active"]
    others = Counter((i, pd.Timestamp(t), e) for i, t, e in found if e != "user.active")
    assert others == expected
    end = pd.Timestamp(tables.history.end)
    weeks = Counter(
        (i, (end - pd.Timestamp(t) - pd.Timedelta(microseconds=1)).days // 7) for i, t, _ in active
    )
    assert weeks == people
    by_type = Counter(event for _, _, event in found)
    assert dict(tables.event_counts) == by_type
    ledger = tables.ledger.collect().to_pandas()
    assert ledger.groupby("event_type")["n"].sum().to_dict() == by_type
    assert {"rep.visit", "user.active"} <= tables.derived_types
    assert "visit" not in tables.derived_types
    assert "user.active" not in tables.amounts["value"]
    assert "rep.visit" in tables.amounts["value"]


def test_values_of_a_visit_are_added_up_for_the_customer(engine):
    _, tables = read(make_frames(), engine)
    ledger = tables.ledger.collect().to_pandas()
    events = tables.events.collect().to_pandas()
    summed = events.groupby(["customer_id", "event_type"])["value"].sum()
    by_ledger = ledger.groupby(["customer_id", "event_type"])["value"].sum() / 1e6
    assert summed.to_dict() == by_ledger.fillna(0).to_dict()


def test_overlapping_links_count_once():
    frames = make_frames()
    with open_duckdb() as engine:
        _, once = read(frames, engine)
        counts = dict(once.event_counts)
    frames["links"] = pd.concat([frames["links"]] * 2, ignore_index=True)
    with open_duckdb() as engine:
        _, twice = read(frames, engine)
        assert dict(twice.event_counts) == counts


def test_actors_get_the_margin_of_their_customers_in_equal_shares(engine):
    frames = make_frames()
    expected: Counter = Counter()
    unserved = 0.0
    for row in frames["transactions"].itertuples():
        serving = {
            link["actor_id"]
            for link in frames["links"].to_dict("records")
            if link["customer_id"] == row.customer_id
            and (pd.isna(link["from"]) or link["from"] <= row.timestamp)
            and (pd.isna(link["to"]) or row.timestamp < link["to"])
            and not (link["to"] <= link["from"])
        }
        for actor in serving:
            expected[actor] += row.margin / len(serving)
        unserved += 0 if serving else row.margin
    _, tables = read(frames, engine, links={"level": "actors"})
    paid = tables.transactions.collect().to_pandas()
    found = paid.groupby("customer_id")["margin"].sum().to_dict()
    assert found == pytest.approx(dict(expected))
    (note,) = [note for note in tables.notes if "no actor served" in note]
    assert f"margin of {unserved:,.0f} EUR" in note
    actors = set(frames["links"]["actor_id"])
    assert set(tables.events.collect()["customer_id"].to_list()) <= actors
    assert set(tables.behaviours) == {"portal", "visit"}


def test_a_customer_enters_when_it_or_its_link_begins_not_with_its_actor():
    first = dt.datetime(2024, 1, 2)
    own = dt.datetime(2024, 2, 1)
    since = dt.datetime(2024, 1, 20)
    events = pd.DataFrame(
        {
            "customer_id": ["rep", "open", "dated", "other"],
            "timestamp": [first, own, own, own],
            "event_type": "visit",
        }
    )
    paid = pd.DataFrame({"customer_id": ["open", "dated"], "timestamp": own, "margin": 1.0})
    links = pd.DataFrame(
        {"actor_id": "rep", "customer_id": ["open", "dated", "only"], "from": [None, since, None]}
    )
    with open_duckdb() as engine:
        config, tables = read({"events": events, "transactions": paid, "links": links}, engine)
        found = entities(tables, config).collect().to_pandas().set_index("customer_id")["entry"]
    assert found.to_dict() == {"open": own, "dated": since, "only": first, "other": own}


def changed(frames, table, **columns):
    return {**frames, table: frames[table].assign(**columns)}


@pytest.mark.parametrize(
    ("change", "keys", "words"),
    [
        (lambda f: changed(f, "links", actor_id="nobody"), {}, ["ids do not meet", "'actor_id'"]),
        (
            lambda f: changed(f, "links", customer_id="x" + f["links"]["customer_id"]),
            {},
            ["ids do not meet", "'customer_id'", "transactions"],
        ),
        (
            lambda f: changed(f, "links", to=pd.Timestamp("2020-01-01"), **{"from": pd.NaT}),
            {},
            ["no event of an actor lies between"],
        ),
        (
            lambda f: changed(f, "links", to=pd.Timestamp("2020-01-01"), **{"from": START}),
            {},
            ["no link holds at any moment"],
        ),
        (
            lambda f: changed(f, "events", event_type="rep.visit"),
            {},
            ["'rep.rep.visit'"],
        ),
        (
            lambda f: changed(f, "events", event_type="active"),
            {},
            ["'user.active'", "links.breadth"],
        ),
    ],
)
def test_links_that_cannot_be_used_are_one_line(engine, change, keys, words):
    frames = change(make_frames())
    if words == ["'rep.rep.visit'"]:
        # A type of the events that is also derived.
        frames = make_frames()
        frames["events"].loc[:3, "event_type"] = "rep.visit"
        words = ["'rep.visit'", "also the name"]
    with pytest.raises(InputError) as caught:
        read(frames, engine, **keys)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_links_that_hold_at_no_moment_and_actors_left_out_are_said(engine):
    frames = make_frames()
    frames["links"].loc[len(frames["links"])] = [None, "c1", "rep", pd.NaT, pd.NaT]
    _, tables = read(frames, engine)
    backwards = (frames["links"]["to"] <= frames["links"]["from"]).sum()
    notes = " ".join(tables.notes)
    assert f"{backwards} links dropped: 'to' is not after 'from'" in notes
    assert "Links: of 5 actors, 5 have events" in notes
    assert "4 actors are no customer" in notes
    (quality,) = [each for each in tables.quality if each.table == "links"]
    assert [(each.reason, each.rows) for each in quality.dropped] == [("null actor_id", 1)]


def test_scoring_actors_without_links_is_refused():
    frames = {name: frame for name, frame in make_frames().items() if name != "links"}
    with open_duckdb() as engine, pytest.raises(ConfigError, match=r"links\.level"):
        read(frames, engine, links={"level": "actors"})


def test_links_may_end_in_the_future_and_dates_far_away_are_open_ends(engine):
    frames = make_frames()
    frames["links"] = frames["links"].assign(**{"from": pd.NaT, "to": pd.NaT})
    _, tables = read(frames, engine)
    open_ends = dict(tables.event_counts)
    frames["links"]["to"] = pd.Timestamp("2199-12-31")
    frames["links"]["from"] = pd.Timestamp("1800-01-01")
    _, tables = read(frames, engine)
    assert dict(tables.event_counts) == open_ends


def test_sessions_are_of_the_customers_own_events(engine):
    frames = make_frames()
    alone = {name: frame for name, frame in frames.items() if name != "links"}
    keys = {"features": {"sessions": {}}}
    _, tables = read(frames, engine, **keys)
    with open_duckdb() as other:
        from engagement_ml.features.sessions import daily_sessions

        config, without = read(alone, other, **keys)
        expected = rows_of(daily_sessions(without, config).select("customer_id", "day", "sessions"))
        found = rows_of(tables.sessions.select("customer_id", "day", "sessions"))
    actors = {"a1", "a2", "a3", "a4"}
    expected = expected[~expected["customer_id"].isin(actors)].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_the_customers_table_is_that_of_the_actors_if_these_are_scored(engine):
    frames = make_frames()
    listed = pd.DataFrame({"customer_id": ["a1", "c1"], "region": ["north", "south"]})
    _, tables = read({**frames, "customers": listed}, engine, links={"level": "actors"})
    assert tables.customers.collect()["customer_id"].to_list() == ["a1"]
    others = {**frames, "customers": listed[1:]}
    _, tables = read(others, engine, links={"level": "actors"})
    assert tables.customers is None
    assert any("no row is an actor's" in note for note in tables.notes)
    with pytest.raises(InputError, match="'region' of 'segments'"):
        read(others, engine, links={"level": "actors"}, segments=["region"])


def test_a_blank_role_is_none(engine):
    frames = make_frames()
    _, tables = read(frames, engine)
    frames["links"]["role"] = frames["links"]["role"].fillna(" ")
    _, blank = read(frames, engine)
    assert dict(blank.event_counts) == dict(tables.event_counts)
