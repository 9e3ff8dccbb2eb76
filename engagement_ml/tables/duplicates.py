"""Deduplication of events and transactions by id: duplicated ids found by sorted hashes.

Ids are compared by 64-bit hashes that are sorted outside the engine, which costs a tenth of
counting ids in it. Only rows with a duplicated hash are then compared by the id itself, so that
hash collisions never drop a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from engagement_ml._typing import AnyArray
from engagement_ml.engine import DuckDBEngine
from engagement_ml.tables.column_types import INTEGERS
from engagement_ml.tables.schema import ROW_ID, SourceTable, needed, quoted

Hashes = AnyArray
"""uint64; int64 if ids are whole numbers, which are their own hash."""
ID_HASH = "id_hash_"
DUPLICATE_MARK = "repeated_"
"""Boolean column: the row repeats an earlier event."""
MOST_HASHES = 100_000_000
"""Hashes, of eight bytes each, that are sorted at a time."""
MOST_COMPARED = 500_000
"""Largest number of rows with repeated ids that are compared once and kept for measures."""
SLICE = 2_000_000
"""Hashes that are merged at a time: they fit into a processor's cache."""


@dataclass(frozen=True)
class EventIds:
    """Sorted hashes of the event ids of a batch of files, stored in a file.

    Attributes
    ----------
    file : Path
    first, last : int or None
        The smallest and the largest hash; None if there is no hash.
    distinct : bool
        Whether no hash occurs twice.
    """

    file: Path
    first: int | None
    last: int | None
    distinct: bool

    @classmethod
    def of(cls, file: Path, stored: Hashes) -> EventIds:
        """Return the range and the distinctness of sorted hashes, or of their runs."""
        if not stored.size:
            return cls(file, None, None, True)
        starts, ends = stored if stored.ndim == 2 else (stored, stored)
        distinct = bool(np.all(starts[1:] > ends[:-1]))
        return cls(file, int(starts[0]), int(ends[-1]), distinct)

    @classmethod
    def read(cls, file: Path, plain: Mapping[str, Any]) -> EventIds:
        """Return the ids that ``plain`` described."""
        return cls(file, plain["first"], plain["last"], plain["distinct"])

    def plain(self) -> dict[str, Any]:
        """Return the range and the distinctness as plain JSON types."""
        return {"first": self.first, "last": self.last, "distinct": self.distinct}

    def load(self) -> Hashes:
        """Return the sorted hashes; an array that is not run-length encoded is memory-mapped."""
        return _expanded(np.load(self.file, mmap_mode="r"))


def are_disjoint(batches: Sequence[EventIds]) -> bool:
    """Return whether the ranges of the batches prove that no id occurs twice."""
    ranges = sorted(
        (ids.first, ids.last) for ids in batches if ids.first is not None and ids.last is not None
    )
    return all(ids.distinct for ids in batches) and all(
        last < first for (_, last), (first, _) in pairwise(ranges)
    )


def sorted_hashes(chunks: Iterable[Hashes]) -> Hashes:
    """Merge and sort chunks of hashes, run-length encoded if that is shorter.

    Examples
    --------
    >>> sorted_hashes([np.array([4, 5, 6]), np.array([1, 2, 3])]).tolist()
    [[1, 4], [3, 6]]
    """
    encoded = [run_length_encoded(_in_order(chunk)) for chunk in chunks if len(chunk)]
    if not encoded:
        return np.empty(0, np.uint64)
    if all(chunk.ndim == 2 for chunk in encoded):
        runs = np.concatenate(encoded, axis=1)
        runs = runs[:, np.argsort(runs[0], kind="stable")]
        if np.all(runs[0, 1:] > runs[1, :-1]):
            return runs
    return run_length_encoded(_in_order(np.concatenate([_expanded(chunk) for chunk in encoded])))


def _in_order(hashes: Hashes) -> Hashes:
    """Return hashes sorted; ids that a log counts up are sorted already."""
    return hashes if np.all(hashes[1:] >= hashes[:-1]) else np.sort(hashes)


def run_length_encoded(hashes: Hashes) -> Hashes:
    """Return sorted hashes as first and last of each run of consecutive numbers, if shorter.

    Examples
    --------
    >>> run_length_encoded(np.array([3, 4, 5, 6, 7, 8, 9, 10, 20])).tolist()
    [[3, 20], [10, 20]]
    """
    ends = np.flatnonzero(hashes[1:] - hashes[:-1] != 1)
    if not len(hashes) or 4 * len(ends) > len(hashes):
        return hashes
    return np.stack([hashes[np.append(0, ends + 1)], hashes[np.append(ends, len(hashes) - 1)]])


def _expanded(stored: Hashes) -> Hashes:
    """Return the hashes of run-length encoded ones."""
    if stored.ndim == 1:
        return stored
    first, length = stored[0], (stored[1] - stored[0]).astype(np.int64) + 1
    starts = np.cumsum(length) - length
    offset = np.arange(length.sum()) - np.repeat(starts, length)
    hashes: Hashes = np.repeat(first, length) + offset.astype(stored.dtype)
    return hashes


def id_hash_sql(table: SourceTable) -> str:
    """Return SQL for the hash of a row's id; a whole number is its own hash."""
    column = ROW_ID[table.name]
    name = table.sql(column)
    if table.types[column] in INTEGERS - {"HUGEINT", "UHUGEINT", "UBIGINT"}:
        return f"CAST({name} AS BIGINT)"
    return f"CASE WHEN {name} IS NOT NULL THEN hash({name}) END"


