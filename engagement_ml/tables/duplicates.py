"""Events that are there more than once, by their ``event_id``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from engagement_ml._typing import AnyArray
from engagement_ml.engine import DuckDBEngine
from engagement_ml.tables.schema import INTEGERS, REQUIRED, Opened, quoted

Hashes = AnyArray
"""uint64, or int64 where ids are whole numbers, which stand for themselves."""
HASH = "id_hash_"
MOST_HASHES = 100_000_000
"""How many hashes, of eight bytes, are sorted at a time."""
SLICE = 2_000_000
"""How many of sorted parts are merged at a time: so few fit into a processor's cache."""


@dataclass(frozen=True)
class Ids:
    """The hashes of a batch's event ids, kept in a file.

    Attributes
    ----------
    file : Path
    first, last : int or None
        The smallest and the largest; None where there is none.
    distinct : bool
    """

    file: Path
    first: int | None
    last: int | None
    distinct: bool

    @classmethod
    def told(cls, file: Path, kept: Hashes) -> Ids:
        """Return what is to tell of sorted hashes, or of their runs."""
        if not kept.size:
            return cls(file, None, None, True)
        begins, ends = kept if kept.ndim == 2 else (kept, kept)
        distinct = bool(np.all(begins[1:] > ends[:-1]))
        return cls(file, int(begins[0]), int(ends[-1]), distinct)

    @classmethod
    def read(cls, file: Path, plain: Mapping[str, Any]) -> Ids:
        """Return what `plain` was made of."""
        return cls(file, plain["first"], plain["last"], plain["distinct"])

    def plain(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {"first": self.first, "last": self.last, "distinct": self.distinct}

    def load(self) -> Hashes:
        """Return the sorted hashes, mapped from the disk where they are there one by one."""
        return _one_by_one(np.load(self.file, mmap_mode="r"))


def apart(ids: Sequence[Ids]) -> bool:
    """Return whether no id is there twice, told by where each batch's begin and end."""
    bounds = sorted((i.first, i.last) for i in ids if i.first is not None and i.last is not None)
    return all(i.distinct for i in ids) and all(
        last < first for (_, last), (first, _) in pairwise(bounds)
    )


def to_keep(pieces: Iterable[Hashes]) -> Hashes:
    """Return what is kept of hashes that come in pieces: sorted, in runs where that is shorter.

    Examples
    --------
    >>> to_keep([np.array([4, 5, 6]), np.array([1, 2, 3])]).tolist()
    [[1, 4], [3, 6]]
    """
    kept = [in_runs(_in_order(piece)) for piece in pieces if len(piece)]
    if not kept:
        return np.empty(0, np.uint64)
    if all(each.ndim == 2 for each in kept):
        runs = np.concatenate(kept, axis=1)
        runs = runs[:, np.argsort(runs[0], kind="stable")]
        if np.all(runs[0, 1:] > runs[1, :-1]):
            return runs
    return in_runs(_in_order(np.concatenate([_one_by_one(each) for each in kept])))


def _in_order(hashes: Hashes) -> Hashes:
    """Return hashes sorted; numbers that a log counts up are already."""
    return hashes if np.all(hashes[1:] >= hashes[:-1]) else np.sort(hashes)


def in_runs(hashes: Hashes) -> Hashes:
    """Return sorted ids as first and last of each run of neighbours, where that is shorter.

    Examples
    --------
    >>> in_runs(np.array([3, 4, 5, 6, 7, 8, 9, 10, 20])).tolist()
    [[3, 20], [10, 20]]
    """
    ends = np.flatnonzero(hashes[1:] - hashes[:-1] != 1)
    if not len(hashes) or 4 * len(ends) > len(hashes):
        return hashes
    return np.stack([hashes[np.append(0, ends + 1)], hashes[np.append(ends, len(hashes) - 1)]])


def _one_by_one(kept: Hashes) -> Hashes:
    if kept.ndim == 1:
        return kept
    first, length = kept[0], (kept[1] - kept[0]).astype(np.int64) + 1
    begins = np.cumsum(length) - length
    passed = np.arange(length.sum()) - np.repeat(begins, length)
    every: Hashes = np.repeat(first, length) + passed.astype(kept.dtype)
    return every


def hash_of(one: Opened) -> str:
    """Return SQL for what stands for an event_id: itself where it is a whole number."""
    name = one.sql("event_id")
    if one.types["event_id"] in INTEGERS - {"HUGEINT", "UHUGEINT", "UBIGINT"}:
        return f"CAST({name} AS BIGINT)"
    return f"CASE WHEN {name} IS NOT NULL THEN hash({name}) END"


def mark_repeats(
    engine: DuckDBEngine,
    one: Opened,
    source: str,
    columns: Sequence[str],
    suspects: Hashes | None = None,
) -> str:
    """Mark all but the first usable of the rows that share an event_id, in ``repeated_``.

    Returns the name of a view, `source` itself where no id is there twice. Ids are first compared
    by their hash, sorted outside the engine: that costs a tenth of counting them in it. Where
    `suspects` are given, they are the hashes that are there more than once.
    """
    if suspects is None:
        suspects = repeated_hashes(engine, one, source)
    if not len(suspects):
        return source
    known = register_hashes(engine, suspects)
    return engine.view(
        f"{unsuspected(source, known)} UNION ALL "
        f"SELECT *, {later(one, columns)} AS repeated_ FROM ({suspected(source, known)})",
        source=one.label,
    )


def unsuspected(source: str, known: str) -> str:
    """Return SQL for the rows whose id is there once, ``repeated_`` false."""
    return (
        f"SELECT *, false AS repeated_ FROM {quoted(source)} "
        f"WHERE {HASH} IS NULL OR {HASH} NOT IN (SELECT hash_ FROM {quoted(known)})"
    )


def suspected(source: str, known: str) -> str:
    """Return SQL for the rows whose id may be there more than once."""
    return f"SELECT * FROM {quoted(source)} WHERE {HASH} IN (SELECT hash_ FROM {quoted(known)})"


def later(one: Opened, columns: Sequence[str], last: Sequence[str] = ()) -> str:
    """Return SQL for whether a row is another than the first usable of its event_id."""
    unusable = " OR ".join(f"{quoted(c)} IS NULL" for c in REQUIRED[one.table])
    then = dict.fromkeys(["timestamp", "customer_id", *columns, *last])
    order = ", ".join([unusable, *(quoted(c) for c in then if c != "event_id")])
    return f'row_number() OVER (PARTITION BY "event_id" ORDER BY {order}) > 1'


def register_hashes(engine: DuckDBEngine, hashes: Hashes) -> str:
    """Hand hashes to the engine, as the column ``hash_`` of the returned name."""
    import pyarrow as pa

    return engine.register(pa.table({"hash_": hashes}))


def repeated_hashes(engine: DuckDBEngine, one: Opened, source: str) -> Hashes:
    """Return the hashes of ids that are there more than once; of others, hardly ever one."""
    if not one.has("event_id"):
        return np.empty(0, np.uint64)
    query = hashes_of(source)
    rows = engine.query(f"SELECT count(*) FROM {quoted(source)}", source=one.label)[0][0]
    parts = -(-rows // MOST_HASHES)
    found = [
        _repeated(
            np.sort(
                engine.column(f"{query} AND abs({HASH} % {parts}) = {part}" if parts > 1 else query)
            )
        )
        for part in range(parts)
    ]
    return np.concatenate(found) if found else np.empty(0, np.uint64)


def hashes_of(source: str) -> str:
    """Return SQL for the hashes of the ids that there are."""
    return f"SELECT {HASH} FROM {quoted(source)} WHERE {HASH} IS NOT NULL"


def repeated_among(parts: Sequence[Hashes]) -> Hashes:
    """Return the hashes that are there more than once in sorted parts, all of them together."""
    total = sum(len(part) for part in parts)
    if not total:
        return np.empty(0, np.uint64)
    slices = -(-total // SLICE)
    some = np.sort(np.concatenate([part[:: max(1, SLICE // 64)] for part in parts]))
    edges = some[len(some) * np.arange(1, slices) // slices]
    cuts = [[0, *np.searchsorted(part, edges, side="right"), len(part)] for part in parts]
    found = []
    for i in range(slices):
        own = [part[cut[i] : cut[i + 1]] for part, cut in zip(parts, cuts, strict=True)]
        found.append(_repeated(np.sort(np.concatenate(own))))
    return np.unique(np.concatenate(found))


def in_both(few: Hashes, many: Hashes) -> Hashes:
    """Return those of `few` that are among `many`; both are sorted."""
    if not len(many):
        return few[:0]
    place = np.minimum(np.searchsorted(many, few), len(many) - 1)
    found: Hashes = few[many[place] == few]
    return found


def _repeated(hashes: Hashes) -> Hashes:
    """Return those that are there more than once among sorted ones."""
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
