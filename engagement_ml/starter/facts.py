"""What a configuration says beyond its tables: currency, the word for customers, segments."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engagement_ml.starter.names import by_name, names_of
from engagement_ml.starter.plan import TablePlan
from engagement_ml.starter.profile import Profile
from engagement_ml.tables.usual_names import plain_name

_CODES = ("usd", "eur", "gbp", "chf", "sek", "nok", "dkk", "pln", "jpy", "cad", "aud", "inr", "brl")
_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "Euro": "EUR", "euro": "EUR"}
_ENTITIES = {
    "partner": "partner", "account": "account", "household": "household", "member": "member",
    "student": "student", "patient": "patient", "employee": "employee", "subscriber": "subscriber",
    "player": "player", "dealer": "dealer", "merchant": "merchant", "seller": "seller",
    "learner": "learner", "donor": "donor", "tenant": "tenant",
}  # fmt: skip
_GROUPS = (2, 12)
"""Smallest and largest number of different values of a segment."""


@dataclass(frozen=True)
class Currency:
    """The currency of all amounts.

    Attributes
    ----------
    code : str
    reason : str
        Where it is from.
    plan : TablePlan
        The transactions, with the rows of this currency alone.
    unsure : str or None
    """

    code: str
    reason: str
    plan: TablePlan
    unsure: str | None = None


def currency_of(plan: TablePlan, profiles: Mapping[str, Profile]) -> Currency:
    """Return the currency of a table of transactions.

    If the table has several, the rows of the most frequent one are read.
    """
    name = plan.columns.get("currency") or by_name(
        names_of("transactions", "currency"), profiles, lambda p: p.looks == "text"
    )
    if name is None or name not in profiles:
        return _by_column_name(plan)
    codes = Counter(str(v).strip() for v in profiles[name].values)
    if not codes:
        return _by_column_name(plan)
    if any(len(code) != 3 or not code.isalpha() for code in codes):
        return _without_codes(plan, codes)
    code = max(codes, key=lambda each: (codes[each], each))
    column = plan.expression("currency")
    if column is not None and not column.startswith("upper(") and code != code.upper():
        columns = {c: s for c, s in plan.columns.items() if c != "currency"}
        values = {**plan.values, "currency": f"upper({column})"}
        plan = replace(plan, columns=columns, values=values)
    if len({each.upper() for each in codes}) == 1:
        return Currency(code.upper(), f"from column {name}", plan)
    condition = f"{plan.expression('currency')} = '{code.upper()}'"
    where = condition if plan.where is None else f"({plan.where}) AND {condition}"
    listed = ", ".join(f"{each} ({n} of the first rows)" for each, n in codes.most_common(5))
    return Currency(
        code.upper(),
        f"the most frequent one of column {name}",
        replace(plan, where=where),
        f"{plan.sample.source}: amounts are in several currencies: {listed}; only the rows in "
        f"{code.upper()} are read. Convert them before, or change 'where'",
    )


def _without_codes(plan: TablePlan, written: Counter[str]) -> Currency:
    """Return the currency of a column of signs or names, which is replaced by the code."""
    known = {_SIGNS[sign] for sign in written if sign in _SIGNS}
    found = _by_column_name(plan)
    if len(written) == 1 and known:
        found = Currency(known.pop(), f"from the sign {next(iter(written))}", plan)
    else:
        values = ", ".join(each for each, _ in written.most_common(3))
        sentence = f"{plan.sample.source}: the currency is written as {values}, which are no codes"
        found = replace(found, unsure=f"{sentence}; {found.code} is written for all rows")
    columns = {c: s for c, s in plan.columns.items() if c != "currency"}
    constants = {**plan.constants, "currency": found.code}
    return replace(found, plan=replace(plan, columns=columns, constants=constants))


def _by_column_name(plan: TablePlan) -> Currency:
    written = " ".join(filter(None, (plan.written(c) for c in ("margin", "revenue"))))
    found = re.search(rf"(?:^|[^a-z])({'|'.join(_CODES)})(?:$|[^a-z])", written.lower())
    if found is not None:
        return Currency(found[1].upper(), "from the name of the column", plan)
    return Currency(
        "EUR",
        "a guess: change it",
        plan,
        "no table says in which currency the amounts are; EUR is written",
    )


def entity_of(plans: Mapping[str, TablePlan]) -> str:
    """Return the word for customers, from the name of their column.

    Examples
    --------
    >>> entity_of({})
    'customer'
    """
    for plan in plans.values():
        name = plain_name(plan.columns.get("customer_id", ""))
        for start, word in _ENTITIES.items():
            if name.startswith(start):
                return word
    return "customer"


def segments_of(plan: TablePlan | None, profiles: Mapping[str, Profile]) -> dict[str, int]:
    """Return the columns of customers that could be segments, with their number of values."""
    if plan is None:
        return {}
    taken = set(plan.columns.values())
    low, high = _GROUPS
    return {
        name: profile.distinct
        for name, profile in profiles.items()
        if name not in taken
        and name in plan.sample.plain
        and profile.looks == "text"
        and low <= profile.distinct <= high
        and profile.distinct < len(profile.values)
        and profile.filled > 0.5
    }
