"""The input tables of a pipeline, validated and still lazy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.inputs.event_types import GroupedTypes
from engagement_ml.inputs.links import Links
from engagement_ml.ledger.cache.partitions import LedgerPartition
from engagement_ml.tables.quality import TableQuality
from engagement_ml.windows import History


@dataclass(frozen=True)
class Tables:
    """Validated input tables under their canonical columns, still lazy.

    Attributes
    ----------
    engine : Engine
        Holds the data; the frames below belong to it.
    events, transactions : LazyFrame
        Timestamps are naive UTC; ``margin`` is float64, always present and never null.
    customers, surveys : LazyFrame or None
        None if the table is not given.
    quality : tuple of TableQuality
        One per table, in the order events, transactions, customers, surveys.
    history : History
        Ends on the day after the last transaction, or earlier; see ``windows.history_of``.
    behaviours : tuple of str
        Sorted event types that are candidates or adjusted for.
    event_counts : mapping of str to int
        Usable events per event type.
    amounts : mapping of str to tuple of str
        The event types with a non-null ``value``, and those with a non-null
        ``duration_seconds``; no key for a column that the events lack.
    ledger : LazyFrame or None
        The events by customer, event type and day, computed during validation; None if it has
        yet to be computed from `events`.
    partitions : tuple of LedgerPartition
        Partitions of the ledger of large files; their names change with their content.
    sessions : LazyFrame or None
        The sessions by customer and day, if they are configured and computed already; None if
        they have yet to be computed from `events`.
    grouped_types : GroupedTypes
        The event types that form one behaviour together, as there are too many.
    links : Links or None
        Who serves which customer; None without a table of links.
    derived_types : frozenset of str
        Those of `event_counts` that follow from other events: what actors do for customers. No
        row of the source has them.
    leaking_covariates : frozenset of str
        Columns of the customers table that no model may use.
    sample_key : str
        Identifies the sample of customers; empty for all customers of the sources.
    notes : tuple of str
        Sentences on the tables: the first says how many customers each has, others what is
        unusual, and what was dropped or assumed.
    """

    engine: Engine
    events: nw.LazyFrame[Any]
    transactions: nw.LazyFrame[Any]
    customers: nw.LazyFrame[Any] | None
    surveys: nw.LazyFrame[Any] | None
    quality: tuple[TableQuality, ...]
    history: History
    behaviours: tuple[str, ...]
    event_counts: Mapping[str, int] = field(default_factory=dict)
    amounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ledger: nw.LazyFrame[Any] | None = None
    partitions: tuple[LedgerPartition, ...] = ()
    sessions: nw.LazyFrame[Any] | None = None
    grouped_types: GroupedTypes = field(default_factory=GroupedTypes)
    links: Links | None = None
    derived_types: frozenset[str] = frozenset()
    leaking_covariates: frozenset[str] = frozenset()
    sample_key: str = ""
    notes: tuple[str, ...] = ()

    def source(self, name: str) -> str:
        """Return the name of a table's source in messages, such as its path."""
        return next((each.source for each in self.quality if each.table == name), name)

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the columns that a table has; empty if the table is not given.

        Optional columns that the source lacks are not among them, nor are those that only measures
        need unless ``read_tables`` was asked for `extra` ones.

        Parameters
        ----------
        name : str
            ``"events"``, ``"transactions"``, ``"customers"`` or ``"surveys"``.
        """
        frame: nw.LazyFrame[Any] | None = getattr(self, name)
        return () if frame is None else tuple(frame.collect_schema().names())
