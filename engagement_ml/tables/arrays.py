"""The daily ledger of Parquet files by sorting arrays, for a third of what hashing rows costs.

A row's day, customer and event type become one integer, its place in the file the lowest bits of
it; sorted, the rows of a key lie together. What does not fit (a type that needs converting, files
of very many rows) is left to the engine, which makes the same ledger of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engagement_ml.tables.checks import LARGEST
from engagement_ml.tables.ledger import AMOUNTS, KEYS, MICRO, REPEATED

Array = npt.NDArray[Any]
Given = TypeVar("Given")
Made = TypeVar("Made")

MOST_ROWS = 20_000_000
"""Events whose ledger is put together in memory at most."""
ROW_GROUP = 500_000
MOST_ADDED = 9e12
"""Amounts that are added up in whole millionths of 64 bits."""
MICROS_A_DAY = 86_400_000_000
MOMENT = pa.timestamp("us")
_BITS = 63


class UnfitError(Exception):
    """Files that are not grouped here: the engine has to."""


def write_daily(
    files: Sequence[Path], names: Mapping[str, str], target: Path, *, integer_ids: bool
) -> None:
    """Write the daily ledger of events of Parquet files, none of them repeated, as Parquet.

    Parameters
    ----------
    files : sequence of Path
    names : mapping of column to what the files call it
    target : Path
    integer_ids : bool
        Whether ``customer_id`` is to be an integer, else text.

    Raises
    ------
    UnfitError
        Where the engine has to make it.
    """
    if sum(pq.read_metadata(file).num_rows for file in files) > MOST_ROWS:
        raise UnfitError("too many rows to put together")
    whole = put_together([daily_of(_read(f, names, integer_ids=integer_ids)) for f in files])
    text = [name for name in whole.column_names if name not in ("customer_id", "first", "last")]
    pq.write_table(
        whole,
        target,
        row_group_size=ROW_GROUP,
        compression="lz4",
        use_dictionary=text,
        write_statistics=["day"],
    )


def integers_of(files: Sequence[Path], name: str) -> Array:
    """Return the values of a column of whole numbers that there are, int64.

    Raises
    ------
    UnfitError
        Where it is of another type in any file.
    """
    found = []
    for file in files:
        with pq.ParquetFile(file) as opened:
            schema = opened.schema_arrow
            of_type = schema.field(name).type if name in schema.names else None
            if of_type is None or not _fits("customer_id", of_type, True):
                raise UnfitError(f"{file}: {name}")
            read = opened.read([name], use_threads=False)[name]
        found.append(_whole(_array(read.drop_null())))
    return np.concatenate(found)


def by_turns(make: Callable[[Given], Made], given: Iterable[Given], threads: int) -> Iterator[Made]:
    """Yield what is made of each, in order, some of it ahead in threads.

    Examples
    --------
    >>> list(by_turns(str.upper, "abc", 2))
    ['A', 'B', 'C']
    """
    waiting = iter(given)
    with ThreadPoolExecutor(threads) as pool:
        pending = [pool.submit(make, each) for each in islice(waiting, 2 * threads)]
        while pending:
            done = pending.pop(0).result()
            pending += [pool.submit(make, each) for each in islice(waiting, 1)]
            yield done


def daily_of(events: pa.Table) -> pa.Table:
    """Return the daily ledger of events, none of them repeated; see ``ledger.daily``.

    Parameters
    ----------
    events : pyarrow.Table
        ``customer_id`` (int64 or text), ``event_type`` (text in a dictionary), ``timestamp`` (µs,
        UTC), and of ``value`` and ``duration_seconds`` those that there are (float64).

    Raises
    ------
    UnfitError
        Where an amount does not fit, or keys are too many for an integer.
    """
    moment = _array(events["timestamp"])
    micros = _whole(moment)
    days = pa.array(_days(micros), mask=_missing(moment)).cast(pa.date32())
    keys = [_array(events["customer_id"]), _array(events["event_type"]), days]
    groups = _Groups.of(keys)
    sums: dict[str, Array] = {}
    counts: dict[str, Array] = {}
    for column in (c for c in AMOUNTS if c in events.column_names):
        amounts = _array(events[column]).to_numpy(zero_copy_only=False)
        sums[column], counts[f"n_{column}"] = groups.millionths(amounts)
    if np.all(micros[1:] >= micros[:-1]):
        # Events in the order of time, as in a log: so they are within their group.
        first, last = groups.first(micros), groups.last(micros)
    else:
        first, last = groups.add(micros, np.minimum), groups.add(micros, np.maximum)
    return _ledger(keys, groups, {"n": groups.size(), "first": first, "last": last}, sums | counts)


def put_together(ledgers: Sequence[pa.Table]) -> pa.Table:
    """Return the ledger of the events of several ledgers, in the order of days within each.

    Examples
    --------
    >>> day = pa.array([19_700], pa.date32())
    >>> one = pa.table({"customer_id": [1], "event_type": ["visit"], "timestamp":
    ...     pa.array([5], MOMENT)})
    >>> put_together([daily_of(one), daily_of(one)])["n"].to_pylist()
    [2]
    """
    days = [ledger["day"].unique().to_pylist() for ledger in ledgers]
    several = [day for day, n in Counter(d for each in days for d in each).items() if n > 1]
    if not several:
        return pa.concat_tables(ledgers).unify_dictionaries()
    again = pa.array(several, pa.date32())
    alone, shared = [], []
    for ledger in ledgers:
        inside = pc.is_in(ledger["day"], again)
        shared.append(ledger.filter(inside))
        alone.append(ledger.filter(pc.invert(inside)))
    rows = pa.concat_tables(shared).unify_dictionaries()
    keys = [_array(rows[column]) for column in KEYS]
    sums = [c for c in rows.column_names if c not in (*KEYS, REPEATED)]
    whole = {column: _whole(_array(rows[column])) for column in sums}
    if any(np.abs(whole[c] / MICRO).sum() > MOST_ADDED for c in AMOUNTS if c in whole):
        raise UnfitError("amounts")
    groups = _Groups.of(keys)
    how = {"first": np.minimum, "last": np.maximum}
    told = {c: groups.add(values, how.get(c, np.add)) for c, values in whole.items()}
    return pa.concat_tables([*alone, _ledger(keys, groups, told, {})]).unify_dictionaries()


def _read(file: Path, names: Mapping[str, str], *, integer_ids: bool) -> pa.Table:
    """Return the columns of a Parquet file that a ledger needs, under the contract's names."""
    with pq.ParquetFile(file, read_dictionary=[names["event_type"]]) as opened:
        schema = opened.schema_arrow
        for column, name in names.items():
            if name not in schema.names or not _fits(column, schema.field(name).type, integer_ids):
                raise UnfitError(f"{file}: {name}")
        read = opened.read(list(names.values()), use_threads=False)
    table = pa.table({column: read[name] for column, name in names.items()})
    types = {**_CANONICAL, "customer_id": pa.int64() if integer_ids else pa.string()}
    for place, column in enumerate(names):
        if table.schema.field(place).type != types[column]:
            table = table.set_column(place, column, table[place].cast(types[column], safe=False))
    return table


