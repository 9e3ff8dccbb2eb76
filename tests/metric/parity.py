"""Tables of events with all that differs between readers, and the scores that they must give."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.usable_rows import NOT_IDS

HOSTILE = 'it\'s "a" `b` \\ <b>é</b>\n-- ; DROP TABLE x 日本'
AS_OF = dt.datetime(2024, 4, 1)
START = AS_OF - dt.timedelta(days=84)
MICROSECOND = dt.timedelta(microseconds=1)
MOMENTS = (
    None,
    dt.datetime(1970, 1, 1),
    dt.datetime(1989, 12, 31, 23, 59, 59, 999999),
    dt.datetime(1990, 1, 1),
    START - MICROSECOND,
    START,
    # New York's clocks skip from 2 to 3 at this hour: local times of a session do not exist.
    dt.datetime(2024, 3, 10, 2, 30),
    AS_OF - dt.timedelta(hours=3),
    AS_OF - MICROSECOND,
    AS_OF,
    AS_OF + dt.timedelta(hours=3),
)
ROWS = st.tuples(
    st.sampled_from(["a", "b", "c", None, "null", " ", "NaN"]),
    st.sampled_from(MOMENTS),
    st.sampled_from([HOSTILE, "review", "visit", "unseen", "", None]),
    st.sampled_from([None, "", "1", "2", "3", "4"]),
)
TABLES = st.lists(ROWS, min_size=1, max_size=25).map(
    # Without a usable row there is nothing to score.
    lambda rows: [*rows, ("d", START, "review", None)]
)
METRIC = EngagementMetric(
    "parity", "driver", 84, 84,
    (
        WeightedBehaviour(HOSTILE, 41.2, None, None, "frequency", "events",
                          Transform("log1p", 3.0, None, 7.0)),
        WeightedBehaviour("review", 33.3, None, None, "frequency", "events",
                          Transform("hill", 2.0, 1.5, 9.0)),
        WeightedBehaviour("visit", 25.5, None, None, "frequency", "events",
                          Transform("linear", None, None, 3.0)),
    ),
)  # fmt: skip
Row = tuple[str | None, dt.datetime | None, str | None, str | None]


def usable(row: Row) -> bool:
    customer, moment, event_type, _ = row
    return bool(
        customer is not None
        and customer.strip() not in NOT_IDS
        and moment is not None
        and moment >= dt.datetime(1990, 1, 1)
        and event_type
    )


def expected(rows: list[Row], customers: list[str] | None = None) -> dict[str, float]:
    """Scores by customer: by hand, row by row."""
    seen: set[str] = set()
    counts: dict[str, Counter[str]] = {name: Counter() for name in customers or ()}
    for customer, moment, event_type, event_id in sorted(
        (row for row in rows if usable(row)), key=lambda row: (row[1], row[0], row[2])
    ):
        if event_id and event_id in seen:
            continue
        seen.add(event_id or "")
        if moment >= AS_OF or (customers is not None and customer not in counts):
            continue
        mine = counts.setdefault(customer, Counter())
        mine[event_type] += moment >= START
    return {customer: points(mine) for customer, mine in counts.items()}


def points(counts: Counter[str]) -> float:
    first, second, third = (min(counts[b.behaviour], b.transform.cap) for b in METRIC.behaviours)
    return (
        41.2 * math.log1p(first / 3) / math.log1p(7 / 3)
        + 33.3 * second**1.5 / (second**1.5 + 2**1.5) * (9**1.5 + 2**1.5) / 9**1.5
        + 25.5 * third / 3
    )


def arrow(rows: list[Row], zone: str | None = None) -> pa.Table:
    """The rows as a table; with a zone, the same instants in it."""
    customer, moment, event_type, event_id = zip(*rows, strict=True)
    moments: Any = pa.array(moment, pa.timestamp("us"))
    if zone is not None:
        moments = moments.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us", zone))
    return pa.table(
        {
            "customer_id": pa.array(customer, pa.string()),
            "timestamp": moments,
            "event_type": pa.array(event_type, pa.string()),
            "event_id": pa.array(event_id, pa.string()),
        }
    )


def values_sql(rows: list[Row], types: tuple[str, ...]) -> str:
    """The rows as ``VALUES``, each cast to its type; moments are written in UTC."""
    return ",\n".join(
        "(" + ", ".join(
            f"CAST({_literal(value, of_type)} AS {of_type})"
            for value, of_type in zip(row, types, strict=True)
        ) + ")"
        for row in rows
    )  # fmt: skip


def _literal(value: object, of_type: str) -> str:
    if value is None:
        return "NULL"
    zone = "+00" if of_type == "TIMESTAMPTZ" else ""
    return "'" + str(value).replace("'", "''") + zone + "'"
