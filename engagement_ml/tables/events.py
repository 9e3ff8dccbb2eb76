"""The events: read once into their daily ledger, which tells what was left out and what is kept."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from engagement_ml.engine import Engine
from engagement_ml.errors import InputError, NotEnoughDataError
from engagement_ml.tables.checks import check_types, check_values, latest
from engagement_ml.tables.keep import (
    AFTER_TRANSACTIONS,
    REPEATED,
    Dropped,
    Kept,
    TableQuality,
    canonical,
    fingerprint,
    nothing_left,
    without_helpers,
)
from engagement_ml.tables.ledger import AMOUNTS, daily
from engagement_ml.tables.repeats import mark_repeats
from engagement_ml.tables.schema import Opened, quoted

REASONS = (
    ("null customer_id", '"customer_id" IS NULL'),
    ("null timestamp", '"day" IS NULL'),
    ("null event_type", '"event_type" IS NULL'),
    (REPEATED, '"repeated_"'),
)


@dataclass(frozen=True)
class KeptEvents(Kept):
    """Events as they are kept, and the name of their daily ledger in the engine."""

    ledger: str


def read_events(engine: Engine, one: Opened, *, integer_ids: bool, end: dt.date) -> KeptEvents:
    """Make the daily ledger of the events, in one pass over the columns it needs.

    What a first pass would check is checked on the way: a number that does not fit stops the
    pass, nulls, repeats and late events are rows of the ledger that are counted and left out.

    Parameters
    ----------
    end : date
        Events at or after it are left out.

    Raises
    ------
    InputError
        Where a value does not fit; see ``check_values``.
    NotEnoughDataError
        Where nothing is left.
    """
    guarded = not any(one.is_text(c) for c, kind in one.known() if kind not in ("id", "text"))
    if guarded:
        check_types(one)
    else:
        check_values(engine, one)
    source = canonical(engine, one, integer_ids=integer_ids, guarded=guarded)
    if one.has("event_id"):
        source = mark_repeats(engine, one, source, [column for column, _ in one.known()])
    try:
        raw = engine.persist_as(daily(engine.scan(source)), reading=one.label)
    except InputError:
        # Whatever stopped the pass, this names the row where it can.
        check_values(engine, one)
        raise
    reasons = [*REASONS, (AFTER_TRANSACTIONS, f"\"day\" >= DATE '{end}'")]
    case = " ".join(f"WHEN {condition} THEN {i}" for i, (_, condition) in enumerate(reasons))
    marked = f"SELECT *, CASE {case} END AS reason_ FROM {quoted(raw)}"
    quality, rows = _look_over(engine, one, marked, [reason for reason, _ in reasons])
    helpers = ["reason_", "repeated_", *(f"n_{c}" for c in AMOUNTS if one.has(c))]
    ledger = engine.view(
        f"SELECT * EXCLUDE ({', '.join(helpers)}) FROM ({marked}) WHERE reason_ IS NULL",
        reading=one.label,
    )
    return KeptEvents(
        view=_kept_rows(engine, one, source, end),
        quality=quality,
        counts={row[1]: int(row[2]) for row in rows},
        amounts={
            column: tuple(row[1] for row in rows if row[i])
            for i, column in enumerate((c for c in AMOUNTS if one.has(c)), 7)
        },
        ledger=ledger,
    )


def _look_over(
    engine: Engine, one: Opened, marked: str, reasons: list[str]
) -> tuple[TableQuality, list[tuple[Any, ...]]]:
    """Return what was read and kept, and a row per event type of what was kept."""
    amounts = [c for c in AMOUNTS if one.has(c)]
    hashed = ", ".join(["customer_id", "event_type", "day", "n", "first", "last", *amounts])
    counted = "".join(f", sum(n_{column})" for column in amounts)
    rows = engine.query(
        f"SELECT reason_, event_type, sum(n), min(first), max(last), sum(hash({hashed})), "
        f"bit_xor(hash({hashed})){counted} FROM ({marked}) GROUP BY 1, 2 ORDER BY 1, 2",
        reading=one.label,
    )
    if any(row[4] is not None and row[4] > latest() for row in rows):
        check_values(engine, one)
    kept = [row for row in rows if row[0] is None]
    read, n_kept = (int(sum(row[2] for row in some)) for some in (rows, kept))
    counts = [int(sum(row[2] for row in rows if row[0] == i)) for i in range(len(reasons))]
    dropped = tuple(Dropped(reason, n) for reason, n in zip(reasons, counts, strict=True) if n)
    if not n_kept:
        raise NotEnoughDataError(nothing_left(one, read, dropped))
    quality = TableQuality(
        table=one.table,
        source=one.label,
        rows_read=read,
        rows_kept=n_kept,
        dropped=dropped,
        first=min(row[3] for row in kept),
        last=max(row[4] for row in kept),
        fingerprint=fingerprint((column for column, _ in one.known()), n_kept, kept),
    )
    return quality, kept


def _kept_rows(engine: Engine, one: Opened, source: str, end: dt.date) -> str:
    """Name a view of the rows that are kept, for what the ledger does not tell."""
    conditions = [f"{quoted(c)} IS NOT NULL" for c in ("customer_id", "timestamp", "event_type")]
    conditions.append(f"\"timestamp\" < TIMESTAMP '{end}'")
    names = engine.scan(source).collect_schema().names()
    if "repeated_" in names:
        conditions.append("NOT repeated_")
    return engine.view(
        f"SELECT {without_helpers(one)} FROM {quoted(source)} WHERE {' AND '.join(conditions)}",
        reading=one.label,
    )