_CANONICAL = {
    "event_type": pa.dictionary(pa.int32(), pa.string()),
    "timestamp": MOMENT,
    **dict.fromkeys(AMOUNTS, pa.float64()),
}


def _fits(column: str, of_type: pa.DataType, integer_ids: bool) -> bool:
    if column == "customer_id":
        whole = pa.types.is_integer(of_type) and of_type != pa.uint64()
        return bool(whole if integer_ids else pa.types.is_string(of_type))
    if column == "timestamp":
        return of_type in (MOMENT, pa.timestamp("us", "UTC"))
    if column == "event_type":
        text = of_type.value_type if pa.types.is_dictionary(of_type) else of_type
        return bool(pa.types.is_string(text))
    return bool(of_type == pa.float64() or pa.types.is_integer(of_type))


def _ledger(
    keys: Sequence[pa.Array], groups: _Groups, told: Mapping[str, Array], more: Mapping[str, Array]
) -> pa.Table:
    """Return a row per group: its key, and what is told of it."""
    some = pa.array(groups.order[groups.starts])
    found = {column: key.take(some) for column, key in zip(KEYS, keys, strict=True)}
    made: dict[str, Any] = {**told, **more}
    missing = _missing(found["day"])
    for name in ("first", "last"):
        made[name] = pa.array(made[name], pa.int64(), mask=missing).view(MOMENT)
    return pa.table({**found, **made, REPEATED: np.zeros(len(groups.starts), bool)})


