"""Canonical types; what is left out and why; a fingerprint of what is kept."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.tables.duplicates import HASH, hash_of, mark_repeats
from engagement_ml.tables.schema import COLUMNS, INTEGERS, REQUIRED, Opened, quoted
from engagement_ml.tables.validation import LARGEST

REPEATED = "repeated event_id"
GUARD = "a number that does not fit"
AFTER_TRANSACTIONS = "after the last day of transactions"


@dataclass(frozen=True)
class Dropped:
    """Rows left out of a table, and why."""

    reason: str
    rows: int


@dataclass(frozen=True)
class TableQuality:
    """What was read of one table, what was kept, and a fingerprint of what was kept.

    Attributes
    ----------
    table, source : str
    rows_read, rows_kept : int
    dropped : tuple of Dropped
        One entry a reason; a row counts for the first reason that applies.
    first, last : datetime or None
        Of the rows kept, naive UTC; None where the table has no timestamps.
    fingerprint : str
        SHA-256 over the columns, the number of rows and sums of row hashes: the same for the same
        rows in any order and from any file format, given the same version of DuckDB.
    """

    table: str
    source: str
    rows_read: int
    rows_kept: int
    dropped: tuple[Dropped, ...]
    first: dt.datetime | None
    last: dt.datetime | None
    fingerprint: str


@dataclass(frozen=True)
class Kept:
    """A table's view in the engine, its quality, and its rows per event type.

    `amounts` tells which event types have a value, and which a duration.
    """

    view: str
    quality: TableQuality
    counts: dict[str, int]
    amounts: dict[str, tuple[str, ...]]


def ids_are_integers(engine: DuckDBEngine, one: Opened) -> bool:
    """Return whether every customer_id is a whole number, written as one."""
    name, of_type = one.sql("customer_id"), one.types["customer_id"]
    if of_type in INTEGERS:
        return of_type not in ("HUGEINT", "UHUGEINT", "UBIGINT")
    if of_type in ("FLOAT", "DOUBLE"):
        # pandas makes floats of integers where some are missing.
        other = f"{name} <> floor({name}) OR abs({name}) > 9e15"
    elif one.csv:
        other = f"{name} <> coalesce(CAST(try_cast({name} AS BIGINT) AS VARCHAR), '')"
    else:
        return False
    query = f"SELECT 1 FROM {quoted(one.view)} WHERE {other} LIMIT 1"
    return not engine.query(query, source=one.label)


def canonical(
    engine: DuckDBEngine, one: Opened, *, integer_ids: bool, guarded: bool = False
) -> str:
    """Name a view with the canonical columns in their canonical types.

    A CSV file is read into the engine once; all else stays where it is. `guarded` views stop with
    an error at a number that ``check_values`` would refuse, so that it need not be called first.
    """
    kinds = COLUMNS[one.table]
    parts = []
    for column in one.types:
        match kinds.get(column):
            case "id":
                sql = _id(one, integer_ids)
            case "timestamp":
                sql = one.moment(column)
            case "text":
                sql = _text(one, column, guarded)
            case "number" | "finite":
                sql = _guarded(one, column) if guarded else _finite(one, column)
            case _:
                sql = _covariate(engine, one, column)
        parts.append(f"{sql} AS {quoted(column)}")
    if one.table == "transactions" and not one.has("margin"):
        parts.append(f'{one.number("revenue")} - {one.number("cost")} AS "margin"')
    if one.table == "events" and one.has("event_id"):
        parts.append(f"{hash_of(one)} AS {HASH}")
    query = f"SELECT {', '.join(parts)} FROM {quoted(one.view)}"
    return (engine.table if one.csv else engine.view)(query, source=one.label)


def keep(engine: DuckDBEngine, one: Opened, source: str, end: dt.date | None = None) -> Kept:
    """Leave out what cannot be used, count it by reason, and fingerprint the rest.

    Parameters
    ----------
    source : str
        The canonical view.
    end : date, optional
        Rows at or after it are left out.

    Raises
    ------
    NotEnoughDataError
        Where nothing is left.
    """
    columns = [column for column, _ in one.known()]
    if one.table == "transactions" and "margin" not in columns:
        columns.append("margin")
    required = [*REQUIRED[one.table], *(["margin"] if one.table == "transactions" else [])]
    reasons = [(f"null {column}", f"{quoted(column)} IS NULL") for column in required]
    if one.table == "events" and one.has("event_id"):
        marked_ = mark_repeats(engine, one, source, columns)
        if marked_ != source:
            reasons.append((REPEATED, '"repeated_"'))
        source = marked_
    if end is not None:
        reasons.append((AFTER_TRANSACTIONS, f"\"timestamp\" >= TIMESTAMP '{end}'"))
    case = " ".join(f"WHEN {condition} THEN {i}" for i, (_, condition) in enumerate(reasons))
    marked = f"SELECT *, CASE {case} END AS reason_ FROM {quoted(source)}"
    moment = '"timestamp"' if "timestamp" in columns else "CAST(NULL AS TIMESTAMP)"
    hashed = f"hash({', '.join(_hashed(engine, one, columns, source))})"
    amounts = [c for c in ("value", "duration_seconds") if one.table == "events" and c in columns]
    counted = "".join(f", count({quoted(column)})" for column in amounts)
    rows = engine.query(
        f"SELECT reason_, {'event_type' if one.table == 'events' else 'NULL'}, count(*), "
        f"min({moment}), max({moment}), sum({hashed}), bit_xor({hashed}){counted} "
        f"FROM ({marked}) GROUP BY 1, 2 ORDER BY 1, 2",
        source=one.label,
    )
    kept = [row for row in rows if row[0] is None]
    read, n_kept = (sum(row[2] for row in some) for some in (rows, kept))
    counts = [sum(row[2] for row in rows if row[0] == i) for i in range(len(reasons))]
    dropped = tuple(Dropped(reason, n) for (reason, _), n in zip(reasons, counts, strict=True) if n)
    if not n_kept:
        raise NotEnoughDataError(nothing_left(one, read, dropped))
    quality = TableQuality(
        table=one.table,
        source=one.label,
        rows_read=read,
        rows_kept=n_kept,
        dropped=dropped,
        first=min((row[3] for row in kept if row[3] is not None), default=None),
        last=max((row[4] for row in kept if row[4] is not None), default=None),
        fingerprint=fingerprint(columns, n_kept, ((int(row[5]), row[6]) for row in kept)),
    )
    view = engine.view(
        f"SELECT {without_helpers(one)} FROM ({marked}) WHERE reason_ IS NULL", source=one.label
    )
    return Kept(
        view,
        quality,
        counts={row[1]: row[2] for row in kept if row[1] is not None},
        amounts={
            column: tuple(row[1] for row in kept if row[i]) for i, column in enumerate(amounts, 7)
        },
    )


def without_helpers(one: Opened) -> str:
    """Return SQL for a table's columns in their order, those made along the way left out."""
    margin = one.table == "transactions" and not one.has("margin")
    return ", ".join(quoted(c) for c in (*one.types, *(["margin"] if margin else [])))


