"""Ids on DuckDB, and anonymous events that become a customer's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engagement_ml.engine import DuckDBEngine
from engagement_ml.tables.column_types import INTEGERS
from engagement_ml.tables.identities import (
    CUSTOMER,
    KEY,
    SHARED,
    SINCE,
    START,
    UNTIL,
    StitchedEvents,
    identity_spans,
)
from engagement_ml.tables.ids import ACTOR, EXACT, FLOATS, GUARD
from engagement_ml.tables.schema import ANONYMOUS, Identities, SourceTable, quoted

if TYPE_CHECKING:
    from engagement_ml.tables.cleaning import CleanTable


def identify(engine: DuckDBEngine, events: SourceTable, identities: CleanTable) -> SourceTable:
    """Return the events with the identities of their ``anonymous_id``."""
    quality = identities.quality
    spans = identity_spans(engine, engine.scan(identities.view))
    view = engine.persist_as(spans, source=quality.source)
    return replace(events, identities=Identities(view, quality.fingerprint))


def ids_are_integers(engine: DuckDBEngine, table: SourceTable) -> bool:
    """Return whether every customer_id, and actor_id, is a whole number and written as one."""
    columns = ("customer_id", *((ACTOR,) if table.has(ACTOR) else ()))
    return all(_are_integers(engine, table, column) for column in columns)


def _are_integers(engine: DuckDBEngine, table: SourceTable, column: str) -> bool:
    name, of_type = table.id(column), table.types[column]
    if of_type in INTEGERS:
        return of_type not in ("HUGEINT", "UHUGEINT", "UBIGINT")
    if of_type in FLOATS:
        # pandas stores integers as floats if some are missing.
        not_integer = f"{name} <> floor({name}) OR abs({name}) > {EXACT[of_type]}"
    elif table.csv:
        not_integer = f"{name} <> coalesce(CAST(try_cast({name} AS BIGINT) AS VARCHAR), '')"
    else:
        return False
    query = f"SELECT 1 FROM {quoted(table.view)} WHERE {not_integer} LIMIT 1"
    return not engine.query(query, source=table.label)


def id_value(table: SourceTable, column: str, *, integer_ids: bool, guarded: bool) -> str:
    """Return SQL for an id in its canonical type; those of customers and actors may be numbers."""
    if column == ACTOR and integer_ids:
        return f"CAST({table.id(column)} AS BIGINT)"
    if column != "customer_id":
        return _id_text(table, column, guarded=guarded)
    name = table.id()
    given = f"CAST({name} AS BIGINT)" if integer_ids else _id_text(table, column, guarded=guarded)
    return given if table.identities is None else f"coalesce({given}, {CUSTOMER})"


def is_plain_id(table: SourceTable) -> bool:
    """Return whether customers are text that needs no conversion if every row has one."""
    return table.types["customer_id"] == "VARCHAR" and table.identities is None


def identified_rows(table: SourceTable, *, guarded: bool = False) -> str:
    """Return SQL for the rows of a table, anonymous events with the span of their identity."""
    if table.identities is None:
        return quoted(table.view)
    anonymous = _id_text(table, ANONYMOUS, guarded=guarded)
    at = f"coalesce(epoch_us({table.moment('timestamp')}), {START})"
    return (
        f"{quoted(table.view)} LEFT JOIN {quoted(table.identities.view)} "
        f"ON {KEY} = CASE WHEN {table.id()} IS NULL THEN {anonymous} END "
        f"AND {SINCE} <= {at} AND {at} < {UNTIL}"
    )


def count_stitched(engine: DuckDBEngine, table: SourceTable) -> StitchedEvents:
    """Count the events without ``customer_id`` by what becomes of them."""
    conditions = (
        f"{CUSTOMER} IS NOT NULL",
        f"{CUSTOMER} IS NULL AND {SHARED} = 0",
        f"{SHARED} = 1",
        f"{KEY} IS NULL",
    )
    counted = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions)
    anonymous = _id_text(table, ANONYMOUS, guarded=False)
    rows = f"{identified_rows(table)} WHERE {table.id()} IS NULL AND {anonymous} IS NOT NULL"
    (counts,) = engine.query(f"SELECT {counted} FROM {rows}", source=table.label)
    return StitchedEvents(*map(int, counts))


def _id_text(table: SourceTable, column: str, *, guarded: bool) -> str:
    name, of_type = table.id(column), table.types[column]
    if of_type in FLOATS:
        inexact = f"WHEN abs({name}) > {EXACT[of_type]} THEN error('{GUARD}') " if guarded else ""
        whole = f"WHEN {name} = floor({name}) THEN CAST(CAST({name} AS BIGINT) AS VARCHAR)"
        return f"CASE {inexact}{whole} ELSE CAST({name} AS VARCHAR) END"
    return f"CAST({name} AS VARCHAR)"
