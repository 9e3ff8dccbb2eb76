"""Result of reading all tables, the same for every engine, and checks that readers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.errors import InputError, NotEnoughDataError
from engagement_ml.ledger.cache.partitions import LedgerPartition
from engagement_ml.tables.quality import TableQuality
from engagement_ml.tables.schema import SourceTable
from engagement_ml.tables.validation import column_label


@dataclass(frozen=True)
class ReadResult:
    """The usable rows of all tables, and what was counted of them.

    Attributes
    ----------
    label : str
        Name of the events in messages.
    frames, quality : mapping by table name
    counts, amounts, ledger, partitions, sessions
        As in ``Tables``; `counts` is its ``event_counts``.
    """

    label: str
    frames: Mapping[str, nw.LazyFrame[Any]]
    quality: Mapping[str, TableQuality]
    counts: Mapping[str, int]
    amounts: Mapping[str, tuple[str, ...]]
    ledger: nw.LazyFrame[Any]
    partitions: tuple[LedgerPartition, ...] = ()
    sessions: nw.LazyFrame[Any] | None = None


def check_two_customers(label: str, smallest: Any, largest: Any) -> None:
    """Check that events and transactions have more than one customer.

    Raises
    ------
    NotEnoughDataError
        If the smallest customer_id is also the largest.
    """
    if smallest == largest:
        raise NotEnoughDataError(
            f"{label}: there is only one customer, {smallest!r}; comparisons need at least two, "
            "and estimates within customers need some hundreds"
        )


def duplicate_customer(table: SourceTable, customer: object, rows: int) -> InputError:
    """Return the error about a customer with several rows in the customers table."""
    place = column_label(table, "customer_id")
    return InputError(f"{place}: {customer!r} occurs {rows} times; give one row per customer")
