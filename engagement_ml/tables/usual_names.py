"""Usual names of the input columns in exports, and which column of a source is meant by one."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engagement_ml.errors import close_to

_CUSTOMER = (
    "customer_id", "user_id", "uid", "client_id", "member_id", "account_id", "contact_id",
    "subscriber_id", "person_id", "profile_id", "distinct_id", "player_id", "household_id",
    "household_key", "buyer_id", "shopper_id", "guest_id", "partner_id", "cust_id", "customer_key",
    "customer_no", "customer_number", "user_key", "customer", "user", "client", "member", "account",
    "user_pseudo_id", "visitor_id", "domain_userid", "amplitude_id", "anonymous_id", "email",
)  # fmt: skip
_MOMENT = (
    "timestamp", "ts", "event_timestamp", "event_time", "occurred_at", "happened_at", "created_at",
    "datetime", "time", "original_timestamp", "client_event_time", "derived_tstamp",
    "collector_tstamp", "server_time", "sent_at", "received_at", "logged_at", "created",
    "created_on", "creation_date", "date", "event_date", "day",
)  # fmt: skip
_PAID = (
    "paid_at", "purchased_at", "ordered_at", "transaction_date", "transaction_time", "order_date",
    "order_time", "purchase_date", "payment_date", "invoice_date", "sale_date", "sold_at",
    "processed_at", "completed_at", "booked_at", "booking_date",
)  # fmt: skip
_ANSWERED = (
    "answered_at", "submitted_at", "responded_at", "completed_at", "response_date", "answer_date",
    "submit_date",
)  # fmt: skip

USUAL_NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "events": {
        "customer_id": _CUSTOMER,
        "timestamp": _MOMENT,
        "event_type": (
            "event_name", "event", "action", "activity", "event_action", "action_type",
            "activity_type", "interaction", "interaction_type", "behaviour", "behavior", "verb",
            "event_category", "type", "kind", "name",
        ),
        "event_id": (
            "message_id", "insert_id", "event_uuid", "event_key", "event_number", "uuid", "id",
        ),
        "value": ("event_value", "amount"),
        "duration_seconds": (
            "duration_s", "duration_sec", "duration_in_seconds", "dwell_seconds", "duration",
            "seconds",
        ),
        "session_id": ("session", "ga_session_id", "domain_sessionid", "visit_id", "session_key"),
        "channel": ("contact_channel", "interaction_channel", "touch_channel"),
        "direction": ("call_direction", "message_direction"),
        "object": (
            "page_path", "page_location", "page_url", "page_name", "page", "screen_name", "screen",
            "feature_name", "feature", "url", "path",
        ),
        "section": ("page_section", "site_section", "section_name", "content_group"),
        "campaign": ("utm_campaign", "campaign_name", "campaign_id", "campaign_code"),
        "ref": (
            "ref_id", "reference_id", "ticket_id", "case_id", "conversation_id", "thread_id",
            "correlation_id", "appointment_id", "booking_id",
        ),
        "due": ("due_date", "due_at", "due_by", "deadline", "promised_at", "promised_date"),
    },
    "transactions": {
        "customer_id": _CUSTOMER,
        "timestamp": (*_PAID, *_MOMENT),
        "margin": (
            "gross_margin", "contribution_margin", "net_margin", "margin_amount", "gross_profit",
            "net_profit", "profit", "contribution",
        ),
        "revenue": (
            "net_revenue", "net_sales", "net_amount", "sales", "sales_value", "sales_amount",
            "purchase_revenue", "turnover", "order_value", "order_total", "line_total",
            "total_price", "total_amount", "amount_paid", "amount", "subtotal", "total",
        ),
        "cost": (
            "cogs", "cost_of_goods_sold", "cost_of_goods", "cost_of_sales", "total_cost",
            "cost_amount", "costs",
        ),
        "transaction_id": (
            "payment_id", "charge_id", "txn_id", "trans_id", "transaction_no", "receipt_id",
            "transaction_number", "uuid", "id",
        ),
        "currency": ("currency_code", "iso_currency", "ccy"),
        "order_id": (
            "order_number", "order_no", "order_nr", "order_key", "order_ref", "order",
            "invoice_id", "invoice_number", "invoice_no", "invoice", "basket_id",
        ),
        "product": (
            "product_name", "product_title", "product_id", "product_code", "product_sku", "sku",
            "item_name", "item_id", "item_sku", "stock_code", "article_number",
        ),
        "channel": ("sales_channel", "order_channel"),
        "refund": (
            "refund_amount", "refunded_amount", "amount_refunded", "total_refunded", "refunded",
        ),
    },
    "customers": {
        "customer_id": (*_CUSTOMER, "id"),
        "signup": (
            "signup_date", "signed_up_at", "registered_at", "registration_date",
            "registered", "joined_at", "date_joined", "join_date", "member_since",
            "customer_since", "first_seen", "activated_at", "onboarded_at", "created_at",
            "created", "creation_date", "start_date",
        ),
    },
    "surveys": {
        "customer_id": _CUSTOMER,
        # A survey that was sent is not yet an answer.
        "timestamp": (*_ANSWERED, *(name for name in _MOMENT if name != "sent_at"), "sent_at"),
        "survey": (
            "survey_name", "survey_type", "survey_kind", "questionnaire", "instrument", "type",
            "kind",
        ),
        "score": ("rating", "answer", "response", "nps_score", "nps", "csat", "stars", "value"),
        "touchpoint": ("touch_point", "survey_touchpoint"),
        "comment": (
            "comments", "verbatim", "free_text", "feedback", "feedback_text", "remark", "remarks",
        ),
        "scale": ("score_scale", "rating_scale"),
        "sent": ("sent_at", "sent_on", "sent_date", "date_sent", "send_date", "invited_at"),
    },
    "links": {
        "actor_id": (
            "actor", "rep_id", "sales_rep_id", "salesperson_id",
            "account_manager_id", "partner_id", "reseller_id", "dealer_id", "agent_id",
            "advisor_id", "employee_id", "owner_id", "contact_id", "user_id",
        ),
        "customer_id": (
            "company_id", "organisation_id", "organization_id", *_CUSTOMER,
        ),
        "role": ("actor_role", "role_name", "relation", "relationship", "actor_type"),
        "from": (
            "valid_from", "from_date", "start_date", "started_at", "start", "since", "assigned_at",
        ),
        "to": ("valid_to", "to_date", "end_date", "ended_at", "end", "until", "unassigned_at"),
        "team": ("team_name", "team_id", "department", "region"),
    },
}  # fmt: skip
"""By table and input column, names that exports use for it, the most usual first."""


def plain_name(name: str) -> str:
    """Return the form in which usual names are compared: letters and digits, in one case.

    Examples
    --------
    >>> plain_name("userId") == plain_name("USER ID") == plain_name("$user_id")
    True
    """
    return "".join(each for each in name.casefold() if each.isalnum())


def usual_column(table: str, column: str, present: Collection[str]) -> str | None:
    """Return the column of a source that has a usual name of an input column; None without one.

    Parameters
    ----------
    table, column : str
        Input table and column, such as ``"events"`` and ``"customer_id"``.
    present : collection of str
        Columns of the source. The most usual name counts, then the order of the source.

    Examples
    --------
    >>> usual_column("events", "timestamp", ["Date", "createdAt", "uid"])
    'createdAt'
    >>> usual_column("events", "event_type", ["uid", "amount"]) is None
    True
    """
    written: dict[str, str] = {}
    for name in present:
        written.setdefault(plain_name(name), name)
    names = (column, *USUAL_NAMES.get(table, {}).get(column, ()))
    return next((written[plain] for plain in map(plain_name, names) if plain in written), None)


def likely_column(table: str, column: str, present: Collection[str]) -> str | None:
    """Return the column of a source that an input column could be: by a usual or a near name.

    Examples
    --------
    >>> likely_column("transactions", "margin", ["margn", "price"])
    'margn'
    >>> likely_column("transactions", "margin", ["price", "colour"]) is None
    True
    """
    return usual_column(table, column, present) or close_to(column, present)
