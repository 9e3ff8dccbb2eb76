"""Derived events of tables that are scored: the same behaviours as in training."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import replace

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.errors import InputError
from engagement_ml.formatting import listed, quantity
from engagement_ml.inputs.derived_events import ACTIVE, with_derived_events
from engagement_ml.inputs.links import CUSTOMERS, ROLE, Links, empty_links, link_spans
from engagement_ml.inputs.scoring_reader import ScoringTable
from engagement_ml.tables.ids import ACTOR


def with_scoring_links(
    engine: Engine,
    read: Mapping[str, ScoringTable],
    config: PipelineConfig,
    until: dt.date,
    derived: Collection[str] = (),
) -> tuple[dict[str, ScoringTable], tuple[str, ...]]:
    """Return the tables with the events that follow from links, and notes on links.

    Parameters
    ----------
    engine : Engine
    read : mapping of str to ScoringTable
        With events; perhaps with links and customers.
    config : PipelineConfig
        Its ``links`` say what the metric is about.
    until : date
        End of the window that is scored, at which weeks of breadth end.
    derived : collection of str
        The behaviours of the metric that derive from links and sequences. Of the sequences of the
        configuration, only these are made.

    Returns
    -------
    tables : dict of str to ScoringTable
        Without actors who are in no table of customers and whom no actor serves: they are not
        scored.
    notes : tuple of str

    Raises
    ------
    InputError
        If the metric has derived behaviours and there are no links, or none that match.
    """
    events = read["events"]
    wanted = tuple(each for each in config.sequences if each.name in derived)
    config = config.model_copy(update={"sequences": wanted})
    if "links" not in read:
        linked = set(derived).difference(each.name for each in wanted)
        if linked:
            raise missing_links(linked, events.quality.source)
        if not wanted:
            return dict(read), ()
        return {**read, "events": _derived(engine, events, None, config, until)}, ()
    links = _links(engine, read)
    config = _with_breadth(config, links, derived)
    with_events = _derived(engine, events, links, config, until)
    own = {*events.counts, *(each.name for each in wanted)}
    if config.links.level == CUSTOMERS and with_events.counts.keys() <= own:
        raise InputError(
            f"{links.quality.source} and {events.quality.source}: no event of an actor is that of "
            "a customer by a link; check that 'actor_id' means the same as 'customer_id' of the "
            "events, and see 'from' and 'to'"
        )
    tables = {**read, "events": with_events}
    del tables["links"]
    return tables, (*empty_links(engine, read["links"].frame, links.quality.source),
                    *_left_out(engine, config, read, links))  # fmt: skip


def _derived(
    engine: Engine,
    events: ScoringTable,
    links: Links | None,
    config: PipelineConfig,
    until: dt.date,
) -> ScoringTable:
    """Return the events with those that follow from them."""
    frame = with_derived_events(engine, events.frame, links, config, until)
    counted = frame.group_by("event_type").agg(nw.len().alias("n"))
    rows = engine.rows(counted, source=events.quality.source)
    counts = {row["event_type"]: int(row["n"]) for row in rows}
    return replace(events, frame=frame, counts=counts)


def missing_links(derived: Collection[str], source: str) -> InputError:
    """Return the error about a metric whose behaviours need links that are not given."""
    names = listed([f"'{name}'" for name in sorted(derived)])
    return InputError(
        f"{source}: the metric counts {names}, which follows from the table of links, or from a "
        "sequence that this configuration does not have; give the links, as '--links PATH' or "
        "links=..., or the configuration of the training"
    )


def _links(engine: Engine, read: Mapping[str, ScoringTable]) -> Links:
    given, quality = read["links"].frame, read["links"].quality
    spans = engine.persist(link_spans(engine, given))
    roles = engine.rows(spans.select(ROLE).unique(), source=quality.source)
    known = [spans.select("customer_id")]
    if "customers" in read:
        known.append(read["customers"].frame.select("customer_id"))
    actors = spans.select(nw.col(ACTOR).alias("customer_id")).unique()
    outsiders = actors.join(nw.concat(known).unique(), on="customer_id", how="anti")
    return Links(
        spans,
        engine.persist(outsiders),
        quality,
        roles=tuple(sorted(row[ROLE] for row in roles)),
    )


def _with_breadth(config: PipelineConfig, links: Links, derived: Collection[str]) -> PipelineConfig:
    """Return the configuration with the breadth of the roles that the metric counts."""
    counted = {role for role in links.roles if f"{role}.{ACTIVE}" in derived}
    breadth = tuple(sorted({*config.links.breadth, *counted}))
    update = {"links": config.links.model_copy(update={"breadth": breadth})}
    return config.model_copy(update=update)


def _left_out(
    engine: Engine, config: PipelineConfig, read: Mapping[str, ScoringTable], links: Links
) -> tuple[str, ...]:
    if config.links.level != CUSTOMERS:
        return ()
    outsiders = links.outsiders.join(
        read["events"].frame.select("customer_id").unique(), on="customer_id", how="inner"
    )
    (row,) = engine.rows(outsiders.select(n=nw.len()), source=links.quality.source)
    n = int(row["n"])
    if not n:
        return ()
    return (
        f"{links.quality.source}: {quantity(n, 'actor')} with events {'is' if n == 1 else 'are'} "
        f"no {config.entity} and not scored; one who is, too, needs a row in the table of "
        "customers",
    )
