"""Reading of all input tables on any engine, with the checks that concern several tables."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any

import narwhals as nw

from engagement_ml.config import TABLE_NAMES, PipelineConfig
from engagement_ml.engine import DuckDBEngine, Engine, LazyEngine
from engagement_ml.errors import ConfigError, InputError, Report, nearest, stop
from engagement_ml.inputs.derivation import derive
from engagement_ml.inputs.duckdb_reader import read_on_duckdb
from engagement_ml.inputs.event_types import group_event_types
from engagement_ml.inputs.lazy_reader import read_on_lazy_engine
from engagement_ml.inputs.meeting import MeetingTable, meet
from engagement_ml.inputs.money import money_notes
from engagement_ml.inputs.names import behaviours_of, check_configured_names
from engagement_ml.inputs.read_result import ReadResult
from engagement_ml.inputs.survey_notes import survey_notes
from engagement_ml.inputs.tables import Tables
from engagement_ml.ledger.cache.partitions import OnPart
from engagement_ml.tables.dropped import dropped_note
from engagement_ml.windows import DAY, History, history_of

_logger = logging.getLogger(__name__)


def read_tables(
    config: PipelineConfig,
    engine: Engine,
    frames: Mapping[str, Any] | None = None,
    *,
    extra: bool = False,
    on_part: OnPart | None = None,
) -> Tables:
    """Read and validate the tables of a pipeline, or frames in their place.

    Parameters
    ----------
    config : PipelineConfig
    engine : Engine
        The tables stay in it, lazily; CSV files and text columns are read once for validation.
    frames : mapping of str to path or frame, optional
        Replace the paths in ``config.sources``, by table name.
    extra : bool, default False
        Also read the optional columns that only measures of the scorecard need; see
        ``Tables.columns``. The daily ledger and its cache are the same with and without them.
    on_part : callable, optional
        Called with the number of partitions of large events that are read, and of all.

    Returns
    -------
    Tables

    Raises
    ------
    InputError
        If a table is missing, unreadable or holds a value that does not fit: the message names
        the source, the column, the row (1-based, header not counted; not on Spark) and the value.
        If events and transactions, or these and customers, have no customer in common.
    ConfigError
        If the configuration names a behaviour or a segment that the data lacks.
    NotEnoughDataError
        If a table is empty, or there is only one customer.

    Notes
    -----
    Dropped and counted are rows without customer, timestamp, event type or margin; repetitions of
    an ``event_id`` (the earliest is kept); rows of days that are not plausible, by the keys in
    ``history``; a few rows far from all others; and events from the day after the last
    transaction on.

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
    sources = sources_of(config, frames or {})
    if isinstance(engine, DuckDBEngine):
        result = read_on_duckdb(engine, config, sources, on_part, extra=extra)
    elif isinstance(engine, LazyEngine):
        result = read_on_lazy_engine(engine, config, sources, extra=extra)
    else:
        raise TypeError(f"cannot read tables on an engine of type {type(engine).__name__}")
    return tables_of(engine, config, result, extra=extra)


def tables_of(
    engine: Engine,
    config: PipelineConfig,
    result: ReadResult,
    report: Report = stop,
    lacking: Report | None = None,
    *,
    extra: bool = False,
) -> Tables:
    """Return the tables that were read, with the checks that concern several of them.

    Parameters
    ----------
    engine : Engine
    config : PipelineConfig
    result : ReadResult
        With events and transactions.
    report : callable, optional
        Called with each problem; by default, the first is raised.
    lacking : callable, optional
        The tables are samples of rows. Called, in place of `report`, with what they lack.
    extra : bool, default False
        As in ``read_tables``.
    """
    first_event, last_event = _first_and_last_day(result, "events")
    first_paid, last_paid = _first_and_last_day(result, "transactions")
    history = history_of(first_event, first_paid, last_paid + DAY, config.windows, last_event)
    derived = derive(
        engine, config, result, history.end, lacking or report, sampled=lacking is not None
    )
    result = derived.result
    check_configured_names(config, result.label, result.frames, result.counts, report, lacking)
    result, grouped = group_event_types(config, engine, result)
    behaviours = behaviours_of(config, result.counts, result.label, report)
    notes = meet(engine, meeting_tables(result), config.entity, report, lacking)
    paid, quality = result.frames["transactions"], result.quality["transactions"]
    notes += money_notes(engine, config, paid, quality, report)
    tables_quality = tuple(result.quality[name] for name in TABLE_NAMES if name in result.quality)
    notes += tuple(note for each in tables_quality for note in each.notes)
    notes += survey_notes(engine, result, config.entity, used=extra)
    notes += derived.notes
    notes += tuple(_early_end(last_event, last_paid, history))
    for note in (*notes, *filter(None, map(dropped_note, tables_quality))):
        _logger.info("%s", note)
    return Tables(
        engine=engine,
        events=result.frames["events"],
        transactions=result.frames["transactions"],
        customers=result.frames.get("customers"),
        surveys=result.frames.get("surveys"),
        quality=tables_quality,
        history=history,
        behaviours=behaviours,
        event_counts=result.counts,
        amounts=result.amounts,
        ledger=result.ledger,
        partitions=result.partitions,
        sessions=result.sessions,
        grouped_types=grouped,
        links=derived.links,
        derived_types=derived.event_types,
        notes=notes,
    )


def meeting_tables(result: ReadResult) -> list[MeetingTable]:
    """Return the tables that must have customers in common; events by their daily ledger."""
    frames = {"events": result.ledger} | {
        name: result.frames[name] for name in ("transactions", "customers") if name in result.frames
    }
    rows = {"events": nw.col("n")}
    return [
        MeetingTable(name, result.quality[name].source, frame, rows.get(name, nw.lit(1)))
        for name, frame in frames.items()
    ]


def sources_of(
    config: PipelineConfig, frames: Mapping[str, Any], report: Report = stop
) -> dict[str, Any]:
    """Return the path or frame of each given table; missing ones are given to `report`."""
    for name in frames:
        if name not in TABLE_NAMES:
            raise InputError(
                f"'{name}' is not a table{nearest(name, TABLE_NAMES)}; "
                f"the tables are {', '.join(TABLE_NAMES)}"
            )
    sources = {}
    for name in TABLE_NAMES:
        source = frames.get(name)
        if source is None:
            source = getattr(config.sources, name)
        if source is not None:
            sources[name] = source
        elif name in ("events", "transactions"):
            report(
                ConfigError(
                    f"key 'sources.{name}' is missing; give the path of the table, "
                    "or pass it as a frame"
                )
            )
    return sources


def _early_end(last_event: dt.date, last_paid: dt.date, history: History) -> list[str]:
    """Return a note if the events end so early that late transactions cannot be used."""
    if history.end > last_paid:
        return []
    return [
        f"events end on {last_event}, {(last_paid - last_event).days} days before transactions; "
        f"the history therefore ends on {history.end - DAY}"
    ]


def _first_and_last_day(result: ReadResult, name: str) -> tuple[dt.date, dt.date]:
    first, last = result.quality[name].first, result.quality[name].last
    assert first is not None
    assert last is not None
    return first.date(), last.date()
