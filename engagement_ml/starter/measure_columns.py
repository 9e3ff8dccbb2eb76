"""Optional columns that measures need, as far as names and values cannot be mistaken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engagement_ml.column_names import find
from engagement_ml.starter.names import Fits, by_name, is_number
from engagement_ml.starter.profile import Profile
from engagement_ml.tables.surveys import SCALES

if TYPE_CHECKING:
    from engagement_ml.starter.columns import Draft

_REVENUE = (
    "revenue", "net_revenue", "net_sales", "sales_value", "sales_amount", "purchase_revenue",
    "turnover",
)  # fmt: skip
"""Names of revenue that cannot be mistaken; others are only taken if there is no margin."""
_DIRECTIONS = {"inbound", "outbound"}


def fill_for_measures(draft: Draft) -> None:
    """Fill the optional columns of a table that measures need, after those that models need.

    A column that has such a name and holds something else is emptied, so that it is not read.
    """
    if draft.table == "transactions" and "margin" in draft.columns:
        taken = set(draft.columns.values())
        if (revenue := by_name(_REVENUE, draft.profiles, is_number, taken)) is not None:
            draft.columns["revenue"] = revenue
    for column, fits in _fits(draft).get(draft.table, {}).items():
        if draft.fill(column, fits) is not None:
            continue
        name = find(column, draft.profiles)
        if name is None or name in draft.columns.values() or draft.profiles[name].looks == "empty":
            continue
        draft.values[column] = f"nullif({draft.sql(name)}, {draft.sql(name)})"
        draft.comments[column] = f"left empty, as '{name}' holds something else"
        draft.unsure.append(
            f"{draft.sample.source}: the values of '{name}' are no {column} as measures need it, "
            "so it is left empty"
        )


def _fits(draft: Draft) -> Mapping[str, Mapping[str, Fits]]:
    def is_moment(profile: Profile) -> bool:
        # The times of a table are all read in one form.
        first = draft.profiles.get(draft.columns.get("timestamp", ""))
        if profile.moment is None or first is None or first.moment is None:
            return False
        return profile.moment.format == first.moment.format

    def is_order(profile: Profile) -> bool:
        # The number of an order within its customer, from 1 on, is no id.
        return _is_key(profile) and _of_one_customer(draft, profile.name)

    return {
        "events": {
            "channel": _is_group,
            "direction": _is_direction,
            "object": _is_text,
            "section": _is_group,
            "campaign": _is_group,
            "ref": _links,
            "due": is_moment,
        },
        "transactions": {
            "order_id": is_order,
            "product": _is_key,
            "channel": _is_group,
            "refund": _is_refund,
        },
        "surveys": {
            "touchpoint": _is_group,
            "comment": _is_text,
            "scale": _is_scale,
            "sent": is_moment,
        },
    }


def _of_one_customer(draft: Draft, name: str) -> bool:
    """Return whether rows with the same value of a column are of the same customer."""
    customers = draft.sample.columns.get(draft.columns.get("customer_id", ""))
    if customers is None:
        return False
    owner: dict[str, object] = {}
    return all(
        owner.setdefault(str(value), customer) == customer
        for value, customer in zip(draft.sample.columns[name], customers, strict=True)
        if value is not None and customer is not None
    )


def _is_text(profile: Profile) -> bool:
    return profile.looks == "text"


def _is_group(profile: Profile) -> bool:
    return profile.looks == "text" and not profile.unique


def _is_key(profile: Profile) -> bool:
    key = profile.looks == "text" or (profile.looks == "number" and profile.whole)
    return key and profile.distinct > 1


def _links(profile: Profile) -> bool:
    """Return whether values occur in several rows, as those do that link rows."""
    return _is_key(profile) and profile.distinct < len(profile.values)


def _is_direction(profile: Profile) -> bool:
    return {str(value).strip().lower() for value in profile.values} <= _DIRECTIONS


def _is_scale(profile: Profile) -> bool:
    return {str(value).strip() for value in profile.values} <= SCALES.keys()


def _is_refund(profile: Profile) -> bool:
    return is_number(profile) and not any(str(v).strip().startswith("-") for v in profile.values)
