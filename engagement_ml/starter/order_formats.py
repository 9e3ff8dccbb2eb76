"""Public exports of orders and payments, as data."""

from __future__ import annotations

from engagement_ml.starter.formats import ExportFormat, Template, Use

_ONLY_ORDERS = (
    "the events are made of the orders themselves, which says little about engagement: add a "
    "table of what customers do between orders"
)

SHOPIFY = ExportFormat(
    name="Shopify orders",
    signature=(("Lineitem quantity",), ("Financial Status",), ("Subtotal",), ("Email",)),
    tables={
        "events": Template(
            uses={
                "customer_id": (Use("Email"),),
                "timestamp": (Use("Created at"),),
                "event_type": (
                    Use(
                        "CASE WHEN \"Discount Code\" IS NOT NULL THEN 'order_with_discount' "
                        "ELSE 'order' END",
                        ("Discount Code",),
                    ),
                ),
            },
            # Only the first line of an order has the amounts.
            where=(Use('"Subtotal" IS NOT NULL', ("Subtotal",)),),
            notes=(_ONLY_ORDERS,),
        ),
        "transactions": Template(
            uses={
                "customer_id": (Use("Email"),),
                "timestamp": (Use("Created at"),),
                "transaction_id": (Use("Name"),),
                "currency": (Use("Currency"),),
                "revenue": (
                    Use(
                        '"Subtotal" - coalesce("Refunded Amount", 0)',
                        ("Subtotal", "Refunded Amount"),
                    ),
                    Use("Subtotal"),
                ),
            },
            where=(
                Use('"Subtotal" IS NOT NULL', ("Subtotal",)),
                Use('"Cancelled at" IS NULL', ("Cancelled at",)),
            ),
            notes=(
                "an order counts with its subtotal less refunds, so without shipping; a refund "
                "counts on the day of the order, as the export has no other",
            ),
        ),
    },
)

_STRIPE_PAID = "('paid', 'refunded', 'partially refunded', 'partial refund', 'succeeded')"
_STRIPE_TIME = (Use("Created date (UTC)"), Use("Created (UTC)"), Use("Created"))
_STRIPE_CUSTOMER = (Use("Customer ID"), Use("Customer Email"))

STRIPE = ExportFormat(
    name="Stripe payments",
    signature=(
        ("Created date (UTC)", "Created (UTC)"),
        ("Amount",),
        ("Amount Refunded",),
        ("Status",),
        ("Customer ID", "Customer Email"),
    ),
    tables={
        "events": Template(
            uses={
                "customer_id": _STRIPE_CUSTOMER,
                "timestamp": _STRIPE_TIME,
                "event_type": (
                    Use(
                        f"CASE WHEN lower(\"Status\") IN {_STRIPE_PAID} THEN 'payment' "
                        "ELSE 'payment_failed' END",
                        ("Status",),
                    ),
                ),
            },
            notes=(_ONLY_ORDERS,),
        ),
        "transactions": Template(
            uses={
                "customer_id": _STRIPE_CUSTOMER,
                "timestamp": _STRIPE_TIME,
                "transaction_id": (Use("id"),),
                "currency": (Use('upper("Currency")', ("Currency",)),),
                "revenue": (
                    Use(
                        '"Amount" - coalesce("Amount Refunded", 0) - coalesce("Fee", 0)',
                        ("Amount", "Amount Refunded", "Fee"),
                    ),
                    Use('"Amount" - coalesce("Amount Refunded", 0)', ("Amount", "Amount Refunded")),
                ),
            },
            where=(Use(f'lower("Status") IN {_STRIPE_PAID}', ("Status",)),),
            notes=(
                "a payment counts with its amount less refunds and Stripe's fee; a refund counts "
                "on the day of the payment",
            ),
        ),
    },
)

ONLINE_RETAIL = ExportFormat(
    name="Online Retail",
    signature=(
        ("InvoiceNo", "Invoice"),
        ("StockCode",),
        ("Quantity",),
        ("InvoiceDate",),
        ("UnitPrice", "Price"),
        ("CustomerID", "Customer ID"),
    ),
    tables={
        "events": Template(
            uses={
                "customer_id": (Use("CustomerID"), Use("Customer ID")),
                "timestamp": (Use("InvoiceDate"),),
                "event_type": (
                    Use(
                        "CASE WHEN Quantity < 0 THEN 'returned' "
                        "WHEN Quantity >= 12 THEN 'bought_in_bulk' ELSE 'bought' END",
                        ("Quantity",),
                    ),
                ),
            },
            notes=(_ONLY_ORDERS,),
        ),
        "transactions": Template(
            uses={
                "customer_id": (Use("CustomerID"), Use("Customer ID")),
                "timestamp": (Use("InvoiceDate"),),
                "revenue": (
                    Use("Quantity * UnitPrice", ("Quantity", "UnitPrice")),
                    Use("Quantity * Price", ("Quantity", "Price")),
                ),
            },
            notes=("returns have a negative quantity and are credits",),
        ),
    },
)

ORDER_FORMATS = (SHOPIFY, STRIPE, ONLINE_RETAIL)
