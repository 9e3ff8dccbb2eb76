"""Tallies of rows: counts by reason and event type, with time spans and sums of row hashes.

Tallies add up, so that those of files can be cached and combined.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RowTally:
    """Rows of one event type that were dropped for one reason, or kept.

    Attributes
    ----------
    reason : int or None
        Position among the reasons; None for kept rows.
    event_type : str or None
        None for tables without event types.
    rows : int
    first, last : datetime or None
    hash_sum, hash_xor : int
        Sum and exclusive or of the row hashes. A lazy engine gives two sums of remainders.
    amounts : tuple of int
        Number of non-null values in each column of `AMOUNTS` that the table has.
    """

    reason: int | None
    event_type: str | None
    rows: int
    first: dt.datetime | None
    last: dt.datetime | None
    hash_sum: int
    hash_xor: int
    amounts: tuple[int, ...]

    def plain(self) -> list[Any]:
        """Return the tally as plain JSON types."""
        moments = [None if m is None else m.isoformat() for m in (self.first, self.last)]
        hashes = [str(self.hash_sum), str(self.hash_xor)]
        return [self.reason, self.event_type, self.rows, *moments, *hashes, list(self.amounts)]

    @classmethod
    def read(cls, plain: Sequence[Any]) -> RowTally:
        """Return the tally that ``plain`` returned."""
        reason, event_type, rows, first, last, hash_sum, hash_xor, amounts = plain
        hashes = (int(hash_sum), int(hash_xor), tuple(amounts))
        return cls(reason, event_type, rows, _moment(first), _moment(last), *hashes)


def add_tallies(tallies: Iterable[RowTally]) -> list[RowTally]:
    """Add tallies of the same reason and event type; the result is sorted, nulls first."""
    totals: dict[tuple[Any, Any], RowTally] = {}
    for tally in tallies:
        key = (tally.reason, tally.event_type)
        totals[key] = tally if key not in totals else _sum(totals[key], tally)
    keys = sorted(totals, key=lambda key: tuple((part is not None, part) for part in key))
    return [totals[key] for key in keys]


def kept_rows(tallies: Iterable[RowTally]) -> list[RowTally]:
    """Return the tallies of kept rows."""
    return [tally for tally in tallies if tally.reason is None]


def rows_by_event_type(tallies: Iterable[RowTally]) -> dict[str, int]:
    """Return the number of kept rows of each event type."""
    return {t.event_type: t.rows for t in kept_rows(tallies) if t.event_type is not None}


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def _sum(tally: RowTally, other: RowTally) -> RowTally:
    return RowTally(
        tally.reason,
        tally.event_type,
        tally.rows + other.rows,
        min((m for m in (tally.first, other.first) if m is not None), default=None),
        max((m for m in (tally.last, other.last) if m is not None), default=None),
        tally.hash_sum + other.hash_sum,
        tally.hash_xor ^ other.hash_xor,
        tuple(a + b for a, b in zip(tally.amounts, other.amounts, strict=True)),
    )
