"""Cached sessions of many files: computed by partition, recomputed only for changed partitions."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import narwhals as nw

from engagement_ml.engine import DuckDBEngine
from engagement_ml.ledger.arrow import UnsupportedInputError, aggregate_files
from engagement_ml.ledger.cache.partitions import OnPart, Partition, PartitionedLedger
from engagement_ml.ledger.cache.store import Store, hold_store
from engagement_ml.ledger.sessions import VERSION, SessionRule, session_events, sessions_by_day
from engagement_ml.ordered_map import ordered_map
from engagement_ml.tables.day_limits import DayLimits
from engagement_ml.tables.schema import REQUIRED, SESSION_COLUMNS

MOST_EVENTS = 16_000_000
"""Largest number of events of shared days that are sorted at a time, except for a single day."""


def sessions_of_partitions(
    engine: DuckDBEngine,
    ledger: PartitionedLedger,
    rule: SessionRule,
    *,
    label: str,
    limits: DayLimits,
    keep: Path | None,
    on_part: OnPart | None = None,
) -> nw.LazyFrame[Any]:
    """Return the sessions per customer and day; those of unchanged partitions come from the cache.

    The sessions of a day that only one partition holds belong to that partition. The sessions of
    shared days are computed from the rows of all partitions that hold them, some days at a time.

    Parameters
    ----------
    engine : DuckDBEngine
    ledger : PartitionedLedger
    rule : SessionRule
    label : str
        Name of the source in messages.
    limits : DayLimits
        The days whose sessions are kept.
    keep : path or None
        Folder of the cache; without it, sessions are kept until the engine is closed.
    on_part : callable, optional
        Called with the number of pieces that are done, and of all pieces.

    Returns
    -------
    LazyFrame
        As ``sessions_by_day`` returns it.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    definition = _definition(ledger, rule)
    store = hold_store(engine, keep, f"sessions-{definition[:16]}")
    builder = _SessionBuilder(engine, ledger, rule, label, store, definition)
    shared = set(ledger.shared_days)
    exclusive = [p for p in ledger.partitions if not shared.issuperset(p.days)]
    chunks = _chunks(engine, ledger, label)
    written = ordered_map(builder.write_in_arrays, exclusive, engine.threads)
    pieces: list[Path] = []

    def add(piece: Path) -> None:
        pieces.append(piece)
        if on_part is not None:
            on_part(len(pieces), len(exclusive) + len(chunks))

    for partition, done in zip(exclusive, written, strict=True):
        add(builder.build([partition], done=done))
    for days in chunks:
        holders = [p for p in ledger.partitions if not set(days).isdisjoint(p.days)]
        add(builder.build(holders, days))
    store.retain(builder.used)
    n = len(exclusive)
    return _combined(engine, ledger, pieces[:n], pieces[n:], label).filter(
        limits.usable(nw.col("day"))
    )


@dataclass
class _SessionBuilder:
    """Builds the sessions of partitions in a store, and records which files are in use."""

    engine: DuckDBEngine
    ledger: PartitionedLedger
    rule: SessionRule
    label: str
    store: Store
    definition: str
    used: set[str] = field(default_factory=set)

    def write_in_arrays(self, partition: Partition) -> bool:
        """Write the sessions of a partition if the array code supports its files."""
        name = self._name([partition])
        columns = self.ledger.source_columns
        by_column = any(column in columns for column in SESSION_COLUMNS)
        if self.store.has(name) or not partition.files or by_column:
            return False
        source_columns = {column: columns[column] for column in REQUIRED["events"]}
        try:
            with self.store.new(name) as temporary:
                aggregate_files(
                    partition.files,
                    source_columns,
                    temporary,
                    integer_ids=self.ledger.integer_ids,
                    sessions=self.rule,
                )
        except UnsupportedInputError:
            return False
        return True

    def build(
        self,
        holders: Sequence[Partition],
        days: Sequence[dt.date] | None = None,
        *,
        done: bool = False,
    ) -> Path:
        """Return the file of the sessions of `holders`, all their days or some of them.

        `done` says that the file is written already and only has to enter the manifest.
        """
        name = self._name(holders, days or ())
        self.used.add(name)
        if not self.store.has(name):
            if not done:
                rows = [
                    session_events(self.engine.scan(partition.rows()), self.rule, days)
                    for partition in holders
                ]
                events = rows[0] if len(rows) == 1 else nw.concat(rows)
                sql = sessions_by_day(events, self.rule.gap).to_native().sql_query()
                with self.store.new(name) as temporary:
                    self.engine.write(sql, temporary, source=self.label)
            self.store.put(name, {})
        return self.store.path(name)

    def _name(self, partitions: Sequence[Partition], days: Sequence[dt.date] = ()) -> str:
        digest = hashlib.sha256(self.definition.encode())
        for part in (*(partition.file.name for partition in partitions), *map(str, days)):
            digest.update(f"|{part}".encode())
        return f"sessions-{digest.hexdigest()[:32]}.parquet"


def _definition(ledger: PartitionedLedger, rule: SessionRule) -> str:
    """Return a hash of what sessions depend on, except the partitions."""
    parts = json.dumps([VERSION, ledger.definition, asdict(rule)])
    return hashlib.sha256(parts.encode()).hexdigest()


def _combined(
    engine: DuckDBEngine,
    ledger: PartitionedLedger,
    exclusive: Sequence[Path],
    shared: Sequence[Path],
    label: str,
) -> nw.LazyFrame[Any]:
    """Return the sessions of all days: shared days count only in the files of shared days."""
    frames = []
    if exclusive:
        sessions = engine.scan(engine.files(exclusive, source=label))
        if ledger.shared_days:
            shared_days = engine.small({"day": list(ledger.shared_days)})
            sessions = sessions.join(shared_days, on="day", how="anti")
        frames.append(sessions)
    if shared:
        frames.append(engine.scan(engine.files(shared, source=label)))
    return nw.concat(frames) if len(frames) > 1 else frames[0]


def _chunks(engine: DuckDBEngine, ledger: PartitionedLedger, label: str) -> list[list[dt.date]]:
    """Group the shared days into chunks whose bounds do not move when days are added."""
    if ledger.shared is None:
        return []
    totals = engine.scan(engine.files([ledger.shared], source=label))
    events = max(1, int(totals.select(nw.col("n").sum()).collect("pyarrow").item()))
    width = 1
    while 2 * width * events <= MOST_EVENTS * len(ledger.shared_days):
        width *= 2
    return [list(days) for _, days in groupby(ledger.shared_days, lambda d: d.toordinal() // width)]
