"""Measures of purchases, retention, lifetime value and durations on Spark: those on DuckDB."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest

from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.families import loyalty, purchases, value
from engagement_ml.measures.kinds.durations import HOUR, MINUTE, Durations
from tests.measures.tables import make_context, measured, moment

CUSTOMERS = [f"c{i}" for i in range(40)]
START = moment("2024-01-01")


def tables() -> dict[str, list[dict[str, Any]]]:
    rng = random.Random(4)

    def at() -> dt.datetime:
        return START + dt.timedelta(minutes=rng.randrange(91 * 24 * 60))

    events = [
        {
            "customer_id": c,
            "timestamp": at(),
            "event_type": rng.choice(["visit", "visit", "cancel"]),
        }
        for c in CUSTOMERS
    ]
    sales = [
        {
            "customer_id": rng.choice(CUSTOMERS), "timestamp": at(),
            "margin": rng.choice([-3.5, 0.1, 7.25, 30.0]),
            "revenue": rng.choice([None, -10.0, 40.0]),
            "refund": rng.choice([None, 2.5]), "order_id": rng.choice([None, "1", "2"]),
            "channel": rng.choice([None, "web", "shop"]),
        }
        for _ in range(160)
    ]  # fmt: skip
    return {"events": events, "transactions": sales}


def answers(engine: Engine) -> MeasureDefinition:
    rng = random.Random(5)
    rows = [
        (rng.choice(CUSTOMERS), (START + dt.timedelta(days=rng.randrange(91))).date(),
         rng.randrange(1, 3000) * MINUTE, rng.choice([0, 1, 1]), rng.choice(["mail", "phone"]))
        for _ in range(200)
    ]  # fmt: skip
    names = ("customer_id", "day", "micros", "answered", "touchpoint")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}

    def made(context: Any, settings: Any) -> Rows:
        return Rows("answers", lambda: engine.small(columns), {}, limit=24 * HOUR)

    return MeasureDefinition("answers", "", Durations(), "hours", "less", "", "", made)


def on(engine: Engine, churn: dict[str, str]) -> Any:
    context = make_context(
        engine,
        settings={"churn": churn},
        groups=[{"customer_id": c, "half": "ab"[i % 2]} for i, c in enumerate(CUSTOMERS)],
        **tables(),
    )
    catalogue = (*purchases.FAMILY, *loyalty.FAMILY, *value.FAMILY, answers(engine))
    results = measured(context, catalogue=catalogue)
    return {
        (name, dimension, group, place): estimate
        for name, result in results.items()
        for dimension, groups in result.estimates.items()
        for group, series in groups.items()
        for place, estimate in enumerate(series)
    }


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.spark
@pytest.mark.seldom
@pytest.mark.parametrize(
    "churn", [{"kind": "no_transaction"}, {"kind": "event", "event_type": "cancel"}]
)
def test_measures_are_those_on_duckdb(spark_engine: Any, churn: dict[str, str]) -> None:
    with open_duckdb(threads=1) as duckdb:
        expected = on(duckdb, churn)

    found = on(spark_engine, churn)
    assert found.keys() == expected.keys()
    assert {k: (v, expected[k]) for k, v in found.items() if v != expected[k]} == {}
