"""Daily ledger of events in Arrow arrays; equal to ``ledger.daily.aggregate_by_day``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from engagement_ml._typing import AnyArray
from engagement_ml.ledger.arrow.grouping import Groups
from engagement_ml.ledger.arrow.reading import (
    MICROS_A_DAY,
    MOMENT,
    UnsupportedInputError,
    array_of,
    as_integers,
    null_mask,
)
from engagement_ml.ledger.daily import KEYS, MICRO
from engagement_ml.tables.duplicates import DUPLICATE_MARK
from engagement_ml.tables.ids import without_placeholders
from engagement_ml.tables.schema import AMOUNTS
from engagement_ml.tables.validation import LARGEST

LARGEST_SUM = 9e12
"""Largest sum of absolute amounts: its whole millionths fit into 64 bits."""


def aggregate_by_day(events: pa.Table) -> pa.Table:
    """Return the daily ledger of events without duplicates, sorted by day and customer.

    Parameters
    ----------
    events : pyarrow.Table
        As ``reading.read_events`` yields it.

    Raises
    ------
    UnsupportedInputError
        If an amount does not fit, or the combined key does not fit into 63 bits.

    Examples
    --------
    >>> kind = pa.array(["visit", "visit"]).dictionary_encode()
    >>> moments = pa.array([5, 9], MOMENT)
    >>> events = pa.table({"customer_id": [1, 1], "event_type": kind, "timestamp": moments})
    >>> aggregate_by_day(events).select(["n", "day"]).to_pylist()
    [{'n': 2, 'day': datetime.date(1970, 1, 1)}]
    """
    moment = array_of(events["timestamp"])
    micros = as_integers(moment)
    keys = {
        "customer_id": array_of(events["customer_id"]),
        "event_type": array_of(events["event_type"]),
        "day": days_of(moment),
    }
    groups = Groups.of([keys["day"], keys["customer_id"], keys["event_type"]])
    if np.all(micros[1:] >= micros[:-1]):
        # Events sorted by time, as in a log, are sorted within their group.
        first, last = groups.first(micros), groups.last(micros)
    else:
        first, last = groups.reduce(micros, np.minimum), groups.reduce(micros, np.maximum)
    ledger: dict[str, Any] = {column: groups.take(keys[column]) for column in KEYS}
    if pa.types.is_string(ledger["customer_id"].type):
        # The ledger has far fewer rows than the events; rows without a customer are only counted.
        ledger["customer_id"] = without_placeholders(ledger["customer_id"])
    ledger["n"] = groups.size()
    null = null_mask(ledger["day"])
    for name, values in (("first", first), ("last", last)):
        ledger[name] = pa.array(values, pa.int64(), mask=null).view(MOMENT)
    counts: dict[str, AnyArray] = {}
    for column in (c for c in AMOUNTS if c in events.column_names):
        amounts = array_of(events[column]).to_numpy(zero_copy_only=False)
        ledger[column], counts[f"n_{column}"] = _sums(groups, amounts)
    return pa.table({**ledger, **counts, DUPLICATE_MARK: np.zeros(len(groups.starts), bool)})


def days_of(moment: pa.Array) -> pa.Array:
    """Return the days (UTC) of timestamps; null for null."""
    micros = as_integers(moment)
    if len(micros):
        first, last = int(micros.min()) // MICROS_A_DAY, int(micros.max()) // MICROS_A_DAY
        # Most files hold a single day, and comparing its bounds is cheaper than dividing.
        days = np.full(len(micros), first) if first == last else micros // MICROS_A_DAY
    else:
        days = micros
    return pa.array(days.astype(np.int32), mask=null_mask(moment)).view(pa.date32())


def _sums(groups: Groups, amounts: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Return each group's sum of amounts in whole millionths and its count; NaN is null."""
    present = ~np.isnan(amounts)[groups.order]
    # Differences of cumulative sums: exact in integers, and a third of the time of reduceat.
    count = _cumulative(present)[np.append(groups.starts, len(present))]
    total = _cumulative(_millionths(amounts[groups.order[np.flatnonzero(present)]]))[count]
    return np.diff(total), np.diff(count)


def _cumulative(values: AnyArray) -> AnyArray:
    """Return the sum of the values before each position, and of all values at the end."""
    total = np.zeros(len(values) + 1, np.int64)
    total[1:] = values
    np.cumsum(total, out=total)
    return total


def _millionths(amounts: AnyArray) -> AnyArray:
    """Return amounts in whole millionths, rounded half away from zero as the engines do."""
    size = np.abs(amounts)
    if not np.all(size <= LARGEST) or size.sum() > LARGEST_SUM:
        # The engine names the row, or reports the overflow.
        raise UnsupportedInputError("amounts")
    scaled = amounts * MICRO
    truncated = np.trunc(scaled)
    truncated += np.where(np.abs(scaled - truncated) >= 0.5, np.sign(scaled), 0.0)
    millionths: AnyArray = truncated.astype(np.int64)
    return millionths
