"""Which events are contacts: named event types, or all that the company sends."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import InputError, nearest
from engagement_ml.inputs import Tables
from engagement_ml.ledger.sessions import OUTBOUND
from engagement_ml.tables.schema import listed

NO_CONTACT = ("consequence", "negative_control", "ignore")
"""Roles whose events are no contacts unless ``contact.event_types`` names them."""


@dataclass(frozen=True)
class ContactDefinition:
    """Which events are contacts.

    Attributes
    ----------
    types : tuple of str or None
        Event types that are contacts, whatever their direction. None: by direction.
    declared : tuple of str
        Types that the configuration declares as outbound; their events without a direction count.
    left_out : tuple of str
        Types that are no contacts, whatever their direction.
    """

    types: tuple[str, ...] | None
    declared: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: PipelineConfig) -> ContactDefinition:
        """Take the definition from a configuration with the key ``contact``."""
        named = None if config.contact is None else config.contact.event_types
        if named is not None:
            return cls(tuple(dict.fromkeys(named)))
        churn = () if config.churn.event_type is None else (config.churn.event_type,)
        roles = {name: each.role for name, each in config.behaviours.items()}
        left_out = tuple(name for name, role in roles.items() if role in NO_CONTACT)
        declared = tuple(
            name
            for name, each in config.behaviours.items()
            if each.direction == OUTBOUND and name not in left_out
        )
        return cls(None, declared, (*left_out, *churn))

    def check(self, config: PipelineConfig, tables: Tables) -> None:
        """Check that the tables can have contacts.

        Raises
        ------
        InputError
            If a named event type is not there or marks churn, or if nothing says which events are
            outbound.
        """
        source = next((q.source for q in tables.quality if q.table == "events"), "events")
        known = {*tables.event_counts, *tables.grouped_types.counts}
        for name in self.types or ():
            if name == config.churn.event_type:
                raise InputError(
                    f"key 'contact.event_types': '{name}' is the churn event, not a contact; "
                    "leave it out"
                )
            if name not in known:
                raise InputError(
                    f"key 'contact.event_types': {source} has no event of type '{name}'"
                    f"{nearest(name, known)}; its event types are {listed(sorted(known))}"
                )
        if self.types == ():
            raise InputError(
                "key 'contact.event_types' is empty; name the event types of contacts, or leave "
                "the key out to take all events whose direction is outbound"
            )
        has_direction = "direction" in tables.columns("events")
        if self.types is None and not has_direction and not self.declared:
            raise InputError(
                f"{source}: column 'direction' is missing, and key 'contact' needs it to know the "
                "company's contacts; add it (outbound for what the company sends), or name their "
                f"event types: contact: {{event_types: [...]}}, among {listed(sorted(known))}"
            )

    def contacts(self, events: nw.LazyFrame[Any], columns: Collection[str]) -> nw.LazyFrame[Any]:
        """Return the events that are contacts.

        Parameters
        ----------
        events : LazyFrame
            With ``event_type``, and ``direction`` if `columns` names it.
        columns : collection of str
            The columns of the events.
        """
        kind = nw.col("event_type")
        if self.types is not None:
            return events.filter(kind.is_in(list(self.types)))
        declared = kind.is_in(list(self.declared)) if self.declared else nw.lit(False)
        outbound = declared
        if "direction" in columns:
            direction = nw.col("direction").cast(nw.String).str.to_lowercase().fill_null("")
            outbound = (direction == OUTBOUND) | ((direction == "") & declared)
        found = events.filter(outbound)
        return found.filter(~kind.is_in(list(self.left_out))) if self.left_out else found
