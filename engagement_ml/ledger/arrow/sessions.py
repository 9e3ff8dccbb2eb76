"""Daily ledger of sessions in Arrow arrays; equal to ``ledger.sessions.sessions_by_day``."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engagement_ml.ledger.arrow.daily import days_of
from engagement_ml.ledger.arrow.grouping import Groups
from engagement_ml.ledger.arrow.reading import MOMENT, array_of, as_integers
from engagement_ml.ledger.sessions import SessionRule
from engagement_ml.tables.ids import without_placeholders


def sessions_by_day(events: pa.Table, rule: SessionRule) -> pa.Table:
    """Return the sessions per customer and day; see ``ledger.sessions.sessions_by_day``.

    Parameters
    ----------
    events : pyarrow.Table
        As ``reading.read_events`` yields it, without ``session_id`` and ``direction``.
    rule : SessionRule

    Raises
    ------
    UnsupportedInputError
        If the combined key does not fit into 63 bits.

    Examples
    --------
    >>> kind = pa.array(["visit"] * 3).dictionary_encode()
    >>> moments = pa.array([0, 10_000_000, 90_000_000], MOMENT)
    >>> events = pa.table({"customer_id": [1, 1, 1], "event_type": kind, "timestamp": moments})
    >>> ledger = sessions_by_day(events, SessionRule(60_000_000, None, ()))
    >>> ledger.select([2, 3, 4, 5]).to_pylist()
    [{'sessions': 2, 'events': 3, 'duration': 10000000, 'bounces': 1}]
    """
    counted = _counted(events, rule)
    moment = array_of(counted["timestamp"])
    micros = as_integers(moment)
    if not np.all(micros[1:] >= micros[:-1]):
        by_time = pa.array(np.argsort(micros))
        counted = counted.take(by_time)
        moment = moment.take(by_time)
        micros = as_integers(moment)
    customer, day = array_of(counted["customer_id"]), days_of(moment)
    groups = Groups.of([day, customer])
    grouped = micros[groups.order]
    pause = np.diff(grouped, prepend=grouped[:1])
    begins = pause > rule.gap
    begins[groups.starts] = True
    ends = np.append(begins[1:], True)[: len(grouped)]
    customers = groups.take(customer)
    if pa.types.is_string(customers.type):
        customers = without_placeholders(customers)
    sessions = pa.table(
        {
            "customer_id": customers,
            "day": groups.take(day),
            "sessions": groups.reduce_sorted(begins.astype(np.int64), np.add),
            "events": groups.size(),
            "duration": groups.reduce_sorted(np.where(begins, 0, pause), np.add),
            "bounces": groups.reduce_sorted((begins & ends).astype(np.int64), np.add),
            "last": pa.array(groups.last(micros)).view(MOMENT),
        }
    )
    return sessions.filter(pc.is_valid(customers)) if customers.null_count else sessions


def _counted(events: pa.Table, rule: SessionRule) -> pa.Table:
    """Return the events that form sessions; see ``ledger.sessions.session_events``."""
    visits = events.select(["customer_id", "timestamp"])
    event_type = array_of(events["event_type"])
    counts = [
        bool(name)
        and name not in rule.excluded
        and (rule.included is None or name in rule.included)
        for name in event_type.dictionary.to_pylist()
    ]
    if not all(counts) or any(column.null_count for column in events.columns):
        inside = pa.array(counts, pa.bool_()).take(event_type.indices)
        for column in visits.columns:
            inside = pc.and_(inside, pc.is_valid(column))
        # The condition is null for an event without a type, and the filter drops nulls.
        return visits.filter(inside)
    return visits
