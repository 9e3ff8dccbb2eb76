"""Contacts by customer and day, and the period panel in which their sum is one behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import AnyArray, Int64Array
from engagement_ml.column_names import free_name
from engagement_ml.features.period_panel import Days, Periods

NAME = "contacts"
"""Name of the behaviour that is the sum of all contacts, if no event type has it."""


@dataclass(frozen=True)
class ContactCounts:
    """Contacts by customer, event type and day.

    Attributes
    ----------
    event_types : tuple of str
        All event types that contacts have, sorted.
    customers : array (R,)
        Ids.
    kind : int64 array (R,)
        Place of the event type.
    day : datetime64[D] array (R,)
    n : int64 array (R,)
        Contacts.
    """

    event_types: tuple[str, ...]
    customers: AnyArray
    kind: Int64Array
    day: AnyArray
    n: Int64Array


def with_contacts(
    periods: Periods, counts: ContactCounts, behaviour_of: Mapping[str, str]
) -> tuple[Periods, str]:
    """Return the periods with one behaviour for all contacts, taken out of the other behaviours.

    Parameters
    ----------
    periods : Periods
    counts : ContactCounts
        Days outside the periods, and other customers, are left out.
    behaviour_of : mapping of str to str
        The behaviour in whose counts an event type is, if it is in any: its own, or that of
        grouped event types.

    Returns
    -------
    periods : Periods
        Behaviours without any event left are gone; the contacts come last.
    name : str
        Name of the contacts.
    """
    taken = (*periods.behaviours, *counts.event_types)
    name, n_before = free_name(NAME, taken), len(periods.behaviours)
    n_days = periods.gain.shape[1] * periods.period_days
    day = (counts.day - np.datetime64(periods.start, "D")).astype(np.int64)
    entity = np.searchsorted(periods.entities, counts.customers)
    entity = np.minimum(entity, len(periods.entities) - 1)
    known = periods.entities[entity] == counts.customers
    kept = known & (day >= 0) & (day < n_days)
    entity, day, kind, n = entity[kept], day[kept], counts.kind[kept], counts.n[kept]
    places = {b: i for i, b in enumerate(periods.behaviours)}
    place_of = np.array(
        [places.get(behaviour_of.get(t, ""), -1) for t in counts.event_types], dtype=np.int64
    )
    place = place_of[kind] if len(place_of) else kind
    inside = place >= 0
    dense = np.concatenate(
        [periods.counts, np.zeros((*periods.counts.shape[:2], 1), dtype=np.float32)], axis=2
    )
    period = day // periods.period_days
    np.subtract.at(dense, (entity[inside], period[inside], place[inside]), n[inside])
    np.add.at(dense, (entity, period, np.full_like(entity, n_before)), n)
    emptied = {place for place in place_of.tolist() if place >= 0 and not dense[..., place].any()}
    columns = [i for i in range(n_before) if i not in emptied] + [n_before]
    days = periods.days
    if days is not None:
        moved = (entity[inside], day[inside], place[inside], -n[inside])
        added = (entity, day, np.full_like(entity, n_before), n)
        days = _summed(days, (moved, added), columns, n_days)
    return replace(
        periods,
        behaviours=(*(periods.behaviours[i] for i in columns[:-1]), name),
        counts=np.ascontiguousarray(dense[..., columns]),
        days=days,
    ), name


def _summed(
    days: Days, rows: tuple[tuple[AnyArray, ...], ...], columns: list[int], n_days: int
) -> Days:
    """Return daily counts with rows added, and behaviours renumbered; sums of 0 are left out."""
    parts = ((days.entity, days.day, days.behaviour, days.n), *rows)
    entity, day, behaviour, n = (np.concatenate(each) for each in zip(*parts, strict=True))
    width = max(columns) + 1
    key = (entity.astype(np.int64) * n_days + day) * width + behaviour
    unique, inverse = np.unique(key, return_inverse=True)
    total = np.bincount(inverse, weights=n, minlength=len(unique))
    unique, total = unique[total > 0], total[total > 0]
    new_place = np.zeros(width, dtype=np.int32)
    new_place[columns] = np.arange(len(columns))
    return replace(
        days,
        entity=(unique // width // n_days).astype(np.int32),
        day=(unique // width % n_days).astype(np.int32),
        behaviour=new_place[unique % width],
        n=total.astype(np.float32),
    )


def subset(periods: Periods, members: AnyArray) -> Periods:
    """Return the periods of some customers, given by a mask (n,)."""
    days = periods.days
    if days is not None:
        place = np.cumsum(members) - 1
        kept = members[days.entity]
        days = Days(
            entity=place[days.entity[kept]].astype(np.int32),
            day=days.day[kept],
            behaviour=days.behaviour[kept],
            n=days.n[kept],
            exit=days.exit[members],
        )
    return replace(
        periods,
        entities=periods.entities[members],
        counts=periods.counts[members],
        gain=periods.gain[members],
        loss=periods.loss[members],
        orders=periods.orders[members],
        entry=periods.entry[members],
        exit=periods.exit[members],
        segments={column: labels[members] for column, labels in periods.segments.items()},
        days=days,
    )
