"""Small made-up exports in the exact shape of public formats, all of the same history."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

START = dt.datetime(2024, 1, 1)
TYPES = ("page_view", "search", "wishlist_add", "order_tracking")


@dataclass(frozen=True)
class Row:
    """One event, or a purchase or refund with its amount."""

    customer: str
    moment: dt.datetime
    event_type: str
    amount: float | None = None
    order: str | None = None

    @property
    def iso(self) -> str:
        return self.moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def epoch(self) -> int:
        return int(self.moment.replace(tzinfo=dt.UTC).timestamp())


@dataclass(frozen=True)
class Shop:
    """What 60 customers did and bought in 30 weeks, in order of time."""

    events: tuple[Row, ...]
    purchases: tuple[Row, ...]
    refunds: tuple[Row, ...]

    def rows(self, refunds: bool = True) -> list[Row]:
        """Return everything, in order of time."""
        rows = (*self.events, *self.purchases, *(self.refunds if refunds else ()))
        return sorted(rows, key=lambda row: (row.moment, row.customer, row.event_type))

    def count(self, event_type: str, refunds: bool = True) -> int:
        """Return the number of events of a type up to the last day with a transaction."""
        paid = (*self.purchases, *(self.refunds if refunds else ()))
        last = max(row.moment for row in paid).date()
        return sum(r.event_type == event_type and r.moment.date() <= last for r in self.events)

    def margin(self, refunds: bool = True) -> float:
        """Return purchases less refunds."""
        back = sum(row.amount or 0 for row in self.refunds) if refunds else 0.0
        return round(sum(row.amount or 0 for row in self.purchases) - back, 2)


@cache
def shop(customers: int = 60, weeks: int = 30) -> Shop:
    """Return the shop that every export is made of."""
    rng = np.random.default_rng(5)
    events, purchases, refunds = [], [], []
    for i in range(customers):
        name = f"c{i:03d}"
        rates = rng.gamma(2.0, (0.6, 0.3, 0.2, 0.1))
        for week in range(weeks):
            for event_type, n in zip(TYPES, rng.poisson(rates), strict=True):
                events += [Row(name, _moment(rng, week), event_type) for _ in range(n)]
            if rng.random() < 0.2 + 0.1 * rates[2]:
                amount = round(float(rng.gamma(4, 10)) + 1, 2)
                row = Row(name, _moment(rng, week), "purchase", amount, f"o{len(purchases):05d}")
                purchases.append(row)
                if len(purchases) % 20 == 0:
                    later = row.moment + dt.timedelta(hours=3)
                    refunds.append(Row(name, later, "refund", amount, row.order))
    return Shop(tuple(events), tuple(purchases), tuple(refunds))


def _moment(rng: np.random.Generator, week: int) -> dt.datetime:
    return START + dt.timedelta(weeks=week, seconds=int(rng.integers(7 * 86_400)))


def _json_lines(file: Path, records: Iterator[Mapping[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return file


def _csv(file: Path, records: list[dict[str, Any]], **options: Any) -> Path:
    with file.open("w", newline="", encoding=options.pop("encoding", "utf-8")) as handle:
        writer = csv.DictWriter(handle, list(records[0]), **options)
        writer.writeheader()
        writer.writerows(records)
    return file


def _ga4_record(row: Row, number: int, *, text_numbers: bool) -> dict[str, Any]:
    """Return a row of GA4's table `events_YYYYMMDD`."""
    moment: Any = row.epoch * 10**6
    money = row.amount if row.event_type == "purchase" else None
    return {
        "event_date": row.moment.strftime("%Y%m%d"),
        "event_timestamp": str(moment) if text_numbers else moment,
        "event_name": row.event_type,
        "event_params": [
            {
                "key": "ga_session_id",
                "value": {
                    "string_value": None,
                    "int_value": str(number) if text_numbers else number,
                    "float_value": None,
                    "double_value": None,
                },
            },
            {
                "key": "page_title",
                "value": {
                    "string_value": "Home",
                    "int_value": None,
                    "float_value": None,
                    "double_value": None,
                },
            },
        ],
        "event_bundle_sequence_id": number,
        # Half of the customers never log in.
        "user_id": None,
        "user_pseudo_id": f"{row.customer}.17{row.customer[1:]}",
        "device": {"category": "mobile", "operating_system": "iOS"},
        "geo": {"country": "Germany"},
        "ecommerce": {
            "total_item_quantity": 1 if row.amount else None,
            "purchase_revenue": money,
            "refund_value": row.amount if row.event_type == "refund" else None,
            "transaction_id": row.order or "(not set)",
        },
        "platform": "WEB",
    }


