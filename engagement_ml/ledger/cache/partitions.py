"""Partitions of the daily ledger of large files, one per batch of files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engagement_ml.tables.duplicates import Hashes
from engagement_ml.tables.row_tally import RowTally

OnPart = Callable[[int, int], None]
"""Progress callback: the number of partitions that are done, and of all partitions."""


@dataclass(frozen=True)
class LedgerPartition:
    """Name and first day of a partition, as callers see it.

    Attributes
    ----------
    name : str
        Changes with the content.
    first : date
    """

    name: str
    first: dt.date


@dataclass(frozen=True)
class Partition:
    """The daily ledger of one batch of files.

    Attributes
    ----------
    file : Path
        Its name changes with the content.
    days : tuple of date
        Days with at least one row, sorted.
    tallies : tuple of RowTally
        Counts of the rows; late rows are not a reason of their own.
    rows : callable
        Returns the name of a view of the batch's events; ``repeated_`` marks duplicates, if any.
    files : tuple of Path
        The batch's files; empty if rows of them are duplicates, or become a customer's by
        identities.
    stitched : tuple of int
        Numbers of ``StitchedEvents``; empty without identities.
    """

    file: Path
    days: tuple[dt.date, ...]
    tallies: tuple[RowTally, ...]
    rows: Callable[[], str]
    files: tuple[Path, ...] = ()
    stitched: tuple[int, ...] = ()


@dataclass(frozen=True)
class PartitionedLedger:
    """All partitions, and one ledger of the days that several partitions hold.

    Attributes
    ----------
    partitions : tuple of Partition
    shared : Path or None
        Merged ledger of `shared_days`; None if no day is in several partitions.
    shared_days : tuple of date
        Days that are in more than one partition, sorted.
    duplicated : array of uint64
        Hashes of event ids that occur more than once.
    definition : str
        Hash of the source and of the way it is read.
    source_columns : mapping of str to str
        Name of each column in the files.
    integer_ids : bool
        Whether ``customer_id`` is an integer, else text.
    """

    partitions: tuple[Partition, ...]
    shared: Path | None
    shared_days: tuple[dt.date, ...]
    duplicated: Hashes
    definition: str
    source_columns: Mapping[str, str]
    integer_ids: bool

    def named(self) -> tuple[LedgerPartition, ...]:
        """Return the names and first days of the partitions, and of the merged ledger."""
        named = tuple(LedgerPartition(p.file.name, p.days[0]) for p in self.partitions if p.days)
        if self.shared is None:
            return named
        return (*named, LedgerPartition(self.shared.name, self.shared_days[0]))


def listed_days(days: Sequence[dt.date]) -> str:
    """Return days as a list of SQL literals.

    Examples
    --------
    >>> listed_days([dt.date(2024, 2, 29)])
    "DATE '2024-02-29'"
    """
    return ", ".join(f"DATE '{day}'" for day in days)
