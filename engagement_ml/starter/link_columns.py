"""Columns of a table that says which actor serves which customer."""

from __future__ import annotations

from collections.abc import Mapping

from engagement_ml.starter import names
from engagement_ml.starter.columns import Draft
from engagement_ml.starter.names import by_name, names_of
from engagement_ml.starter.plan import TablePlan
from engagement_ml.starter.profile import Profile
from engagement_ml.starter.sample import Sample


def links_of(sample: Sample, profiles: Mapping[str, Profile]) -> TablePlan | None:
    """Return the plan of a table of who serves which customer; None if it is none.

    Many tables hold a customer and a sales person; only one of which every column is understood
    is one of links.
    """
    draft = Draft("links", sample, profiles)
    for column, fits in (
        ("actor_id", names.is_id),
        ("customer_id", names.is_id),
        ("from", names.is_moment),
        ("to", names.is_moment),
        ("role", lambda profile: profile.looks == "text"),
        ("team", lambda profile: profile.looks == "text"),
    ):
        used = set(draft.columns.values())
        found = by_name(names_of("links", column), profiles, fits, used)
        if found is not None:
            draft.columns[column] = found
    required = {"actor_id", "customer_id"} <= draft.columns.keys()
    return draft.plan() if required and len(draft.columns) == len(profiles) else None
