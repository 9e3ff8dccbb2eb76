"""Online Retail data set: a year of invoice lines of a UK gift shop, many to resellers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from engagement_ml.datasets.dataset import Dataset, check_rate
from engagement_ml.engine import DuckDBEngine, open_duckdb
from engagement_ml.errors import InputError, nearest
from engagement_ml.sources import open_source

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "InvoiceNo": "VARCHAR",
    "StockCode": "VARCHAR",
    "Description": "VARCHAR",
    "Quantity": "BIGINT",
    "InvoiceDate": "TIMESTAMP",
    "UnitPrice": "DOUBLE",
    "CustomerID": "BIGINT",
    "Country": "VARCHAR",
}
BULK_UNITS = 24
SMALL_ORDER = 150
WIDE_ORDER = 25
LATE_HOUR = 16
QUICK_DAYS = 7

# Type of a line, from its stock code; any other stock code is a product.
KIND = """
CASE WHEN upper(StockCode) IN ('POST', 'DOT', 'C2') THEN 'delivery'
     WHEN upper(StockCode) = 'D' THEN 'discount'
     WHEN upper(StockCode) = 'M' THEN 'manual'
     WHEN upper(StockCode) IN ('BANK CHARGES', 'AMAZONFEE', 'CRUK', 'B', 'S') THEN 'fee'
     ELSE 'product' END
"""

LINES = """
CREATE TEMP TABLE lines AS
SELECT CustomerID AS customer_id, InvoiceNo AS invoice, upper(StockCode) AS code,
       upper(coalesce(Description, '')) AS description, Quantity AS units,
       CAST(Quantity * UnitPrice AS DECIMAL(18, 3)) AS amount,
       min(InvoiceDate) OVER (PARTITION BY InvoiceNo) AS timestamp, {kind} AS kind
FROM '{raw}' WHERE CustomerID IS NOT NULL
"""

# Amounts are decimals, so that sums do not depend on the order of the threads.
TRANSACTIONS = """
SELECT customer_id, timestamp, CAST(sum(amount) AS DOUBLE) AS revenue,
       round({rate} * CAST(sum(if(kind IN ('product', 'manual'), amount, 0)) AS DOUBLE)
             + CAST(sum(if(kind = 'discount', amount, 0)) AS DOUBLE), 4) AS margin
FROM lines WHERE kind <> 'fee'
GROUP BY customer_id, invoice, timestamp ORDER BY timestamp, customer_id, invoice
"""

ORDERS = """
CREATE TEMP TABLE orders AS
SELECT customer_id, invoice, timestamp, sum(amount) AS amount, count(DISTINCT code) AS products,
       date_diff('second', lag(timestamp) OVER earlier, timestamp) AS seconds_since
FROM lines WHERE kind = 'product' AND units > 0 GROUP BY customer_id, invoice, timestamp
WINDOW earlier AS (PARTITION BY customer_id ORDER BY timestamp, invoice)
"""

PRODUCTS = """
CREATE TEMP TABLE products AS
SELECT customer_id, invoice, timestamp, code, sum(amount) AS amount, sum(units) AS units,
       row_number() OVER (PARTITION BY customer_id, code ORDER BY timestamp, invoice) AS nth,
       bool_or(regexp_matches(description, '{wrapping}')) AS is_wrapping,
       bool_or(regexp_matches(description, '{seasonal}')) AS is_seasonal
