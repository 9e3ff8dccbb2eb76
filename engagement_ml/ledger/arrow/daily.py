"""The daily ledger of Parquet files, made in arrays; see ``ledger.daily``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from engagement_ml._typing import AnyArray
from engagement_ml.ledger.arrow.grouping import Groups
from engagement_ml.ledger.arrow.reading import (
    MICROS_A_DAY,
    MOMENT,
    UnfitError,
    array_of,
    missing,
    tables_of,
    whole,
    write_by_day,
)
from engagement_ml.ledger.daily import AMOUNTS, KEYS, MICRO, REPEATED
from engagement_ml.tables.validation import LARGEST

MOST_ADDED = 9e12
"""Amounts that are added up in whole millionths of 64 bits."""


def write_daily(
    files: Sequence[Path], names: Mapping[str, str], target: Path, *, integer_ids: bool
) -> pa.Table:
    """Write the daily ledger of events of Parquet files, none of them repeated, and return it.

    Parameters are those of ``arrays.tables_of``.

    Raises
    ------
    UnfitError
        Where the engine has to make it.
    """
    ledgers = [daily_of(table) for table in tables_of(files, names, integer_ids=integer_ids)]
    ledger = pa.concat_tables(ledgers).unify_dictionaries()
    counts = (f"n_{column}" for column in AMOUNTS)
    write_by_day(
        ledger,
        target,
        moments=("first", "last"),
        hardly_repeat=("customer_id", *AMOUNTS, *counts),
    )
    return ledger


def daily_of(events: pa.Table) -> pa.Table:
    """Return the daily ledger of events, none of them repeated, sorted by day and customer.

    Parameters
    ----------
    events : pyarrow.Table
        As ``arrays.tables_of`` yields it.

    Raises
    ------
    UnfitError
        Where an amount does not fit, or keys are too many for an integer.

    Examples
    --------
    >>> kind = pa.array(["visit", "visit"]).dictionary_encode()
    >>> when = pa.array([5, 9], MOMENT)
    >>> made = daily_of(pa.table({"customer_id": [1, 1], "event_type": kind, "timestamp": when}))
    >>> made.select(["n", "day"]).to_pylist()
    [{'n': 2, 'day': datetime.date(1970, 1, 1)}]
    """
    moment = array_of(events["timestamp"])
    micros = whole(moment)
    keys = {
        "customer_id": array_of(events["customer_id"]),
        "event_type": array_of(events["event_type"]),
        "day": days_of(moment),
    }
    groups = Groups.of([keys["day"], keys["customer_id"], keys["event_type"]])
    if np.all(micros[1:] >= micros[:-1]):
        # Events in the order of time, as in a log: so they are within their group.
        first, last = groups.first(micros), groups.last(micros)
    else:
        first, last = groups.add(micros, np.minimum), groups.add(micros, np.maximum)
    found: dict[str, Any] = {column: groups.take(keys[column]) for column in KEYS}
    found["n"] = groups.size()
    null = missing(found["day"])
    for name, values in (("first", first), ("last", last)):
        found[name] = pa.array(values, pa.int64(), mask=null).view(MOMENT)
    counts: dict[str, AnyArray] = {}
    for column in (c for c in AMOUNTS if c in events.column_names):
        amounts = array_of(events[column]).to_numpy(zero_copy_only=False)
        found[column], counts[f"n_{column}"] = _added_up(groups, amounts)
    return pa.table({**found, **counts, REPEATED: np.zeros(len(groups.starts), bool)})


def days_of(moment: pa.Array) -> pa.Array:
    """Return the days (UTC) of moments."""
    micros = whole(moment)
    if len(micros):
        first, last = int(micros.min()) // MICROS_A_DAY, int(micros.max()) // MICROS_A_DAY
        # Mostly a file holds one day, and dividing costs more than looking.
        days = np.full(len(micros), first) if first == last else micros // MICROS_A_DAY
    else:
        days = micros
    return pa.array(days.astype(np.int32), mask=missing(moment)).view(pa.date32())


def _added_up(groups: Groups, amounts: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Return the sum of amounts in whole millionths, and how many there are; NaN is none."""
    there = ~np.isnan(amounts)[groups.order]
    # Running totals at the groups' ends: exact in integers, and a third of the time of reduceat.
    upto = _running(there)[np.append(groups.starts, len(there))]
    total = _running(_millionths(amounts[groups.order[np.flatnonzero(there)]]))[upto]
    return np.diff(total), np.diff(upto)


def _running(values: AnyArray) -> AnyArray:
    """Return the sum of the values before each place, and of all at the end."""
    total = np.zeros(len(values) + 1, np.int64)
    total[1:] = values
    np.cumsum(total, out=total)
    return total


def _millionths(amounts: AnyArray) -> AnyArray:
    """Return amounts in whole millionths."""
    size = np.abs(amounts)
    if not np.all(size <= LARGEST) or size.sum() > MOST_ADDED:
        # The engine names the row, or finds what 64 bits do not hold.
        raise UnfitError("amounts")
    scaled = amounts * MICRO
    whole = np.trunc(scaled)
    # Halves go away from zero, as they do in engines.
    whole += np.where(np.abs(scaled - whole) >= 0.5, np.sign(scaled), 0.0)
    counted: AnyArray = whole.astype(np.int64)
    return counted
