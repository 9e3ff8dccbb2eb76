"""How much contact is too much: the response of margin, and the customers beyond its optimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.contact.counts import ContactCounts, with_contacts
from engagement_ml.contact.definition import ContactDefinition
from engagement_ml.contact.evidence import ContactEvidence, ContactRow, curve_key
from engagement_ml.contact.rows import Points, above, points_of, row_of
from engagement_ml.contact.search import (
    ContactResponse,
    contact_config,
    contact_response,
    contact_thresholds,
)
from engagement_ml.contact.segments import candidate_values, own_columns, segment_responses
from engagement_ml.features.panel import Panel
from engagement_ml.features.period_panel import Periods
from engagement_ml.formatting import listed, quantity
from engagement_ml.windows import Windows


@dataclass(frozen=True)
class ContactData:
    """What is read from the tables.

    Attributes
    ----------
    definition : ContactDefinition
    counts : ContactCounts
        Of the customers that the run trains on.
    behaviour_of : mapping of str to str
        The behaviour in whose counts an event type is.
    cutoff : str
        The last cutoff, ISO 8601.
    customers : array (M,)
        All customers who are there at the last cutoff, with contacts in the window before it.
    contacts : int64 array (M,)
        Their contacts.
    segments : mapping of column to array (M,)
        Text, ``""`` for null.
    """

    definition: ContactDefinition
    counts: ContactCounts
    behaviour_of: Mapping[str, str]
    cutoff: str
    customers: AnyArray
    contacts: AnyArray
    segments: Mapping[str, AnyArray]


@dataclass(frozen=True)
class TooMuch:
    """One customer above the limit of its segment: a row of ``contacts.csv``."""

    customer: object
    segment: str
    contacts: int
    optimum: float
    above_by: float
    margin_lost: float


def find_contact(
    data: ContactData,
    periods: Periods,
    panel: Panel | None,
    windows: Windows,
    config: PipelineConfig,
) -> tuple[ContactEvidence, tuple[TooMuch, ...]]:
    """Find the response to contacts, overall and by segment, and who is beyond it.

    Parameters
    ----------
    data : ContactData
    periods : Periods
    panel : Panel or None
    windows : Windows
    config : PipelineConfig
        With the key ``contact``.

    Returns
    -------
    evidence : ContactEvidence
    too_much : tuple of TooMuch
        Customers above the limit that holds for them, the furthest above first.
    """
    panel_of_contacts, name = with_contacts(periods, data.counts, data.behaviour_of)
    cost, cost_note = contact_cost(data.counts, config)
    settings = contact_config(config, panel_of_contacts, name, cost)
    alone = contact_thresholds(settings, panel_of_contacts, 1)
    response = contact_response(panel_of_contacts, panel, windows, settings, name, alone)
    overall = row_of(response, None, None, len(panel_of_contacts.entities))
    n_fits = 1 + sum(len(values) for values in candidate_values(response, alone).values())
    strict = contact_thresholds(settings, panel_of_contacts, n_fits)
    found = segment_responses(response, name, overall, panel, windows, strict)
    curves = {curve_key(None, None): points_of(response)} | {
        curve_key(each.row.segment, each.row.value): each.points for each in found
    }
    by = next(own_columns(found), None)
    counts = response.study.counts(name)
    positive = counts[counts > 0]
    evidence = ContactEvidence(
        event_types=data.counts.event_types,
        rows=(overall, *(each.row for each in found)),
        curves={key: points for key, points in curves.items() if points is not None},
        notes=(*cost_note, *_notes(data, response, config)),
        by_type=data.definition.types is not None,
        declared=data.definition.declared,
        left_out=data.definition.left_out,
        cost_per_contact=cost,
        cutoff=data.cutoff,
        budget_by=by,
        typical=float(np.median(positive)) if positive.size else None,
        p90=float(np.quantile(positive, 0.9)) if positive.size else None,
    )
    return _with_customers(evidence, data)


def contact_cost(counts: ContactCounts, config: PipelineConfig) -> tuple[float, tuple[str, ...]]:
    """Return the cost of one contact, and a note if it is that of its event types.

    It is ``contact.cost_per_contact``; if that is 0, the mean of ``cost_per_event`` over contacts.
    """
    own = 0.0 if config.contact is None else config.contact.cost_per_contact
    costs = np.array([config.behaviour(t).cost_per_event for t in counts.event_types])
    if own > 0 or not costs.any() or not counts.n.size:
        return own, ()
    cost = float((costs[counts.kind] * counts.n).sum() / counts.n.sum())
    return cost, (
        "contact.cost_per_contact is 0, so a contact costs the mean of cost_per_event of the event "
        f"types it is made of: {cost:.4g} {config.currency}",
    )


def _notes(data: ContactData, response: ContactResponse, config: PipelineConfig) -> tuple[str, ...]:
    kinds = listed(data.counts.event_types) or "none"
    notes = [f"contacts are events of {kinds}; they count as one behaviour here"]
    if data.definition.types is None and data.definition.left_out:
        left_out = listed(data.definition.left_out)
        notes.append(
            f"by role or as the churn event, {left_out} count as no contact, whatever the "
            "direction; name them in contact.event_types if they are contacts"
        )
    for column, labels in response.study.periods.segments.items():
        if without := int((labels == "").sum()):
            many = quantity(without, config.entity)
            notes.append(f"{many} without a value of {column} have the optimum of all")
    return tuple(notes)


def _with_customers(
    evidence: ContactEvidence, data: ContactData
) -> tuple[ContactEvidence, tuple[TooMuch, ...]]:
    """Count the customers above each row's limit, and list those above the limit of their own."""
    curves = evidence.curves or {}
    rows, listed_rows = [], []
    for row in evidence.rows:
        inside = _members(row, data)
        points = _points(row, curves)
        group = above(row, points, data.customers[inside], data.contacts[inside])
        if group is None:
            rows.append(row)
            continue
        rows.append(replace(row, n_above=len(group.n), cost_above=float(group.lost.sum())))
        assert row.limit is not None
        if row.segment == evidence.budget_by:
            listed_rows += _listed(row, group.customers, group.n, group.lost)
    if evidence.budget_by is not None:
        listed_rows += _of_no_value(evidence, data, curves)
    order = sorted(listed_rows, key=lambda each: (-each.above_by, str(each.customer)))
    return replace(evidence, rows=tuple(rows)), tuple(order)


