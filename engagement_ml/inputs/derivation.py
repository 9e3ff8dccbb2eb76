"""What links and sequences make of the tables that were read: derived events, served margin."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.errors import ConfigError, InputError, Report, stop
from engagement_ml.formatting import listed
from engagement_ml.inputs.derived_events import (
    ACTIVE,
    derived_events,
    own_events,
    with_derived_events,
)
from engagement_ml.inputs.link_meeting import check_links
from engagement_ml.inputs.links import (
    ACTORS,
    ROLE,
    Links,
    empty_links,
    link_spans,
    starts_of,
    teams_of,
)
from engagement_ml.inputs.read_result import ReadResult
from engagement_ml.inputs.sequence_events import never_occurs, without_order
from engagement_ml.inputs.served_margin import served_transactions
from engagement_ml.ledger.daily import aggregate_by_day
from engagement_ml.ledger.sessions import SessionRule, session_events, sessions_by_day
from engagement_ml.tables.ids import ACTOR


@dataclass(frozen=True)
class Derivation:
    """The tables with what was derived from them.

    Attributes
    ----------
    result : ReadResult
        With derived events in ``frames``, in the ledger and in all counts.
    links : Links or None
    event_types : frozenset of str
        The event types that were derived.
    notes : tuple of str
    """

    result: ReadResult
    links: Links | None = None
    event_types: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def derive(
    engine: Engine,
    config: PipelineConfig,
    result: ReadResult,
    until: dt.date,
    report: Report = stop,
    *,
    sampled: bool = False,
) -> Derivation:
    """Return the tables with derived events, and with the margin of actors if these are scored.

    Parameters
    ----------
    engine : Engine
    config : PipelineConfig
    result : ReadResult
    until : date
        End of the history.
    report : callable, optional
        Called with each problem; by default, the first is raised.
    sampled : bool, default False
        The tables are samples of rows: ids that do not meet say nothing.

    Raises
    ------
    ConfigError
        If the level is that of actors and there is no table of links.
    InputError
        If links match nothing, or a derived event type is one of the events already.
    """
    if "links" not in result.frames:
        if config.links.level == ACTORS:
            report(
                ConfigError(
                    "key 'links.level': 'actors' needs the table of links; give 'sources.links'"
                )
            )
        if not config.sequences:
            return Derivation(result)
        derived = _with_ledger(engine, config, result, None, until, report)
        return replace(derived, notes=_sequence_notes(engine, config, derived))
    links, notes = read_links(engine, config, result)
    notes += check_links(engine, config, result, links, report, sampled=sampled)
    derived = _with_ledger(engine, config, result, links, until, report)
    notes += _sequence_notes(engine, config, derived)
    if config.links.level == ACTORS:
        frames, actor_notes = served_transactions(engine, config, derived.result, links)
        derived = replace(derived, result=replace(derived.result, frames=frames))
        notes += actor_notes
    return replace(derived, links=links, notes=notes)


def read_links(
    engine: Engine, config: PipelineConfig, result: ReadResult
) -> tuple[Links, tuple[str, ...]]:
    """Return the links, and what was left out of them."""
    given, quality = result.frames["links"], result.quality["links"]
    spans = engine.persist(link_spans(engine, given))
    roles = engine.rows(spans.select(ROLE).unique(), source=quality.source)
    actors = spans.select(nw.col(ACTOR).alias("customer_id")).unique()
    known = [spans.select("customer_id")]
    known += [
        result.frames[name].select("customer_id")
        for name in ("transactions", "customers")
        if name in result.frames
    ]
    outsiders = actors.join(nw.concat(known).unique(), on="customer_id", how="anti")
    links = Links(
        spans,
        engine.persist(outsiders),
        quality,
        starts_of(given),
        tuple(sorted(row[ROLE] for row in roles)),
        teams_of(given, result.frames.get("customers")),
        config.links.level,
    )
    return links, empty_links(engine, given, quality.source)


def _with_ledger(
    engine: Engine,
    config: PipelineConfig,
    result: ReadResult,
    links: Links | None,
    until: dt.date,
    report: Report,
) -> Derivation:
    """Return the result with derived events in its events, ledger and counts."""
    events, columns = result.frames["events"], result.ledger.collect_schema().names()
    ledgers = [own_events(result.ledger, links, config).select(columns)]
    types: set[str] = set()
    amounts: dict[str, set[str]] = {name: set() for name in result.amounts}
    for derived in derived_events(engine, events, links, config, until):
        daily = engine.persist(aggregate_by_day(derived))
        counted = _counts(engine, daily, tuple(result.amounts), result.label)
        _check_names(config, result, counts=counted, taken=types, report=report)
        types |= counted.keys()
        for name in amounts:
            amounts[name] |= {each for each, row in counted.items() if row[name]}
        ledgers.append(daily.select(columns))
    ledger = engine.persist(nw.concat(ledgers))
    counts = {name: row["n"] for name, row in _counts(engine, ledger, (), result.label).items()}
    own = {name: set(each) & counts.keys() for name, each in result.amounts.items()}
    return Derivation(
        replace(
            result,
            frames={
                **result.frames,
                "events": with_derived_events(engine, events, links, config, until),
            },
            counts=counts,
            amounts={name: tuple(sorted(own[name] | amounts[name])) for name in own},
            ledger=ledger,
            partitions=(),
            sessions=_own_sessions(engine, config, result, links),
        ),
        event_types=frozenset(types),
    )


def _sequence_notes(engine: Engine, config: PipelineConfig, derived: Derivation) -> tuple[str, ...]:
    """Say which sequences never occur, and which events have no order."""
    if not config.sequences:
        return ()
    label, events = derived.result.label, derived.result.frames["events"]
    return tuple(
        note
        for sequence in config.sequences
        for note in (
            never_occurs(sequence, derived.result.counts, label),
            without_order(engine, events, sequence, label),
        )
        if note
    )


def _counts(
    engine: Engine, daily: nw.LazyFrame[Any], amounts: tuple[str, ...], label: str
) -> dict[str, dict[str, int]]:
    """Return the events of each type, and those with each of the amounts."""
    counted = daily.group_by("event_type").agg(
        nw.col("n").sum().cast(nw.Int64).alias("n"),
        *(nw.col(f"n_{name}").sum().cast(nw.Int64).alias(f"given_{name}") for name in amounts),
    )
    return {
        row["event_type"]: {
            "n": int(row["n"]),
            **{name: int(row[f"given_{name}"]) for name in amounts},
        }
        for row in engine.rows(counted, source=label)
    }


def _check_names(
    config: PipelineConfig,
    result: ReadResult,
    counts: Mapping[str, Any],
    taken: set[str],
    report: Report,
) -> None:
    """Check that no derived event type is one of the events, or of those derived before."""
    for name in sorted(counts):
        if name in result.counts and config.sequence(name) is not None:
            report(
                InputError(
                    f"{result.label}: event type '{name}' is also the name of a sequence of "
                    "'sequences'; rename the event type"
                )
            )
        elif name in result.counts:
            report(
                InputError(
                    f"{result.label}: event type '{name}' is also the name of what actors in "
                    f"{result.quality['links'].source} do; rename one of them"
                )
            )
        elif name in taken:
            report(
                InputError(
                    f"{result.label}: event type '{ACTIVE}' of actors is also the name of their "
                    f"breadth of use, '{name}'; rename it, or leave its role out of "
                    f"'links.breadth' ({listed(config.links.breadth)})"
                )
            )


def _own_sessions(
    engine: Engine, config: PipelineConfig, result: ReadResult, links: Links | None
) -> nw.LazyFrame[Any] | None:
    """Return the sessions of customers' own events: what actors do is no visit of theirs.

    Nor is a sequence, which is made of events that count already.
    """
    rule = SessionRule.of(config)
    if rule is None:
        return None
    if result.sessions is not None:
        return own_events(result.sessions, links, config)
    own = own_events(result.frames["events"], links, config)
    moments = session_events(own, rule).with_columns(micros_=nw.col("timestamp"))
    return engine.persist(sessions_by_day(engine.micros(moments, "micros_"), rule.gap))
