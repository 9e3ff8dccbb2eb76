"""Sort-based grouping: a third of the time of hash grouping.

The keys of a row are combined into one integer whose lowest bits are the row's position. After
sorting these integers, the rows of a key are adjacent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from engagement_ml._typing import AnyArray
from engagement_ml.ledger.arrow.reading import UnsupportedInputError, as_integers, null_mask

WIDEST = 1 << 40
"""Integers with a wider range are dictionary-encoded before they become part of a key."""
_BITS = 63


@dataclass(frozen=True)
class Groups:
    """Rows sorted by key, and the start of each group.

    Attributes
    ----------
    order : array of int, shape (n_rows,)
        Row numbers in the order of the groups.
    starts : array of int, shape (n_groups,)
        Position in `order` of each group's first row.
    firsts : array of int, shape (n_groups,)
        Row number of each group's first row.
    """

    order: AnyArray
    starts: AnyArray
    firsts: AnyArray

    @classmethod
    def of(cls, keys: Sequence[pa.Array]) -> Groups:
        """Group rows by keys, sorted by the first key, then by the next.

        Within a group, rows keep their order.

        Raises
        ------
        UnsupportedInputError
            If the combined key does not fit into 63 bits.
        """
        rows = len(keys[0])
        key: AnyArray = np.zeros(rows, np.int64)
        size = 1
        for values in keys:
            codes, n = _codes(values)
            if n > 1:
                size *= n
                if size.bit_length() > _BITS:
                    raise UnsupportedInputError("keys")
                if size > n:
                    key *= n
                key += codes
        row_bits = rows.bit_length()
        if size.bit_length() + row_bits <= _BITS:
            key <<= row_bits
            key |= np.arange(rows)
            key.sort()
            order = key & ((1 << row_bits) - 1)
            key >>= row_bits
        else:
            order = np.argsort(key, kind="stable")
            key = key[order]
        starts_here = np.ones(rows, bool)
        np.not_equal(key[1:], key[:-1], out=starts_here[1:])
        starts = np.flatnonzero(starts_here)
        return cls(order, starts, order[starts])

    def size(self) -> AnyArray:
        """Return the number of rows of each group."""
        return np.diff(np.append(self.starts, len(self.order)))

    def take(self, key: pa.Array) -> pa.Array:
        """Return the key of each group."""
        if key.null_count or pa.types.is_string(key.type):
            return key.take(pa.array(self.firsts))
        if pa.types.is_dictionary(key.type):
            return pa.DictionaryArray.from_arrays(self.take(key.indices), key.dictionary)
        plain = key.view(pa.int32()) if pa.types.is_date32(key.type) else key
        return pa.array(plain.to_numpy()[self.firsts]).view(key.type)

    def first(self, values: AnyArray) -> AnyArray:
        """Return the value of each group's first row."""
        firsts: AnyArray = values[self.firsts]
        return firsts

    def last(self, values: AnyArray) -> AnyArray:
        """Return the value of each group's last row."""
        ends = np.append(self.starts[1:], len(self.order))[: len(self.starts)]
        lasts: AnyArray = values[self.order[ends - 1]]
        return lasts

    def reduce(self, values: AnyArray, ufunc: np.ufunc) -> AnyArray:
        """Return the reduction of each group's values, given in the order of the rows."""
        return self.reduce_sorted(values[self.order], ufunc)

    def reduce_sorted(self, values: AnyArray, ufunc: np.ufunc) -> AnyArray:
        """Return the reduction of each group's values, given in the order of the groups."""
        reduced: AnyArray = ufunc.reduceat(values, self.starts) if len(values) else values
        return reduced


def _codes(values: pa.Array) -> tuple[AnyArray, int]:
    """Return a code from 0 on for each value, the largest for null, and the number of codes."""
    null = null_mask(values)
    if not len(values):
        return np.zeros(0, np.int64), 1
    if pa.types.is_dictionary(values.type):
        if len(values.dictionary.drop_null().unique()) < len(values.dictionary):
            return _codes(values.dictionary_decode())
        codes, n = as_integers(values.indices), len(values.dictionary)
    elif pa.types.is_string(values.type):
        return _codes(values.dictionary_encode())
    else:
        integers = as_integers(values)
        smallest = int(integers.min())
        n = int(integers.max()) - smallest + 1
        if n > WIDEST:
            return _codes(values.dictionary_encode())
        codes = integers - smallest
    if null is None:
        return codes, n
    return np.where(null, n, codes), n + 1