FROM lines WHERE kind = 'product' AND units > 0 GROUP BY customer_id, invoice, timestamp, code
"""

WRAPPING = "WRAP|GIFT BAG|GIFT TAG|GIFT TAPE|RIBBON"
SEASONAL = "CHRISTMAS|XMAS|ADVENT|EASTER|VALENTINE"

EVENTS = {
    "new_product_bought": "products WHERE nth = 1",
    "repeat_product_bought": "products WHERE nth > 1",
    "gift_wrap_bought": "products WHERE is_wrapping",
    "seasonal_bought": "products WHERE is_seasonal",
    "bulk_line_bought": f"products WHERE units >= {BULK_UNITS}",
    "small_order": f"orders WHERE amount < {SMALL_ORDER}",
    "wide_order": f"orders WHERE products >= {WIDE_ORDER}",
    "sunday_order": "orders WHERE dayofweek(timestamp) = 0",
    "late_order": f"orders WHERE hour(timestamp) >= {LATE_HOUR}",
    "quick_reorder": f"orders WHERE seconds_since < {QUICK_DAYS * 86_400}",
    "return_made": (
        "(SELECT customer_id, invoice, timestamp, -sum(amount) AS amount FROM lines "
        "WHERE kind = 'product' AND units < 0 GROUP BY customer_id, invoice, timestamp)"
    ),
}

CUSTOMERS = """
SELECT CustomerID AS customer_id, arg_min(Country, (InvoiceDate, InvoiceNo)) AS country
FROM '{raw}' WHERE CustomerID IS NOT NULL GROUP BY CustomerID ORDER BY CustomerID
"""


def load_online_retail(path: str | os.PathLike[str], margin_rate: float = 0.4) -> Dataset:
    """Load the invoice lines of Online Retail as events and transactions.

    An invoice is one transaction; a credit note (its number begins with C) is one with negative
    amounts. An order is an invoice with goods. It gives these events:

    - ``new_product_bought``, ``repeat_product_bought``: one per product, new if the customer has
      no earlier invoice with it in this data;
    - ``gift_wrap_bought``, ``seasonal_bought``, ``bulk_line_bought``: one per product that is for
      wrapping (wrap, gift bags, tags, ribbon), for a holiday, or bought in 24 units or more;
    - ``small_order`` (under GBP 150), ``wide_order`` (25 products or more), ``sunday_order``,
      ``late_order`` (from 16:00), ``quick_reorder`` (within 7 days of the order before);

    A credit note with goods gives one ``return_made``. An event's ``value`` is the amount in
    GBP.

    Parameters
    ----------
    path : path
        Parquet or CSV with the columns InvoiceNo, StockCode, Description, Quantity, InvoiceDate,
        UnitPrice, CustomerID, Country.
    margin_rate : float, default 0.4
        Assumed margin as a share of the sales of goods, 0 to 1.

    Returns
    -------
    Dataset
        ``customers`` has the country of each customer's first invoice. `assumptions` lists the
        rows that are left out, with counts.

    Raises
    ------
    InputError
        If the file is missing or of another kind, lacks a column, or a value cannot be read.
    ConfigError
        If `margin_rate` does not lie between 0 and 1.

    Notes
    -----
    Chen, Sain and Guo (2012), "Data mining for the online retail industry",
    doi 10.1057/dbm.2012.17. Times are local times of the shop (UK) and are read as UTC.

    Examples
    --------
    >>> retail = load_online_retail("data/online_retail.parquet")  # doctest: +SKIP
    >>> len(retail.transactions), len(retail.customers)  # doctest: +SKIP
    (22163, 4372)
    """
    check_rate(margin_rate)
    with open_duckdb() as engine:
        raw = _open_lines(engine, os.fspath(path))
        connection = engine.connection
        connection.execute(LINES.format(kind=KIND, raw=raw))
        connection.execute(ORDERS)
        connection.execute(PRODUCTS.format(wrapping=WRAPPING, seasonal=SEASONAL))
        return Dataset(
            name="online-retail",
            events=_frame(connection, _events_query()),
            transactions=_frame(connection, TRANSACTIONS.format(rate=float(margin_rate))),
            customers=_frame(connection, CUSTOMERS.format(raw=raw)),
            assumptions=_assumptions(connection, raw, margin_rate),
        )


def _open_lines(engine: DuckDBEngine, path: str) -> str:
    frame = open_source(engine, path, table="invoice lines")
    present = frame.collect_schema().names()
    for column in COLUMNS:
        if column not in present:
            raise InputError(
                f"{path}: column '{column}' is missing{nearest(column, present)}; "
                f"the columns are {', '.join(present)}"
            )
    relation = frame.to_native()
    relation.create_view("source_lines")
    columns = ", ".join(f'CAST("{name}" AS {kind}) AS {name}' for name, kind in COLUMNS.items())
    return engine.table(f"SELECT {columns} FROM source_lines", source=path)


def _events_query() -> str:
    parts = [
        f"SELECT customer_id, timestamp, '{event_type}' AS event_type, "
        f"CAST(amount AS DOUBLE) AS value, invoice AS session_id FROM {rows}"
        for event_type, rows in EVENTS.items()
    ]
    return (
        " UNION ALL ".join(parts)
        + " ORDER BY timestamp, customer_id, event_type, session_id, value"
    )


def _frame(connection: Any, query: str) -> pd.DataFrame:
    frame: pd.DataFrame = connection.sql(query).to_arrow_table().to_pandas()
    return frame


def _assumptions(connection: Any, raw: str, margin_rate: float) -> tuple[str, ...]:
    read, unknown, unknown_amount = connection.execute(
        "SELECT count(*), count(*) FILTER (CustomerID IS NULL), "
        f"sum(Quantity * UnitPrice) FILTER (CustomerID IS NULL) FROM '{raw}'"
    ).fetchone()
    of_kind = dict(
        connection.execute(
            "SELECT kind, count(*) FROM lines GROUP BY kind ORDER BY kind"
        ).fetchall()
    )
    (repeats,) = connection.execute(
        f"WITH known AS (SELECT * FROM '{raw}' WHERE CustomerID IS NOT NULL) "
        "SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT * FROM known)) FROM known"
    ).fetchone()
    (credited,) = connection.execute(
        "SELECT count(DISTINCT invoice) FROM lines WHERE invoice LIKE 'C%'"
    ).fetchone()
    count = {kind: of_kind.get(kind, 0) for kind in ("delivery", "discount", "manual", "fee")}
    return (
        f"Margin is assumed, not known: {margin_rate:.0%} of the sales of goods, the same for all "
        "products; the data has no cost of goods.",
        f"{unknown:,} of {read:,} lines (GBP {unknown_amount or 0:,.0f}) have no customer and are "
        "left out.",
        f"{credited:,} credit notes are transactions with negative amounts: returned goods are "
        "valued at cost, so that a return reverses only the margin of its sale. Orders that are "
        "cancelled within minutes are kept as an order and its return.",
        f"{count['delivery']:,} lines of postage and carriage are revenue without margin, "
        f"{count['discount']:,} discounts lower margin in full, and {count['manual']:,} manual "
        "lines, which correct invoices, are treated as goods.",
        f"{count['fee']:,} lines of bank charges and fees, commissions, samples and bad debt are "
        "not sales to the customer and are left out.",
        f"{repeats:,} lines repeat another line of the same invoice in every column. They are "
        "kept: without a line number they look the same as a product that was entered twice.",
        "Every behaviour here is a way of buying: the data shows how customers buy, and no other "
        "activity.",
    )
