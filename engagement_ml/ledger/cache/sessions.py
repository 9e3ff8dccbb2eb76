"""The sessions of many files: made part by part, kept, and made again only where parts changed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import narwhals as nw

from engagement_ml.engine import DuckDBEngine
from engagement_ml.ledger.arrow.reading import UnfitError
from engagement_ml.ledger.arrow.sessions import write_sessions
from engagement_ml.ledger.cache.events import OnPart, hold_store
from engagement_ml.ledger.cache.partitions import Part, Parts
from engagement_ml.ledger.events import KeptEvents
from engagement_ml.ledger.sessions import (
    VERSION,
    SessionRule,
    sessions_by_day,
    visits,
)
from engagement_ml.ordered_map import ordered_map
from engagement_ml.tables.schema import REQUIRED, SESSION_COLUMNS

MOST_EVENTS = 16_000_000
"""So many events of days that several parts hold are put in order at a time, or one day's."""


def read_sessions(
    engine: DuckDBEngine,
    events: KeptEvents,
    rule: SessionRule,
    *,
    end: dt.date,
    keep: Path | None = None,
    on_part: OnPart | None = None,
) -> nw.LazyFrame[Any]:
    """Return the sessions per entity and day, in a second pass over the events that are kept.

    Those of large files are made part by part and kept for the next run; see
    ``sessions_of_parts``.
    """
    label = events.quality.source
    if events.made is None:
        made = sessions_by_day(visits(engine.scan(events.view), rule), rule.gap)
        return engine.scan(engine.persist_as(made, source=label))
    return sessions_of_parts(
        engine, events.made, rule, label=label, end=end, keep=keep, on_part=on_part
    )


def sessions_of_parts(
    engine: DuckDBEngine,
    parts: Parts,
    rule: SessionRule,
    *,
    label: str,
    end: dt.date,
    keep: Path | None,
    on_part: OnPart | None = None,
) -> nw.LazyFrame[Any]:
    """Return the sessions per entity and day, of parts whose sessions are not kept made anew.

    A day that only one part holds is that part's own. The sessions of the other days are made of
    the rows of all parts that hold them, a few days at a time.

    Parameters
    ----------
    engine : Engine
    parts : Parts
    rule : SessionRule
    label : str
        What messages call the source.
    end : date
        Days from it on are left out.
    keep : path or None
        Where to keep it; without it, until the engine is closed.
    on_part : callable, optional
        Told how many parts are done, of how many.

    Returns
    -------
    LazyFrame
        As ``sessions_by_day``.

    Raises
    ------
    InputError
        Where a file cannot be read.
    """
    told = json.dumps([VERSION, parts.source, asdict(rule)])
    definition = hashlib.sha256(told.encode()).hexdigest()
    store = hold_store(engine, keep, f"sessions-{definition[:16]}")
    shared = set(parts.shared_days)
    own = [part for part in parts.parts if not shared.issuperset(part.days)]
    chunks = _chunks(engine, parts, label)
    used: list[str] = []

    def write(part: Part) -> bool:
        """Make the sessions of a part in arrays, where its files allow it."""
        name = _name(definition, [part])
        if store.has(name) or not part.files or any(c in parts.theirs for c in SESSION_COLUMNS):
            return False
        names = {column: parts.theirs[column] for column in REQUIRED["events"]}
        try:
            with store.new(name) as aside:
                write_sessions(part.files, names, rule, aside, integer_ids=parts.integer_ids)
        except UnfitError:
            return False
        return True

    def make(
        holders: Sequence[Part], days: Sequence[dt.date] | None = None, *, done: bool = False
    ) -> Path:
        name = _name(definition, holders, days or ())
        used.append(name)
        if not store.has(name):
            if not done:
                rows = [visits(engine.scan(part.rows()), rule, days) for part in holders]
                made = sessions_by_day(rows[0] if len(rows) == 1 else nw.concat(rows), rule.gap)
                with store.new(name) as aside:
                    engine.write(made.to_native().sql_query(), aside, source=label)
            store.put(name, {})
        if on_part is not None:
            on_part(len(used), len(own) + len(chunks))
        return store.path(name)

    written = ordered_map(write, own, engine.threads)
    of_parts = [make([part], done=done) for part, done in zip(own, written, strict=True)]
    of_chunks = []
    for days in chunks:
        holders = [part for part in parts.parts if not set(days).isdisjoint(part.days)]
        of_chunks.append(make(holders, days))
    store.retain(set(used))
    found = []
    if of_parts:
        every = engine.scan(engine.files(of_parts, source=label))
        if parts.shared_days:
            others = engine.small({"day": list(parts.shared_days)})
            every = every.join(others, on="day", how="anti")
        found.append(every)
    if of_chunks:
        found.append(engine.scan(engine.files(of_chunks, source=label)))
    return (nw.concat(found) if len(found) > 1 else found[0]).filter(nw.col("day") < end)


def _chunks(engine: DuckDBEngine, parts: Parts, label: str) -> list[list[dt.date]]:
    """Put the days that several parts hold into groups, whose bounds further days leave alone."""
    if parts.shared is None:
        return []
    ledger = engine.scan(engine.files([parts.shared], source=label))
    events = max(1, int(ledger.select(nw.col("n").sum()).collect("pyarrow").item()))
    width = 1
    while 2 * width * events <= MOST_EVENTS * len(parts.shared_days):
        width *= 2
    return [list(days) for _, days in groupby(parts.shared_days, lambda d: d.toordinal() // width)]


def _name(definition: str, parts: Sequence[Part], days: Sequence[dt.date] = ()) -> str:
    told = hashlib.sha256(definition.encode())
    for each in (*(part.file.name for part in parts), *map(str, days)):
        told.update(f"|{each}".encode())
    return f"sessions-{told.hexdigest()[:32]}.parquet"
