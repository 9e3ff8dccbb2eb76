"""The contacts of the customers to score, and the segment whose optimum is theirs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.column_names import find
from engagement_ml.config import PipelineConfig
from engagement_ml.contact import ContactEvidence
from engagement_ml.contact.definition import ContactDefinition
from engagement_ml.engine import Engine
from engagement_ml.errors import EngagementError
from engagement_ml.inputs.scoring_reader import ScoringTable, read_scoring_tables
from engagement_ml.workflow.scored.table import CUSTOMER

ID, SEGMENT = "segment_of", "segment_"


@dataclass(frozen=True)
class RecentContacts:
    """What contact budgets are computed from.

    Attributes
    ----------
    evidence : ContactEvidence
    events : LazyFrame or None
        Contacts: ``customer_id`` and ``timestamp``. None if the events do not tell contacts.
    segments : LazyFrame or None
        ``segment_of`` (the customer as text) and ``segment_``. None if no segment is needed, or
        none is known.
    obstacle : str or None
        Why there is no budget for any customer.
    """

    evidence: ContactEvidence
    events: nw.LazyFrame[Any] | None
    segments: nw.LazyFrame[Any] | None = None
    obstacle: str | None = None


def recent_contacts(
    evidence: ContactEvidence,
    engine: Engine,
    config: PipelineConfig,
    read: Mapping[str, ScoringTable],
) -> RecentContacts:
    """Return the contacts among the events to score, by the definition of the training.

    Parameters
    ----------
    evidence : ContactEvidence
    engine : Engine
    config : PipelineConfig
        Its ``sources.customers`` has the segment, if the customers to score come without it.
    read : mapping of table name to ScoringTable
    """
    frame = read["events"].frame
    columns = frame.collect_schema().names()
    if not evidence.by_type and "direction" not in columns and not evidence.declared:
        source = read["events"].quality.source
        return RecentContacts(
            evidence, None, obstacle=f"{source} has no column 'direction', by which the run knew "
            "the company's contacts"
        )  # fmt: skip
    types = evidence.event_types if evidence.by_type else None
    definition = ContactDefinition(types, evidence.declared, evidence.left_out)
    events = definition.contacts(frame, columns).select(CUSTOMER, "timestamp")
    found = RecentContacts(evidence, events)
    return found if evidence.budget_by is None else _with_segments(found, engine, config, read)


def _with_segments(
    found: RecentContacts,
    engine: Engine,
    config: PipelineConfig,
    read: Mapping[str, ScoringTable],
) -> RecentContacts:
    """Add the segments from the customers to score, else from the configuration's table."""
    column = found.evidence.budget_by
    assert column is not None
    given = read.get("customers")
    frame = None if given is None else given.frame
    if frame is None or _name(frame, column) is None:
        source = config.sources.customers
        advice = f"give --customers with column '{column}', whose optima differ"
        if source is None:
            return dataclasses.replace(
                found, obstacle=f"the customers' {column} is not known; {advice}"
            )
        try:
            frame = read_scoring_tables(config, engine, {"customers": source})["customers"].frame
        except EngagementError as error:
            return dataclasses.replace(
                found, obstacle=f"the customers' {column} cannot be read ({error}); {advice}"
            )
        if _name(frame, column) is None:
            return dataclasses.replace(
                found, obstacle=f"{source} has no column '{column}'; {advice}"
            )
    return dataclasses.replace(found, segments=_segments(engine, frame, column))


def _name(frame: nw.LazyFrame[Any], column: str) -> str | None:
    return find(column, frame.collect_schema().names())


def _segments(engine: Engine, frame: nw.LazyFrame[Any], column: str) -> nw.LazyFrame[Any]:
    """Return the segment of each customer as the text that training has for it."""
    from engagement_ml.features.covariates import text_of

    name = _name(frame, column)
    assert name is not None
    value = text_of(engine, frame, name, frame.collect_schema()[name])
    keyed = frame.select(
        nw.col(CUSTOMER).cast(nw.String()).alias(ID), value.fill_null("").alias(SEGMENT)
    )
    # A list of customers may name one twice.
    return keyed.group_by(ID).agg(nw.col(SEGMENT).max())
