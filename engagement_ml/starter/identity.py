"""Events with anonymous ids, if a table says whose they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from engagement_ml.starter.names import ANONYMOUS, by_name, is_id
from engagement_ml.starter.plan import TablePlan
from engagement_ml.starter.profile import Profile

_EITHER = re.compile(r"coalesce\(([\w.]+), (?:CAST\()?([\w.]+)(?: AS VARCHAR\))?\)")
"""The id of the known user, or that of the visitor, as the public formats write it."""


def with_anonymous_ids(
    events: TablePlan, identities: TablePlan, profiles: Mapping[str, Profile]
) -> TablePlan:
    """Return the events with their column of anonymous ids, for a table of identities.

    Parameters
    ----------
    events, identities : TablePlan
    profiles : mapping of str to Profile
        What the columns of the events look like.

    Returns
    -------
    TablePlan
        Unchanged if no column of the events could be one of anonymous ids.
    """
    columns, values = dict(events.columns), dict(events.values)
    either = _EITHER.fullmatch(values.get("customer_id", ""))
    if either is not None:
        del values["customer_id"]
        columns |= {"customer_id": either[1], "anonymous_id": either[2]}
        unsure = tuple(each for each in events.unsure if "two customers" not in each)
        comments = {c: each for c, each in events.comments.items() if c != "customer_id"}
        return replace(events, columns=columns, values=values, unsure=unsure, comments=comments)
    names = (identities.columns["anonymous_id"], *ANONYMOUS)
    anonymous = by_name(names, profiles, is_id)
    if anonymous is None:
        return events
    if columns.get("customer_id") == anonymous:
        del columns["customer_id"]
    return replace(events, columns=columns | {"anonymous_id": anonymous})
