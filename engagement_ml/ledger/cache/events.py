"""The ledger of many files: made batch by batch, kept, and made again only where files changed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from engagement_ml.engine import DuckDBEngine
from engagement_ml.ledger.cache.batches import find_batches
from engagement_ml.ledger.cache.partitions import Making, Part, Parts, listed_days
from engagement_ml.ledger.cache.store import Store, open_store
from engagement_ml.ledger.daily import VERSION
from engagement_ml.tables.duplicates import apart, repeated_among
from engagement_ml.tables.schema import Opened, quoted

KEEP_FROM = 64_000_000
"""Bytes of files from which on a ledger is kept: less is read again in under a second."""
OnPart = Callable[[int, int], None]


def worth_keeping(one: Opened) -> bool:
    """Return whether a source is of files, and large enough."""
    return sum(file.stat().st_size for file in one.files) >= KEEP_FROM


def make_parts(
    engine: DuckDBEngine,
    one: Opened,
    *,
    integer_ids: bool,
    keep: Path | None,
    on_part: OnPart | None = None,
) -> Parts:
    """Make the ledger of each batch of files that is not kept yet, or has changed.

    Parameters
    ----------
    keep : path or None
        Where to keep it; without it, until the engine is closed.
    on_part : callable, optional
        Told how many batches are done, of how many.

    Raises
    ------
    InputError
        Where a file cannot be read, or a number does not fit.
    """
    definition = _definition(engine, one, integer_ids)
    store = hold_store(engine, keep, f"events-{definition[:16]}")
    known = [tuple(told["files"]) for told in store.entries.values() if "files" in told]
    batches = find_batches(one.files, known)
    work = Making(engine, one, integer_ids, store, definition)
    ids = work.ids(batches) if one.has("event_id") else []
    hashes = [] if apart(ids) else [each.load() for each in ids]
    suspects = repeated_among(hashes)
    repeats = work.repeats(batches, hashes, suspects)
    parts = []
    for part in work.parts(batches, repeats):
        parts.append(part)
        if on_part is not None:
            on_part(len(parts), len(batches))
    shared_days = _in_several(parts)
    shared = work.shared(parts, shared_days) if shared_days else None
    store.retain(work.used)
    return Parts(tuple(parts), shared, shared_days, suspects, definition, one.theirs, integer_ids)


def whole(engine: DuckDBEngine, parts: Parts, label: str) -> str:
    """Name a view over the ledgers of all parts, one row a customer, event type and day."""
    view = engine.files([part.file for part in parts.parts], source=label)
    if parts.shared is None:
        return view
    shared = engine.files([parts.shared], source=label)
    days = listed_days(parts.shared_days)
    return engine.view(
        f"SELECT * FROM {quoted(view)} WHERE day IS NULL OR day NOT IN ({days}) "
        f"UNION ALL BY NAME SELECT * FROM {quoted(shared)}",
        source=label,
    )


def hold_store(engine: DuckDBEngine, keep: Path | None, name: str) -> Store:
    """Open a store until the engine is closed; one of its own where it cannot have that."""
    if keep is not None:
        store = engine.hold(open_store(keep / name))
        if store is not None:
            return store
    own: AbstractContextManager[Store | None] = open_store(engine.scratch() / name)
    store = engine.hold(own)
    assert store is not None
    return store


def _definition(engine: DuckDBEngine, one: Opened, integer_ids: bool) -> str:
    version = engine.query("SELECT version()", source="DuckDB")[0][0]
    told = [VERSION, version, one.label, one.types, one.theirs, integer_ids]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _in_several(parts: Sequence[Part]) -> tuple[dt.date, ...]:
    seen: set[dt.date] = set()
    several: set[dt.date] = set()
    for part in parts:
        several |= seen.intersection(part.days)
        seen.update(part.days)
    return tuple(sorted(several))
