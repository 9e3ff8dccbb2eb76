"""Random rows of events of all kinds, dense enough that ties, moves and overlaps happen."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

Row = dict[str, Any]
HOUR = dt.timedelta(hours=1)
START = dt.datetime(2024, 1, 1)
HISTORY = (dt.date(2024, 1, 1), dt.date(2024, 4, 10))
CHANNELS = ("app", "web", None)
SECTIONS = ("blog", "shop", None)
PLAIN = (
    "page_view", "login", "share", "complaint", "mention", "referral", "project_finished",
    "feature_used", "watch", "subscribed", "unsubscribed", "churned",
)  # fmt: skip
LINKED = (
    "add_to_cart", "checkout_completed", "email_delivered", "email_opened", "email_clicked",
    "ticket_opened", "ticket_answered", "call_booked",
)  # fmt: skip
VISITS = ("appointment_booked", "appointment_moved", "appointment_attended",
          "appointment_cancelled_by_provider")  # fmt: skip


def random_events(seed: int, n: int = 500, customers: int = 7) -> list[Row]:
    """Return events of about a hundred days, half of them bunched into few hours."""
    rng = random.Random(seed)
    rows = []
    for _ in range(n):
        hours = rng.randrange(24 * 100) if rng.random() < 0.5 else 24 * rng.randrange(100) + 9
        minutes = rng.choice((0, 0, 10, 25, 30, 45))
        event_type = rng.choice((*PLAIN, *LINKED, *VISITS, "refill", "email_delivered"))
        row: Row = {
            "customer_id": f"c{rng.randrange(customers)}",
            "timestamp": START + hours * HOUR + dt.timedelta(minutes=minutes),
            "event_type": event_type,
            "channel": rng.choice(CHANNELS),
            "section": rng.choice(SECTIONS),
            "direction": "outbound" if event_type == "email_delivered" else None,
            "session_id": rng.choice(("s1", "s2", None)),
            "object": rng.choice(("reports", "search", None)),
            "ref": None,
            "due": None,
            "value": None,
            "duration_seconds": None,
        }
        rows.append(row | _amounts(rng, event_type))
    return rows


def _amounts(rng: random.Random, event_type: str) -> Row:
    if event_type in LINKED:
        return {"ref": rng.choice(("r1", "r2", "r3", "r4", None))}
    if event_type in VISITS:
        due = START + dt.timedelta(days=rng.randrange(100), hours=rng.randrange(24))
        return {"ref": rng.choice(("a1", "a2", "a3", None)), "due": rng.choice((due, due, None))}
    if event_type == "refill":
        return {"value": rng.choice((5.0, 10.0, 30.0, 0.0, None))}
    if event_type == "watch":
        seconds = rng.choice((30.0, 90.5, None))
        return {"duration_seconds": seconds, "value": rng.choice((60.0, 0.0, None))}
    return {}


def random_transactions(seed: int, n: int = 40, customers: int = 7) -> list[Row]:
    """Return transactions of the same customers; the last one ends the history."""
    rng = random.Random(1000 + seed)
    rows = [
        {
            "customer_id": f"c{rng.randrange(customers)}",
            "timestamp": START + rng.randrange(24 * 100) * HOUR,
            "margin": float(rng.randrange(-5, 50)),
        }
        for _ in range(n)
    ]
    return rows


def random_customers(seed: int, customers: int = 7) -> list[Row]:
    """Return sign-ups; one customer has none."""
    rng = random.Random(2000 + seed)
    return [
        {
            "customer_id": f"c{i}",
            "signup": START + rng.randrange(24 * 95) * HOUR if i else None,
        }
        for i in range(customers)
    ]
