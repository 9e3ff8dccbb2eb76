"""Check of the parts of margin: columns and values that the transactions do not have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.features.part_totals import part_values
from engagement_ml.inputs.engine_operations import operations_of
from engagement_ml.inputs.reading import sources_of
from engagement_ml.outcomes.parts import assign_parts, configured_parts, part_columns
from engagement_ml.sources import describe_source


def check_parts(
    config: PipelineConfig, engine: Engine, frames: Mapping[str, Any] | None
) -> tuple[str, ...]:
    """Check `where` of every part against all transactions; return what training would note.

    Raises
    ------
    InputError
        If a column is missing, or a value never occurs.
    """
    outcomes = configured_parts(config)
    if not outcomes:
        return ()
    operations = operations_of(engine)
    source = sources_of(config, frames or {})["transactions"]
    opened = operations.open_tables(engine, config, {"transactions": source}, extra=True)
    _, cleaned = operations.clean_tables(engine, opened)
    transactions, _ = operations.frames(engine, cleaned["transactions"])
    label = describe_source(source, "transactions")
    columns = part_columns(outcomes, transactions.collect_schema().names(), label)
    values = part_values(engine, transactions, columns)
    return assign_parts(outcomes, columns, values, label).notes
