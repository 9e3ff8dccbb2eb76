"""Reader of tables for scoring: each table alone, without the checks that training needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.column_names import find
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.inputs.engine_operations import operations_of
from engagement_ml.inputs.meeting import MeetingTable, meet
from engagement_ml.sources import open_source
from engagement_ml.tables.dense_span import DenseSpan
from engagement_ml.tables.dropped import dropped_note
from engagement_ml.tables.quality import TableQuality
from engagement_ml.tables.schema import EXTRA


@dataclass(frozen=True)
class ScoringTable:
    """The usable rows of a table, its quality, its rows per event type, and its dense days."""

    frame: nw.LazyFrame[Any]
    quality: TableQuality
    counts: Mapping[str, int]
    dense: DenseSpan | None


def read_scoring_tables(
    config: PipelineConfig, engine: Engine, sources: Mapping[str, Any]
) -> dict[str, ScoringTable]:
    """Read and validate each table alone.

    Parameters
    ----------
    config : PipelineConfig
        Only its name, ``columns``, ``shape`` and ``history`` are used.
    engine : Engine
    sources : mapping of str to path or frame
        By table name.

    Raises
    ------
    InputError, NotEnoughDataError
        See ``read_tables``.
    """
    columns_only = PipelineConfig(
        name=config.name,
        columns=_read_columns(engine, config, sources),
        shape=config.shape,
        history=config.history,
    )
    operations = operations_of(engine)
    tables = operations.open_tables(engine, columns_only, sources)
    _, cleaned = operations.clean_tables(engine, tables)
    return {
        name: ScoringTable(
            operations.frames(engine, table)[0], table.quality, table.counts, table.dense
        )
        for name, table in cleaned.items()
    }


def _read_columns(
    engine: Engine, config: PipelineConfig, sources: Mapping[str, Any]
) -> dict[str, dict[str, str | None]]:
    """Return the column mapping without what the tables to score need not have.

    A list of customers may lack what is left out, and each table the columns that only measures
    read.
    """
    mapped: dict[str, dict[str, str | None]] = {}
    for table, mapping in config.columns.items():
        extra = {c for c, source in mapping.items() if source and find(c, EXTRA.get(table, ()))}
        present: list[str] = []
        if extra and table in sources:
            present = _names(engine, config, table, sources[table])
        mapped[table] = {
            ours: source
            for ours, source in mapping.items()
            if (source or table != "customers")
            and (ours not in extra or "." in str(source) or find(str(source), present))
        }
    return mapped


def _names(engine: Engine, config: PipelineConfig, table: str, source: Any) -> list[str]:
    """Return the columns of a source; a frame is not computed for them."""
    if isinstance(source, str | os.PathLike):
        encoding = config.shape_of(table).encoding
        opened = open_source(engine, source, table=table, encoding=encoding)
        return opened.collect_schema().names()
    try:
        names: list[str] = nw.from_native(source).collect_schema().names()
    except (TypeError, nw.exceptions.DuplicateError):
        # The opening of the source says what is wrong with it.
        return []
    return names


def scoring_notes(engine: Engine, read: Mapping[str, ScoringTable], entity: str) -> tuple[str, ...]:
    """Say what was dropped, and how customers and events meet if both are given.

    Raises
    ------
    InputError
        If they have no customer in common.
    """
    shaped = tuple(note for table in read.values() for note in table.quality.usual_notes)
    notes = shaped + tuple(note for t in read.values() if (note := dropped_note(t.quality)))
    if "customers" not in read:
        return notes
    tables = [
        MeetingTable(name, table.quality.source, table.frame, nw.lit(1))
        for name, table in read.items()
        if name not in ("identities", "links")
    ]
    return (*notes, *meet(engine, tables, entity))
