"""Event types that are behaviours of their own, and the group that all others form together.

The cost of training grows with the number of behaviours. It is bounded here, before anything is
computed by behaviour, so that files with thousands of types (addresses, products) can be used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import narwhals as nw

from engagement_ml.column_names import fold, free_name
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.formatting import listed, percent, quantity
from engagement_ml.inputs.names import RESERVED, configured_event_types, differ_only_in_case
from engagement_ml.inputs.read_result import ReadResult
from engagement_ml.tables.schema import AMOUNTS

SHOWN = 5
"""Grouped event types that a note names."""


@dataclass(frozen=True)
class GroupedTypes:
    """The event types that form one behaviour together; none if there are few enough types.

    Attributes
    ----------
    name : str
        Name of the behaviour; empty without a group.
    counts : mapping of str to int
        Usable events of each grouped type, the most first.
    kept : tuple of str
        Event types that stay behaviours of their own, sorted; empty without a group.
    """

    name: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    kept: tuple[str, ...] = ()


def group_event_types(
    config: PipelineConfig, engine: Engine, read: ReadResult
) -> tuple[ReadResult, GroupedTypes]:
    """Replace the event types that are too many by one, in the daily ledger and in all counts.

    Types that stay are those with the most customers, then the most events, then by name. Types
    that the configuration names stay, too; the churn event and types with ``role: ignore`` are no
    behaviours and count neither way.

    Parameters
    ----------
    config : PipelineConfig
        Its ``event_types`` say how many stay, or which.
    engine : Engine
    read : ReadResult

    Returns
    -------
    read : ReadResult
        The same object if nothing is grouped.
    grouped : GroupedTypes
        A note on the events says so, too.

    Raises
    ------
    InputError
        If a type that stays differs only in case from one that would be grouped.
    """
    candidates = [
        name
        for name in read.counts
        if name != config.churn.event_type and config.behaviour(name).role != "ignore"
    ]
    kept = _kept(config, engine, read, candidates)
    if kept is None:
        return read, GroupedTypes()
    rest = sorted(set(candidates) - kept, key=lambda name: (-read.counts[name], name))
    _check_case(read.label, kept, rest)
    others = config.event_types.others
    name = others if config.event_types.keep is not None else free_name(others, _taken(read))
    grouped = GroupedTypes(name, {each: read.counts[each] for each in rest}, tuple(sorted(kept)))
    return _regrouped(engine, read, grouped), grouped


def with_grouped_types(config: PipelineConfig, grouped: GroupedTypes) -> PipelineConfig:
    """Return the configuration that leads to the same behaviours on other data.

    The group is adjusted for and never selected; see ``PipelineConfig.behaviour``.
    """
    if not grouped.name:
        return config
    update = {"keep": grouped.kept, "others": grouped.name}
    return config.model_copy(update={"event_types": config.event_types.model_copy(update=update)})


def _kept(
    config: PipelineConfig, engine: Engine, read: ReadResult, candidates: Collection[str]
) -> set[str] | None:
    """Return the types that stay, None for all."""
    asked = {name for _, name in configured_event_types(config)}
    named = set(candidates).intersection(asked.union(each.name for each in config.sequences))
    if config.event_types.keep is not None:
        return named | set(candidates).intersection(config.event_types.keep)
    if len(candidates) <= config.event_types.at_most:
        return None
    ranked = sorted(_customers(engine, read, candidates).items(), key=lambda each: (
        -each[1], -read.counts[each[0]], each[0]
    ))  # fmt: skip
    # The group is a behaviour, too.
    free = max(0, config.event_types.at_most - 1 - len(named))
    kept = named.union([name for name, _ in ranked if name not in named][:free])
    return None if len(candidates) - len(kept) < 2 else kept


def _customers(engine: Engine, read: ReadResult, candidates: Iterable[str]) -> dict[str, int]:
    """Return the number of customers of each candidate."""
    counted = read.ledger.group_by("event_type").agg(nw.col("customer_id").n_unique().alias("n_"))
    rows = engine.rows(counted, source=read.label)
    customers = {row["event_type"]: int(row["n_"]) for row in rows}
    return {name: customers[name] for name in candidates}


def _taken(read: ReadResult) -> set[str]:
    return {*read.counts, *RESERVED}


def _check_case(label: str, kept: Iterable[str], rest: Iterable[str]) -> None:
    folded = {fold(name): name for name in kept}
    for name in rest:
        if fold(name) in folded:
            raise differ_only_in_case(label, folded[fold(name)], name)


def _regrouped(engine: Engine, read: ReadResult, grouped: GroupedTypes) -> ReadResult:
    """Return the result with one event type in place of those that are grouped."""
    counts = {name: n for name, n in read.counts.items() if name not in grouped.counts}
    stays = nw.col("event_type").is_in(sorted(counts))
    columns = read.ledger.collect_schema().names()
    sums = ["n", *(column for column in AMOUNTS if column in columns)]
    merged = (
        read.ledger.filter(~stays)
        .group_by("customer_id", "day")
        .agg(
            nw.col("first").min(),
            nw.col("last").max(),
            *(nw.col(column).sum().cast(nw.Int64) for column in sums),
        )
        .with_columns(nw.lit(grouped.name).alias("event_type"))
        .select(columns)
    )
    amounts = {
        column: tuple(sorted({n if n in counts else grouped.name for n in types}))
        for column, types in read.amounts.items()
    }
    counts[grouped.name] = counts.get(grouped.name, 0) + sum(grouped.counts.values())
    ledger = nw.concat([read.ledger.filter(stays), engine.persist(merged)])
    note = _note(grouped, sum(read.counts.values()))
    events = read.quality["events"]
    quality = {**read.quality, "events": replace(events, notes=(*events.notes, note))}
    return replace(read, quality=quality, counts=counts, amounts=amounts, ledger=ledger)


def _note(grouped: GroupedTypes, n_events: int) -> str:
    n_types, n_grouped = len(grouped.counts), sum(grouped.counts.values())
    if not n_types:
        return f"no event type is outside 'event_types.keep', so '{grouped.name}' has no events"
    names = [f"'{name}'" for name in list(grouped.counts)[:SHOWN]]
    more = [f"{n_types - SHOWN:,} more"] if n_types > SHOWN else []
    return (
        f"{n_types:,} event types form one behaviour, '{grouped.name}', with {n_grouped:,} events "
        f"({percent(n_grouped / n_events, 1)} of all): {listed([*names, *more])}; it is adjusted "
        f"for and never selected; {quantity(len(grouped.kept), 'other event type')} stay as they "
        "are; to keep more, set 'event_types.at_most' or name a type under 'behaviours'"
    )
