"""Parts of a large table of events: what a batch of its files is made into."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from engagement_ml.engine import DuckDBEngine
from engagement_ml.ledger.arrow.daily import write_daily
from engagement_ml.ledger.arrow.reading import UnfitError, integers_of
from engagement_ml.ledger.cache.batches import Batch
from engagement_ml.ledger.cache.store import Store
from engagement_ml.ledger.daily import AMOUNTS, daily, merged
from engagement_ml.ledger.tallies import Line, summarise
from engagement_ml.ordered_map import ordered_map
from engagement_ml.tables.cleaning import canonical
from engagement_ml.tables.duplicates import (
    Hashes,
    Ids,
    hashes_of,
    in_both,
    later,
    register_hashes,
    suspected,
    to_keep,
    unsuspected,
)
from engagement_ml.tables.schema import REQUIRED, Opened, open_part, quoted


@dataclass(frozen=True)
class Part:
    """One batch's ledger.

    Attributes
    ----------
    file : Path
        Its name tells the content.
    days : tuple of date
        Those it has rows of, sorted.
    lines : tuple of Line
        What it tells of the rows it was made of; late ones are not told apart.
    rows : callable
        Names a view of these rows, ``repeated_`` among its columns where some are repeats.
    files : tuple of Path
        What the rows are in; empty where some are repeats.
    """

    file: Path
    days: tuple[dt.date, ...]
    lines: tuple[Line, ...]
    rows: Callable[[], str]
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Parts:
    """The ledgers of all batches, and one of the days that several of them hold.

    Attributes
    ----------
    parts : tuple of Part
    shared : Path or None
        Ledger of the days that are in more than one part, put together.
    shared_days : tuple of date
    suspects : array of uint64
        Hashes of event ids that are there more than once.
    source : str
        Tells where the rows come from and how they are read.
    theirs : dict of column to what the files call it
    integer_ids : bool
    """

    parts: tuple[Part, ...]
    shared: Path | None
    shared_days: tuple[dt.date, ...]
    suspects: Hashes
    source: str
    theirs: Mapping[str, str]
    integer_ids: bool


@dataclass
class Making:
    """Makes what parts consist of, and notes which files of the store that took.

    Attributes
    ----------
    engine : DuckDBEngine
    one : Opened
    integer_ids : bool
    store : Store
    definition : str
        Tells where the rows come from and how they are read.
    """

    engine: DuckDBEngine
    one: Opened
    integer_ids: bool
    store: Store
    definition: str

    def __post_init__(self) -> None:
        self.used: set[str] = set()
        self._views: dict[str, str] = {}

    def ids(self, batches: Sequence[Batch]) -> list[Ids]:
        """Return the sorted hashes of each batch's event ids."""
        names = {batch.key: self._name("ids", "npy", batch.key) for batch in batches}
        missing = [batch for batch in batches if not self.store.has(names[batch.key])]

        def write(batch: Batch) -> Ids | None:
            try:
                kept = to_keep(integers_of(batch.files, self.one.theirs["event_id"]))
            except UnfitError:
                return None
            return self._write_ids(names[batch.key], kept)

        for batch, made in zip(
            missing, ordered_map(write, missing, self.engine.threads), strict=True
        ):
            ids = made
            if ids is None:
                hashes = self.engine.column(hashes_of(self._view(batch)))
                ids = self._write_ids(names[batch.key], to_keep([hashes]))
            self.store.put(names[batch.key], ids.plain())
        return [
            Ids.read(self.store.path(name), self.store.entries[name]) for name in names.values()
        ]

    def _write_ids(self, name: str, kept: Hashes) -> Ids:
        with self.store.new(name) as aside, aside.open("wb") as target:
            np.save(target, kept)
        return Ids.told(self.store.path(name), kept)

    def repeats(
        self, batches: Sequence[Batch], hashes: Sequence[Hashes], suspects: Hashes
    ) -> dict[str, tuple[str, str]]:
        """Return, for each batch with suspects, the name of their rows and what tells them.

        Rows of all batches that may share an id are looked at together; which of them are
        repeats, a batch's ledger depends on.
        """
        if not len(suspects):
            return {}
        files = []
        for i, (batch, own) in enumerate(zip(batches, hashes, strict=True)):
            here = in_both(suspects, own)
            if not len(here):
                continue
            name = self._name("rows", "parquet", batch.key, here.tobytes())
            if not self.store.has(name):
                known = register_hashes(self.engine, here)
                sql = suspected(self._view(batch), known)
                with self.store.new(name) as aside:
                    self.engine.write(sql, aside, source=self.one.label)
                self.store.put(name, {})
            files.append((i, batch, name))
        return self._resolve(files, suspects)

    def parts(
        self, batches: Sequence[Batch], repeats: Mapping[str, tuple[str, str]]
    ) -> Iterator[Part]:
        """Yield the ledger of each batch, made where it is not kept.

        In arrays, several at a time, where their files allow it; else the engine makes it.
        """
        marks = [repeats.get(batch.key) for batch in batches]
        names = [
            self._name("ledger", "parquet", batch.key, *(mark[1:] if mark else ()))
            for batch, mark in zip(batches, marks, strict=True)
        ]
        told = [c for c in (*REQUIRED["events"], *AMOUNTS) if self.one.has(c)]
        columns = {column: self.one.theirs[column] for column in told}

        def write(i: int) -> pa.Table | None:
            if marks[i] is not None or self.store.has(names[i]):
                return None
            try:
                with self.store.new(names[i]) as aside:
                    files = batches[i].files
                    return write_daily(files, columns, aside, integer_ids=self.integer_ids)
            except UnfitError:
                return None

        written = ordered_map(write, range(len(batches)), self.engine.threads)
        for batch, mark, name, ledger in zip(batches, marks, names, written, strict=True):
            if not self.store.has(name):
                self._enter(batch, mark, name, ledger)
            entry = self.store.entries[name]
            yield Part(
                self.store.path(name),
                tuple(dt.date.fromisoformat(day) for day in entry["days"]),
                tuple(Line.read(line) for line in entry["lines"]),
                partial(self.rows, batch, mark),
                batch.files if mark is None else (),
            )

    def _enter(
        self, batch: Batch, mark: tuple[str, str] | None, name: str, ledger: pa.Table | None
    ) -> None:
        """Enter a ledger into what is kept; make it where there is none."""
        if ledger is not None:
            # What is at hand need not be read again.
            with self.engine.registered(ledger) as registered:
                told = self._told(batch, quoted(registered))
        else:
            made = daily(self.engine.scan(self.rows(batch, mark))).to_native().sql_query()
            with self.store.new(name) as aside:
                self.engine.write(made, aside, source=self.one.label)
            told = self._told(batch, self._read(name))
        self.store.put(name, told)

    def _told(self, batch: Batch, ledger: str) -> dict[str, Any]:
        """Return what is to be known of a ledger without reading it."""
        days = self.engine.query(
            f"SELECT DISTINCT day FROM {ledger} WHERE day IS NOT NULL ORDER BY 1",
            source=self.one.label,
        )
        return {
            "files": [str(file) for file in batch.files],
            "days": [str(row[0]) for row in days],
            "lines": [line.plain() for line in summarise(self.engine, self.one, ledger)],
        }

    def rows(self, batch: Batch, repeats: tuple[str, str] | None) -> str:
        """Name a view of a batch's rows, repeats among them marked."""
        if repeats is None:
            return self._view(batch)
        return self.engine.view(repeats[0], source=self.one.label)

    def shared(self, parts: Sequence[Part], days: Sequence[dt.date]) -> Path:
        """Return the ledger of the days that several parts hold."""
        name = self._name("shared", "parquet", *(part.file.name for part in parts))
        if not self.store.has(name):
            view = self.engine.files([part.file for part in parts], source=self.one.label)
            rows = f"SELECT * FROM {quoted(view)} WHERE day IN ({listed_days(days)})"
            several = self.engine.view(rows, source=self.one.label)
            sql = merged(self.engine.scan(several)).to_native().sql_query()
            with self.store.new(name) as aside:
                self.engine.write(sql, aside, source=self.one.label)
            self.store.put(name, {})
        return self.store.path(name)

    def _resolve(
        self, files: Sequence[tuple[int, Batch, str]], suspects: Hashes
    ) -> dict[str, tuple[str, str]]:
        label = self.one.label
        columns = [column for column, _ in self.one.known()]
        rows = " UNION ALL BY NAME ".join(
            f"SELECT *, {i} AS batch_ FROM {self._read(name)}" for i, _, name in files
        )
        marked = self.engine.table(
            f"SELECT *, {later(self.one, columns, ['batch_'])} AS repeated_ FROM ({rows})",
            source=label,
        )
        known = register_hashes(self.engine, suspects)
        told = dict(
            self.engine.query(
                f"SELECT batch_, sum(hash({', '.join(map(quoted, columns))}, repeated_)) "
                f"FROM {quoted(marked)} GROUP BY 1",
                source=label,
            )
        )
        return {
            batch.key: (
                f"{unsuspected(self._view(batch), known)} UNION ALL BY NAME "
                f"SELECT * EXCLUDE (batch_) FROM {quoted(marked)} WHERE batch_ = {i}",
                str(told[i]),
            )
            for i, batch, _ in files
        }

    def _view(self, batch: Batch) -> str:
        if batch.key not in self._views:
            part = open_part(self.engine, self.one, batch.files)
            self._views[batch.key] = canonical(
                self.engine, part, integer_ids=self.integer_ids, guarded=True
            )
        return self._views[batch.key]

    def _read(self, name: str) -> str:
        path = str(self.store.path(name)).replace("'", "''")
        return f"read_parquet('{path}')"

    def _name(self, kind: str, suffix: str, *told: str | bytes) -> str:
        known = hashlib.sha256(self.definition.encode())
        for each in told:
            known.update(b"|" + (each.encode() if isinstance(each, str) else each))
        name = f"{kind}-{known.hexdigest()[:32]}.{suffix}"
        self.used.add(name)
        return name


def listed_days(days: Sequence[dt.date]) -> str:
    """Return days as SQL lists them."""
    return ", ".join(f"DATE '{day}'" for day in days)
