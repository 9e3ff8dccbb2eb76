"""The events: read once into their daily ledger, which tells what was left out and what is kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import InputError, NotEnoughDataError
from engagement_ml.ledger.cache.events import OnPart, make_parts, whole, worth_keeping
from engagement_ml.ledger.cache.partitions import Parts
from engagement_ml.ledger.daily import AMOUNTS, REPEATED, daily
from engagement_ml.ledger.tallies import Line, add_up, marked, reasons, summarise
from engagement_ml.tables.cleaning import (
    Dropped,
    Kept,
    TableQuality,
    canonical,
    fingerprint,
    nothing_left,
    without_helpers,
)
from engagement_ml.tables.duplicates import mark_repeats, repeated_hashes
from engagement_ml.tables.schema import REQUIRED, Opened, quoted
from engagement_ml.tables.validation import check_types, check_values, latest


@dataclass(frozen=True)
class LedgerPart:
    """A part of the ledger of large files.

    Attributes
    ----------
    name : str
        Tells the content.
    first : date
        Its first day.
    """

    name: str
    first: dt.date


@dataclass(frozen=True)
class KeptEvents(Kept):
    """Events as they are kept, the name of their daily ledger in the engine, and its parts."""

    ledger: str
    parts: tuple[LedgerPart, ...]
    made: Parts | None


def read_events(
    engine: DuckDBEngine,
    one: Opened,
    *,
    integer_ids: bool,
    end: dt.date,
    keep: Path | None = None,
    on_part: OnPart | None = None,
) -> KeptEvents:
    """Make the daily ledger of the events, in one pass over the columns it needs.

    What a first pass would check is checked on the way: a number that does not fit stops the
    pass, nulls, repeats and late events are rows of the ledger that are counted and left out.

    Parameters
    ----------
    end : date
        Events at or after it are left out.
    keep : path, optional
        Where the ledger of large files is kept for the next run.
    on_part : callable, optional
        Told how many parts of large files are done, of how many.

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
    columns = [column for column, _ in one.known()]
    parts: Parts | None = None
    try:
        if guarded and worth_keeping(one):
            parts = make_parts(engine, one, integer_ids=integer_ids, keep=keep, on_part=on_part)
            suspects = parts.suspects
            raw = whole(engine, parts, one.label)
            lines = _lines_of_parts(engine, one, parts, raw, end)
        else:
            suspects = repeated_hashes(engine, one, source)
            marked_rows = mark_repeats(engine, one, source, columns, suspects)
            raw = engine.persist_as(daily(engine.scan(marked_rows)), source=one.label)
            lines = summarise(engine, one, quoted(raw), end)
    except InputError:
        # Whatever stopped the pass, this names the row where it can.
        check_values(engine, one)
        raise
    if any(line.last is not None and line.last > latest() for line in lines):
        check_values(engine, one)
    kept = [line for line in lines if line.reason is None]
    helpers = [REPEATED, *(f"n_{c}" for c in AMOUNTS if one.has(c))]
    rows = quoted(raw)
    if len(kept) < len(lines):
        # Where nothing is left out, asking each row again would cost a tenth of the features.
        rows = f"(SELECT * EXCLUDE (reason_) FROM ({marked(rows, end)}) WHERE reason_ IS NULL)"
    ledger = engine.view(f"SELECT * EXCLUDE ({', '.join(helpers)}) FROM {rows}", source=one.label)
    kept_rows = mark_repeats(engine, one, source, columns, suspects)
    return KeptEvents(
        view=_kept_rows(engine, one, kept_rows, end, repeats=kept_rows != source),
        quality=quality_of(one, lines, [reason for reason, _ in reasons(end)]),
        counts={str(line.event_type): line.rows for line in kept},
        amounts={
            column: tuple(str(line.event_type) for line in kept if line.amounts[i])
            for i, column in enumerate(c for c in AMOUNTS if one.has(c))
        },
        ledger=ledger,
        parts=() if parts is None else _named(parts),
        made=parts,
    )


def _named(parts: Parts) -> tuple[LedgerPart, ...]:
    found = tuple(LedgerPart(p.file.name, p.days[0]) for p in parts.parts if p.days)
    if parts.shared is None:
        return found
    return (*found, LedgerPart(parts.shared.name, parts.shared_days[0]))


def _lines_of_parts(
    engine: DuckDBEngine, one: Opened, parts: Parts, raw: str, end: dt.date
) -> list[Line]:
    """Return what the parts tell; only of those with late days is the ledger looked at again."""
    if parts.shared is not None:
        return summarise(engine, one, quoted(raw), end)
    lines: list[Line] = []
    for part in parts.parts:
        if part.days and part.days[-1] >= end:
            name = engine.files([part.file], source=one.label)
            lines += summarise(engine, one, quoted(name), end)
        else:
            lines += part.lines
    return add_up(lines)


def quality_of(one: Opened, lines: Sequence[Line], why: Sequence[str]) -> TableQuality:
    """Return what lines tell of a table; `why` are the reasons in their order.

    Raises
    ------
    NotEnoughDataError
        Where nothing is left.
    """
    kept = [line for line in lines if line.reason is None]
    read, n_kept = (sum(line.rows for line in some) for some in (lines, kept))
    counts = [sum(line.rows for line in lines if line.reason == i) for i in range(len(why))]
    dropped = tuple(Dropped(reason, n) for reason, n in zip(why, counts, strict=True) if n)
    if not n_kept:
        raise NotEnoughDataError(nothing_left(one, read, dropped))
    return TableQuality(
        table=one.table,
        source=one.label,
        rows_read=read,
        rows_kept=n_kept,
        dropped=dropped,
        first=min((line.first for line in kept if line.first is not None), default=None),
        last=max((line.last for line in kept if line.last is not None), default=None),
        fingerprint=fingerprint(
            (column for column, _ in one.known()),
            n_kept,
            [(line.total, line.mixed) for line in kept],
        ),
    )


def _kept_rows(
    engine: DuckDBEngine, one: Opened, source: str, end: dt.date, *, repeats: bool
) -> str:
    """Name a view of the rows that are kept, for what the ledger does not tell."""
    conditions = [f"{quoted(column)} IS NOT NULL" for column in REQUIRED["events"]]
    conditions += ["\"event_type\" <> ''", f"\"timestamp\" < TIMESTAMP '{end}'"]
    if repeats:
        conditions.append(f"NOT {REPEATED}")
    return engine.view(
        f"SELECT {without_helpers(one)} FROM {quoted(source)} WHERE {' AND '.join(conditions)}",
        source=one.label,
    )
