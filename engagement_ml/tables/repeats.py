"""Events that are there more than once, by their ``event_id``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engagement_ml.engine import Engine
from engagement_ml.tables.schema import REQUIRED, Opened, quoted

HASH = "id_hash_"
MOST_HASHES = 100_000_000
"""How many hashes, of eight bytes, are sorted at a time."""


def mark_repeats(engine: Engine, one: Opened, source: str, columns: Sequence[str]) -> str:
    """Mark all but the first usable of the rows that share an event_id, in ``repeated_``.

    Returns the name of a view, `source` itself where no id is there twice. Ids are first compared
    by their hash, sorted outside the engine: that costs a tenth of counting them in it.
    """
    suspects = repeated_hashes(engine, source, one.label)
    if not len(suspects):
        return source
    known = engine.register(_table(suspects))
    unusable = " OR ".join(f"{quoted(c)} IS NULL" for c in REQUIRED[one.table])
    then = dict.fromkeys(["timestamp", "customer_id", *columns])
    order = ", ".join([unusable, *(quoted(c) for c in then if c != "event_id")])
    suspected = f"{HASH} IN (SELECT hash_ FROM {quoted(known)})"
    return engine.view(
        f"SELECT *, false AS repeated_ FROM {quoted(source)} "
        f"WHERE {HASH} IS NULL OR NOT ({suspected}) UNION ALL "
        f'SELECT *, row_number() OVER (PARTITION BY "event_id" ORDER BY {order}) > 1 '
        f"FROM {quoted(source)} WHERE {HASH} IS NOT NULL AND {suspected}",
        reading=one.label,
    )


def repeated_hashes(engine: Engine, source: str, label: str) -> npt.NDArray[np.uint64]:
    """Return the hashes of ids that are there more than once; of others, hardly ever one."""
    query = f"SELECT {HASH} FROM {quoted(source)} WHERE {HASH} IS NOT NULL"
    rows = engine.query(f"SELECT count(*) FROM {quoted(source)}", reading=label)[0][0]
    parts = -(-rows // MOST_HASHES)
    found = [
        _repeated(engine.column(f"{query} AND {HASH} % {parts} = {part}" if parts > 1 else query))
        for part in range(parts)
    ]
    return np.concatenate(found) if found else np.empty(0, np.uint64)


def _repeated(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


def _table(hashes: npt.NDArray[np.uint64]) -> object:
    import pyarrow as pa

    return pa.table({"hash_": hashes})
