"""Public exports of events, as data: columns, purchases and events without a person behind them."""

from __future__ import annotations

from engagement_ml.starter.formats import ExportFormat, Purchases, Template, Use, Uses

_BOUGHT = (
    "order completed", "order_completed", "purchase", "purchased", "checkout completed",
    "checkout_completed", "transaction",
)  # fmt: skip
_RETURNED = ("order refunded", "order_refunded", "refund", "refunded")


def _columns(**columns: str | tuple[str, ...]) -> Uses:
    """Return uses of columns by their names, the preferred one first."""
    return {
        column: tuple(map(Use, (names,) if isinstance(names, str) else names))
        for column, names in columns.items()
    }


def _either(first: str, second: str) -> Use:
    return Use(f"coalesce({first}, {second})", (first, second))


GA4 = ExportFormat(
    name="Google Analytics 4, BigQuery export",
    signature=(("event_timestamp",), ("event_name",), ("user_pseudo_id",)),
    tables={
        "events": Template(
            uses={
                "customer_id": (_either("user_id", "user_pseudo_id"), Use("user_pseudo_id")),
                **_columns(timestamp="event_timestamp", event_type="event_name"),
                "session_id": (Use("parameter(event_params, 'ga_session_id')", ("event_params",)),),
            },
            time="epoch us",
        )
    },
    purchases=Purchases(
        bought=("purchase", "in_app_purchase"),
        returned=("refund",),
        revenue=(
            Use("ecommerce.purchase_revenue"),
            Use("ecommerce.purchase_revenue_in_usd"),
            Use("event_value_in_usd"),
        ),
        given_back=(Use("ecommerce.refund_value"), Use("ecommerce.refund_value_in_usd")),
        uses={
            "transaction_id": (
                Use(
                    "CASE WHEN event_name = 'purchase' "
                    "THEN nullif(ecommerce.transaction_id, '(not set)') END",
                    ("ecommerce.transaction_id",),
                ),
            )
        },
    ),
    noise=("session_start", "first_visit", "user_engagement", "first_open", "app_update"),
)

_SEGMENT_PURCHASES = Purchases(
    bought=_BOUGHT,
    returned=_RETURNED,
    revenue=tuple(
        map(
            Use,
            ("properties.revenue", "properties.total", "properties.value", "revenue", "total"),
        )
    ),
    uses=_columns(currency="properties.currency"),
)

SEGMENT_TRACKS = ExportFormat(
    name="Segment, tracks in a warehouse",
    signature=(("anonymous_id",), ("event",), ("event_text", "received_at"), ("sent_at", "id")),
    tables={
        "events": Template(
            uses={
                "customer_id": (_either("user_id", "anonymous_id"), Use("anonymous_id")),
                **_columns(
                    timestamp=("timestamp", "original_timestamp", "received_at"),
                    event_type="event",
                    event_id="id",
                ),
            }
        )
    },
    purchases=_SEGMENT_PURCHASES,
)

SEGMENT_JSON = ExportFormat(
    name="Segment, JSON lines",
    signature=(("messageId",), ("anonymousId",), ("event", "type")),
    tables={
        "events": Template(
            uses={
                "customer_id": (
                    _either("userId", "anonymousId"),
                    Use("userId"),
                    Use("anonymousId"),
                ),
                "event_type": (_either("event", "type"), Use("event"), Use("type")),
                **_columns(
                    timestamp=("timestamp", "originalTimestamp", "receivedAt"), event_id="messageId"
                ),
            }
        )
    },
    purchases=_SEGMENT_PURCHASES,
    noise=("identify", "group", "alias"),
)

AMPLITUDE = ExportFormat(
    name="Amplitude export",
    signature=(("amplitude_id",), ("event_type",), ("event_time", "client_event_time")),
    tables={
        "events": Template(
            uses={
                "customer_id": (
                    Use(
                        "coalesce(user_id, CAST(amplitude_id AS VARCHAR))",
                        ("user_id", "amplitude_id"),
                    ),
                    Use("amplitude_id"),
                ),
                **_columns(
                    timestamp=("event_time", "client_event_time"),
                    event_type="event_type",
                    event_id=("uuid", "$insert_id"),
                    session_id="session_id",
                ),
            }
        )
    },
    purchases=Purchases(
        bought=(*_BOUGHT, "revenue", "revenue_amount", "[amplitude] revenue", "verified_revenue"),
        returned=_RETURNED,
        revenue=(
            Use("event_properties.$revenue"),
            Use("event_properties.revenue"),
            Use("event_properties.total"),
            Use("event_properties.amount"),
        ),
        uses=_columns(currency=("event_properties.currency", "event_properties.$currency")),
    ),
    noise=("session_start", "session_end", "$identify", "$groupidentify"),
)

MIXPANEL = ExportFormat(
    name="Mixpanel",
    signature=(("event",), ("properties.distinct_id",), ("properties.time",)),
    tables={
        "events": Template(
            uses=_columns(
                customer_id="properties.distinct_id",
                timestamp="properties.time",
                event_type="event",
                event_id="properties.$insert_id",
            ),
            time="epoch s",
            notes=(
                "Mixpanel projects of before 2023 write their times in the project's time zone, so "
                "days may begin some hours late or early",
            ),
        )
    },
    purchases=Purchases(
        bought=(*_BOUGHT, "order placed"),
        returned=_RETURNED,
        revenue=(
            Use("properties.revenue"),
            Use("properties.amount"),
            Use("properties.$amount"),
            Use("properties.total"),
            Use("properties.price"),
        ),
        uses=_columns(currency=("properties.currency", "properties.$currency")),
    ),
    noise=("$identify", "$create_alias", "$mp_session_record"),
)

POSTHOG = ExportFormat(
    name="PostHog events",
    signature=(("distinct_id",), ("event",), ("uuid",), ("timestamp",)),
    tables={
        "events": Template(
            uses=_columns(
                customer_id=("person_id", "person.id", "distinct_id"),
                timestamp="timestamp",
                event_type="event",
                event_id="uuid",
                session_id="properties.$session_id",
            )
        )
    },
    purchases=Purchases(
        bought=(*_BOUGHT, "order placed"),
        returned=_RETURNED,
        revenue=(
            Use("properties.revenue"),
            Use("properties.amount"),
            Use("properties.total"),
            Use("properties.price"),
        ),
        uses=_columns(currency="properties.currency"),
    ),
    noise=(
        "$identify", "$set", "$groupidentify", "$create_alias", "$feature_flag_called",
        "$pageleave", "$web_vitals", "$opt_in",
    ),
)  # fmt: skip

SNOWPLOW = ExportFormat(
    name="Snowplow, atomic events",
    signature=(("collector_tstamp",), ("domain_userid",), ("event_name",), ("event_id",)),
    tables={
        "events": Template(
            uses={
                "customer_id": (_either("user_id", "domain_userid"), Use("domain_userid")),
                **_columns(
                    timestamp="collector_tstamp",
                    event_type="event_name",
                    event_id="event_id",
                    session_id="domain_sessionid",
                ),
            }
        )
    },
    purchases=Purchases(
        bought=_BOUGHT,
        returned=_RETURNED,
        revenue=(Use("tr_total"), Use("se_value")),
        uses=_columns(transaction_id="tr_orderid", currency="tr_currency"),
    ),
    noise=("page_ping",),
)

EVENT_FORMATS = (GA4, SEGMENT_JSON, AMPLITUDE, MIXPANEL, SNOWPLOW, POSTHOG, SEGMENT_TRACKS)
"""In the order in which they are tried: the most particular columns first."""
