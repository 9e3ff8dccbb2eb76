"""Cached ledger of many files: built by batch, rebuilt only for files that changed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from engagement_ml.engine import DuckDBEngine
from engagement_ml.ledger.cache.batches import find_batches
from engagement_ml.ledger.cache.builder import PartitionBuilder
from engagement_ml.ledger.cache.partitions import (
    OnPart,
    Partition,
    PartitionedLedger,
    listed_days,
)
from engagement_ml.ledger.cache.store import hold_store
from engagement_ml.ledger.daily import VERSION
from engagement_ml.tables.duplicates import are_disjoint, duplicated_among
from engagement_ml.tables.schema import SourceTable, quoted

MIN_CACHED_BYTES = 64_000_000
"""Smallest size of files whose ledger is cached: smaller files are read again within a second."""


def is_large(table: SourceTable) -> bool:
    """Return whether a source consists of files that are large enough to cache their ledger."""
    return sum(file.stat().st_size for file in table.files) >= MIN_CACHED_BYTES


def partition_events(
    engine: DuckDBEngine,
    table: SourceTable,
    *,
    integer_ids: bool,
    keep: Path | None,
    on_part: OnPart | None = None,
) -> PartitionedLedger:
    """Build the partitions of batches that are not cached or have changed.

    Parameters
    ----------
    engine : DuckDBEngine
    table : SourceTable
        With `files`.
    integer_ids : bool
        Whether ``customer_id`` is an integer, else text.
    keep : path or None
        Folder of the cache; without it, partitions are kept until the engine is closed.
    on_part : callable, optional
        Called with the number of batches that are done, and of all batches.

    Raises
    ------
    InputError
        If a file cannot be read, or a number does not fit.
    """
    definition = _definition(engine, table, integer_ids)
    store = hold_store(engine, keep, f"events-{definition[:16]}")
    previous = [tuple(entry["files"]) for entry in store.entries.values() if "files" in entry]
    batches = find_batches(table.files, previous)
    # The folder stays the same if the identities change, so that their old ledgers are removed.
    identified = definition + (table.identities.fingerprint if table.identities else "")
    builder = PartitionBuilder(engine, table, integer_ids, store, identified)
    ids = builder.event_ids(batches) if table.has("event_id") else []
    hashes = [] if are_disjoint(ids) else [batch_ids.load() for batch_ids in ids]
    duplicated = duplicated_among(hashes)
    marked = builder.mark_duplicates(batches, hashes, duplicated)
    partitions = []
    for partition in builder.partitions(batches, marked):
        partitions.append(partition)
        if on_part is not None:
            on_part(len(partitions), len(batches))
    shared_days = _in_several(partitions)
    shared = builder.merge_shared(partitions, shared_days) if shared_days else None
    store.retain(builder.used)
    return PartitionedLedger(
        tuple(partitions),
        shared,
        shared_days,
        duplicated,
        definition,
        table.source_columns,
        integer_ids,
    )


def union_view(engine: DuckDBEngine, ledger: PartitionedLedger, label: str) -> str:
    """Return the name of a view over all partitions: one row per customer, event type and day."""
    view = engine.files([partition.file for partition in ledger.partitions], source=label)
    if ledger.shared is None:
        return view
    shared = engine.files([ledger.shared], source=label)
    days = listed_days(ledger.shared_days)
    return engine.view(
        f"SELECT * FROM {quoted(view)} WHERE day IS NULL OR day NOT IN ({days}) "
        f"UNION ALL BY NAME SELECT * FROM {quoted(shared)}",
        source=label,
    )


def _definition(engine: DuckDBEngine, table: SourceTable, integer_ids: bool) -> str:
    """Return a hash of what partitions depend on, except the files."""
    version = engine.query("SELECT version()", source="DuckDB")[0][0]
    parts = [VERSION, version, table.label, table.types, table.source_columns, integer_ids]
    if not table.plain:
        parts.append(repr((table.notation, table.projection and table.projection.definition)))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _in_several(partitions: Sequence[Partition]) -> tuple[dt.date, ...]:
    """Return the days that more than one partition holds, sorted."""
    seen: set[dt.date] = set()
    several: set[dt.date] = set()
    for partition in partitions:
        several |= seen.intersection(partition.days)
        seen.update(partition.days)
    return tuple(sorted(several))