@dataclass(frozen=True)
class _Groups:
    """Rows in an order in which those of the same keys lie together, and where each key begins."""

    order: Array
    starts: Array

    @classmethod
    def of(cls, keys: Sequence[pa.Array]) -> _Groups:
        """Group rows by customer, event type and day.

        Days come first, then customers: what is added up later goes through memory in that order.
        Within a group, rows stay in their order where an integer has room to tell it.
        """
        rows = len(keys[0])
        key: Array = np.zeros(rows, np.int64)
        size = 1
        for values in (keys[2], keys[0], keys[1]):
            codes, n = _codes(values)
            size *= n
            if size.bit_length() > _BITS:
                raise UnfitError("keys")
            if n > 1:
                key *= n
                key += codes
        low = rows.bit_length()
        if size.bit_length() + low <= _BITS:
            key <<= low
            key |= np.arange(rows)
            key.sort()
            order = key & ((1 << low) - 1)
            key >>= low
        else:
            order = np.argsort(key, kind="stable")
            key = key[order]
        begins = np.ones(rows, bool)
        np.not_equal(key[1:], key[:-1], out=begins[1:])
        return cls(order, np.flatnonzero(begins))

    def size(self) -> Array:
        """Return how many rows each group has."""
        return np.diff(np.append(self.starts, len(self.order)))

    def first(self, values: Array) -> Array:
        """Return the value of each group's first row."""
        found: Array = values[self.order[self.starts]]
        return found

    def last(self, values: Array) -> Array:
        """Return the value of each group's last row."""
        ends = np.append(self.starts[1:], len(self.order))[: len(self.starts)]
        found: Array = values[self.order[ends - 1]]
        return found

    def add(self, values: Array, how: np.ufunc) -> Array:
        """Return what comes of each group's values."""
        added: Array = how.reduceat(values[self.order], self.starts) if len(values) else values
        return added

    def millionths(self, amounts: Array) -> tuple[Array, Array]:
        """Return the sum of amounts in whole millionths, and how many there are; NaN is none."""
        there = np.flatnonzero(~np.isnan(amounts)[self.order])
        group = np.searchsorted(self.starts, there, side="right") - 1
        sums = np.zeros(len(self.starts), np.int64)
        np.add.at(sums, group, _millionths(amounts[self.order[there]]))
        return sums, np.bincount(group, minlength=len(self.starts))


def _codes(values: pa.Array) -> tuple[Array, int]:
    """Return an integer from 0 for each value, the largest for null, and how many there are."""
    missing = _missing(values)
    if not len(values):
        return np.zeros(0, np.int64), 1
    if pa.types.is_dictionary(values.type):
        if len(values.dictionary.drop_null().unique()) < len(values.dictionary):
            return _codes(values.dictionary_decode())
        codes, n = _whole(values.indices), len(values.dictionary)
    elif pa.types.is_string(values.type):
        return _codes(values.dictionary_encode())
    else:
        whole = _whole(values)
        low = int(whole.min())
        n = int(whole.max()) - low + 1
        if n.bit_length() > _BITS:
            return _codes(values.dictionary_encode())
        codes = whole - low
    if missing is None:
        return codes, n
    return np.where(missing, n, codes), n + 1


def _days(micros: Array) -> Array:
    """Return days since 1970, int32."""
    if len(micros):
        first, last = int(micros.min()) // MICROS_A_DAY, int(micros.max()) // MICROS_A_DAY
        if first == last:
            return np.full(len(micros), first, np.int32)
    return (micros // MICROS_A_DAY).astype(np.int32)


def _millionths(amounts: Array) -> Array:
    """Return amounts in whole millionths."""
    size = np.abs(amounts)
    if not np.all(size <= LARGEST) or size.sum() > MOST_ADDED:
        # The engine names the row, or finds what 64 bits do not hold.
        raise UnfitError("amounts")
    scaled = amounts * MICRO
    whole = np.trunc(scaled)
    # Halves go away from zero, as they do in engines.
    whole += np.where(np.abs(scaled - whole) >= 0.5, np.sign(scaled), 0.0)
    counted: Array = whole.astype(np.int64)
    return counted


def _array(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    made = column.combine_chunks()
    return made.chunk(0) if isinstance(made, pa.ChunkedArray) else made


def _missing(values: pa.Array) -> Array | None:
    if not values.null_count:
        return None
    missing: Array = values.is_null().to_numpy(zero_copy_only=False)
    return missing


def _whole(values: pa.Array) -> Array:
    """Return whole numbers, days and moments as int64, 0 for null."""
    if pa.types.is_timestamp(values.type):
        values = values.view(pa.int64())
    elif pa.types.is_date32(values.type):
        values = values.view(pa.int32())
    whole = values if values.type == pa.int64() else values.cast(pa.int64())
    return np.asarray((whole.fill_null(0) if whole.null_count else whole).to_numpy())
