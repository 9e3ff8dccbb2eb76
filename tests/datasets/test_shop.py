"""The simulated shop: its tables, its true effects, and independent evaluations of both."""

from __future__ import annotations

import datetime as dt
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from engagement_ml.datasets import Shop, make_shop, write_shop
from engagement_ml.errors import ConfigError, NotEnoughDataError, OutputError

BURN_IN = 20
DRIVERS = ("wishlist_add", "tutorial_done", "advisor_call")
VANITY = ("page_view", "social_like", "email_open")
# strength, kept from week to week, saturation: as in the docstring of make_shop
EQUATIONS = {
    "wishlist_add": (0.36, 0.85, 2.5),
    "tutorial_done": (0.42, 0.88, 4.0),
    "advisor_call": (0.42, 0.90, 4.0),
    "coupon_use": (0.52, 0.80, 1.5),
}


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(n_customers=1500, n_weeks=56, seed=3)


@pytest.fixture(scope="module")
def idle() -> Shop:
    return make_shop(n_customers=1500, n_weeks=56, seed=3, effects=False)


def weeks_of(frame: pd.DataFrame, start: dt.date = dt.date(2024, 1, 1)) -> np.ndarray:
    return ((frame["timestamp"] - pd.Timestamp(start)).dt.days // 7).to_numpy()


def weekly(frame: pd.DataFrame, n: int, weeks: int, amount: np.ndarray | None = None) -> np.ndarray:
    cell = (frame["customer_id"].to_numpy() - 1) * weeks + weeks_of(frame)
    return np.bincount(cell, weights=amount, minlength=n * weeks).reshape(n, weeks)


def margin_of(shop: Shop) -> np.ndarray:
    return (shop.transactions["revenue"] - shop.transactions["cost"]).to_numpy()


def test_the_tables_have_the_columns_of_the_input_contract(shop: Shop) -> None:
    assert list(shop.events.columns) == [
        "event_id",
        "customer_id",
        "timestamp",
        "event_type",
        "value",
        "duration_seconds",
        "session_id",
        "channel",
        "direction",
    ]
    assert {"customer_id", "timestamp", "revenue", "cost"} <= set(shop.transactions.columns)
    assert {"customer_id", "signup", "region", "plan"} <= set(shop.customers.columns)
    assert shop.events["event_id"].is_unique
    assert shop.customers["customer_id"].is_unique
    assert set(shop.events["event_type"]) == set(shop.truth.roles)
    for table in (shop.events, shop.transactions):
        assert table["timestamp"].is_monotonic_increasing
        assert table["timestamp"].min() >= pd.Timestamp("2024-01-01")
        assert table["timestamp"].max() < pd.Timestamp("2024-01-01") + pd.Timedelta(weeks=56)


def test_customers_have_no_events_before_signing_up(shop: Shop) -> None:
    signup = shop.customers.set_index("customer_id")["signup"]
    for table in (shop.events, shop.transactions):
        first = table.groupby("customer_id")["timestamp"].min()
        assert (first >= signup.loc[first.index]).all()
    assert (signup > pd.Timestamp("2024-01-01")).mean() == pytest.approx(0.4, abs=0.05)


def test_columns_of_an_event_depend_on_its_type(shop: Shop) -> None:
    share = shop.events.groupby("event_type")[["value", "duration_seconds", "session_id"]].agg(
        lambda column: column.notna().mean()
    )
    assert share.loc["wishlist_add"].tolist() == [1, 0, 1]
    assert share.loc["advisor_call"].tolist() == [0, 1, 0]
    direction = shop.events.groupby("direction")["event_type"].unique()
    assert list(direction["outbound"]) == ["winback_email_received"]
    in_session = shop.events.dropna(subset=["session_id"]).groupby("session_id")
    assert in_session["customer_id"].nunique().max() == 1
    duration = in_session["timestamp"].max() - in_session["timestamp"].min()
    assert duration.max() < pd.Timedelta(hours=1)
    assert in_session.size().max() > 3


def test_the_same_seed_gives_the_same_tables() -> None:
    first, second, other = (make_shop(200, 20, seed=seed) for seed in (5, 5, 6))
    for table in ("events", "transactions", "customers"):
        pd.testing.assert_frame_equal(getattr(first, table), getattr(second, table))
    assert not first.events["timestamp"].equals(other.events["timestamp"])


def test_without_effects_customers_behave_the_same_and_nothing_moves_margin(
    shop: Shop, idle: Shop
) -> None:
    by_themselves = [name for name, role in shop.truth.roles.items() if role != "consequence"]
    by_themselves.remove("winback_email_received")
    columns = ["customer_id", "timestamp", "event_type", "session_id"]
    acted, did_not = (
        s.events.loc[s.events["event_type"].isin(by_themselves), columns].reset_index(drop=True)
        for s in (shop, idle)
    )
    pd.testing.assert_frame_equal(acted, did_not)
    assert idle.truth.drivers == ()
    assert idle.truth.shares == {}
    assert idle.truth.saturation == {}
    assert set(idle.truth.roles.values()) == {"vanity", "inert", "consequence"}
    assert all(idle.truth.effect_per_event(name) == 0 for name in idle.truth.roles)
    price = idle.transactions.query("revenue > 0")
    assert ((price["cost"] - 4) / price["revenue"]).to_numpy() == pytest.approx(0.62, abs=0.01)


def test_drivers_raise_margin_and_the_harmful_behaviour_raises_revenue_only(shop: Shop) -> None:
    truth = shop.truth
    assert truth.drivers == DRIVERS
    for name in DRIVERS:
        assert truth.roles[name] == "driver"
        assert truth.effect_per_event(name) > 1
        assert truth.effect_per_event(name, measure="revenue") > 1
    assert truth.roles["coupon_use"] == "harmful"
    assert truth.effect_per_event("coupon_use") < -3
    assert truth.effect_per_event("coupon_use", measure="revenue") > 2
    assert truth.effect_per_event("coupon_use", measure="orders") > 0.1
    for name in set(truth.roles) - set(EQUATIONS):
        assert truth.effect_per_event(name) == 0
    assert sum(truth.shares.values()) == pytest.approx(1)
    assert min(truth.shares.values()) > 0.2


def test_between_customers_vanity_predicts_margin_better_than_drivers(shop: Shop) -> None:
    weeks, cutoff = 56, 40
    margin = weekly(shop.transactions, 1500, weeks, margin_of(shop))[:, cutoff : cutoff + 12]
    active = shop.truth.state.entry - BURN_IN < cutoff - 12

    def correlation(name: str) -> float:
        events = shop.events[shop.events["event_type"] == name]
        count = weekly(events, 1500, weeks)[:, cutoff - 12 : cutoff].sum(axis=1)
        return float(spearmanr(count[active], margin.sum(axis=1)[active]).statistic)

    assert min(correlation(name) for name in VANITY) > max(correlation(name) for name in DRIVERS)
    assert min(correlation(name) for name in DRIVERS) > 0.05


def test_behaviours_vary_within_customers(shop: Shop) -> None:
    for name in (*DRIVERS, "coupon_use", "page_view"):
        events = shop.events[shop.events["event_type"] == name]
        counts = weekly(events, 1500, 56)[shop.truth.state.entry == 0]
        windows = np.stack([counts[:, w : w + 12].sum(axis=1) for w in (0, 12, 24, 36)], axis=1)
        within = windows.std(axis=1).mean()
        assert within > 0.35 * windows.mean() or within > 1


def test_consequences_follow_orders_and_lapsed_customers_get_the_mail(shop: Shop) -> None:
    orders = shop.transactions[shop.transactions["revenue"] > 0]
    assert shop.transactions.query("revenue < 0")["cost"].max() < 0

    def days_since_order(event_type: str) -> pd.Series:
        events = shop.events[shop.events["event_type"] == event_type]
        merged = pd.merge_asof(
            events,
            orders[["customer_id", "timestamp"]].assign(order=orders["timestamp"]),
            on="timestamp",
            by="customer_id",
        )
        merged = merged[merged["timestamp"] > pd.Timestamp("2024-03-01")]
        return ((merged["timestamp"] - merged["order"]).dt.total_seconds() / 86_400).dropna()

    assert days_since_order("order_tracking").max() <= 5
    assert days_since_order("return_label").max() < 35
    assert days_since_order("winback_email_received").min() > 35
    assert days_since_order("faq_view").quantile(0.01) < 1


def test_the_season_moves_orders_and_gift_guide_views(shop: Shop) -> None:
    state = shop.truth.state
    stayed = state.entry == 0
    orders = weekly(shop.transactions, 1500, 56)[stayed].sum(axis=0)
    guide = shop.events[shop.events["event_type"] == "gift_guide_view"]
    guides = weekly(guide, 1500, 56)[stayed].sum(axis=0)
    assert orders[48:51].mean() > 1.4 * orders[36:42].mean()
    assert guides[48:51].mean() > 2 * guides[36:42].mean()


def test_the_counts_of_the_truth_equal_those_of_the_table(shop: Shop) -> None:
    for name in EQUATIONS:
        events = shop.events[shop.events["event_type"] == name]
        assert (weekly(events, 1500, 56) == shop.truth.state.counts[name][:, BURN_IN:]).all()


def expected_margin(shop: Shop, customer: int, extra: dict[int, float], name: str) -> list[float]:
    """Return a customer's expected margin per week, from the equations in the docstring."""
    state = shop.truth.state
    memory = dict.fromkeys(EQUATIONS, 0.0)
    sold, returned = [], []
    for week in range(BURN_IN + state.n_weeks):
        log_rate, price = 0.0, 1.0
        for b, (strength, kept, saturation) in EQUATIONS.items():
            if week:
                happened = float(state.counts[b][customer, week - 1])
                happened += extra.get(week - 1, 0.0) if b == name else 0.0
                memory[b] = kept * memory[b] + happened
            response = saturation * (1 - math.exp(-memory[b] / saturation))
            log_rate += strength * response
            if b == "coupon_use":
                price -= 0.32 * response
        active = week >= state.entry[customer]
        rate = state.order_rate[customer] * state.season[week] * math.exp(log_rate) * active
        basket = state.basket[customer]
        sold.append(rate * (basket * (price - 0.62) - 4))
        returned.append(rate * basket * (0.8 * 0.62 - price))
    return [
        sold[w]
        + sum(0.07 * p * returned[w - lag] for lag, p in ((2, 0.4), (3, 0.4), (4, 0.2)) if w >= lag)
        for w in range(len(sold))
    ]


@pytest.mark.parametrize("name", ["wishlist_add", "coupon_use"])
def test_effects_agree_with_a_slow_evaluation_of_the_equations(name: str) -> None:
    small = make_shop(n_customers=12, n_weeks=30, seed=11)
    state = small.truth.state
    effects = []
    for cutoff in (BURN_IN + 14, BURN_IN + 18):
        for customer in range(12):
            active = [w for w in range(cutoff - 12, cutoff) if w >= state.entry[customer]]
            if not active:
                continue
            usual = expected_margin(small, customer, {}, name)
            changes = [
                sum(expected_margin(small, customer, {w: 1.0}, name)[cutoff : cutoff + 12])
                - sum(usual[cutoff : cutoff + 12])
                for w in active
            ]
            effects.append(sum(changes) / len(active))
    assert small.truth.effect_per_event(name) == pytest.approx(np.mean(effects), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "measure"),
    [("advisor_call", "margin"), ("coupon_use", "margin"), ("coupon_use", "revenue")],
)
def test_effects_agree_with_coupled_draws_of_orders(name: str, measure: str) -> None:
    small = make_shop(n_customers=400, n_weeks=24, seed=7)
    state = small.truth.state
    rng = np.random.default_rng(0)
    cutoff, weeks = BURN_IN + 12, BURN_IN + 24
    rows = np.flatnonzero(state.entry < cutoff)
    gains = []
    for _ in range(150):
        first = np.maximum(state.entry[rows], cutoff - 12)
        when = first + (rng.random(len(rows)) * (cutoff - first)).astype(int)
        added = np.zeros((len(rows), weeks))
        added[np.arange(len(rows)), when] = 1
        rates, prices = [], []
        for extra in (0, added):
            log_rate, price = np.zeros((len(rows), weeks)), np.ones((len(rows), weeks))
            for b, (strength, kept, saturation) in EQUATIONS.items():
                counts = state.counts[b][rows] + (extra if b == name else 0)
                memory = np.zeros(len(rows))
                for week in range(weeks):
                    response = saturation * (1 - np.exp(-memory / saturation))
                    log_rate[:, week] += strength * response
                    price[:, week] -= 0.32 * response * (b == "coupon_use")
                    memory = kept * memory + counts[:, week]
            active = np.arange(weeks) >= state.entry[rows][:, None]
            rates.append(state.order_rate[rows][:, None] * state.season * np.exp(log_rate) * active)
            prices.append(price)
        # Coupling: the orders that both simulations share, and those of only one.
        both = rng.poisson(np.minimum(*rates))
        more = rng.poisson(np.maximum(rates[1] - rates[0], 0))
        fewer = rng.poisson(np.maximum(rates[0] - rates[1], 0))
        amounts = []
        for orders, price in ((both + fewer, prices[0]), (both + more, prices[1])):
            basket = state.basket[rows][:, None]
            cost, back = (0.62, 0.8 * 0.62) if measure == "margin" else (0.0, 0.0)
            amount = orders * (basket * (price - cost) - (4 if measure == "margin" else 0))
            for lag, chance in ((2, 0.4), (3, 0.4), (4, 0.2)):
                amount[:, lag:] -= (0.07 * chance * orders * basket * (price - back))[:, :-lag]
            amounts.append(amount[:, cutoff:].sum(axis=1))
        gains.append((amounts[1] - amounts[0]).mean())
    error = np.std(gains, ddof=1) / math.sqrt(len(gains))
    truth = small.truth.effect_per_event(name, measure=measure)
    assert error < 0.12 * abs(truth)
    assert truth == pytest.approx(np.mean(gains), abs=4 * error)


