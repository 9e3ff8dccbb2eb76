"""Measures of purchases, retention and lifetime value: as by hand, on every engine."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.measures.compute import Measured
from engagement_ml.windows import Window
from tests.engines.conftest import PolarsEngine
from tests.measures import oracle_purchases as oracle
from tests.measures.tables import make_context, measured, moment

HISTORY = Window(dt.date(2024, 1, 1), dt.date(2024, 5, 1))
MONTHS = [(2024, month) for month in (1, 2, 3, 4)]
CUSTOMERS = "abcdef"
REGIONS = dict(zip(CUSTOMERS, ["north", "north", "south", "south", "south", None], strict=True))
NAMES = (
    "purchase_frequency", "average_order_value", "margin_per_customer", "repeat_purchase",
    "retention", "churn_rate", "clv",
)  # fmt: skip
HORIZON = 90
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Shrinking tables takes minutes."""

moments = st.integers(0, 120 * 24 - 1).map(
    lambda hours: moment("2024-01-01") + dt.timedelta(hours=hours)
)
amounts = st.sampled_from([-20.0, -0.5, 0.0, 0.1, 7.25, 30.0])
transaction = st.fixed_dictionaries(
    {
        "customer_id": st.sampled_from(CUSTOMERS),
        "timestamp": moments,
        "margin": amounts,
        "revenue": st.one_of(st.none(), amounts),
        "refund": st.sampled_from([None, 0.0, 1.5]),
        "order_id": st.sampled_from([None, "1", "2", "3"]),
        "channel": st.sampled_from([None, "web", "shop"]),
    }
)
event = st.fixed_dictionaries(
    {
        "customer_id": st.sampled_from(CUSTOMERS),
        "timestamp": moments,
        "event_type": st.sampled_from(["visit", "cancel"]),
    }
)
tables = st.fixed_dictionaries(
    {
        "events": st.lists(event, max_size=8),
        "transactions": st.lists(transaction, min_size=1, max_size=20),
    }
)


def run(engine: Engine, given_tables: Mapping[str, Any], churn: str | None) -> dict[str, Measured]:
    config: dict[str, Any] = {"measures": {"clv": {"horizon_days": HORIZON}}}
    if churn:
        config["churn"] = {"kind": "event", "event_type": churn}
    context = make_context(
        engine,
        settings=config,
        history=HISTORY,
        groups=[{"customer_id": c, "region": r} for c, r in REGIONS.items()],
        **given_tables,
    )
    return measured(context, *NAMES)


def by_hand(given_tables: Mapping[str, Any], churn: str | None) -> dict[str, list[Any]]:
    events, sales, first = given_tables["events"], given_tables["transactions"], MONTHS[0]
    lost = [oracle.churn_rate(events, sales, month, first, churn) for month in MONTHS]
    both = {
        "purchase_frequency": lambda m: oracle.frequency(events, sales, m, churn),
        "average_order_value": lambda m: oracle.order_value(sales, m),
        "margin_per_customer": lambda m: oracle.margin_per_customer(events, sales, m, churn),
        "repeat_purchase": lambda m: oracle.repeat_purchase(sales, m),
        "clv": lambda m: oracle.lifetime_value(events, sales, m, first, HORIZON, churn),
    }
    made = {name: [function(month) for month in MONTHS] for name, function in both.items()}
    return made | {
        "churn_rate": lost,
        "retention": [None if rate is None else 100 - rate for rate in lost],
    }


def check(result: dict[str, Measured], expected: dict[str, list[Any]], group: Any = None) -> None:
    for name in NAMES:
        dimension, key = ("all", "") if group is None else ("region", group)
        series = result[name].estimates[dimension].get(key, ())
        if not series:
            assert all(not value for value in expected[name]), name
        for month, estimate, value in zip(MONTHS, series, expected[name], strict=False):
            if value is None:
                assert estimate.value is None, (name, month, estimate)
                continue
            assert estimate.value == pytest.approx(float(value), rel=1e-8, abs=1e-9), (name, month)
            if estimate.low is not None:
                assert estimate.low <= estimate.high


@pytest.fixture(scope="module")
def both() -> Any:
    with open_duckdb(threads=1) as duckdb, PolarsEngine() as polars:
        yield {"duckdb": duckdb, "polars": polars}


@settings(max_examples=12, phases=PHASES)
@given(tables, st.sampled_from([None, "cancel"]), st.randoms())
def test_measures_are_those_by_hand(
    both: dict[str, Engine], given_tables: Any, churn: str | None, rng: random.Random
) -> None:
    """Polars in many tables, DuckDB in one of them as well; rows in any order."""
    expected = by_hand(given_tables, churn)
    shuffled = {name: rng.sample(rows, len(rows)) for name, rows in given_tables.items()}

    result = run(both["polars"], given_tables, churn)
    again = run(both["polars"], shuffled, churn)

    check(result, expected)
    for region in ("north", "south"):
        people = {c for c, r in REGIONS.items() if r == region}
        part = {
            name: [row for row in rows if row["customer_id"] in people]
            for name, rows in given_tables.items()
        }
        check(result, by_hand(part, churn), region)
    assert {n: m.estimates for n, m in again.items()} == {n: m.estimates for n, m in result.items()}


@settings(max_examples=2, phases=PHASES)
@given(tables, st.sampled_from([None, "cancel"]))
def test_engines_agree_to_the_last_digit(
    both: dict[str, Engine], given_tables: Any, churn: str | None
) -> None:
    duckdb, polars = (run(engine, given_tables, churn) for engine in both.values())

    check(duckdb, by_hand(given_tables, churn))
    assert {n: m.estimates for n, m in duckdb.items()} == {
        n: m.estimates for n, m in polars.items()
    }
