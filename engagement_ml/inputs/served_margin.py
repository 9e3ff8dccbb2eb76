"""Margin of customers as that of the actors who serve them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.errors import InputError
from engagement_ml.formatting import number, quantity
from engagement_ml.inputs.links import SINCE, UNTIL, Links
from engagement_ml.inputs.read_result import ReadResult
from engagement_ml.ledger.daily import MICRO, micro
from engagement_ml.tables.ids import ACTOR

AMOUNTS = ("margin", "revenue", "cost", "refund")
"""Columns of transactions that actors who serve one customer at once share equally."""
_SHARE = "actors_"


def served_transactions(
    engine: Engine, config: PipelineConfig, result: ReadResult, links: Links
) -> tuple[Mapping[str, nw.LazyFrame[Any]], tuple[str, ...]]:
    """Return the tables with the transactions of actors in place of those of customers.

    A transaction is that of the actor who serves its customer at its moment. Several actors share
    its amounts equally, so that sums stay as they are; each of them has the order. The customers
    table keeps the rows of actors.

    Returns
    -------
    frames : mapping of str to LazyFrame
    notes : tuple of str
        The margin that no actor served, with its sum, and what was shared.
    """
    paid, label = result.frames["transactions"], result.quality["transactions"].source
    shared = engine.persist(_of_actors(engine, paid, links))
    frames = {**result.frames, "transactions": shared.select(*paid.collect_schema().names())}
    notes = _notes(engine, config, paid, shared, label)
    if "customers" in frames:
        customers_label = result.quality["customers"].source
        actors = links.spans.select(nw.col(ACTOR).alias("customer_id")).unique()
        frames["customers"] = frames["customers"].join(actors, on="customer_id", how="semi")
        if not engine.rows(frames["customers"].head(1), source=customers_label):
            del frames["customers"]
            notes += (_no_actor(config, customers_label),)
    return frames, notes


def _no_actor(config: PipelineConfig, label: str) -> str:
    """Return the note on a customers table without actors.

    Raises
    ------
    InputError
        If segments need it.
    """
    if config.segments:
        raise InputError(
            f"{label}: no row is an actor's, so column '{config.segments[0]}' of 'segments' is "
            "not known; with 'links: {level: actors}', give the table one row for each actor"
        )
    return f"{label}: no row is an actor's, so the table is not used"


def _of_actors(engine: Engine, paid: nw.LazyFrame[Any], links: Links) -> nw.LazyFrame[Any]:
    """Return each transaction once for each of its actors, with its share of the amounts."""
    columns = paid.collect_schema().names()
    amounts = [column for column in AMOUNTS if column in columns]
    moments = engine.micros(paid.with_columns(at_=nw.col("timestamp")), "at_")
    inside = (nw.col(SINCE) <= nw.col("at_")) & (nw.col("at_") < nw.col(UNTIL))
    return (
        moments.join(_shares(links), on="customer_id", how="inner")
        .filter(inside)
        .with_columns(
            nw.col(ACTOR).alias("customer_id"),
            *((nw.col(column) / nw.col(_SHARE)).alias(column) for column in amounts),
        )
        .select(*columns, _SHARE)
    )


def _shares(links: Links) -> nw.LazyFrame[Any]:
    """Return the spans in which a customer's actors stay the same, one row for each of them."""
    spans = links.spans.select("customer_id", ACTOR, SINCE, UNTIL)
    ends = nw.concat(
        [spans.select("customer_id", nw.col(end).alias("start_")) for end in (SINCE, UNTIL)]
    ).unique()
    stop = nw.col("start_").shift(-1).over("customer_id", order_by="start_")
    pieces = ends.with_columns(stop.alias("stop_")).filter(~nw.col("stop_").is_null())
    held = (
        spans.join(pieces, on="customer_id", how="inner")
        .filter(nw.col(SINCE) <= nw.col("start_"), nw.col("stop_") <= nw.col(UNTIL))
        # An actor may serve a customer in two roles at once.
        .select("customer_id", ACTOR, "start_", "stop_")
        .unique()
    )
    sizes = held.group_by("customer_id", "start_").agg(nw.len().cast(nw.Int64).alias(_SHARE))
    return held.join(sizes, on=["customer_id", "start_"], how="inner").select(
        "customer_id",
        ACTOR,
        nw.col("start_").alias(SINCE),
        nw.col("stop_").alias(UNTIL),
        _SHARE,
    )


def _notes(
    engine: Engine,
    config: PipelineConfig,
    paid: nw.LazyFrame[Any],
    shared: nw.LazyFrame[Any],
    label: str,
) -> tuple[str, ...]:
    margin = micro(nw.col("margin")).sum().cast(nw.Int64)
    (total,) = engine.rows(paid.select(margin=margin, n=nw.len()), source=label)
    one = nw.lit(1.0) / nw.col(_SHARE)
    several = nw.when(nw.col(_SHARE) > 1).then(one).otherwise(nw.lit(0.0))
    sums = shared.select(margin=margin, n=one.sum(), several=several.sum())
    (served,) = engine.rows(sums, source=label)
    rows = int(total["n"]) - round(served["n"] or 0)
    lost = float((total["margin"] or 0) - (served["margin"] or 0)) / MICRO
    notes = []
    if rows:
        notes.append(
            f"{label}: {quantity(rows, 'transaction')} with a margin of {number(lost, 0)} "
            f"{config.currency} in all are of customers whom no actor served "
            "at that time; they are left out"
        )
    if n_several := round(served["several"] or 0):
        notes.append(
            f"{label}: {quantity(n_several, 'transaction')} are of customers whom "
            f"several actors served at once; these share the margin equally, and each of "
            "them has the order"
        )
    return tuple(notes)
