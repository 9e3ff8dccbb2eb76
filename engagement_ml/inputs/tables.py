"""The contract's tables: columns, types, checks, what was dropped and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import DuckDBEngine, Engine, LazyEngine
from engagement_ml.errors import ConfigError, InputError, nearest
from engagement_ml.inputs.duckdb_reader import read_by_sql
from engagement_ml.inputs.lazy_reader import read_lazily
from engagement_ml.inputs.read_result import Found
from engagement_ml.ledger.cache.events import OnPart
from engagement_ml.ledger.events import LedgerPart
from engagement_ml.tables.cleaning import Dropped, TableQuality
from engagement_ml.tables.schema import COLUMNS, listed
from engagement_ml.windows import DAY, History, history_of

RESERVED = frozenset({"customer_id", "cutoff", "part", "score", "history", "covariate", "segment"})
"""Names of columns and groups of columns in results, which no event type may have."""
SESSION, RATIO = "session", "ratio"
"""Groups of columns in results where the configuration asks for them."""

__all__ = ["Dropped", "LedgerPart", "TableQuality", "Tables", "read_tables"]


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
    history : History
        Up to the day after the last transaction; see ``windows.history_of``.
    behaviours : tuple of str
        Sorted event types that are candidates or adjusted for.
    event_counts : mapping of str to int
        Rows kept per event type.
    amounts : mapping of str to tuple of str
        The event types of which any event has a ``value``, and those with a
        ``duration_seconds``; without the column, without the key.
    ledger : LazyFrame or None
        The events by customer, event type and day, made while they were checked; where there is
        none it is made of `events`.
    parts : tuple of LedgerPart
        What the ledger of large files consists of; each name tells the content.
    sessions : LazyFrame or None
        The sessions by customer and day, where the configuration asks for them; where there are
        none they are made of `events`.
    drawn : str
        Tells which customers these are, where they are a sample of those in the sources.
    """

    engine: Engine
    events: nw.LazyFrame[Any]
    transactions: nw.LazyFrame[Any]
    customers: nw.LazyFrame[Any] | None
    surveys: nw.LazyFrame[Any] | None
    quality: tuple[TableQuality, ...]
    history: History
    behaviours: tuple[str, ...]
    event_counts: Mapping[str, int] = field(default_factory=dict)
    amounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ledger: nw.LazyFrame[Any] | None = None
    parts: tuple[LedgerPart, ...] = ()
    sessions: nw.LazyFrame[Any] | None = None
    drawn: str = ""


def read_tables(
    config: PipelineConfig,
    engine: Engine,
    frames: Mapping[str, Any] | None = None,
    *,
    on_part: OnPart | None = None,
) -> Tables:
    """Read and check the tables that a pipeline names, or frames given in their place.

    Parameters
    ----------
    config : PipelineConfig
    engine : Engine
        The tables stay in it, lazily; CSV files and text columns are read once for the checks.
    frames : mapping of table name to path or frame, optional
        Takes the place of ``config.sources``.
    on_part : callable, optional
        Told how many parts of a large table of events are read, of how many.

    Returns
    -------
    Tables

    Raises
    ------
    InputError
        Where a table is missing, unreadable or holds a value that does not fit: the message names
        the source, the column, the row (1-based, header not counted; Spark has none) and the
        value.
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
    >>> from engagement_ml.engine import open_duckdb
    >>> with open_duckdb() as engine:
    ...     tables = read_tables(PipelineConfig(name="shop"), engine,
    ...                          {"events": events, "transactions": transactions})
    >>> tables.history.days, tables.behaviours
    (2, ('visit',))
    """
    sources = _sources(config, frames or {})
    if isinstance(engine, DuckDBEngine):
        found = read_by_sql(engine, config, sources, on_part)
    elif isinstance(engine, LazyEngine):
        found = read_lazily(engine, config, sources)
    else:
        raise TypeError(f"no tables are read on {type(engine).__name__}")
    _check_named(config, found.label, found.frames, found.counts)
    behaviours = _behaviours(config, found.counts, found.label)
    first, (first_paid, last_paid) = _days(found, "events")[0], _days(found, "transactions")
    return Tables(
        engine=engine,
        events=found.frames["events"],
        transactions=found.frames["transactions"],
        customers=found.frames.get("customers"),
        surveys=found.frames.get("surveys"),
        quality=tuple(found.quality[name] for name in COLUMNS if name in found.quality),
        history=history_of(first, first_paid, last_paid + DAY, config.windows),
        behaviours=behaviours,
        event_counts=found.counts,
        amounts=found.amounts,
        ledger=found.ledger,
        parts=found.parts,
        sessions=found.sessions,
    )


def _sources(config: PipelineConfig, frames: Mapping[str, Any]) -> dict[str, Any]:
    """Return the path or frame of each table that there is."""
    for name in frames:
        if name not in COLUMNS:
            raise InputError(
                f"'{name}' is not a table{nearest(name, COLUMNS)}; "
                f"the tables are {', '.join(COLUMNS)}"
            )
    sources = {}
    for table in COLUMNS:
        source = frames.get(table)
        if source is None:
            source = getattr(config.sources, table)
        if source is not None:
            sources[table] = source
        elif table in ("events", "transactions"):
            raise ConfigError(
                f"key 'sources.{table}' is missing; give the path of the table, "
                "or pass it as a frame"
            )
    return sources


def _behaviours(config: PipelineConfig, counts: Mapping[str, int], label: str) -> tuple[str, ...]:
    """Return the event types to look at; their names become columns, which must not clash."""
    names = sorted(
        name
        for name in counts
        if name != config.churn.event_type and config.behaviour(name).role != "ignore"
    )
    if not names:
        raise ConfigError(
            f"key 'behaviours': {label} holds no event type to learn from: each has "
            f"'role: ignore' or is the churn event ({listed(sorted(counts))})"
        )
    asked = {SESSION} if config.features.sessions is not None else set()
    asked |= {RATIO} if config.features.ratios else set()
    ratios = {ratio.name.lower(): i for i, ratio in enumerate(config.features.ratios)}
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in ratios:
            raise ConfigError(
                f"key 'features.ratios.{ratios[name.lower()]}.name': '{name}' is an event type of "
                f"{label}; call the ratio otherwise"
            )
        if name.lower() in RESERVED | asked:
            raise InputError(
                f"{label}: event type '{name}' is a name that results use; call it otherwise"
            )
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise InputError(
                f"{label}: event types '{other}' and '{name}' differ in case alone; "
                "write them the same way"
            )
    return tuple(names)


def _days(found: Found, table: str) -> tuple[dt.date, dt.date]:
    first, last = found.quality[table].first, found.quality[table].last
    assert first is not None
    assert last is not None
    return first.date(), last.date()


def _check_named(
    config: PipelineConfig, label: str, tables: Collection[str], counts: Mapping[str, int]
) -> None:
    named = [(f"behaviours.{name}", name) for name in config.behaviours]
    named += [
        (f"experiments.{i}.behaviour", test.behaviour) for i, test in enumerate(config.experiments)
    ]
    named += config.features.named()
    if config.churn.event_type is not None:
        named.append(("churn.event_type", config.churn.event_type))
    for key, name in named:
        if name not in counts:
            raise ConfigError(
                f"key '{key}': {label} holds no event of type '{name}'{nearest(name, counts)}; "
                f"its event types are {listed(sorted(counts))}"
            )
    if config.segments and "customers" not in tables:
        raise ConfigError(
            f"key 'segments': '{config.segments[0]}' is a column of the customers table, "
            "and there is none; give 'sources.customers'"
        )
