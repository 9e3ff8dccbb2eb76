"""How links meet the other tables: actors with events, customers with transactions."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.errors import InputError, Report
from engagement_ml.formatting import count, listed, plural, quantity
from engagement_ml.inputs.id_forms import forms_that_meet
from engagement_ml.inputs.links import CUSTOMERS, SINCE, UNTIL, Links
from engagement_ml.inputs.meeting import MOST_IDS
from engagement_ml.inputs.read_result import ReadResult
from engagement_ml.tables.ids import ACTOR


def check_links(
    engine: Engine,
    config: PipelineConfig,
    result: ReadResult,
    links: Links,
    report: Report,
    *,
    sampled: bool = False,
) -> tuple[str, ...]:
    """Say how many actors have events and how many of their customers are known.

    Parameters
    ----------
    engine : Engine
    config : PipelineConfig
    result : ReadResult
        As read, with the events of actors.
    links : Links
    report : callable
        Called with an `InputError` that names both files if no actor has an event, if no event
        lies within the time of its actor's links, or if no customer of the links is known.
    sampled : bool, default False
        The tables are samples of rows, so that only counts are said.
    """
    label, source = links.quality.source, result.label
    actors = links.spans.select(nw.col(ACTOR).alias("customer_id")).unique()
    served = links.spans.select("customer_id").unique()
    paid = result.frames["transactions"].select("customer_id").unique()
    known = [paid, result.ledger.select("customer_id").unique()]
    if "customers" in result.frames:
        known.append(result.frames["customers"].select("customer_id"))
    served_noun = config.entity if config.links.level == CUSTOMERS else "customer"
    n_actors, n_served = _number(engine, actors, label), _number(engine, served, label)
    if not n_actors:
        report(InputError(f"{label}: no link holds at any moment; see 'from' and 'to'"))
        return ()
    active = _number(engine, _both(actors, result.ledger), source)
    with_margin = _number(engine, _both(served, paid), label)
    if not sampled:
        if not active:
            report(_no_match(engine, (label, ACTOR, actors), (source, result.ledger)))
        elif not _within(engine, result, links):
            report(
                InputError(
                    f"{label} and {source}: no event of an actor lies between 'from' and 'to' of "
                    "its links; check the dates and time zones of both"
                )
            )
        if not _number(engine, _both(served, nw.concat(known)), label):
            paid_label = result.quality["transactions"].source
            report(_no_match(engine, (label, "customer_id", served), (paid_label, paid)))
    return (
        f"Links: of {quantity(n_actors, 'actor')}, {count(active)} have events; of "
        f"{quantity(n_served, served_noun)} whom they serve, {count(with_margin)} have "
        f"transactions; {_left_out(engine, config, links, label)}",
    )


def _left_out(engine: Engine, config: PipelineConfig, links: Links, label: str) -> str:
    if config.links.level != CUSTOMERS:
        return "each actor is scored, and not their customers."
    n = _number(engine, links.outsiders, label)
    if not n:
        return f"all actors are {plural(config.entity)}, too."
    are = "actor is" if n == 1 else "actors are"
    return f"{count(n)} {are} no {config.entity}, and not scored."


def _within(engine: Engine, result: ReadResult, links: Links) -> bool:
    """Return whether any event may lie within a link of its actor, by its day."""
    daily = engine.micros(
        result.ledger.select(nw.col("customer_id").alias(ACTOR), "first", "last"), "first", "last"
    )
    spans = links.spans.select(ACTOR, SINCE, UNTIL)
    within = daily.join(spans, on=ACTOR, how="inner").filter(
        nw.col(SINCE) <= nw.col("last"), nw.col("first") < nw.col(UNTIL)
    )
    return bool(engine.rows(within.select(ACTOR).head(1), source=result.label))


def _both(left: nw.LazyFrame[Any], right: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return left.join(right.select("customer_id").unique(), on="customer_id", how="inner")


def _no_match(
    engine: Engine,
    ours: tuple[str, str, nw.LazyFrame[Any]],
    theirs: tuple[str, nw.LazyFrame[Any]],
) -> InputError:
    """Return the error about ids of links that another table lacks."""
    (label, column, ids), (other, frame) = ours, theirs
    here, there = _ids(engine, ids, label), _ids(engine, frame, other)
    forms, _ = forms_that_meet(here, there)
    remedy = (
        f"write the ids of both tables {listed(forms)}"
        if forms
        else f"check that '{column}' of the first means the same as 'customer_id' of the second"
    )
    return InputError(
        f"{label} and {other}: ids do not meet: '{column}' of the first, such as {here[0]!r}, is "
        f"never 'customer_id' of the second, such as {there[0]!r}; {remedy}"
    )


def _number(engine: Engine, frame: nw.LazyFrame[Any], label: str) -> int:
    distinct = frame.select("customer_id").unique()
    (row,) = engine.rows(distinct.select(nw.len().alias("n")), source=label)
    return int(row["n"])


def _ids(engine: Engine, frame: nw.LazyFrame[Any], label: str) -> list[str]:
    few = frame.select("customer_id").unique().sort("customer_id").head(MOST_IDS)
    return [str(row["customer_id"]) for row in engine.rows(few, source=label)]
