"""Contacts read from the tables, on every engine."""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import AnyArray
from engagement_ml.config import PipelineConfig
from engagement_ml.contact.counts import ContactCounts
from engagement_ml.contact.definition import ContactDefinition
from engagement_ml.contact.find import ContactData
from engagement_ml.errors import InputError
from engagement_ml.features.covariates import lazy_text
from engagement_ml.features.daily_totals import entities, present_at
from engagement_ml.features.population import collect
from engagement_ml.inputs import Tables
from engagement_ml.tables.schema import listed
from engagement_ml.windows import Windows


def read_contacts(
    everyone: Tables, tables: Tables, config: PipelineConfig, windows: Windows
) -> ContactData:
    """Read the contacts of the training's customers by day, and of all before the last cutoff.

    Parameters
    ----------
    everyone, tables : Tables
        All customers, and those that the run trains on.
    config : PipelineConfig
        With the key ``contact``.
    windows : Windows

    Raises
    ------
    InputError
        If nothing says which events are contacts, or if there is none.
    """
    definition = ContactDefinition.of(config)
    definition.check(config, everyone)
    counts = _daily(definition, tables)
    if not counts.n.size:
        source = next((q.source for q in tables.quality if q.table == "events"), "events")
        left_out = listed(definition.left_out)
        counts_not = f" and a type that counts (not {left_out})" if left_out else ""
        raise InputError(
            f"{source}: no event is a contact, as none has direction 'outbound'{counts_not}; write "
            "outbound "
            "where the company acts, name the event types of contacts in key "
            "'contact.event_types', or leave key 'contact' out"
        )
    cutoff = windows.cutoffs[-1]
    window = windows.observation(cutoff)
    at_cutoff = _before(definition, everyone, config, window.start, window.end)
    segments = [column for column in config.segments if everyone.customers is not None]
    grouped = everyone.grouped_types
    return ContactData(
        definition=definition,
        counts=counts,
        behaviour_of={
            kind: grouped.name if kind in grouped.counts else kind for kind in counts.event_types
        },
        cutoff=cutoff.isoformat(),
        customers=at_cutoff["customer_id"],
        contacts=at_cutoff["n"],
        segments={
            column: at_cutoff[f"segment_{i}"].astype(object) for i, column in enumerate(segments)
        },
    )


def contact_events(definition: ContactDefinition, tables: Tables) -> nw.LazyFrame[Any]:
    """Return the contacts with their day."""
    found = definition.contacts(tables.events, tables.columns("events"))
    return found.select("customer_id", "event_type", nw.col("timestamp").dt.date().alias("day"))


def _daily(definition: ContactDefinition, tables: Tables) -> ContactCounts:
    daily = (
        contact_events(definition, tables)
        .group_by("customer_id", "event_type", "day")
        .agg(nw.len().cast(nw.Int64).alias("n"))
    )
    columns = collect(daily)
    types, kind = np.unique(columns["event_type"].astype(str), return_inverse=True)
    return ContactCounts(
        event_types=tuple(types.tolist()),
        customers=columns["customer_id"],
        kind=kind.astype(np.int64),
        day=columns["day"].astype("datetime64[D]"),
        n=columns["n"].astype(np.int64),
    )


def _before(
    definition: ContactDefinition,
    tables: Tables,
    config: PipelineConfig,
    start: dt.date,
    end: dt.date,
) -> dict[str, AnyArray]:
    """Return contacts in a window of the customers who are there when it ends, by customer."""
    day = nw.col("day")
    counted = (
        contact_events(definition, tables)
        .filter((day >= start) & (day < end))
        .group_by("customer_id")
        .agg(nw.len().cast(nw.Int64).alias("n"))
    )
    present = present_at(entities(tables, config), end).select("customer_id")
    found = counted.join(present, on="customer_id", how="inner")
    columns: list[str] = []
    if tables.customers is not None and config.segments:
        schema = tables.customers.collect_schema()
        values = [
            lazy_text(tables, column, schema[column]).alias(f"segment_{i}")
            for i, column in enumerate(config.segments)
        ]
        columns = [f"segment_{i}" for i, _ in enumerate(config.segments)]
        segments = tables.customers.select("customer_id", *values)
        found = found.join(segments, on="customer_id", how="left").with_columns(
            *(nw.col(column).fill_null("") for column in columns)
        )
    return collect(found.select("customer_id", "n", *columns).sort("customer_id"))
