"""Which column of a source is meant by a column of ours: by its name, then by its content."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from engagement_ml.starter.profile import Profile
from engagement_ml.tables.usual_names import USUAL_NAMES, plain_name

_MORE: Mapping[str, tuple[str, ...]] = {
    "customer_id": (
        "kunde", "kundennummer", "kunden_nr", "kundennr", "kunden_id", "kunden_nummer", "client",
        "code_client", "id_client", "cliente", "id_cliente", "e_mail",
    ),
    "timestamp": (
        "zeitpunkt", "zeit", "datum", "zeitstempel", "bestelldatum", "buchungsdatum", "belegdatum",
        "rechnungsdatum", "horodatage", "date_commande", "fecha", "when",
    ),
    "event_type": ("ereignis", "ereignistyp", "aktion", "aktivitaet", "evenement", "evento"),
    "margin": ("deckungsbeitrag", "db", "marge", "rohertrag"),
    "revenue": (
        "umsatz", "betrag", "nettobetrag", "netto", "erloes", "montant", "importe", "price_total",
        "gross_sales", "revenue_usd", "revenue_eur", "amount_usd", "amount_eur", "total_usd",
        "total_eur", "gross_amount", "value",
    ),
    "cost": ("kosten", "wareneinsatz", "einstand"),
    "currency": ("waehrung", "währung", "devise"),
    "signup": ("kunde_seit", "anmeldung", "registriert_am"),
}  # fmt: skip
"""Names in other languages, and names that are too weak to be proposed in a message."""
PRICE = (
    "unit_price", "price", "item_price", "price_per_unit", "unitprice", "list_price", "preis",
    "einzelpreis", "stueckpreis", "stückpreis", "prix", "precio",
)  # fmt: skip
QUANTITY = (
    "quantity", "qty", "units", "pieces", "item_count", "n_items", "menge", "anzahl", "stueck",
    "quantite", "quantité", "cantidad",
)  # fmt: skip
UNIT_COST = ("unit_cost", "cost_per_unit", "item_cost")
ANONYMOUS = (
    "anonymous_id", "visitor_id", "device_id", "user_pseudo_id", "cookie_id", "client_id",
    "domain_userid", "anon_id", "guest_id",
)  # fmt: skip
Fits = Callable[[Profile], bool]


def names_of(table: str, column: str) -> tuple[str, ...]:
    """Return the usual names of a column of ours, the most usual first."""
    return (column, *USUAL_NAMES.get(table, {}).get(column, ()), *_MORE.get(column, ()))


def by_name(
    names: Collection[str],
    profiles: Mapping[str, Profile],
    fits: Fits,
    taken: Collection[str] = (),
) -> str | None:
    """Return the column with the most usual of some names whose values fit; None without one.

    A field of a record counts by its last part, after all columns.
    """
    written: dict[str, str] = {}
    for name in profiles:
        written.setdefault(plain_name(name), name)
    for name in profiles:
        written.setdefault(plain_name(name.rpartition(".")[2]), name)
    for plain in map(plain_name, names):
        found = written.get(plain)
        if found is not None and found not in taken and fits(profiles[found]):
            return found
    return None


def is_id(profile: Profile) -> bool:
    """Return whether values can identify customers."""
    if profile.looks == "number":
        return profile.whole and profile.distinct > 1
    return profile.looks == "text" and profile.distinct > 1


def is_moment(profile: Profile) -> bool:
    """Return whether values can be times."""
    return profile.moment is not None


def is_event_type(profile: Profile) -> bool:
    """Return whether values can be types of events: text that repeats."""
    limit = max(50, len(profile.values) // 5)
    return profile.looks == "text" and profile.distinct <= limit and not profile.unique


def is_number(profile: Profile) -> bool:
    """Return whether values are numbers."""
    return profile.looks == "number"


def has_values(profile: Profile) -> bool:
    """Return whether there is any value."""
    return profile.looks not in ("empty", "nested")


def moment_by_content(profiles: Mapping[str, Profile], taken: Collection[str]) -> str | None:
    """Return the column of times with the most different values."""
    fitting = [
        p
        for name, p in profiles.items()
        if name not in taken and p.looks == "moment" and not _is_birth(name)
    ]
    best = max(fitting, key=lambda p: (p.filled, p.distinct), default=None)
    return None if best is None else best.name


def id_by_content(profiles: Mapping[str, Profile], taken: Collection[str]) -> str | None:
    """Return the column that looks most like ids of customers: values that repeat."""
    fitting = [
        p
        for name, p in profiles.items()
        if name not in taken
        and is_id(p)
        and p.filled > 0.5
        and 2 < p.distinct < max(3, len(p.values))
    ]
    best = max(fitting, key=lambda p: (sounds_like_id(p.name), p.distinct), default=None)
    return None if best is None else best.name


def type_by_content(profiles: Mapping[str, Profile], taken: Collection[str]) -> str | None:
    """Return the column of text that looks most like types of events."""
    fitting = [
        p
        for name, p in profiles.items()
        if name not in taken and is_event_type(p) and p.filled > 0.9 and p.distinct > 1
    ]
    best = max(fitting, key=lambda p: p.distinct, default=None)
    return None if best is None else best.name


def sounds_like_id(name: str) -> bool:
    """Return whether a column is named like one of ids."""
    plain = plain_name(name)
    ends = ("id", "key", "nr", "no", "number", "code", "mail")
    return plain.endswith(ends) or plain.startswith(("cust", "user", "client", "kund", "member"))


def _is_birth(name: str) -> bool:
    return any(part in plain_name(name) for part in ("birth", "dob", "geburt"))
