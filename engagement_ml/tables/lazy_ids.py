"""Whether ids are whole numbers, on a lazy engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw

from engagement_ml.engine import LazyEngine
from engagement_ml.tables.ids import ACTOR, is_no_id

if TYPE_CHECKING:
    from engagement_ml.tables.lazy_opening import LazyTable

_INTEGERS = (nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32)


def ids_are_integers(engine: LazyEngine, opened: LazyTable) -> bool:
    """Return whether every customer_id, and actor_id, is a whole number and written as one."""
    columns = ("customer_id", *((ACTOR,) if opened.table.has(ACTOR) else ()))
    return all(_are_integers(engine, opened, column) for column in columns)


def _are_integers(engine: LazyEngine, opened: LazyTable, column: str) -> bool:
    of_type = opened.schema[column]
    if of_type in _INTEGERS:
        return True
    if not (of_type.is_float() or (opened.table.csv and opened.is_text(column))):
        return False
    written = nw.col("written_")
    both = engine.typed(
        opened.frame.select(column, nw.col(column).cast(nw.String).alias("written_")),
        {column: "integer", "written_": "text"},
    )
    not_integer = ~written.is_null() & ~is_no_id("written_") & nw.col(column).is_null()
    return not engine.rows(both.filter(not_integer).head(1), source=opened.table.label)
