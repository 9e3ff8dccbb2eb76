"""The sessions of Parquet files, made in arrays; see ``sessions.sessions_by_day``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engagement_ml.ledger.arrow.daily import days_of
from engagement_ml.ledger.arrow.grouping import Groups
from engagement_ml.ledger.arrow.reading import MOMENT, array_of, tables_of, whole, write_by_day
from engagement_ml.ledger.sessions import SessionRule


def write_sessions(
    files: Sequence[Path],
    names: Mapping[str, str],
    rule: SessionRule,
    target: Path,
    *,
    integer_ids: bool,
) -> None:
    """Write the sessions per entity and day of events of Parquet files as Parquet.

    None of the events is repeated, and they tell neither a ``session_id`` nor a ``direction``.
    Parameters are those of ``arrays.tables_of``.

    Raises
    ------
    UnfitError
        Where the engine has to make them.
    """
    events = tables_of(files, names, integer_ids=integer_ids)
    made = pa.concat_tables([sessions_of(table, rule) for table in events])
    write_by_day(made, target, moments=("last",), hardly_repeat=("customer_id", "duration"))


def sessions_of(events: pa.Table, rule: SessionRule) -> pa.Table:
    """Return the sessions per entity and day; see ``sessions.sessions_by_day``.

    Parameters
    ----------
    events : pyarrow.Table
        As ``arrays.tables_of`` yields it.
    rule : SessionRule

    Examples
    --------
    >>> kind = pa.array(["visit"] * 3).dictionary_encode()
    >>> when = pa.array([0, 10_000_000, 90_000_000], MOMENT)
    >>> told = pa.table({"customer_id": [1, 1, 1], "event_type": kind, "timestamp": when})
    >>> sessions_of(told, SessionRule(60_000_000, None, ())).select([2, 3, 4, 5]).to_pylist()
    [{'sessions': 2, 'events': 3, 'duration': 10000000, 'bounces': 1}]
    """
    visits = _counted(events, rule)
    moment = array_of(visits["timestamp"])
    micros = whole(moment)
    if not np.all(micros[1:] >= micros[:-1]):
        in_time = pa.array(np.argsort(micros))
        visits = visits.take(in_time)
        moment = moment.take(in_time)
        micros = whole(moment)
    customer, day = array_of(visits["customer_id"]), days_of(moment)
    groups = Groups.of([day, customer])
    told = micros[groups.order]
    pause = np.diff(told, prepend=told[:1])
    begins = pause > rule.gap
    begins[groups.starts] = True
    ends = np.append(begins[1:], True)[: len(told)]
    return pa.table(
        {
            "customer_id": groups.take(customer),
            "day": groups.take(day),
            "sessions": groups.reduced(begins.astype(np.int64), np.add),
            "events": groups.size(),
            "duration": groups.reduced(np.where(begins, 0, pause), np.add),
            "bounces": groups.reduced((begins & ends).astype(np.int64), np.add),
            "last": pa.array(groups.last(micros)).view(MOMENT),
        }
    )


def _counted(events: pa.Table, rule: SessionRule) -> pa.Table:
    """Return the events that make sessions, as ``sessions.visits`` chooses them."""
    visits = events.select(["customer_id", "timestamp"])
    kind = array_of(events["event_type"])
    kinds = kind.dictionary.to_pylist()
    counts = [
        bool(name) and name not in rule.never and (rule.only is None or name in rule.only)
        for name in kinds
    ]
    if not all(counts) or any(column.null_count for column in events.columns):
        inside = pa.array(counts, pa.bool_()).take(kind.indices)
        for column in visits.columns:
            inside = pc.and_(inside, pc.is_valid(column))
        # A null, of an event without a type, chooses nothing.
        return visits.filter(inside)
    return visits
