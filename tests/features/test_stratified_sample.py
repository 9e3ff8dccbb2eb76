"""Stratified sample: proportional strata, equal inclusion probabilities, and its rows alone."""

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
    """Heavy and light users; some never buy, cause losses, enter late or are never active."""
    rng = np.random.default_rng(5)
    ids = np.arange(1, n + 1) * 7
    weight = rng.lognormal(0, 1.2, n) * (rng.random(n) < 0.8)
    spent = rng.lognormal(3, 1.2, n) * (rng.random(n) < 0.5)

    def moments(customers: np.ndarray) -> pd.Series:
        late = np.where(customers % 11 == 0, 110, 0)
        days = late + rng.random(len(customers)) * (DAYS - late)
        moments = START + pd.to_timedelta((days * 86400e6).astype(int), unit="us")
        return pd.Series(moments).astype("datetime64[us]")

    active = np.repeat(ids, rng.poisson(weight * 9))
    kinds = ["visit", "like", "heartbeat"]
    events = pd.DataFrame(
        {
            "customer_id": active,
            "timestamp": moments(active),
            "event_type": rng.choice(kinds, len(active), p=[0.5, 0.2, 0.3]),
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
    sample = draw_sample(tables, config, before=UNTIL.date())
    assert sample is not None
    return sample


def strata_by_hand() -> dict[int, tuple[int, int, str]]:
    """Level of spending, level of activity and country of each customer, in plain Python."""
    data = world()
    events, bills = (data[k][data[k]["timestamp"] < UNTIL] for k in ("events", "transactions"))
    n_events = Counter(events.loc[events["event_type"] != "heartbeat", "customer_id"].tolist())
    margins: dict[int, list[int]] = {}
    for customer, margin in zip(
        bills["customer_id"].tolist(), bills["margin"].tolist(), strict=True
    ):
        margins.setdefault(customer, []).append(round(margin * 1e6))
    gains = [sum(each) for each in margins.values() if sum(each) > 0]
    mean_gain = sum(gains) // len(gains)
    strata = {}
    for row in data["customers"].itertuples():
        customer, country = row.customer_id, row.country
        margin = sum(margins.get(customer, []))
        if customer not in margins:
            spending = 0
        elif margin <= 0:
            spending = 1
        else:
            powers = sum(margin >= math.floor(mean_gain * 2.0**k) for k in range(-8, 8))
            spending = 2 + powers
        activity = sum(n_events[customer] >= 4**k for k in range(12))
        strata[customer] = (spending, activity, country if isinstance(country, str) else "")
    return strata


def test_every_stratum_has_its_proportional_share(tables: Tables) -> None:
    sample = drawn(tables, settings())
    assert (len(sample.ids), sample.of) == (DRAWN, N)
    assert len(set(sample.ids.tolist())) == DRAWN
    assert sample.by == ("spending", "activity", "segment country")
    strata = strata_by_hand()
    assert sample.n_strata == len(set(strata.values())) > 60
    # Strata, levels of activity within levels of spending, and levels of spending as a whole.
    for depth in (3, 2, 1):
        sizes = Counter(key[:depth] for key in strata.values())
        taken = Counter(strata[customer][:depth] for customer in sample.ids.tolist())
        for key, size in sizes.items():
            assert abs(taken[key] - size * DRAWN / N) < 1 + 1e-9, key
    inactive = {c for c, (spending, activity, _) in strata.items() if spending == activity == 0}
    assert abs(len(inactive & set(sample.ids.tolist())) - len(inactive) * DRAWN / N) < 5
    assert len(inactive) > 100


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


def test_a_seed_gives_the_same_sample_in_any_order_of_rows(tables: Tables) -> None:
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


def test_a_larger_sample_contains_nearly_all_of_a_smaller_one(tables: Tables) -> None:
    small, large = (set(drawn(tables, settings(n)).ids.tolist()) for n in (150, 450))
    assert len(small - large) <= 7


@pytest.mark.parametrize("n", [None, N, N + 1])
def test_all_customers_are_used_if_the_sample_would_not_be_smaller(
    tables: Tables, n: int | None
) -> None:
    assert draw_sample(tables, settings(n), before=UNTIL.date()) is None
    assert len(drawn(tables, settings(N - 1)).ids) == N - 1


def test_the_sample_does_not_depend_on_data_held_out_from_fitting(tables: Tables) -> None:
    data = dict(world())
    late = data["transactions"]["timestamp"] >= UNTIL
    data["transactions"] = data["transactions"].assign(
        margin=data["transactions"]["margin"].where(~late, 1e6)
    )
    with open_duckdb(threads=1) as engine:
        sample = drawn(read_tables(settings(), engine, data), settings())
    np.testing.assert_array_equal(sample.ids, drawn(tables, settings()).ids)


def test_amounts_in_a_small_currency_draw_the_same(tables: Tables) -> None:
    """The total margin in millionths does not fit into 64 bits."""
    data = dict(world())
    bills = data["transactions"]
    data["transactions"] = bills.assign(margin=bills["margin"] * 5e8)
    assert data["transactions"]["margin"].sum() * 1e6 > 2**63
    with open_duckdb(threads=1) as engine:
        sample = drawn(read_tables(settings(), engine, data), settings())
    np.testing.assert_array_equal(sample.ids, drawn(tables, settings()).ids)


def test_without_any_margin_activity_alone_defines_the_strata() -> None:
    data = dict(world())
    data["transactions"] = data["transactions"].assign(margin=0.0)
    with open_duckdb(threads=1) as engine:
        sample = drawn(read_tables(settings(), engine, data), settings())
    assert len(sample.ids) == DRAWN


def test_limits_with_too_few_candidates_are_widened(tables: Tables, monkeypatch: Any) -> None:
    expected, original = drawn(tables, settings()).ids, sampling._limit
    tried = []

    def narrow(n: int, size: int, slack: int) -> int:
        tried.append(slack)
        return original(n, size, slack) if slack > 4 else PERMANENT_RANDOM_NUMBERS * n // size // 2

    monkeypatch.setattr(sampling, "_limit", narrow)
    np.testing.assert_array_equal(drawn(tables, settings()).ids, expected)
    assert set(tried) == {1, 4, 16}


def test_segments_with_many_values_do_not_define_strata() -> None:
    data = dict(world())
    data["customers"] = data["customers"].assign(
        name=[f"n{i}" for i in range(N)], vip=data["customers"]["age"] > 60
    )
    config = settings(segments=["name", "country", "vip"])
    with open_duckdb(threads=1) as engine:
        sample = drawn(read_tables(config, engine, data), config)
    assert sample.by == ("spending", "activity", "segment country", "segment vip")


def test_without_a_customers_table_the_sample_is_from_active_customers() -> None:
    data = {name: world()[name] for name in ("events", "transactions")}
    active = set(data["events"]["customer_id"]) | set(data["transactions"]["customer_id"])
    config = settings(segments=[])
    with open_duckdb(threads=1) as engine:
        sample = drawn(read_tables(config, engine, data), config)
    assert (sample.of, sample.by) == (len(active), ("spending", "activity"))
    assert set(sample.ids.tolist()) < active


@pytest.mark.parametrize("churn", ["no_transaction", "event"])
def test_panel_and_periods_have_the_rows_of_the_sample_alone(churn: str) -> None:
    kind = {"kind": churn, **({"event_type": "like"} if churn == "event" else {})}
    config = settings(churn=kind, features={"sessions": True})
    with open_duckdb(threads=1) as engine:
        tables = read_tables(config, engine, world())
        windows = plan_windows(tables.history, config.windows)
        # Cached tables of all customers must not be used for the sample.
        population = build_panel(tables, config, windows).frame
        sampled = sample_of(tables, drawn(tables, config))
        ids = set(drawn(tables, config).ids.tolist())
        panel = build_panel(sampled, config, windows).frame
        periods = build_periods(sampled, config, until=windows.fit_until)
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
    assert len(panel) < len(population) / 3
    for name, value in vars(expected_periods).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(periods, name), value, err_msg=name)
    assert periods.segments["country"].tolist() == expected_periods.segments["country"].tolist()


@pytest.mark.seldom
def test_means_are_unbiased_and_more_precise_than_in_a_simple_random_sample() -> None:
    """40 seeds: no bias, equal inclusion probabilities, less variance of the strata variables."""
    size, n, seeds = 10 * N, 10 * DRAWN, 40
    data = world(size)
    ids = data["customers"]["customer_id"].to_numpy()
    before = {k: data[k][data[k]["timestamp"] < UNTIL] for k in ("events", "transactions")}
    clicks = before["events"][before["events"]["event_type"] != "heartbeat"]
    sums = {
        "margin": before["transactions"].groupby("customer_id")["margin"].sum(),
        "events": clicks.groupby("customer_id").size(),
        "age": data["customers"].set_index("customer_id")["age"],
    }
    values = {name: each.reindex(ids).fillna(0).to_numpy(float) for name, each in sums.items()}
    times = np.zeros(size)
    means: dict[str, list[float]] = {name: [] for name in values}
    with open_duckdb(threads=1) as engine:
        tables = read_tables(settings(), engine, data)
        for seed in range(seeds):
            included = np.isin(ids, drawn(tables, settings(n, random_seed=seed)).ids)
            times += included
            for name, value in values.items():
                means[name].append(float(value[included].mean()))
    share = n / size
    for name, value in values.items():
        simple = value.std(ddof=1) * math.sqrt((1 - share) / n)
        std = float(np.std(means[name], ddof=1))
        assert abs(np.mean(means[name]) - value.mean()) < 4 * simple / math.sqrt(seeds), name
        low, high = {"margin": (0, 0.6), "events": (0, 0.6), "age": (0.7, 1.3)}[name]
        assert low < std / simple < high, name
    # The number of inclusions of a customer is binomial, so its variance over customers is known.
    assert times.mean() == pytest.approx(seeds * share)
    assert times.var() == pytest.approx(seeds * share * (1 - share), rel=0.05)


@given(
    sizes=st.lists(st.integers(1, 10**9), min_size=1, max_size=40),
    part=st.fractions(0, 1),
    offset=st.integers(0, 2**32 - 1),
)
def test_allocation_is_proportional(sizes: list[int], part: Any, offset: int) -> None:
    total = sum(sizes)
    n = int(total * part)
    places = allot(sizes, n, offset)
    assert sum(places) == n
    assert all(0 <= place <= size for place, size in zip(places, sizes, strict=True))
    ends = list(zip(_sums(places), _sums(sizes), strict=True))
    for (taken, size), (taken_by, size_by) in [*pairwise(ends), ((0, 0), ends[-1])]:
        # Both sides are multiplied by the total to stay integers.
        assert abs((taken_by - taken) * total - (size_by - size) * n) < total


def test_over_all_starts_a_small_stratum_has_its_share_on_average() -> None:
    steps = [i * 2**32 // 1000 for i in range(1000)]
    taken = [allot([700, 3, 297], 100, offset)[1] for offset in steps]
    assert set(taken) == {0, 1}
    assert sum(taken) == pytest.approx(300, abs=1)


def _sums(numbers: Sequence[int]) -> list[int]:
    return [0, *accumulate(numbers)]