def _finite(one: Opened, column: str) -> str:
    return f"CASE WHEN isfinite({one.number(column)}) THEN {one.number(column)} END"


def _text(one: Opened, column: str, guarded: bool) -> str:
    plain = quoted(column)
    if guarded and column == "event_type":
        # The ledger leaves out empty text later; untouched, it is grouped faster.
        return plain if one.types[column] == "VARCHAR" else f"CAST({plain} AS VARCHAR)"
    return f"nullif(CAST({plain} AS VARCHAR), '')"


def _guarded(one: Opened, column: str) -> str:
    number = one.number(column)
    # Comparisons alone are folded by a file's bounds, which know nothing of NaN.
    small = f"CASE WHEN abs({number}) <= {LARGEST} THEN {number} ELSE error('{GUARD}') END"
    return (
        f"CASE WHEN isfinite({number}) THEN {small} WHEN isinf({number}) THEN error('{GUARD}') END"
    )


def _id(one: Opened, integer_ids: bool) -> str:
    name = one.sql("customer_id")
    if integer_ids:
        return f"CAST({name} AS BIGINT)"
    if one.types["customer_id"] in ("FLOAT", "DOUBLE"):
        whole = f"{name} = floor({name}) AND abs({name}) <= 9e15"
        return (
            f"CASE WHEN {whole} THEN CAST(CAST({name} AS BIGINT) AS VARCHAR) "
            f"ELSE CAST({name} AS VARCHAR) END"
        )
    return f"CAST({name} AS VARCHAR)"


def _covariate(engine: DuckDBEngine, one: Opened, column: str) -> str:
    """Return SQL for any other column: of a customers' CSV file, numbers where all values are."""
    if one.table != "customers" or not one.csv:
        return quoted(column)
    total, numbers = engine.query(
        f"SELECT count({one.sql(column)}), count({one.number(column)}) FROM {quoted(one.view)}",
        source=one.label,
    )[0]
    return one.number(column) if total and total == numbers else one.sql(column)


def _hashed(engine: DuckDBEngine, one: Opened, columns: list[str], source: str) -> list[str]:
    """Return SQL of what identifies a row, of types that do not depend on the file's format."""
    if one.table != "customers":
        return [quoted(column) for column in sorted(columns)]
    types = dict(
        engine.query(f"SELECT column_name, column_type FROM (DESCRIBE {quoted(source)})",
                     source=one.label)
    )  # fmt: skip
    numeric = (*INTEGERS, "FLOAT", "DOUBLE")
    return [
        quoted(c)
        if c in columns
        else f"CAST({quoted(c)} AS {'DOUBLE' if t in numeric else 'VARCHAR'})"
        for c, t in sorted(types.items())
    ]


def fingerprint(columns: Iterable[str], rows: int, hashes: Iterable[tuple[int, int]]) -> str:
    """Return SHA-256 over columns, number of rows, and sum and exclusive or of row hashes."""
    total, mixed = 0, 0
    for added, crossed in hashes:
        total += added
        mixed ^= crossed
    text = f"{','.join(sorted(columns))}|{rows}|{total}|{mixed}"
    return hashlib.sha256(text.encode()).hexdigest()


def nothing_left(one: Opened, read: int, dropped: tuple[Dropped, ...]) -> str:
    """Return what to say of a table of which nothing can be used."""
    if not read:
        return f"{one.label}: table '{one.table}' is empty; it needs rows"
    why = ", ".join(f"{d.rows} {d.reason}" for d in dropped)
    return f"{one.label}: none of the {read} rows of table '{one.table}' can be used ({why})"
