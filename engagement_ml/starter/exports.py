"""Plans of tables in a public format, and of purchases that are among events."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from engagement_ml.column_names import find
from engagement_ml.sources.kinds import quoted_text
from engagement_ml.starter import names
from engagement_ml.starter.columns import Draft, revenue_as_margin, revenue_sql
from engagement_ml.starter.event_types import BOUGHT, RETURNED
from engagement_ml.starter.formats import ExportFormat, Purchases, Template, Use, pick
from engagement_ml.starter.names import by_name, names_of
from engagement_ml.starter.plan import TablePlan
from engagement_ml.starter.profile import Profile
from engagement_ml.starter.sample import Sample


def export_plan(
    export: ExportFormat, table: str, sample: Sample, profiles: Mapping[str, Profile]
) -> TablePlan:
    """Return the plan of a table in a public format.

    The required columns of the format must be present; `ExportFormat.matches` says so.
    """
    template = export.tables[table]
    draft = Draft(table, sample, profiles, export=export.name)
    present = usable(sample, profiles)
    for column, uses in template.uses.items():
        use = pick(uses, present)
        if use is not None and column != "revenue":
            fill(draft, column, use)
    revenue = pick(template.uses.get("revenue", ()), present)
    if revenue is not None:
        revenue_as_margin(draft, written(draft, revenue))
    conditions = [u.expression for u in template.where if pick((u,), present) is not None]
    draft.where = " AND ".join(conditions) or None
    draft.constants.update(template.constants)
    _note(draft, template)
    draft.time = template.time
    return draft.plan()


def usable(sample: Sample, profiles: Mapping[str, Profile]) -> list[str]:
    """Return the columns that may have values: none that is empty in all rows."""
    return [name for name, p in profiles.items() if p.looks != "empty" or not sample.whole]


def fill(draft: Draft, column: str, use: Use) -> None:
    """Fill a column of ours as a format says."""
    if use.is_column:
        name = find(use.expression, draft.profiles)
        draft.columns[column] = name or use.expression
    else:
        draft.values[column] = use.expression


def written(draft: Draft, use: Use) -> str:
    """Return a use as SQL, with the names of the source."""
    if not use.is_column:
        return use.expression
    return draft.sql(find(use.expression, draft.profiles) or use.expression)


def _note(draft: Draft, template: Template) -> None:
    source = draft.sample.source
    draft.unsure.extend(f"{source}: {note}" for note in template.notes)
    customer = draft.values.get("customer_id")
    if customer is not None and customer.startswith("coalesce"):
        known, unknown = re.findall(r"[A-Za-z_]+", customer.removeprefix("coalesce("))[:2]
        unknown = "amplitude_id" if "amplitude_id" in customer else unknown
        draft.comments["customer_id"] = f"{known}, or {unknown} for rows without it"
        draft.unsure.append(
            f"{source}: rows without {known} count under {unknown}, so a visitor who logs in later "
            f"counts as two customers; to count known users only, map customer_id to {known}"
        )


def purchases_of(
    events: TablePlan,
    rows: Sample,
    profiles: Mapping[str, Profile],
    types: Sequence[str],
    purchases: Purchases | None,
) -> TablePlan | None:
    """Return the plan of the transactions that are rows of a table of events.

    Parameters
    ----------
    events : TablePlan
        The table of events.
    rows : Sample
        Rows of purchases and refunds.
    profiles : mapping of str to Profile
        What the columns of these rows look like.
    types : sequence of str
        Event types that are purchases or refunds, as they are written.
    purchases : Purchases or None
        What the public format says.

    Returns
    -------
    TablePlan or None
        None if the rows have no amount.
    """
    draft = Draft("transactions", rows, profiles, export=events.export)
    for column in ("customer_id", "timestamp"):
        if column in events.columns:
            draft.columns[column] = events.columns[column]
        else:
            draft.values[column] = events.values[column]
    draft.time = events.time
    event_type = events.expression("event_type") or ""
    listed = ", ".join(map(quoted_text, types))
    draft.where = f"{event_type} IN ({listed})" if len(types) > 1 else f"{event_type} = {listed}"
    returned = [t for t in types if is_return(t, purchases)]
    present = [name for name, p in profiles.items() if p.looks == "number"]
    for column, uses in (purchases.uses if purchases else {}).items():
        filled = [name for name, p in profiles.items() if p.looks not in ("empty", "nested")]
        if (use := pick(uses, filled)) is not None:
            fill(draft, column, use)
    use = pick(purchases.revenue, present) if purchases else None
    money = None if use is None else written(draft, use)
    if money is None and not _money_by_name(draft, returned, event_type):
        return None
    if money is not None:
        back = pick(purchases.given_back, present) if purchases else None
        given_back = money if back is None else written(draft, back)
        revenue_as_margin(draft, _signed(money, given_back, returned, event_type))
    if "currency" not in draft.columns:
        draft.fill("currency", lambda profile: profile.looks == "text")
    return draft.plan()


def is_return(event_type: str, purchases: Purchases | None) -> bool:
    """Return whether events of a type give money back."""
    name = event_type.lower()
    return bool(RETURNED.search(name)) or (purchases is not None and name in purchases.returned)


def is_purchase(event_type: str, purchases: Purchases | None) -> bool:
    """Return whether events of a type are purchases."""
    name = event_type.lower()
    return bool(BOUGHT.search(name)) or (purchases is not None and name in purchases.bought)


def _signed(money: str, given_back: str, returned: Sequence[str], event_type: str) -> str:
    """Return an amount that is negative for refunds."""
    if not returned:
        return money
    listed = ", ".join(map(quoted_text, returned))
    back = f"-abs(coalesce({given_back}, {money}))" if given_back != money else f"-abs({money})"
    return f"CASE WHEN {event_type} IN ({listed}) THEN {back} ELSE {money} END"


def _money_by_name(draft: Draft, returned: Sequence[str], event_type: str) -> bool:
    """Fill margin from a column with a usual name; return whether there is one."""
    taken = set(draft.columns.values())
    margin = by_name(names_of("transactions", "margin"), draft.profiles, names.is_number, taken)
    if margin is not None and not returned:
        draft.columns["margin"] = margin
    elif margin is not None:
        money = draft.sql(margin)
        draft.values["margin"] = _signed(money, money, returned, event_type)
    elif (money_sql := revenue_sql(draft)) is not None:
        revenue_as_margin(draft, _signed(money_sql, money_sql, returned, event_type))
    else:
        return False
    return True
