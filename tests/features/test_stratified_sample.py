"""Who is drawn: each stratum in proportion, everybody alike, and nobody else's rows."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import PERMANENT_RANDOM_NUMBERS, open_duckdb
from engagement_ml.features import build_panel, build_periods
from engagement_ml.features import stratified_sample as sampling
from engagement_ml.features.stratified_sample import Sample, allot, draw_sample, sample_of
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.windows import plan_windows

N, DRAWN = 1400, 301
START = pd.Timestamp("2024-01-01")
UNTIL = pd.Timestamp("2024-04-10")
DAYS = 150


def settings(n: int | None = DRAWN, **more: Any) -> PipelineConfig:
    return parse_config(
        {
            "name": "drawn",
            "windows": {"observation_days": 28, "outcome_days": 14, "every_days": 21},
            "behaviours": {"heartbeat": {"role": "ignore"}},
            "segments": ["country"],
            "sample": {"customers": n},
            **more,
        }
    )


@cache
def world(n: int = N) -> dict[str, pd.DataFrame]:
    """Heavy and light, some who never buy, lose money, come late or never do anything."""
    rng = np.random.default_rng(5)
    ids = np.arange(1, n + 1) * 7
    weight = rng.lognormal(0, 1.2, n) * (rng.random(n) < 0.8)
    spent = rng.lognormal(3, 1.2, n) * (rng.random(n) < 0.5)

    def moments(of: np.ndarray) -> pd.Series:
        late = np.where(of % 11 == 0, 110, 0)
        days = late + rng.random(len(of)) * (DAYS - late)
        moments = START + pd.to_timedelta((days * 86400e6).astype(int), unit="us")
        return pd.Series(moments).astype("datetime64[us]")

    who = np.repeat(ids, rng.poisson(weight * 9))
    kinds = ["visit", "like", "heartbeat"]
    events = pd.DataFrame(
        {
            "customer_id": who,
            "timestamp": moments(who),
            "event_type": rng.choice(kinds, len(who), p=[0.5, 0.2, 0.3]),
        }
    )
    buys = np.repeat(np.arange(n), np.where(spent > 0, 1 + rng.poisson(2, n), 0))
    transactions = pd.DataFrame(
        {
            "customer_id": ids[buys],
            "timestamp": moments(ids[buys]),
            "margin": (spent[buys] * rng.normal(1, 0.8, len(buys))).round(2),
        }
    )
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "signup": pd.Series([START] * n).astype("datetime64[us]"),
            "country": rng.choice(["AT", "CH", "DE", None], n, p=[0.6, 0.3, 0.05, 0.05]),
            "age": rng.integers(20, 70, n),
        }
    )
    return {"events": events, "transactions": transactions, "customers": customers}


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    with open_duckdb(threads=1) as engine:
        yield read_tables(settings(), engine, world())


def drawn(tables: Tables, config: PipelineConfig) -> Sample:
    found = draw_sample(tables, config, before=UNTIL.date())
    assert found is not None
    return found


def strata_by_hand() -> dict[int, tuple[int, int, str]]:
    """Level of spending, of activity, and country of each, in plain Python."""
    data = world()
    events, bills = (data[k][data[k]["timestamp"] < UNTIL] for k in ("events", "transactions"))
    done = Counter(events.loc[events["event_type"] != "heartbeat", "customer_id"].tolist())
    earned: dict[int, list[int]] = {}
    for who, margin in zip(bills["customer_id"].tolist(), bills["margin"].tolist(), strict=True):
        earned.setdefault(who, []).append(round(margin * 1e6))
    gains = [sum(each) for each in earned.values() if sum(each) > 0]
    usual = sum(gains) // len(gains)
    found = {}
    for row in data["customers"].itertuples():
        who, country = row.customer_id, row.country
        margin = sum(earned.get(who, []))
        if who not in earned:
            spending = 0
        elif margin <= 0:
            spending = 1
        else:
            twos = sum(margin >= math.floor(usual * 2.0**k) for k in range(-8, 8))
            spending = 2 + twos
        activity = sum(done[who] >= 4**k for k in range(12))
        found[who] = (spending, activity, country if isinstance(country, str) else "")
    return found


def test_every_stratum_is_there_in_proportion(tables: Tables) -> None:
    found = drawn(tables, settings())
    assert (len(found.ids), found.of) == (DRAWN, N)
    assert len(set(found.ids.tolist())) == DRAWN
    assert found.by == ("spending", "activity", "segment country")
    strata = strata_by_hand()
    assert found.n_strata == len(set(strata.values())) > 60
    # Strata, levels of activity within those of spending, and levels of spending as a whole.
    for depth in (3, 2, 1):
        sizes = Counter(key[:depth] for key in strata.values())
        taken = Counter(strata[who][:depth] for who in found.ids.tolist())
        for key, size in sizes.items():
            assert abs(taken[key] - size * DRAWN / N) < 1 + 1e-9, key
    silent = {who for who, (spending, activity, _) in strata.items() if spending == activity == 0}
    assert abs(len(silent & set(found.ids.tolist())) - len(silent) * DRAWN / N) < 5
    assert len(silent) > 100


def test_within_a_stratum_the_smallest_lots_are_drawn(tables: Tables) -> None:
    strata, taken = strata_by_hand(), set(drawn(tables, settings(random_seed=3)).ids.tolist())

    def lot(who: int) -> int:
        return int(hashlib.md5(f"3 {who}".encode()).hexdigest()[:13], 16)

    assert 0 <= lot(7) < PERMANENT_RANDOM_NUMBERS
    for key in set(strata.values()):
        lots = {True: [0], False: [PERMANENT_RANDOM_NUMBERS]}
        for who in (who for who, of in strata.items() if of == key):
            lots[who in taken].append(lot(who))
        assert max(lots[True]) < min(lots[False])


def test_the_same_for_a_seed_whatever_the_order_of_rows(tables: Tables) -> None:
    first = drawn(tables, settings())
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in world().items()}
    as_text = {n: f.assign(customer_id=f["customer_id"].map(str)) for n, f in shuffled.items()}
    with open_duckdb(threads=2) as engine:
        again = drawn(read_tables(settings(), engine, shuffled), settings())
        text = drawn(read_tables(settings(), engine, as_text), settings())
    np.testing.assert_array_equal(again.ids, first.ids)
    assert sorted(map(int, text.ids)) == first.ids.tolist()
    other = drawn(tables, settings(random_seed=1))
    assert len(set(other.ids.tolist()) & set(first.ids.tolist())) < DRAWN / 2


def test_a_larger_sample_holds_nearly_all_of_a_smaller(tables: Tables) -> None:
    small, large = (set(drawn(tables, settings(n)).ids.tolist()) for n in (150, 450))
    assert len(small - large) <= 7


@pytest.mark.parametrize("n", [None, N, N + 1])
def test_everybody_is_taken_where_there_are_no_more(tables: Tables, n: int | None) -> None:
    assert draw_sample(tables, settings(n), before=UNTIL.date()) is None
    assert len(drawn(tables, settings(N - 1)).ids) == N - 1


def test_nobody_is_chosen_by_what_fitting_may_not_see(tables: Tables) -> None:
    data = dict(world())
    late = data["transactions"]["timestamp"] >= UNTIL
    data["transactions"] = data["transactions"].assign(
        margin=data["transactions"]["margin"].where(~late, 1e6)
    )
    with open_duckdb(threads=1) as engine:
        found = drawn(read_tables(settings(), engine, data), settings())
    np.testing.assert_array_equal(found.ids, drawn(tables, settings()).ids)


def test_amounts_in_a_small_currency_draw_the_same(tables: Tables) -> None:
    """All margin together is more than 64 bits hold in millionths."""
    data = dict(world())
    bills = data["transactions"]
    data["transactions"] = bills.assign(margin=bills["margin"] * 5e8)
    assert data["transactions"]["margin"].sum() * 1e6 > 2**63
    with open_duckdb(threads=1) as engine:
        found = drawn(read_tables(settings(), engine, data), settings())
    np.testing.assert_array_equal(found.ids, drawn(tables, settings()).ids)


def test_where_nobody_brings_margin_activity_alone_tells_strata() -> None:
    data = dict(world())
    data["transactions"] = data["transactions"].assign(margin=0.0)
    with open_duckdb(threads=1) as engine:
        found = drawn(read_tables(settings(), engine, data), settings())
    assert len(found.ids) == DRAWN


def test_limits_that_let_too_few_through_are_widened(tables: Tables, monkeypatch: Any) -> None:
    expected, usual = drawn(tables, settings()).ids, sampling._limit
    tried = []

    def narrow(n: int, of: int, slack: int) -> int:
        tried.append(slack)
        return usual(n, of, slack) if slack > 4 else PERMANENT_RANDOM_NUMBERS * n // of // 2

    monkeypatch.setattr(sampling, "_limit", narrow)
    np.testing.assert_array_equal(drawn(tables, settings()).ids, expected)
    assert set(tried) == {1, 4, 16}


def test_segments_of_many_values_make_no_strata() -> None:
    data = dict(world())
    data["customers"] = data["customers"].assign(
        name=[f"n{i}" for i in range(N)], vip=data["customers"]["age"] > 60
    )
    config = settings(segments=["name", "country", "vip"])
    with open_duckdb(threads=1) as engine:
        found = drawn(read_tables(config, engine, data), config)
    assert found.by == ("spending", "activity", "segment country", "segment vip")


def test_without_a_table_of_customers_those_seen_are_drawn_from() -> None:
    data = {name: world()[name] for name in ("events", "transactions")}
    seen = set(data["events"]["customer_id"]) | set(data["transactions"]["customer_id"])
    config = settings(segments=[])
    with open_duckdb(threads=1) as engine:
        found = drawn(read_tables(config, engine, data), config)
    assert (found.of, found.by) == (len(seen), ("spending", "activity"))
    assert set(found.ids.tolist()) < seen


@pytest.mark.parametrize("churn", ["no_transaction", "event"])
def test_no_other_rows_enter_panel_or_periods(churn: str) -> None:
    kind = {"kind": churn, **({"event_type": "like"} if churn == "event" else {})}
    config = settings(churn=kind, features={"sessions": True})
    with open_duckdb(threads=1) as engine:
        tables = read_tables(config, engine, world())
        windows = plan_windows(tables.history, config.windows)
        # What is kept of everybody must not be taken for the sample's.
        everybody = build_panel(tables, config, windows).frame
        theirs = sample_of(tables, drawn(tables, config))
        ids = set(drawn(tables, config).ids.tolist())
        panel = build_panel(theirs, config, windows).frame
        periods = build_periods(theirs, config, until=windows.fit_until)
    by_hand = {name: frame[frame["customer_id"].isin(ids)] for name, frame in world().items()}
    with open_duckdb(threads=1) as engine:
        few = replace(
            read_tables(config, engine, by_hand),
            history=tables.history,
            behaviours=tables.behaviours,
        )
        expected = build_panel(few, config, windows).frame
        expected_periods = build_periods(few, config, until=windows.fit_until)
    pd.testing.assert_frame_equal(panel, expected, check_exact=True)
    assert set(panel["customer_id"]) <= ids
    assert len(panel) < len(everybody) / 3
    for name, value in vars(expected_periods).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(periods, name), value, err_msg=name)
    assert periods.segments["country"].tolist() == expected_periods.segments["country"].tolist()


def test_means_are_right_on_average_and_surer_than_of_a_plain_draw() -> None:
    """40 seeds: no bias, everybody as likely, and less spread in what strata are made of."""
    everybody, n, seeds = 10 * N, 10 * DRAWN, 40
    data = world(everybody)
    ids = data["customers"]["customer_id"].to_numpy()
    before = {k: data[k][data[k]["timestamp"] < UNTIL] for k in ("events", "transactions")}
    clicks = before["events"][before["events"]["event_type"] != "heartbeat"]
    sums = {
        "margin": before["transactions"].groupby("customer_id")["margin"].sum(),
        "events": clicks.groupby("customer_id").size(),
        "age": data["customers"].set_index("customer_id")["age"],
    }
    values = {name: each.reindex(ids).fillna(0).to_numpy(float) for name, each in sums.items()}
    times = np.zeros(everybody)
    means: dict[str, list[float]] = {name: [] for name in values}
    with open_duckdb(threads=1) as engine:
        tables = read_tables(settings(), engine, data)
        for seed in range(seeds):
            chosen = np.isin(ids, drawn(tables, settings(n, random_seed=seed)).ids)
            times += chosen
            for name, value in values.items():
                means[name].append(float(value[chosen].mean()))
    share = n / everybody
    for name, value in values.items():
        plain = value.std(ddof=1) * math.sqrt((1 - share) / n)
        spread = float(np.std(means[name], ddof=1))
        assert abs(np.mean(means[name]) - value.mean()) < 4 * plain / math.sqrt(seeds), name
        low, high = {"margin": (0, 0.6), "events": (0, 0.6), "age": (0.7, 1.3)}[name]
        assert low < spread / plain < high, name
    # Each customer's number of times is binomial: their spread over customers is its own.
    assert times.mean() == pytest.approx(seeds * share)
    assert times.var() == pytest.approx(seeds * share * (1 - share), rel=0.05)


@given(
    sizes=st.lists(st.integers(1, 10**9), min_size=1, max_size=40),
    part=st.fractions(0, 1),
    offset=st.integers(0, 2**32 - 1),
)
def test_places_are_shared_out_in_proportion(sizes: list[int], part: Any, offset: int) -> None:
    total = sum(sizes)
    n = int(total * part)
    places = allot(sizes, n, offset)
    assert sum(places) == n
    assert all(0 <= place <= size for place, size in zip(places, sizes, strict=True))
    ends = list(zip(_sums(places), _sums(sizes), strict=True))
    for (taken, size), (taken_by, size_by) in [*pairwise(ends), ((0, 0), ends[-1])]:
        # Both sides times the total, which keeps them whole.
        assert abs((taken_by - taken) * total - (size_by - size) * n) < total


def test_over_all_starts_a_small_stratum_has_its_share() -> None:
    steps = [i * 2**32 // 1000 for i in range(1000)]
    taken = [allot([700, 3, 297], 100, offset)[1] for offset in steps]
    assert set(taken) == {0, 1}
    assert sum(taken) == pytest.approx(300, abs=1)


def _sums(numbers: Sequence[int]) -> list[int]:
    return [0, *accumulate(numbers)]