def ga4_parquet(folder: Path) -> list[Path]:
    """GA4's BigQuery export as Parquet."""
    records = [_ga4_record(r, i, text_numbers=False) for i, r in enumerate(shop().rows())]
    table = pa.Table.from_pylist(records)
    place = table.schema.get_field_index("user_id")
    table = table.set_column(place, "user_id", pa.nulls(len(table), pa.string()))
    pq.write_table(table, folder / "events_2024.parquet")
    return [folder / "events_2024.parquet"]


def ga4_json(folder: Path) -> list[Path]:
    """GA4's BigQuery export as JSON lines, in which whole numbers are text."""
    rows = enumerate(shop().rows())
    records = (_ga4_record(r, i, text_numbers=True) for i, r in rows)
    dropped = ({k: v for k, v in record.items() if k != "user_id"} for record in records)
    return [_json_lines(folder / "ga4.jsonl", dropped)]


def segment_json(folder: Path) -> list[Path]:
    """Segment's calls as JSON lines."""
    names = {"purchase": "Order Completed", "refund": "Order Refunded"}

    def records() -> Iterator[dict[str, Any]]:
        for i, row in enumerate(shop().rows()):
            properties = {"url": "/"} if row.amount is None else {
                "order_id": row.order, "revenue": row.amount, "currency": "USD",
            }  # fmt: skip
            yield {
                "messageId": f"ajs-{i}",
                "anonymousId": f"a-{row.customer}",
                "userId": row.customer,
                "type": "track",
                "event": names.get(row.event_type, row.event_type),
                "properties": properties,
                "context": {"library": {"name": "analytics.js"}, "ip": "1.2.3.4"},
                "timestamp": row.iso,
                "receivedAt": row.iso,
                "sentAt": row.iso,
            }

    return [_json_lines(folder / "segment.jsonl", records())]


def segment_tracks(folder: Path) -> list[Path]:
    """Segment's table `tracks` of a warehouse, and a table of orders with ids of users."""
    rows = shop().events
    moments = pd.to_datetime([row.moment for row in rows]).tz_localize("UTC")
    frame = pd.DataFrame(
        {
            "id": [f"ajs-{i}" for i in range(len(rows))],
            "anonymous_id": [f"a-{row.customer}" for row in rows],
            "user_id": [row.customer for row in rows],
            "event": [row.event_type for row in rows],
            "event_text": [row.event_type.replace("_", " ") for row in rows],
            "context_ip": "1.2.3.4",
            "original_timestamp": moments,
            "received_at": moments,
            "sent_at": moments,
            "timestamp": moments,
            "uuid_ts": moments,
        }
    )
    frame.to_parquet(folder / "tracks.parquet", index=False)
    orders = [
        {
            "order_id": row.order,
            "user_id": row.customer,
            "order_date": row.iso,
            "net_revenue": -(row.amount or 0) if row.event_type == "refund" else row.amount,
        }
        for row in (*shop().purchases, *shop().refunds)
    ]
    return [folder / "tracks.parquet", _csv(folder / "orders.csv", orders)]


