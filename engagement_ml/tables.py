"""The contract's tables: columns, types, checks, what was dropped and why."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.errors import ConfigError, InputError, NotEnoughDataError, nearest
from engagement_ml.sources import describe_source, is_csv, open_source
from engagement_ml.windows import DAY, Window

Kind = Literal["id", "timestamp", "text", "number", "finite"]
REPEATED = "repeated event_id"
AFTER_TRANSACTIONS = "after the last day of transactions"

_COLUMNS: dict[str, dict[str, Kind]] = {
    "events": {
        "customer_id": "id",
        "timestamp": "timestamp",
        "event_type": "text",
        "event_id": "text",
        "value": "number",
        "duration_seconds": "number",
    },
    "transactions": {
        "customer_id": "id",
        "timestamp": "timestamp",
        "margin": "finite",
        "revenue": "finite",
        "cost": "finite",
    },
    "customers": {"customer_id": "id", "signup": "timestamp"},
    "surveys": {
        "customer_id": "id",
        "timestamp": "timestamp",
        "survey": "text",
        "score": "finite",
    },
}
_REQUIRED = {
    "events": ("customer_id", "timestamp", "event_type"),
    "transactions": ("customer_id", "timestamp"),
    "customers": ("customer_id",),
    "surveys": ("customer_id", "timestamp", "survey", "score"),
}
_INTEGERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
    "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
}  # fmt: skip
_LARGEST = 1e12
_OFFSET = r"[0-9]:[0-9]{2}.*(Z|z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?|[A-Za-z]+/[A-Za-z_]+)$"


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
        SHA-256 over the number of rows, the columns and sums of row hashes: the same for the same
        rows in any order and from any file format, on the same DuckDB version.
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
class Tables:
    """The contract's tables under their canonical columns, checked, still lazy.

    Attributes
    ----------
    engine : Engine
        Holds the data; frames below live on its connection.
    events, transactions : LazyFrame
        Timestamps naive UTC; ``margin`` float64, always there, never null.
    customers, surveys : LazyFrame or None
    quality : tuple of TableQuality
        One a table, in the order events, transactions, customers, surveys.
    history : Window
        From the first day with both events and transactions to the day after the last transaction.
    behaviours : tuple of str
        Sorted event types that are candidates or adjusted for.
    event_counts : mapping of str to int
        Rows kept per event type.
    """

    engine: Engine
    events: nw.LazyFrame[Any]
    transactions: nw.LazyFrame[Any]
    customers: nw.LazyFrame[Any] | None
    surveys: nw.LazyFrame[Any] | None
    quality: tuple[TableQuality, ...]
    history: Window
    behaviours: tuple[str, ...]
    event_counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Opened:
    """A source with its columns renamed, types not yet touched."""

    table: str
    label: str
    view: str
    types: dict[str, str]
    csv: bool
    names: dict[str, str]

    def has(self, column: str) -> bool:
        return column in self.types

    def is_text(self, column: str) -> bool:
        return self.types[column] == "VARCHAR" or self.types[column].startswith("ENUM")


def read_tables(
    config: PipelineConfig, engine: Engine, frames: Mapping[str, Any] | None = None
) -> Tables:
    """Read and check the tables that a pipeline names, or frames given in their place.

    Parameters
    ----------
    config : PipelineConfig
    engine : Engine
        The tables stay in it, lazily; CSV files and text columns are read once for the checks.
    frames : mapping of table name to path or frame, optional
        Takes the place of ``config.sources``.

    Returns
    -------
    Tables

    Raises
    ------
    InputError
        Where a table is missing, unreadable or holds a value that does not fit: the message names
        the source, the column, the row (1-based, header not counted) and the value.
    ConfigError
        Where the configuration names a behaviour or a segment that the data lacks.
    NotEnoughDataError
        Where a table is empty or there is but one customer.

    Notes
    -----
    Dropped and counted: rows without customer, timestamp, event type or margin; repeats of an
    ``event_id`` (the earliest is kept); events at or after the day following the last transaction.

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({"customer_id": [1, 2], "event_type": "visit",
    ...     "timestamp": pd.to_datetime(["2024-01-01", "2024-01-02"])})
    >>> transactions = pd.DataFrame({"customer_id": [1], "margin": [9.5],
    ...     "timestamp": pd.to_datetime(["2024-01-02 10:00"])})
    >>> with Engine.duckdb() as engine:
    ...     tables = read_tables(PipelineConfig(name="shop"), engine,
    ...                          {"events": events, "transactions": transactions})
    >>> tables.history.days, tables.behaviours
    (1, ('visit',))
    """
    opened = _open_all(config, engine, frames or {})
    for one in opened.values():
        _check_columns(one, config)
        _check_values(engine, one)
    integer_ids = all(_ids_are_integers(engine, one) for one in opened.values())
    canonical = {name: _canonical(engine, one, integer_ids) for name, one in opened.items()}
    qualities: dict[str, TableQuality] = {}
    views: dict[str, str] = {}
    views["transactions"], qualities["transactions"], _ = _keep(
        engine, opened["transactions"], canonical["transactions"], None
    )
    end = _day_after(qualities["transactions"])
    views["events"], qualities["events"], counts = _keep(
        engine, opened["events"], canonical["events"], end
    )
    for name in ("customers", "surveys"):
        if name in opened:
            views[name], qualities[name], _ = _keep(engine, opened[name], canonical[name], None)
    _check_two_customers(engine, views, opened)
    if "customers" in opened:
        _check_unique(engine, opened["customers"], views["customers"])
    _check_named(config, opened, counts)
    first = max(_first_day(qualities["events"]), _first_day(qualities["transactions"]))
    churn = config.churn.event_type
    return Tables(
        engine=engine,
        events=engine.scan(views["events"]),
        transactions=engine.scan(views["transactions"]),
        customers=engine.scan(views["customers"]) if "customers" in views else None,
        surveys=engine.scan(views["surveys"]) if "surveys" in views else None,
        quality=tuple(qualities[name] for name in _COLUMNS if name in qualities),
        history=Window(first, end),
        behaviours=tuple(
            sorted(t for t in counts if t != churn and config.behaviour(t).role != "ignore")
        ),
        event_counts=counts,
    )


def _open_all(
    config: PipelineConfig, engine: Engine, frames: Mapping[str, Any]
) -> dict[str, _Opened]:
    for name in frames:
        if name not in _COLUMNS:
            raise InputError(
                f"'{name}' is not a table{nearest(name, _COLUMNS)}; "
                f"the tables are {', '.join(_COLUMNS)}"
            )
    opened = {}
    for table in _COLUMNS:
        source = frames.get(table)
        if source is None:
            source = getattr(config.sources, table)
        if source is not None:
            opened[table] = _open(engine, config, table, source)
        elif table in ("events", "transactions"):
            raise ConfigError(
                f"key 'sources.{table}' is missing; give the path of the table, "
                "or pass it as a frame"
            )
    return opened


def _open(engine: Engine, config: PipelineConfig, table: str, source: Any) -> _Opened:
    label = describe_source(source, table)
    relation = open_source(engine, source, table=table).to_native()
    present = dict(zip(relation.columns, (str(t) for t in relation.types), strict=True))
    mapping = config.columns.get(table, {})
    for wanted, theirs in mapping.items():
        if theirs not in present:
            raise InputError(
                f"{label}: column '{theirs}', which 'columns: {{{table}: {{{wanted}: {theirs}}}}}' "
                f"names, is missing{nearest(theirs, present)}; "
                f"the columns are {_listed(present)}"
            )
    names = {
        name: name for name in present if name not in mapping and name not in set(mapping.values())
    } | dict(mapping)
    selected = ", ".join(f"{_q(theirs)} AS {_q(name)}" for name, theirs in names.items())
    raw = engine.view(relation.sql_query(), reading=label)
    view = engine.view(f"SELECT {selected} FROM {_q(raw)}", reading=label)
    types = {name: present[theirs] for name, theirs in names.items()}
    return _Opened(table, label, view, types, is_csv(source), names)


def _check_columns(one: _Opened, config: PipelineConfig) -> None:
    required: list[tuple[str, str]] = [(c, "") for c in _REQUIRED[one.table]]
    if one.table == "transactions" and not one.has("margin"):
        if one.has("revenue") and not one.has("cost"):
            required.append(("cost", " (beside 'revenue', or else 'margin')"))
        elif not one.has("revenue"):
            required.append(("margin", " (or 'revenue' with 'cost')"))
    for column, alternative in required:
        if not one.has(column):
            taken = set(_COLUMNS[one.table])
            free = [name for name in one.types if name not in taken] or list(one.types)
            near = get_close_matches(column, free, n=1, cutoff=0.0)
            hint = (
                f"; nearest is '{near[0]}': if that is it, write "
                f"'columns: {{{one.table}: {{{column}: {near[0]}}}}}'"
                if near
                else ""
            )
            raise InputError(
                f"{one.label}: column '{column}'{alternative} is missing from table "
                f"'{one.table}'{hint}; the columns are {_listed(one.types)}"
            )
    if one.table == "customers":
        for segment in config.segments:
            if not one.has(segment):
                raise ConfigError(
                    f"key 'segments': {one.label} has no column "
                    f"'{segment}'{nearest(segment, one.types)}; "
                    f"the columns are {_listed(one.types)}"
                )


def _check_values(engine: Engine, one: _Opened) -> None:
    """Find the first value that does not fit, and name it; one pass over text columns."""
    checks: list[tuple[str, str, str]] = []
    for column, kind in _COLUMNS[one.table].items():
        if one.has(column):
            checks.extend(_checks_of(one, column, kind))
    if not checks:
        return
    counted = ", ".join(f"count(*) FILTER (WHERE {bad})" for _, bad, _ in checks)
    counts = engine.query(f"SELECT {counted} FROM {_q(one.view)}", reading=one.label)[0]
    for (column, bad, problem), count in zip(checks, counts, strict=True):
        if count:
            row, found = _first_row(engine, one, column, bad)
            more = f" ({count} such rows)" if count > 1 else ""
            raise InputError(
                f"{one.label}: column '{_theirs(one, column)}', row {row}: "
                f"{problem}, found {found!r}{more}"
            )
    for column, kind in _COLUMNS[one.table].items():
        if kind == "timestamp" and one.has(column) and one.is_text(column):
            _check_one_zone(engine, one, column)


def _checks_of(one: _Opened, column: str, kind: Kind) -> list[tuple[str, str, str]]:
    name, of_type = _q(column), one.types[column]
    if kind == "timestamp":
        text = one.is_text(column)
        if not text and not of_type.startswith(("TIMESTAMP", "DATE")):
            raise InputError(
                f"{one.label}: column '{_theirs(one, column)}' holds {of_type}, not timestamps; "
                "give ISO 8601 text such as 2024-05-31 14:30:00, or a timestamp type"
            )
        latest = dt.datetime.now(dt.UTC).replace(tzinfo=None) + DAY
        moment = _moment(one, column)
        future = f"{moment} > TIMESTAMP '{latest}'"
        checks = []
        if text:
            bad = f"{name} IS NOT NULL AND {moment} IS NULL"
            checks.append((column, bad, "expected a timestamp such as 2024-05-31 14:30:00"))
        checks.append((column, future, "expected a timestamp that is not in the future"))
        return checks
    if kind not in ("number", "finite"):
        return []
    if one.is_text(column):
        number = f"try_cast({name} AS DOUBLE)"
        checks = [(column, f"{name} IS NOT NULL AND {number} IS NULL", "expected a number")]
    elif of_type in _INTEGERS or of_type.startswith(("DECIMAL", "FLOAT", "DOUBLE", "BOOLEAN")):
        number, checks = f"CAST({name} AS DOUBLE)", []
    else:
        raise InputError(
            f"{one.label}: column '{_theirs(one, column)}' holds {of_type}, not numbers"
        )
    wild = f"isinf({number})" if kind == "number" else f"NOT isfinite({number})"
    checks.append((column, wild, "expected a finite number"))
    checks.append(
        (column, f"isfinite({number}) AND abs({number}) > {_LARGEST}", "expected at most 1e12")
    )
    return checks


def _check_one_zone(engine: Engine, one: _Opened, column: str) -> None:
    zoned = f"regexp_matches({_q(column)}, '{_OFFSET}')"
    with_zone, without = engine.query(
        f"SELECT count(*) FILTER (WHERE {zoned}), count(*) FILTER (WHERE NOT {zoned}) "
        f"FROM {_q(one.view)}",
        reading=one.label,
    )[0]
    if with_zone and without:
        rarer, has = (zoned, "a time zone") if with_zone <= without else (f"NOT {zoned}", "none")
        row, found = _first_row(engine, one, column, rarer)
        other = "none" if has == "a time zone" else "one"
        raise InputError(
            f"{one.label}: column '{_theirs(one, column)}', row {row}: {found!r} has {has} where "
            f"others have {other}; give all timestamps with a time zone, or all in UTC without"
        )


def _first_row(engine: Engine, one: _Opened, column: str, bad: str) -> tuple[int, str]:
    row, found = engine.query(
        f"SELECT row_, CAST({_q(column)} AS VARCHAR) FROM "
        f"(SELECT *, row_number() OVER () AS row_ FROM {_q(one.view)}) "
        f"WHERE {bad} ORDER BY row_ LIMIT 1",
        reading=one.label,
    )[0]
    return int(row), str(found)


def _moment(one: _Opened, column: str) -> str:
    """Return SQL for a column as naive UTC timestamp; null where text cannot be read as one."""
    name, of_type = _q(column), one.types[column]
    if one.is_text(column):
        return f"timezone('UTC', try_cast({name} AS TIMESTAMPTZ))"
    if "TIME ZONE" in of_type or of_type == "TIMESTAMPTZ":
        return f"timezone('UTC', {name})"
    return f"CAST({name} AS TIMESTAMP)"


def _ids_are_integers(engine: Engine, one: _Opened) -> bool:
    name, of_type = _q("customer_id"), one.types["customer_id"]
    if of_type in _INTEGERS:
        return of_type not in ("HUGEINT", "UBIGINT")
    if of_type in ("FLOAT", "DOUBLE"):
        # pandas makes floats of integers where some are missing.
        other = f"{name} <> floor({name}) OR abs({name}) > 9e15"
    elif one.csv:
        other = f"{name} <> coalesce(CAST(try_cast({name} AS BIGINT) AS VARCHAR), '')"
    else:
        return False
    found = engine.query(f"SELECT 1 FROM {_q(one.view)} WHERE {other} LIMIT 1", reading=one.label)
    return not found


def _canonical(engine: Engine, one: _Opened, integer_ids: bool) -> str:
    """Name a view with the canonical columns in their canonical types."""
    known = _COLUMNS[one.table]
    parts = []
    for column in one.types:
        name = _q(column)
        kind = known.get(column)
        if kind == "id":
            parts.append(f"{_id(one, integer_ids)} AS {name}")
        elif kind == "timestamp":
            parts.append(f"{_moment(one, column)} AS {name}")
        elif kind == "text":
            parts.append(f"CAST({name} AS VARCHAR) AS {name}")
        elif kind is not None:
            number = f"CAST({name} AS DOUBLE)"
            parts.append(f"CASE WHEN isfinite({number}) THEN {number} END AS {name}")
        elif one.table == "customers" and one.csv:
            parts.append(f"{_covariate(engine, one, column)} AS {name}")
        else:
            parts.append(name)
    if one.table == "transactions" and not one.has("margin"):
        parts.append('CAST("revenue" AS DOUBLE) - CAST("cost" AS DOUBLE) AS "margin"')
    sql = f"SELECT {', '.join(parts)} FROM {_q(one.view)}"
    return (engine.table if one.csv else engine.view)(sql, reading=one.label)


def _id(one: _Opened, integer_ids: bool) -> str:
    name = _q("customer_id")
    if integer_ids:
        return f"CAST({name} AS BIGINT)"
    if one.types["customer_id"] in ("FLOAT", "DOUBLE"):
        whole = f"{name} = floor({name}) AND abs({name}) <= 9e15"
        return (
            f"CASE WHEN {whole} THEN CAST(CAST({name} AS BIGINT) AS VARCHAR) "
            f"ELSE CAST({name} AS VARCHAR) END"
        )
    return f"CAST({name} AS VARCHAR)"


def _covariate(engine: Engine, one: _Opened, column: str) -> str:
    """Return SQL for a text column of a CSV file: numbers where every value is one."""
    name = _q(column)
    total, numbers = engine.query(
        f"SELECT count({name}), count(try_cast({name} AS DOUBLE)) FROM {_q(one.view)}",
        reading=one.label,
    )[0]
    return f"CAST({name} AS DOUBLE)" if total and total == numbers else name


def _keep(
    engine: Engine, one: _Opened, canonical: str, end: dt.date | None
) -> tuple[str, TableQuality, dict[str, int]]:
    """Leave out what cannot be used, count it by reason, and fingerprint the rest."""
    reasons = [
        (f"null {column}", f"{_q(column)} IS NULL")
        for column in _REQUIRED[one.table]
        if column not in ("survey", "score")
    ]
    if one.table == "transactions":
        reasons.append(("null margin", '"margin" IS NULL'))
    if end is not None:
        reasons.append((AFTER_TRANSACTIONS, f"\"timestamp\" >= TIMESTAMP '{end}'"))
    known = [c for c in _COLUMNS[one.table] if one.has(c)]
    if one.table == "transactions" and "margin" not in known:
        known.append("margin")
    columns = sorted(one.types) if one.table == "customers" else sorted(known)
    source = canonical
    if one.table == "events" and one.has("event_id"):
        source = _without_repeats(engine, one, canonical, columns)
        reasons.insert(0, (REPEATED, '"repeated_"'))
    case = " ".join(f"WHEN {condition} THEN '{reason}'" for reason, condition in reasons)
    marked = f"SELECT *, CASE {case} END AS reason_ FROM {_q(source)}"
    by = '"event_type"' if one.table == "events" else "NULL"
    moments = '"timestamp"' if "timestamp" in columns else "CAST(NULL AS TIMESTAMP)"
    hashed = ", ".join(f"coalesce(CAST({_q(c)} AS VARCHAR), '')" for c in columns)
    rows = engine.query(
        f"SELECT reason_, {by}, count(*), min({moments}), max({moments}), "
        f"sum(hash({hashed})), bit_xor(hash({hashed})) FROM ({marked}) GROUP BY 1, 2 ORDER BY 1, 2",
        reading=one.label,
    )
    read = sum(row[2] for row in rows)
    kept = [row for row in rows if row[0] is None]
    dropped = tuple(
        Dropped(reason, found)
        for reason, _ in reasons
        if (found := sum(row[2] for row in rows if row[0] == reason))
    )
    n_kept = sum(row[2] for row in kept)
    if not n_kept:
        raise NotEnoughDataError(_empty_message(one, read, dropped))
    quality = TableQuality(
        table=one.table,
        source=one.label,
        rows_read=read,
        rows_kept=n_kept,
        dropped=dropped,
        first=min((row[3] for row in kept if row[3] is not None), default=None),
        last=max((row[4] for row in kept if row[4] is not None), default=None),
        fingerprint=_fingerprint(columns, n_kept, kept),
    )
    without = "reason_, repeated_" if source != canonical else "reason_"
    view = engine.view(
        f"SELECT * EXCLUDE ({without}) FROM ({marked}) WHERE reason_ IS NULL", reading=one.label
    )
    return view, quality, {row[1]: row[2] for row in kept if row[1] is not None}


def _without_repeats(engine: Engine, one: _Opened, canonical: str, columns: list[str]) -> str:
    """Mark all but the first of the rows that share an event_id.

    Ids are first counted by their hash, which is small; only those seen twice are looked at.
    """
    suspects = engine.table(
        f'SELECT hash("event_id") AS hash_ FROM {_q(canonical)} WHERE "event_id" IS NOT NULL '
        "GROUP BY 1 HAVING count(*) > 1",
        reading=one.label,
    )
    order = ", ".join(_q(c) for c in ["timestamp", "customer_id", *columns] if c != "event_id")
    suspected = f'hash("event_id") IN (SELECT hash_ FROM {_q(suspects)})'
    return engine.view(
        f"SELECT *, false AS repeated_ FROM {_q(canonical)} "
        f'WHERE "event_id" IS NULL OR NOT ({suspected}) UNION ALL '
        f'SELECT *, row_number() OVER (PARTITION BY "event_id" ORDER BY {order}) > 1 '
        f'FROM {_q(canonical)} WHERE "event_id" IS NOT NULL AND {suspected}',
        reading=one.label,
    )


def _fingerprint(columns: list[str], rows: int, kept: list[tuple[Any, ...]]) -> str:
    total = sum(int(row[5]) for row in kept)
    mixed = 0
    for row in kept:
        mixed ^= int(row[6])
    return hashlib.sha256(f"{','.join(columns)}|{rows}|{total}|{mixed}".encode()).hexdigest()


def _empty_message(one: _Opened, read: int, dropped: tuple[Dropped, ...]) -> str:
    if not read:
        return f"{one.label}: table '{one.table}' is empty; it needs rows below its header"
    why = ", ".join(f"{d.rows} {d.reason}" for d in dropped)
    return f"{one.label}: none of the {read} rows of table '{one.table}' can be used: {why}"


def _check_two_customers(
    engine: Engine, views: Mapping[str, str], opened: Mapping[str, _Opened]
) -> None:
    union = " UNION ALL ".join(
        f'SELECT min("customer_id") AS low, max("customer_id") AS high FROM {_q(views[name])}'
        for name in ("events", "transactions")
    )
    label = opened["events"].label
    low, high = engine.query(f"SELECT min(low), max(high) FROM ({union})", reading=label)[0]
    if low == high:
        raise NotEnoughDataError(
            f"{label}: there is only one customer, {str(low)!r}; comparing needs at least two, "
            "and learning from changes some hundreds"
        )


def _check_unique(engine: Engine, one: _Opened, view: str) -> None:
    rows = engine.query(
        f'SELECT CAST("customer_id" AS VARCHAR), count(*) FROM {_q(view)} '
        'GROUP BY "customer_id" HAVING count(*) > 1 ORDER BY "customer_id" LIMIT 1',
        reading=one.label,
    )
    if rows:
        raise InputError(
            f"{one.label}: column '{_theirs(one, 'customer_id')}': {rows[0][0]!r} is there "
            f"{rows[0][1]} times; give one row a customer"
        )


def _check_named(
    config: PipelineConfig, opened: Mapping[str, _Opened], counts: Mapping[str, int]
) -> None:
    label = opened["events"].label
    churn = [config.churn.event_type] if config.churn.event_type else []
    keys = [("churn.event_type", name) for name in churn]
    keys += [(f"behaviours.{name}", name) for name in config.behaviours]
    for key, name in keys:
        if name not in counts:
            raise ConfigError(
                f"key '{key}': {label} holds no event of type '{name}'{nearest(name, counts)}; "
                f"its event types are {_listed(sorted(counts))}"
            )
    if config.segments and "customers" not in opened:
        raise ConfigError(
            f"key 'segments': '{config.segments[0]}' is a column of the customers table, "
            "and there is none; give 'sources.customers'"
        )


def _day_after(quality: TableQuality) -> dt.date:
    assert quality.last is not None
    return quality.last.date() + DAY


def _first_day(quality: TableQuality) -> dt.date:
    assert quality.first is not None
    return quality.first.date()


def _theirs(one: _Opened, column: str) -> str:
    return one.names.get(column, column)


def _listed(names: Iterable[str], at_most: int = 12) -> str:
    every = list(names)
    more = f" and {len(every) - at_most} more" if len(every) > at_most else ""
    return ", ".join(every[:at_most]) + more


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
