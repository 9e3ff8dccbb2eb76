"""Events that are there more than once, by their ``event_id``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engagement_ml.engine import DuckDBEngine
from engagement_ml.tables.schema import REQUIRED, Opened, quoted

Hashes = npt.NDArray[np.uint64]
HASH = "id_hash_"
MOST_HASHES = 100_000_000
"""How many hashes, of eight bytes, are sorted at a time."""
SLICE = 2_000_000
"""How many of sorted parts are merged at a time: so few fit into a processor's cache."""


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
        reading=one.label,
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
    rows = engine.query(f"SELECT count(*) FROM {quoted(source)}", reading=one.label)[0][0]
    parts = -(-rows // MOST_HASHES)
    found = [
        _repeated(engine.column(f"{query} AND {HASH} % {parts} = {part}" if parts > 1 else query))
        for part in range(parts)
    ]
    return np.concatenate(found) if found else np.empty(0, np.uint64)


def hashes_of(source: str) -> str:
    """Return SQL for the hashes of the ids that there are."""
    return f"SELECT {HASH} FROM {quoted(source)} WHERE {HASH} IS NOT NULL"


def repeated_among(parts: Sequence[Hashes]) -> Hashes:
    """Return the hashes that are there more than once in sorted parts, all of them together."""
    total = sum(len(part) for part in parts)
    slices = -(-total // SLICE)
    found = []
    for i in range(slices):
        low, high = (np.uint64(((1 << 64) - 1) * j // slices) for j in (i, i + 1))
        found.append(_repeated(np.concatenate([_between(p, low, high, i) for p in parts])))
    return np.unique(np.concatenate(found)) if found else np.empty(0, np.uint64)


def _between(part: Hashes, low: np.uint64, high: np.uint64, number: int) -> Hashes:
    """Return the hashes in ``(low, high]``; the first slice begins with the smallest there is."""
    begin = 0 if number == 0 else int(np.searchsorted(part, low, side="right"))
    return part[begin : int(np.searchsorted(part, high, side="right"))]


def _repeated(hashes: Hashes) -> Hashes:
    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