def mark_duplicates(
    engine: DuckDBEngine,
    table: SourceTable,
    source: str,
    columns: Sequence[str],
    duplicated: Hashes | None = None,
) -> str:
    """Mark all but the first usable of the rows that share an id, in `DUPLICATE_MARK`.

    Parameters
    ----------
    engine : DuckDBEngine
    table : SourceTable
    source : str
        Name of a view with the column `ID_HASH`.
    columns : sequence of str
        Columns that break ties between rows with the same timestamp and customer.
    duplicated : array, optional
        The hashes that occur more than once; found here by default.

    Returns
    -------
    str
        Name of a view; `source` itself if no id occurs twice.
    """
    if duplicated is None:
        duplicated = duplicated_hashes(engine, table, source)
    if not len(duplicated):
        return source
    hashes = register_hashes(engine, duplicated)
    return engine.view(
        f"{unique_rows_sql(source, hashes)} UNION ALL SELECT *, "
        f"{is_duplicate_sql(table, columns)} AS {DUPLICATE_MARK} "
        f"FROM ({candidate_rows_sql(source, hashes)})",
        source=table.label,
    )


def unique_rows_sql(source: str, hashes: str) -> str:
    """Return SQL for the rows whose id occurs once, marked as no duplicates."""
    return (
        f"SELECT *, false AS {DUPLICATE_MARK} FROM {quoted(source)} "
        f"WHERE {ID_HASH} IS NULL OR {ID_HASH} NOT IN (SELECT hash_ FROM {quoted(hashes)})"
    )


def candidate_rows_sql(source: str, hashes: str) -> str:
    """Return SQL for the rows whose id may occur more than once."""
    return f"SELECT * FROM {quoted(source)} WHERE {ID_HASH} IN (SELECT hash_ FROM {quoted(hashes)})"


def is_duplicate_sql(
    table: SourceTable, columns: Sequence[str], tie_breakers: Sequence[str] = ()
) -> str:
    """Return SQL for whether a row is not the first usable row of its id.

    The first is the earliest; ties are broken by customer, `columns` and `tie_breakers`.
    """
    implausible = [reason.sql('"timestamp"') for reason in table.limits.plausible]
    missing = [f"{quoted(column)} IS NULL" for column in needed(table.name)]
    # An unchanged column of event types may hold empty text, which is none.
    missing += ["\"event_type\" = ''"] if table.name == "events" else []
    unusable = " OR ".join([*missing, *implausible])
    ordered = dict.fromkeys(["timestamp", "customer_id", *columns, *tie_breakers])
    row_id = ROW_ID[table.name]
    order = ", ".join([unusable, *(quoted(c) for c in ordered if c != row_id)])
    return f"row_number() OVER (PARTITION BY {quoted(row_id)} ORDER BY {order}) > 1"


def register_hashes(engine: DuckDBEngine, hashes: Hashes) -> str:
    """Register hashes in the engine as a table with the column ``hash_``; return its name."""
    import pyarrow as pa

    return engine.register(pa.table({"hash_": hashes}))


def duplicated_hashes(engine: DuckDBEngine, table: SourceTable, source: str) -> Hashes:
    """Return the hashes that occur more than once among the ids of a view's rows."""
    if table.row_id() is None:
        return np.empty(0, np.uint64)
    query = hashes_sql(source)
    rows = engine.query(f"SELECT count(*) FROM {quoted(source)}", source=table.label)[0][0]
    parts = -(-rows // MOST_HASHES)
    duplicated = [
        _duplicated(
            np.sort(
                engine.column(
                    f"{query} AND abs({ID_HASH} % {parts}) = {part}" if parts > 1 else query
                )
            )
        )
        for part in range(parts)
    ]
    return np.concatenate(duplicated) if duplicated else np.empty(0, np.uint64)


def hashes_sql(source: str) -> str:
    """Return SQL for the hashes of all ids that are not null."""
    return f"SELECT {ID_HASH} FROM {quoted(source)} WHERE {ID_HASH} IS NOT NULL"


def duplicated_among(batches: Sequence[Hashes]) -> Hashes:
    """Return the hashes that occur more than once in all batches together.

    Parameters
    ----------
    batches : sequence of array
        Each sorted. They are merged slice by slice, so that each slice fits into the cache.

    Returns
    -------
    array
        Sorted, each hash once.
    """
    total = sum(len(batch) for batch in batches)
    if not total:
        return np.empty(0, np.uint64)
    slices = -(-total // SLICE)
    sampled = np.sort(np.concatenate([batch[:: max(1, SLICE // 64)] for batch in batches]))
    edges = sampled[len(sampled) * np.arange(1, slices) // slices]
    cuts = [[0, *np.searchsorted(batch, edges, side="right"), len(batch)] for batch in batches]
    duplicated = []
    for i in range(slices):
        pieces = [batch[cut[i] : cut[i + 1]] for batch, cut in zip(batches, cuts, strict=True)]
        duplicated.append(_duplicated(np.sort(np.concatenate(pieces))))
    return np.unique(np.concatenate(duplicated))


def intersect_sorted(few: Hashes, many: Hashes) -> Hashes:
    """Return the hashes of `few` that are among `many`; both are sorted.

    Examples
    --------
    >>> intersect_sorted(np.array([1, 4]), np.array([1, 2, 3])).tolist()
    [1]
    """
    if not len(many):
        return few[:0]
    place = np.minimum(np.searchsorted(many, few), len(many) - 1)
    common: Hashes = few[many[place] == few]
    return common


def _duplicated(hashes: Hashes) -> Hashes:
    """Return the hashes that occur more than once among sorted hashes."""
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