def test_margin_of_the_table_equals_the_expectation(shop: Shop) -> None:
    truth = shop.truth
    expected = sum(
        sum(expected_margin(shop, customer, {}, "")[BURN_IN:]) for customer in range(300)
    )
    sold = margin_of(shop)[shop.transactions["customer_id"] <= 300].sum()
    assert sold == pytest.approx(expected, rel=0.06)
    assert truth.effect_per_event("advisor_call", outcome_days=28) < truth.effect_per_event(
        "advisor_call"
    )


def test_a_written_shop_equals_the_shop_in_memory(tmp_path) -> None:
    shop = write_shop(tmp_path / "data" / "shop", 50, 8, seed=2)
    for table in ("events", "transactions", "customers"):
        written = pd.read_parquet(tmp_path / "data" / "shop" / f"{table}.parquet")
        pd.testing.assert_frame_equal(written, getattr(shop, table))
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_shop(tmp_path / "file", 5, 2)


def test_invalid_arguments_are_errors() -> None:
    with pytest.raises(ConfigError, match="n_customers=0"):
        make_shop(n_customers=0)
    truth = make_shop(n_customers=3, n_weeks=20).truth
    with pytest.raises(ConfigError, match="did you mean 'page_view'"):
        truth.effect_per_event("page_views")
    with pytest.raises(ConfigError, match="multiple of 7 days, found 30"):
        truth.effect_per_event("page_view", outcome_days=30)
    with pytest.raises(NotEnoughDataError, match="covers 20 weeks"):
        truth.effect_per_event("page_view")


@pytest.mark.parametrize(("customers", "weeks"), [(1, 1), (1, 60), (30, 1)])
def test_the_smallest_shops_can_be_simulated(customers: int, weeks: int) -> None:
    shop = make_shop(customers, weeks)
    assert len(shop.customers) == customers
    assert shop.events["timestamp"].dtype == "datetime64[us]"


def test_importing_the_data_sets_loads_no_data_library() -> None:
    code = (
        "import sys, engagement_ml.datasets as d; d.dataset_names; "
        "print(sorted({'numpy', 'pandas', 'duckdb', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
