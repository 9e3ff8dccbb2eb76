"""Which source is which table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from engagement_ml.config.sections import TABLE_NAMES
from engagement_ml.starter import columns
from engagement_ml.starter.exports import export_plan, usable
from engagement_ml.starter.formats import ExportFormat
from engagement_ml.starter.identity import with_anonymous_ids
from engagement_ml.starter.link_columns import links_of
from engagement_ml.starter.names import by_name, has_values, is_event_type, names_of
from engagement_ml.starter.plan import TablePlan
from engagement_ml.starter.profile import Profile, profiles_of
from engagement_ml.starter.recognition import recognise
from engagement_ml.starter.sample import Sample

Profiles = Mapping[str, Profile]
_MAKERS: Mapping[str, Callable[[Sample, Profiles], TablePlan | None]] = {
    "events": columns.events_of,
    "transactions": columns.transactions_of,
    "customers": columns.customers_of,
    "surveys": columns.surveys_of,
    "identities": columns.identities_of,
    "links": links_of,
}
_FILE_NAMES = {
    "events": r"event|log|track|activit|action|click|visit|interaction|usage|ereignis|behavio",
    "transactions": r"transaction|order|sale|purchase|invoice|payment|revenue|umsatz|bestell|"
    r"buchung|receipt|billing",
    "customers": r"customer|user|account|contact|member|client|profile|kunde|partner|crm",
    "surveys": r"survey|nps|csat|feedback|umfrage",
    "identities": r"identit|alias|id_?map|id_?link|stitch|mapping",
    "links": r"link|assignment|territor|portfolio|book_?of|account_?(owner|manager|team)|serves",
}
_NAMED = 3
"""Points for a file that is named like a table."""


@dataclass(frozen=True)
class Candidate:
    """A source as one table, with the points that speak for it."""

    plan: TablePlan
    points: float


@dataclass(frozen=True)
class Source:
    """A source with what is known of it.

    Attributes
    ----------
    sample : Sample
    profiles : mapping of str to Profile
    export : ExportFormat or None
    candidates : mapping of str to Candidate
        By input table.
    """

    sample: Sample
    profiles: Profiles
    export: ExportFormat | None
    candidates: Mapping[str, Candidate]


@dataclass
class Assignment:
    """The tables that were found, and the sources that are none."""

    plans: dict[str, TablePlan] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


def source_of(sample: Sample) -> Source:
    """Return what is known of a source: its format, and as which tables it can serve."""
    profiles = profiles_of(sample)
    export = recognise(usable(sample, profiles)) or recognise(tuple(profiles))
    if export is not None:
        candidates = {
            table: Candidate(export_plan(export, table, sample, profiles), 10.0)
            for table in export.tables
        }
        return Source(sample, profiles, export, candidates)
    found = {}
    for table, make in _MAKERS.items():
        plan = make(sample, profiles) if table in TABLE_NAMES else None
        if plan is not None:
            found[table] = Candidate(plan, _points(table, plan, profiles))
    return Source(sample, profiles, None, found)


def _points(table: str, plan: TablePlan, profiles: Profiles) -> float:
    """Return what speaks for a source as a table: names of the file and the columns."""
    named = [t for t, pattern in _FILE_NAMES.items() if _has(pattern, plan.sample.stem)]
    points = float(_NAMED if table in named else -1 if named else 0)
    points -= sum("by its content" in comment for comment in plan.comments.values())
    event_type = by_name(names_of("events", "event_type"), profiles, is_event_type)
    money = "margin" in plan.columns or "revenue" in plan.columns or "margin" in plan.values
    if table == "events":
        points += 2 if event_type is not None else 0
    elif table == "transactions":
        points += 1 + (event_type is None) if money else 0
    elif table == "customers":
        repeated = by_name(names_of("events", "event_type"), profiles, has_values)
        points += 1 if repeated is None else 0
    else:
        # Surveys, identities and links need particular columns, which are rare elsewhere.
        points += 2
    return points


def _has(pattern: str, stem: str) -> bool:
    return re.search(pattern, stem.lower()) is not None


def assign(sources: Sequence[Source]) -> Assignment:
    """Choose the source of each table.

    Each source is one table, the one for which most speaks; a public format may fill two. Of two
    sources for one table the better one is read, and the other one is named.
    """
    result = Assignment()
    pairs = [
        (candidate.points, -place, table, source)
        for place, source in enumerate(sources)
        for table, candidate in source.candidates.items()
    ]
    used: set[str] = set()
    for _, _, table, source in sorted(pairs, key=lambda pair: pair[:2], reverse=True):
        if source.sample.source in used or table in result.plans or source.export is not None:
            continue
        best = max(source.candidates.values(), key=lambda c: c.points).points
        if best - source.candidates[table].points > _NAMED:
            continue
        result.plans[table] = source.candidates[table].plan
        used.add(source.sample.source)
    _add_exports(result, sources, used)
    for source in sources:
        if source.sample.source not in used:
            result.unused.append(_why_unused(source, result))
    _identify(result, sources)
    for plan in result.plans.values():
        result.unsure.extend(plan.unsure)
    return result


def _identify(result: Assignment, sources: Sequence[Source]) -> None:
    """Give the events their anonymous ids if there is a table of identities."""
    events, identities = (result.plans.get(table) for table in ("events", "identities"))
    if events is None or identities is None:
        return
    profiles = next(s.profiles for s in sources if s.sample.source == events.sample.source)
    result.plans["events"] = with_anonymous_ids(events, identities, profiles)


def _add_exports(result: Assignment, sources: Sequence[Source], used: set[str]) -> None:
    """Add the tables of public formats; they are certain, and displace tables that are not."""
    exports = [source for source in sources if source.export is not None]
    # Orders also make events, but only if no other source has any.
    exports.sort(key=lambda source: "transactions" in source.candidates)
    for source in exports:
        for table, candidate in sorted(source.candidates.items(), reverse=True):
            taken = result.plans.get(table)
            if taken is None or (taken.export is None and not _made_of_orders(source, table)):
                if taken is not None:
                    used.discard(taken.sample.source)
                result.plans[table] = candidate.plan
                used.add(source.sample.source)


def _made_of_orders(source: Source, table: str) -> bool:
    return table == "events" and "transactions" in source.candidates


def _why_unused(source: Source, result: Assignment) -> str:
    name = source.sample.source
    for table in source.candidates:
        if table in result.plans:
            other = result.plans[table].sample
            reason = f"{name}: looks like {table} as well, but {other.source} is read for them"
            if set(other.columns) == set(source.sample.columns):
                return (
                    f"{reason}; to read both, put them into one folder as Parquet files, and give "
                    "the folder"
                )
            return f"{reason}; merge the two if you need both"
    profiles = source.profiles
    customers = by_name(names_of("customers", "customer_id"), profiles, has_values)
    lacks = [] if any(p.moment is not None for p in profiles.values()) else ["times"]
    lacks += [] if customers is not None else ["ids of customers"]
    reason = f"; no column looks like {' or '.join(lacks)}" if lacks else ""
    return f"{name}: is not understood and not read{reason}"
