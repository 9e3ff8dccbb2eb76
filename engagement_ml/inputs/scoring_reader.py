"""Tables on their own, for counting events: read and checked on whichever engine there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import DuckDBEngine, Engine, LazyEngine
from engagement_ml.inputs.lazy_reader import keep_lazily
from engagement_ml.tables.cleaning import TableQuality, canonical, ids_are_integers, keep
from engagement_ml.tables.schema import open_table
from engagement_ml.tables.validation import check_values


@dataclass(frozen=True)
class Counted:
    """A table's rows that are kept, its quality, and its rows per event type."""

    frame: nw.LazyFrame[Any]
    quality: TableQuality
    counts: Mapping[str, int]


def read_each(
    config: PipelineConfig, engine: Engine, sources: Mapping[str, Any]
) -> dict[str, Counted]:
    """Read and check each table without what learning asks of them together.

    Parameters
    ----------
    config : PipelineConfig
        Its ``columns`` say what the sources call theirs.
    engine : Engine
    sources : mapping of table name to path or frame

    Raises
    ------
    InputError, NotEnoughDataError
        As ``read_tables`` raises them.
    """
    columns_only = PipelineConfig(name=config.name, columns=config.columns)
    if isinstance(engine, LazyEngine):
        kept = keep_lazily(engine, columns_only, sources)
        return {name: Counted(one.frame, one.quality, one.counts) for name, one in kept.items()}
    assert isinstance(engine, DuckDBEngine)
    return _by_sql(columns_only, engine, sources)


def _by_sql(
    config: PipelineConfig, engine: DuckDBEngine, sources: Mapping[str, Any]
) -> dict[str, Counted]:
    opened = {table: open_table(engine, config, table, source) for table, source in sources.items()}
    for one in opened.values():
        check_values(engine, one)
    whole = all(ids_are_integers(engine, one) for one in opened.values())
    kept = {
        table: keep(engine, one, canonical(engine, one, integer_ids=whole))
        for table, one in opened.items()
    }
    return {
        table: Counted(engine.scan(one.view), one.quality, one.counts)
        for table, one in kept.items()
    }
