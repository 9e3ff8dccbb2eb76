"""How much contact is too much: the part of a run, with the list of customers beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engagement_ml.workflow.further.part import Fitted, Found, Part, Sources
from engagement_ml.workflow.results import csv_text

if TYPE_CHECKING:
    from engagement_ml.contact.find import ContactData, TooMuch

CONTACTS = "contacts.csv"
COLUMNS = ("customer_id", "segment", "contacts", "optimum", "above_by", "margin_lost")


def _gather(sources: Sources) -> ContactData:
    from engagement_ml.contact.reading import read_contacts

    return read_contacts(sources.everyone, sources.tables, sources.config, sources.windows)


def _find(data: Any, fitted: Fitted) -> Found:
    from engagement_ml.contact.find import find_contact

    evidence, too_much = find_contact(
        data, fitted.periods, fitted.panel, fitted.windows, fitted.config
    )
    has_limit = any(row.limit is not None for row in evidence.rows)
    files = {CONTACTS: contacts_csv(too_much)} if has_limit else {}
    return Found({CONTACT.field: evidence}, files)


def contacts_csv(rows: Sequence[TooMuch]) -> str:
    r"""Return the text of ``contacts.csv``: a row per customer above the limit that holds for it.

    Examples
    --------
    >>> from engagement_ml.contact.find import TooMuch
    >>> contacts_csv([TooMuch("c1", "plan: plus", 14, 12.0, 2.0, 3.5)]).splitlines()[1]
    'c1,plan: plus,14,12,2,3.5'
    """
    return csv_text(
        COLUMNS,
        (
            (each.customer, each.segment, each.contacts, each.optimum, each.above_by,
             each.margin_lost)
            for each in rows
        ),
    )  # fmt: skip


CONTACT = Part(
    field="contact",
    step="Finding how much contact is too much",
    wanted=lambda config: config.contact is not None,
    gather=_gather,
    find=_find,
)