def amplitude(folder: Path) -> list[Path]:
    """Amplitude's export as JSON lines."""

    def records() -> Iterator[dict[str, Any]]:
        for i, row in enumerate(shop().rows()):
            bought = row.amount is not None
            yield {
                "server_received_time": row.moment.strftime("%Y-%m-%d %H:%M:%S.000000"),
                "app": 123,
                "$insert_id": f"i-{i}",
                "user_id": row.customer,
                "uuid": f"00000000-0000-4000-8000-{i:012d}",
                "event_time": row.moment.strftime("%Y-%m-%d %H:%M:%S.000000"),
                "amplitude_id": 900_000_000_000 + int(row.customer[1:]),
                "event_type": row.event_type,
                "event_properties": {"revenue": row.amount, "currency": "EUR"} if bought else {},
                "user_properties": {},
                "session_id": row.epoch * 1000,
                "event_id": i,
                "platform": "iOS",
                "device_id": f"d-{row.customer}",
                "client_event_time": row.moment.strftime("%Y-%m-%d %H:%M:%S.000000"),
            }

    return [_json_lines(folder / "123_2024.json", records())]


def mixpanel(folder: Path) -> list[Path]:
    """Mixpanel's raw export as JSON lines."""

    def records() -> Iterator[dict[str, Any]]:
        for i, row in enumerate(shop().rows()):
            properties = {
                "time": row.epoch,
                "distinct_id": row.customer,
                "$insert_id": f"i{i}",
                "$browser": "Firefox",
                "mp_processing_time_ms": row.epoch * 1000 + 7,
            }
            if row.amount is not None:
                properties |= {"amount": row.amount}
            yield {"event": row.event_type, "properties": properties}

    return [_json_lines(folder / "mixpanel.jsonl", records())]


def posthog(folder: Path) -> list[Path]:
    """PostHog's export of events as JSON lines."""
    names = {"page_view": "$pageview", "search": "$autocapture"}

    def records() -> Iterator[dict[str, Any]]:
        for i, row in enumerate(shop().rows()):
            properties: dict[str, Any] = {"$session_id": f"s{i // 3}", "$lib": "web"}
            if row.amount is not None:
                properties |= {"revenue": row.amount, "currency": "EUR"}
            yield {
                "uuid": f"018cc251-0000-7000-8000-{i:012d}",
                "event": names.get(row.event_type, row.event_type),
                "properties": properties,
                "distinct_id": row.customer,
                "timestamp": row.moment.strftime("%Y-%m-%d %H:%M:%S.000000+00:00"),
                "team_id": 1,
            }

    return [_json_lines(folder / "posthog.jsonl", records())]


def snowplow(folder: Path) -> list[Path]:
    """Snowplow's atomic events as Parquet."""
    rows = shop().rows(refunds=False)
    names = {"purchase": "transaction", "page_view": "page_view"}
    moments = pd.to_datetime([row.moment for row in rows])
    frame = pd.DataFrame(
        {
            "app_id": "shop",
            "platform": "web",
            "etl_tstamp": moments,
            "collector_tstamp": moments,
            "dvce_created_tstamp": moments,
            "event": ["struct" if row.amount is None else "transaction" for row in rows],
            "event_id": [f"e-{i}" for i in range(len(rows))],
            "user_id": [row.customer for row in rows],
            "domain_userid": [f"d-{row.customer}" for row in rows],
            "domain_sessionid": [f"s-{i // 3}" for i in range(len(rows))],
            "event_name": [names.get(row.event_type, row.event_type) for row in rows],
            "tr_orderid": [row.order for row in rows],
            "tr_total": [row.amount for row in rows],
            "tr_currency": [None if row.amount is None else "EUR" for row in rows],
        }
    )
    frame.to_parquet(folder / "atomic.parquet", index=False)
    return [folder / "atomic.parquet"]


