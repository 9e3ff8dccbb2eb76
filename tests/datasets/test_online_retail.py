"""Online Retail: invoices as events and transactions, compared with the raw lines."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from engagement_ml.datasets import Dataset, load_online_retail
from engagement_ml.errors import InputError

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "online_retail.parquet"
LINES = [
    # The customer's first order, at noon on a Wednesday; one line repeated.
    ("1", "10001", "WHITE MUG", 30, "2011-03-02 12:00", 2.0, 7),
    ("1", "10002", "CHRISTMAS GIFT BAG", 5, "2011-03-02 12:00", 1.0, 7),
    ("1", "10002", "CHRISTMAS GIFT BAG", 5, "2011-03-02 12:01", 1.0, 7),
    ("1", "POST", "POSTAGE", 1, "2011-03-02 12:00", 15.0, 7),
    # Four days later, a Sunday, at 16:30.
    ("2", "10001", "WHITE MUG", 100, "2011-03-06 16:30", 2.0, 7),
    # Some mugs come back, with a discount on what stays.
    ("C3", "10001", "WHITE MUG", -10, "2011-03-20 10:00", 2.0, 7),
    ("C3", "D", "Discount", -1, "2011-03-20 10:00", 8.0, 7),
    # A correction by hand, and a fee.
    ("C4", "M", "Manual", -1, "2011-03-21 10:00", 5.0, 7),
    ("C5", "BANK CHARGES", "Bank Charges", -1, "2011-03-22 10:00", 9.0, 7),
    # An unknown customer.
    ("6", "10001", "WHITE MUG", 1, "2011-03-22 10:00", 2.0, None),
]


@pytest.fixture
def lines() -> pd.DataFrame:
    names = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice"]
    frame = pd.DataFrame(LINES, columns=[*names, "CustomerID"])
    frame["InvoiceDate"] = pd.to_datetime(frame["InvoiceDate"]).astype("datetime64[us]")
    frame["CustomerID"] = frame["CustomerID"].astype("Int64")
    return frame.assign(Country="France")


@pytest.fixture
def small(lines: pd.DataFrame, tmp_path: Path) -> Dataset:
    lines.to_parquet(tmp_path / "lines.parquet")
    return load_online_retail(tmp_path / "lines.parquet", margin_rate=0.5)


def test_an_invoice_is_a_transaction_and_a_credit_note_a_negative_one(small: Dataset) -> None:
    amounts = small.transactions[["revenue", "margin"]].to_numpy().tolist()
    assert amounts == [
        [85.0, 35.0],  # postage earns nothing
        [200.0, 100.0],
        [-28.0, -18.0],  # goods lose their margin, a discount is lost in full
        [-5.0, -2.5],
    ]
    assert small.transactions["timestamp"].iloc[0] == pd.Timestamp("2011-03-02 12:00")


def test_orders_give_the_behaviours_of_their_lines(small: Dataset) -> None:
    found = {
        (str(kind), str(invoice)): float(value)
        for kind, invoice, value in small.events[["event_type", "session_id", "value"]]
        .drop_duplicates()
        .to_numpy()
    }
    assert found.pop(("new_product_bought", "1")) in {60.0, 10.0}
    assert found == {
        ("gift_wrap_bought", "1"): 10.0,
        ("seasonal_bought", "1"): 10.0,
        ("bulk_line_bought", "1"): 60.0,
        ("small_order", "1"): 70.0,
        ("repeat_product_bought", "2"): 200.0,
        ("bulk_line_bought", "2"): 200.0,
        ("sunday_order", "2"): 200.0,
        ("late_order", "2"): 200.0,
        ("quick_reorder", "2"): 200.0,
        ("return_made", "C3"): 20.0,
    }
    assert (small.events["event_type"] == "new_product_bought").sum() == 2


def test_assumptions_name_the_rows_that_are_left_out(small: Dataset) -> None:
    said = " ".join(small.assumptions)
    assert "50% of the sales of goods" in said
    assert "1 of 10 lines (GBP 2) have no customer" in said
    assert "3 credit notes" in said
    assert "1 lines of postage" in said
    assert "0 lines repeat" in said
    assert small.customers is not None
    assert small.customers.to_numpy().tolist() == [[7, "France"]]


def test_a_csv_file_gives_the_same_tables(
    small: Dataset, lines: pd.DataFrame, tmp_path: Path
) -> None:
    lines.to_csv(tmp_path / "lines.csv", index=False)
    other = load_online_retail(tmp_path / "lines.csv", margin_rate=0.5)
    pd.testing.assert_frame_equal(other.events, small.events)
    pd.testing.assert_frame_equal(other.transactions, small.transactions)
    assert other.assumptions == small.assumptions


def test_unreadable_files_are_errors(lines: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.parquet"):
        load_online_retail(tmp_path / "nowhere.parquet")
    lines.rename(columns={"CustomerID": "Customer ID"}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"'CustomerID' is missing.*did you mean 'Customer ID'"):
        load_online_retail(tmp_path / "x.parquet")
    lines.assign(Quantity="many").to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(InputError, match=r"x\.csv: cannot be read.*many"):
        load_online_retail(tmp_path / "x.csv")


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL.name} is not beside the project")
def test_the_real_invoices_add_up_to_what_pandas_counts() -> None:
    retail = load_online_retail(REAL)
    raw = pd.read_parquet(REAL)
    known = raw[raw["CustomerID"].notna()]
    trade = known[~known["StockCode"].str.upper().isin(["BANK CHARGES", "CRUK", "AMAZONFEE"])]
    amount = (trade["Quantity"] * trade["UnitPrice"]).groupby(trade["InvoiceNo"]).sum()
    assert len(retail.transactions) == len(amount) == 22_163
    assert retail.transactions["revenue"].sum() == pytest.approx(amount.sum())
    goods = known[~known["StockCode"].isin(["POST", "DOT", "C2", "M", "D", "CRUK", "BANK CHARGES"])]
    sold = goods[goods["Quantity"] > 0]
    pairs = sold.drop_duplicates(["CustomerID", "StockCode"])
    count = retail.events["event_type"].value_counts()
    # Stock codes that differ only in capitals are one product.
    assert count["new_product_bought"] == pytest.approx(len(pairs), rel=1e-3)
    per_invoice = sold.drop_duplicates(["InvoiceNo", "StockCode"])
    assert count["new_product_bought"] + count["repeat_product_bought"] == pytest.approx(
        len(per_invoice), rel=1e-3
    )
    assert count["return_made"] == goods[goods["Quantity"] < 0]["InvoiceNo"].nunique()
    said = " ".join(retail.assumptions)
    assert "135,080 of 541,909 lines" in said
    assert "5,225 lines repeat" in said
