"""What a ledger tells of the rows it was made of: how many, of what, what is left out and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engagement_ml.engine import DuckDBEngine
from engagement_ml.ledger.daily import AMOUNTS
from engagement_ml.tables.cleaning import AFTER_TRANSACTIONS, REPEATED
from engagement_ml.tables.schema import Opened

REASONS = (
    ("null customer_id", '"customer_id" IS NULL'),
    ("null timestamp", '"day" IS NULL'),
    ("null event_type", "coalesce(\"event_type\", '') = ''"),
    (REPEATED, '"repeated_"'),
)


@dataclass(frozen=True)
class Line:
    """What was left out for one reason, or kept (None), of one event type.

    Attributes
    ----------
    reason : int or None
        Its place among the reasons.
    event_type : str or None
    rows : int
    first, last : datetime or None
    total, mixed : int
        Sum and exclusive or of the ledger rows' hashes.
    amounts : tuple of int
        How many events have a value, a duration; as many as there are such columns.
    """

    reason: int | None
    event_type: str | None
    rows: int
    first: dt.datetime | None
    last: dt.datetime | None
    total: int
    mixed: int
    amounts: tuple[int, ...]

    def plain(self) -> list[Any]:
        """Return plain JSON types."""
        moments = [None if m is None else m.isoformat() for m in (self.first, self.last)]
        whole = [str(self.total), str(self.mixed)]
        return [self.reason, self.event_type, self.rows, *moments, *whole, list(self.amounts)]

    @classmethod
    def read(cls, plain: Sequence[Any]) -> Line:
        """Return the line that `plain` was made of."""
        reason, event_type, rows, first, last, total, mixed, amounts = plain
        whole = (int(total), int(mixed), tuple(amounts))
        return cls(reason, event_type, rows, _moment(first), _moment(last), *whole)


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def reasons(end: dt.date | None = None) -> list[tuple[str, str]]:
    """Return why a ledger's row is left out, and the condition in SQL; the first holds."""
    late = [] if end is None else [(AFTER_TRANSACTIONS, f"\"day\" >= DATE '{end}'")]
    return [*REASONS, *late]


def marked(rows: str, end: dt.date | None = None) -> str:
    """Return SQL for a ledger's rows with ``reason_``, null where they are kept."""
    case = " ".join(f"WHEN {condition} THEN {i}" for i, (_, condition) in enumerate(reasons(end)))
    return f"SELECT *, CASE {case} END AS reason_ FROM {rows}"


def summarise(
    engine: DuckDBEngine, one: Opened, rows: str, end: dt.date | None = None
) -> list[Line]:
    """Return a line per reason and event type of the ledger that SQL calls `rows`."""
    amounts = [c for c in AMOUNTS if one.has(c)]
    hashed = ", ".join(["customer_id", "event_type", "day", "n", "first", "last", *amounts])
    counted = "".join(f", sum(n_{column})" for column in amounts)
    found = engine.query(
        f"SELECT reason_, event_type, sum(n), min(first), max(last), sum(hash({hashed})), "
        f"bit_xor(hash({hashed})){counted} FROM ({marked(rows, end)}) "
        "GROUP BY 1, 2 ORDER BY 1, 2",
        source=one.label,
    )
    return [
        Line(reason, kind, int(n), first, last, int(total), mixed, tuple(map(int, counts)))
        for reason, kind, n, first, last, total, mixed, *counts in found
    ]


def add_up(lines: Iterable[Line]) -> list[Line]:
    """Put lines of the same reason and event type together, in a stable order."""
    found: dict[tuple[Any, Any], Line] = {}
    for line in lines:
        key = (line.reason, line.event_type)
        found[key] = line if key not in found else _sum(found[key], line)
    known = sorted(found, key=lambda key: tuple((part is not None, part) for part in key))
    return [found[key] for key in known]


def _sum(one: Line, other: Line) -> Line:
    return Line(
        one.reason,
        one.event_type,
        one.rows + other.rows,
        min((m for m in (one.first, other.first) if m is not None), default=None),
        max((m for m in (one.last, other.last) if m is not None), default=None),
        one.total + other.total,
        one.mixed ^ other.mixed,
        tuple(a + b for a, b in zip(one.amounts, other.amounts, strict=True)),
    )
