"""What reading finds of the tables of a pipeline, whichever engine reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.errors import NotEnoughDataError
from engagement_ml.ledger.events import LedgerPart
from engagement_ml.tables.cleaning import TableQuality


@dataclass(frozen=True)
class Found:
    """The tables' rows that are kept, and what is told of them.

    Attributes
    ----------
    label : str
        What messages call the events.
    frames, quality : mapping by table
    counts, amounts, ledger, parts, sessions
        As ``Tables`` has them.
    """

    label: str
    frames: Mapping[str, nw.LazyFrame[Any]]
    quality: Mapping[str, TableQuality]
    counts: Mapping[str, int]
    amounts: Mapping[str, tuple[str, ...]]
    ledger: nw.LazyFrame[Any]
    parts: tuple[LedgerPart, ...] = ()
    sessions: nw.LazyFrame[Any] | None = None


def check_two_customers(label: str, low: Any, high: Any) -> None:
    """Raise where the smallest customer_id of events and transactions is the largest.

    Raises
    ------
    NotEnoughDataError
    """
    if low == high:
        raise NotEnoughDataError(
            f"{label}: there is only one customer, {low!r}; comparing needs at least two, "
            "and learning from their changes some hundreds"
        )
