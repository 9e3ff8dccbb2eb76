"""Event types of a table with their counts, and the role to consider for each."""

from __future__ import annotations

import re
from dataclasses import dataclass

BOUGHT = re.compile(
    r"(^|[^a-z])(purchase[ds]?|order[ _-]?(completed|placed|paid)|checkout[ _-]?(completed|done)"
    r"|transaction|payment([ _-]?succeeded)?|sale|sold|bought|buy|kauf|bestellung|achat|compra)$"
)
"""Event types that are purchases, in lower case."""
RETURNED = re.compile(
    r"(^|[^a-z])(refund(ed)?|return(ed)?|order[ _-]?(refunded|returned)|credit(ed)?|chargeback"
    r"|retoure|erstattung)$"
)
"""Event types that give money back, in lower case."""
_PATTERNS: tuple[tuple[str, str, str], ...] = (
    (
        r"cancel|churn|unsubscrib|terminat|account[ _-]?(closed|deleted)|k(ue|ü)ndig",
        "churn",
        "a cancellation: if it ends the business with the customer, use it as 'churn' below",
    ),
    (
        r"win[ _-]?back|reactivat|re-?engag|miss[ _-]?you|abandon(ed)?[ _-]?(cart|basket)"
        r"|(cart|basket)[ _-]?(reminder|mail|e-?mail)",
        "outbound",
        "the company sends it because a customer stays away: direction outbound",
    ),
    (
        r"track(ing|ed)?[ _-]?(order|parcel|shipment|package)|(order|parcel|shipment|delivery)"
        r"[ _-]?(track|status|view)|confirmation|receipt|shipped|dispatch|deliver(ed|y)|invoice"
        r"|thank[ _-]?you|review[ _-]?request|fulfil|sendungsverfolg|bestellbest|rechnung",
        "consequence",
        "follows from a purchase",
    ),
    (
        r"refund|return(ed)?$|retoure|exchange[ _-]?request",
        "consequence",
        "follows from a purchase",
    ),
    (
        r"(mail|e-?mail|push|sms|newsletter|message|campaign)[ _-]?(sent|delivered)"
        r"|(sent|send)[ _-]?(mail|e-?mail|push|sms|newsletter)|outbound|campaign[ _-]?sent",
        "outbound",
        "an act of the company: direction outbound",
    ),
    (
        r"heart ?beat|ping$|page_ping|session_(start|end)|first_visit|^identify$|health",
        "ignore",
        "noise of a program",
    ),
)
ENTRIES = {
    "consequence": "{role: consequence}",
    "outbound": "{direction: outbound}",
    "ignore": "{role: ignore}",
}
"""What is written for a suggestion."""


@dataclass(frozen=True)
class EventType:
    """One event type.

    Attributes
    ----------
    name : str
    count : int
        Number of rows; of the sample if the rows were not counted.
    suggestion : str or None
        ``"consequence"``, ``"outbound"``, ``"ignore"``, ``"churn"`` or None.
    reason : str
        Why it is suggested; empty without a suggestion.
    bought : bool
        Whether the rows are read as transactions.
    """

    name: str
    count: int
    suggestion: str | None = None
    reason: str = ""
    bought: bool = False


def event_type(name: str, count: int, *, bought: bool = False, noise: bool = False) -> EventType:
    """Return an event type with the role to consider.

    Examples
    --------
    >>> event_type("order_tracking", 12).suggestion
    'consequence'
    >>> event_type("subscription_cancelled", 3).suggestion
    'churn'
    >>> event_type("order_completed", 9).suggestion
    'ignore'
    >>> event_type("wishlist_add", 40).suggestion is None
    True
    """
    if bought:
        return EventType(name, count, "ignore", "the purchases, read as transactions", bought=True)
    if noise:
        return EventType(name, count, "ignore", "caused by the program, not by a person")
    lower = name.lower()
    if BOUGHT.search(lower):
        return EventType(name, count, "ignore", "seems to be the purchase itself")
    for pattern, suggestion, reason in _PATTERNS:
        if re.search(pattern, lower):
            return EventType(name, count, suggestion, reason)
    return EventType(name, count)
