"""Partition builder: computes the ledger of each batch of files that the store lacks."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from engagement_ml.engine import DuckDBEngine
from engagement_ml.engine.files import parquet_sql
from engagement_ml.ledger.arrow import UnsupportedInputError, aggregate_files, read_integers
from engagement_ml.ledger.cache.batches import Batch
from engagement_ml.ledger.cache.partitions import Partition, listed_days
from engagement_ml.ledger.cache.store import Store
from engagement_ml.ledger.daily import aggregate_by_day, merge_ledgers
from engagement_ml.ledger.tallies import tally_ledger
from engagement_ml.ordered_map import ordered_map
from engagement_ml.tables.cleaning import canonical
from engagement_ml.tables.duplicates import (
    DUPLICATE_MARK,
    EventIds,
    Hashes,
    candidate_rows_sql,
    hashes_sql,
    intersect_sorted,
    is_duplicate_sql,
    register_hashes,
    sorted_hashes,
    unique_rows_sql,
)
from engagement_ml.tables.opening import open_files
from engagement_ml.tables.row_tally import RowTally
from engagement_ml.tables.schema import AMOUNTS, REQUIRED, SourceTable, quoted
from engagement_ml.tables.stitching import count_stitched


@dataclass(frozen=True)
class MarkedRows:
    """The rows of a batch with duplicates marked.

    Attributes
    ----------
    sql : str
        Query of the rows.
    fingerprint : str
        Changes with the marks; the batch's ledger depends on it.
    """

    sql: str
    fingerprint: str


@dataclass
class PartitionBuilder:
    """Builds partitions in a store, and records which files of the store are in use.

    Attributes
    ----------
    engine : DuckDBEngine
    table : SourceTable
    integer_ids : bool
        Whether ``customer_id`` is an integer, else text.
    store : Store
    definition : str
        Hash of the source and of the way it is read; part of every file's name.
    used : set of str
        Names of the files that this run uses; all others can be removed.
    """

    engine: DuckDBEngine
    table: SourceTable
    integer_ids: bool
    store: Store
    definition: str
    used: set[str] = field(default_factory=set)
    _views: dict[str, str] = field(default_factory=dict)

    @property
    def _as_stored(self) -> bool:
        """Whether the files hold customers and values as they are read."""
        return self.table.plain and self.table.identities is None

    def event_ids(self, batches: Sequence[Batch]) -> list[EventIds]:
        """Return the sorted hashes of each batch's event ids, computed if the store lacks them."""
        names = {batch.key: self._name("ids", "npy", batch.key) for batch in batches}
        missing = [batch for batch in batches if not self.store.has(names[batch.key])]

        def write(batch: Batch) -> EventIds | None:
            if not self.table.plain:
                return None
            try:
                integers = read_integers(batch.files, self.table.source_columns["event_id"])
                hashes = sorted_hashes(integers)
            except UnsupportedInputError:
                return None
            return self._write_ids(names[batch.key], hashes)

        written = ordered_map(write, missing, self.engine.threads)
        for batch, in_arrays in zip(missing, written, strict=True):
            ids = in_arrays
            if ids is None:
                hashes = self.engine.column(hashes_sql(self._view(batch)))
                ids = self._write_ids(names[batch.key], sorted_hashes([hashes]))
            self.store.put(names[batch.key], ids.plain())
        return [
            EventIds.read(self.store.path(name), self.store.entries[name])
            for name in names.values()
        ]

    def _write_ids(self, name: str, hashes: Hashes) -> EventIds:
        with self.store.new(name) as temporary, temporary.open("wb") as target:
            np.save(target, hashes)
        return EventIds.of(self.store.path(name), hashes)

    def mark_duplicates(
        self, batches: Sequence[Batch], hashes: Sequence[Hashes], duplicated: Hashes
    ) -> dict[str, MarkedRows]:
        """Return the marked rows of each batch that holds a duplicated id, by the batch's key.

        Rows of all batches that may share an id are compared together.
        """
        if not len(duplicated):
            return {}
        candidates = []
        for i, (batch, batch_hashes) in enumerate(zip(batches, hashes, strict=True)):
            here = intersect_sorted(duplicated, batch_hashes)
            if not len(here):
                continue
            name = self._name("rows", "parquet", batch.key, here.tobytes())
            if not self.store.has(name):
                registered = register_hashes(self.engine, here)
                sql = candidate_rows_sql(self._view(batch), registered)
                with self.store.new(name) as temporary:
                    self.engine.write(sql, temporary, source=self.table.label)
                self.store.put(name, {})
            candidates.append((i, batch, name))
        return self._compare(candidates, duplicated)

    def _compare(
        self, candidates: Sequence[tuple[int, Batch, str]], duplicated: Hashes
    ) -> dict[str, MarkedRows]:
        """Mark the duplicates among candidate rows: (number of the batch, batch, stored file)."""
        label = self.table.label
        columns = [column for column, _ in self.table.column_kinds()]
        rows = " UNION ALL BY NAME ".join(
            f"SELECT *, {i} AS batch_ FROM {self._read(name)}" for i, _, name in candidates
        )
        is_duplicate = is_duplicate_sql(self.table, columns, ["batch_"])
        marked = self.engine.table(
            f"SELECT *, {is_duplicate} AS {DUPLICATE_MARK} FROM ({rows})", source=label
        )
        hashes = register_hashes(self.engine, duplicated)
        hashed = ", ".join((*map(quoted, columns), DUPLICATE_MARK))
        fingerprints = dict(
            self.engine.query(
                f"SELECT batch_, sum(hash({hashed})) FROM {quoted(marked)} GROUP BY 1",
                source=label,
            )
        )
        return {
            batch.key: MarkedRows(
                f"{unique_rows_sql(self._view(batch), hashes)} UNION ALL BY NAME "
                f"SELECT * EXCLUDE (batch_) FROM {quoted(marked)} WHERE batch_ = {i}",
                str(fingerprints[i]),
            )
            for i, batch, _ in candidates
        }

    def partitions(
        self, batches: Sequence[Batch], marked: Mapping[str, MarkedRows]
    ) -> Iterator[Partition]:
        """Yield the partition of each batch, computed if the store lacks it.

        Files that the array code supports are aggregated in arrays, several batches at a time;
        the engine aggregates the others.
        """
        marks = [marked.get(batch.key) for batch in batches]
        names = [
            self._name("ledger", "parquet", batch.key, *([mark.fingerprint] if mark else []))
            for batch, mark in zip(batches, marks, strict=True)
        ]
        columns = [c for c in (*REQUIRED["events"], *AMOUNTS) if self.table.has(c)]
        source_columns = {column: self.table.source_columns[column] for column in columns}

        def write(i: int) -> pa.Table | None:
            if marks[i] is not None or self.store.has(names[i]) or not self._as_stored:
                return None
            try:
                with self.store.new(names[i]) as temporary:
                    return aggregate_files(
                        batches[i].files, source_columns, temporary, integer_ids=self.integer_ids
                    )
            except UnsupportedInputError:
                return None

        written = ordered_map(write, range(len(batches)), self.engine.threads)
        for batch, mark, name, ledger in zip(batches, marks, names, written, strict=True):
            if not self.store.has(name):
                self._enter(batch, mark, name, ledger)
            entry = self.store.entries[name]
            yield Partition(
                self.store.path(name),
                tuple(dt.date.fromisoformat(day) for day in entry["days"]),
                tuple(RowTally.read(tally) for tally in entry["lines"]),
                partial(self.rows, batch, mark),
                batch.files if mark is None and self._as_stored else (),
                tuple(entry.get("stitched", ())),
            )

    def _enter(
        self, batch: Batch, mark: MarkedRows | None, name: str, ledger: pa.Table | None
    ) -> None:
        """Add a ledger to the manifest; the engine computes it if the arrays did not."""
        if ledger is not None:
            # Tallying the table in memory saves reading its file.
            with self.engine.registered(ledger) as registered:
                entry = self._manifest_entry(batch, quoted(registered))
        else:
            rows = self.engine.scan(self.rows(batch, mark))
            with self.store.new(name) as temporary:
                sql = aggregate_by_day(rows).to_native().sql_query()
                self.engine.write(sql, temporary, source=self.table.label)
            entry = self._manifest_entry(batch, self._read(name))
        self.store.put(name, entry)

    def _manifest_entry(self, batch: Batch, ledger: str) -> dict[str, Any]:
        """Return the files, days and tallies of a ledger, for use without reading it."""
        days = self.engine.query(
            # Days before year 1 are dropped later, and Python's calendar does not have them.
            "SELECT DISTINCT greatest(least(day, DATE '9999-12-31'), DATE '0001-01-01') AS day "
            f"FROM {ledger} WHERE day IS NOT NULL ORDER BY 1",
            source=self.table.label,
        )
        stitched = (
            {"stitched": count_stitched(self.engine, self._opened(batch)).plain()}
            if self.table.identities is not None
            else {}
        )
        return stitched | {
            "files": [str(file) for file in batch.files],
            "days": [str(row[0]) for row in days],
            "lines": [tally.plain() for tally in tally_ledger(self.engine, self.table, ledger)],
        }

    def rows(self, batch: Batch, marked: MarkedRows | None) -> str:
        """Return the name of a view of a batch's rows, with duplicates marked."""
        if marked is None:
            return self._view(batch)
        return self.engine.view(marked.sql, source=self.table.label)

    def merge_shared(self, partitions: Sequence[Partition], days: Sequence[dt.date]) -> Path:
        """Return the merged ledger of the days that several partitions hold."""
        label = self.table.label
        name = self._name("shared", "parquet", *(partition.file.name for partition in partitions))
        if not self.store.has(name):
            view = self.engine.files([partition.file for partition in partitions], source=label)
            rows = f"SELECT * FROM {quoted(view)} WHERE day IN ({listed_days(days)})"
            ledgers = self.engine.scan(self.engine.view(rows, source=label))
            sql = merge_ledgers(ledgers).to_native().sql_query()
            with self.store.new(name) as temporary:
                self.engine.write(sql, temporary, source=label)
            self.store.put(name, {})
        return self.store.path(name)

    def _view(self, batch: Batch) -> str:
        """Return the name of a view of a batch's rows in canonical types."""
        if batch.key not in self._views:
            self._views[batch.key] = canonical(
                self.engine, self._opened(batch), integer_ids=self.integer_ids, guarded=True
            )
        return self._views[batch.key]

    def _opened(self, batch: Batch) -> SourceTable:
        return open_files(self.engine, self.table, batch.files)

    def _read(self, name: str) -> str:
        return f"({parquet_sql([self.store.path(name)], by_name=False)})"

    def _name(self, kind: str, suffix: str, *dependencies: str | bytes) -> str:
        """Return the content-addressed name of a file, and record that it is in use."""
        digest = hashlib.sha256(self.definition.encode())
        for dependency in dependencies:
            encoded = dependency.encode() if isinstance(dependency, str) else dependency
            digest.update(b"|" + encoded)
        name = f"{kind}-{digest.hexdigest()[:32]}.{suffix}"
        self.used.add(name)
        return name