def _members(row: ContactRow, data: ContactData) -> AnyArray:
    if row.segment is None:
        return np.ones(len(data.customers), dtype=bool)
    return np.asarray(data.segments[row.segment] == row.value, dtype=bool)


def _points(row: ContactRow, curves: Mapping[str, Points]) -> Points | None:
    key = curve_key(None, None) if row.pooled else curve_key(row.segment, row.value)
    return curves.get(key)


def _of_no_value(
    evidence: ContactEvidence, data: ContactData, curves: Mapping[str, Points]
) -> list[TooMuch]:
    """Return the customers above the overall limit whose segment has no row."""
    overall, column = evidence.overall, evidence.budget_by
    assert overall is not None
    assert column is not None
    values = {row.value for row in evidence.rows if row.segment == column}
    rest = np.array([value not in values for value in data.segments[column]], dtype=bool)
    group = above(overall, _points(overall, curves), data.customers[rest], data.contacts[rest])
    return [] if group is None else _listed(overall, group.customers, group.n, group.lost)


def _listed(row: ContactRow, customers: AnyArray, n: AnyArray, lost: FloatArray) -> list[TooMuch]:
    limit, label = row.limit, "all" if row.segment is None else f"{row.segment}: {row.value}"
    assert limit is not None
    return [
        TooMuch(customer, label, int(contacts), limit, float(contacts - limit), float(loss))
        for customer, contacts, loss in zip(customers.tolist(), n, lost, strict=True)
    ]
