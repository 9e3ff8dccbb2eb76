"""Reader of tables for scoring: each table alone, without the checks that training needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.inputs.engine_operations import operations_of
from engagement_ml.inputs.meeting import MeetingTable, meet
from engagement_ml.tables.dense_span import DenseSpan
from engagement_ml.tables.dropped import dropped_note
from engagement_ml.tables.quality import TableQuality


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
        columns=_without_left_out_covariates(config),
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


def _without_left_out_covariates(config: PipelineConfig) -> dict[str, dict[str, str | None]]:
    """Return the column mapping; a list of customers to score need not have what is left out."""
    return {
        table: {ours: source for ours, source in mapping.items() if source or table != "customers"}
        for table, mapping in config.columns.items()
    }


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
        if name != "identities"
    ]
    return (*notes, *meet(engine, tables, entity))