def shopify(folder: Path) -> list[Path]:
    """Shopify's export of orders: a row per line item, amounts on the first row of an order."""
    refunded = {row.order for row in shop().refunds}
    records = []
    for i, row in enumerate(shop().purchases):
        local = (row.moment - dt.timedelta(hours=5)).strftime("%Y-%m-%d %H:%M:%S -0500")
        amount = row.amount or 0
        first = {
            "Name": f"#{1000 + i}",
            "Email": f"{row.customer}@example.com",
            "Financial Status": "refunded" if row.order in refunded else "paid",
            "Paid at": local,
            "Fulfillment Status": "fulfilled",
            "Accepts Marketing": "yes",
            "Currency": "EUR",
            "Subtotal": f"{amount:.2f}",
            "Shipping": "4.90",
            "Taxes": "0.00",
            "Total": f"{amount + 4.9:.2f}",
            "Discount Code": "WELCOME10" if i % 4 == 0 else "",
            "Discount Amount": "0.00",
            "Created at": local,
            "Lineitem quantity": "1",
            "Lineitem name": "Mask",
            "Lineitem price": f"{amount / 2:.2f}",
            "Cancelled at": "",
            "Refunded Amount": f"{amount if row.order in refunded else 0:.2f}",
            "Id": str(7_410_991_464_714 + i),
        }
        line = dict.fromkeys(first, "") | {
            key: first[key]
            for key in ("Name", "Email", "Created at", "Lineitem quantity", "Lineitem price")
        }
        records += [first, line] if i % 3 == 0 else [first]
    return [_csv(folder / "orders_export_1.csv", records)]


def stripe(folder: Path) -> list[Path]:
    """Stripe's export of payments."""
    refunded = {row.order for row in shop().refunds}
    records = []
    for i, row in enumerate(shop().purchases):
        back = row.amount if row.order in refunded else 0.0
        record = {
            "id": f"ch_{i:08d}",
            "Created date (UTC)": row.moment.strftime("%Y-%m-%d %H:%M:%S"),
            "Amount": f"{row.amount:.2f}",
            "Amount Refunded": f"{back:.2f}",
            "Currency": "usd",
            "Captured": "true",
            "Converted Amount": f"{row.amount:.2f}",
            "Description": "Subscription, monthly",
            "Fee": "0.00",
            "Status": "Refunded" if back else "Paid",
            "Customer ID": f"cus_{row.customer}",
            "Customer Email": f"{row.customer}@example.com",
        }
        failed = record | {"id": f"ch_f{i:07d}", "Status": "Failed", "Captured": "false"}
        records += [record, failed] if i % 10 == 0 else [record]
    return [_csv(folder / "unified_payments.csv", records)]


def online_retail(folder: Path) -> list[Path]:
    """The invoice lines of Online Retail: returns have a negative quantity."""
    records = []
    for i, row in enumerate((*shop().purchases, *shop().refunds)):
        back = row.event_type == "refund"
        records.append(
            {
                "InvoiceNo": f"C{536_000 + i}" if back else str(536_000 + i),
                "StockCode": "85123A",
                "Description": "WHITE HANGING HEART T-LIGHT HOLDER",
                "Quantity": str(-2 if back else 2),
                "InvoiceDate": f"{row.moment.month}/{row.moment.day}/{row.moment:%Y %H:%M}",
                "UnitPrice": f"{(row.amount or 0) / 2:.3f}",
                "CustomerID": f"{12_345 + int(row.customer[1:])}.0",
                "Country": "United Kingdom",
            }
        )
    return [_csv(folder / "online_retail.csv", records)]


Export = Callable[[Path], list[Path]]
EXPORTS: dict[str, Export] = {
    "Google Analytics 4, BigQuery export": ga4_parquet,
    "GA4, JSON lines": ga4_json,
    "Segment, JSON lines": segment_json,
    "Segment, tracks in a warehouse": segment_tracks,
    "Amplitude export": amplitude,
    "Mixpanel": mixpanel,
    "PostHog events": posthog,
    "Snowplow, atomic events": snowplow,
    "Shopify orders": shopify,
    "Stripe payments": stripe,
    "Online Retail": online_retail,
}
