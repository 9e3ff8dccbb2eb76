"""Whether the ids of two tables meet, and the columns that make them meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from engagement_ml.engine import DuckDBEngine
from engagement_ml.starter.names import is_id, sounds_like_id
from engagement_ml.starter.plan import TablePlan
from engagement_ml.starter.profile import Profile
from engagement_ml.starter.sample import share_present

Profiles = Mapping[str, Profile]
_MEET = 0.5
"""Share of a table's ids that must be in the other one for its column to be changed."""


def meet(
    engine: DuckDBEngine, plans: Mapping[str, TablePlan], profiles: Mapping[str, Profiles]
) -> tuple[dict[str, TablePlan], list[str]]:
    """Return the plans with columns of customers that meet, and what was changed or fails.

    Parameters
    ----------
    engine : DuckDBEngine
    plans : mapping of str to TablePlan
        By input table.
    profiles : mapping of str to mapping
        By source, what its columns look like.

    Returns
    -------
    plans : dict of str to TablePlan
    sentences : list of str
        One for each table whose ids are taken from another column than the usual one, or do not
        meet those of the events.
    """
    result, sentences = dict(plans), []
    for table in ("transactions", "customers"):
        events, other = result.get("events"), result.get(table)
        if events is None or other is None or events.sample.source == other.sample.source:
            continue
        if "customer_id" not in events.columns or "customer_id" not in other.columns:
            continue
        name = events.columns["customer_id"]
        present = profiles[other.sample.source]
        current = present.get(other.columns["customer_id"])
        if name not in events.sample.plain or current is None:
            continue

        def share(profile: Profile, events: TablePlan = events, name: str = name) -> float:
            return share_present(engine, events.sample, name, profile.values)

        if share(current):
            continue
        better = _better(share, present, other)
        if better is not None:
            result[table] = _changed(other, better)
            sentences.append(
                f"{other.sample.source}: customers are read from '{better}', whose values are "
                f"among those of {events.sample.source}; those of '{current.name}' are not"
            )
            continue
        sentences.append(
            f"no customer in the first rows of {other.sample.source} ({current.name}, such as "
            f"{current.values[0]!s}) is in {events.sample.source} ({name}, such as "
            f"{profiles[events.sample.source][name].values[0]!s}): check that both columns hold "
            "the same ids"
        )
    return result, sentences


def _better(share: Callable[[Profile], float], present: Profiles, plan: TablePlan) -> str | None:
    """Return the column of ids of which most are among the events'."""
    shares = {
        name: share(profile)
        for name, profile in present.items()
        if is_id(profile)
        and name in plan.sample.plain
        and sounds_like_id(name)
        and (plan.table != "customers" or profile.unique)
    }
    best = max(shares, key=lambda name: shares[name], default=None)
    return best if best is not None and shares[best] >= _MEET else None


def _changed(plan: TablePlan, column: str) -> TablePlan:
    """Return a plan with another column of customers, which then serves for nothing else."""
    kept = {c: s for c, s in plan.columns.items() if s != column}
    comments = {c: each for c, each in plan.comments.items() if c != "customer_id"}
    return replace(plan, columns=kept | {"customer_id": column}, comments=comments)
