"""A source opened under the contract's columns, and its columns in their canonical types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import LazyEngine
from engagement_ml.engine.base import Kind
from engagement_ml.errors import InputError
from engagement_ml.sources import describe_source, is_csv, open_source
from engagement_ml.tables.schema import COLUMNS, SESSION_COLUMNS, Opened, check_columns, map_columns

_INTEGERS = (nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32)


@dataclass(frozen=True)
class Source:
    """A table under the contract's column names, types not yet touched.

    Attributes
    ----------
    shape : Opened
        What it is called and which columns it has; it has no view.
    frame : LazyFrame
        Of customers all columns, of other tables those that are known or tell sessions.
    schema : Schema
        Of `frame`.
    """

    shape: Opened
    frame: nw.LazyFrame[Any]
    schema: nw.Schema

    def is_text(self, column: str) -> bool:
        """Return whether the column holds text."""
        return self.schema[column] in (nw.String, nw.Categorical, nw.Enum)

    def kinds(self) -> dict[str, Kind]:
        """Return what the engine makes of each known column but the id."""
        known = COLUMNS[self.shape.table].items()
        kinds: dict[str, Kind] = {}
        for column, kind in known:
            if column in self.schema and kind != "id":
                kinds[column] = "number" if kind == "finite" else kind
        return kinds


def open_lazily(engine: LazyEngine, config: PipelineConfig, table: str, source: Any) -> Source:
    """Open a source and rename its columns as the configuration maps them.

    Raises
    ------
    InputError
        Where the source cannot be opened, lacks a mapped or a required column.
    ConfigError
        Where it lacks a column that ``segments`` names.
    """
    label = describe_source(source, table)
    frame = open_source(engine, source, table=table)
    present = frame.collect_schema()
    theirs = map_columns(config, table, label, present)
    types = {name: str(present[own]) for name, own in theirs.items()}
    shape = Opened(table, label, "", types, theirs, is_csv(source))
    check_columns(shape, config)
    wanted = {*COLUMNS[table], *(SESSION_COLUMNS if config.features.sessions is not None else ())}
    kept = {n: own for n, own in theirs.items() if table == "customers" or n in wanted}
    for own in kept.values():
        if "." in own or "`" in own:
            raise InputError(
                f"{label}: column '{own}': a dot in a name means a field of a record; rename it"
            )
    named = frame.select(nw.col(own).alias(name) for name, own in kept.items())
    return Source(shape, named, named.collect_schema())


def ids_are_integers(engine: LazyEngine, source: Source) -> bool:
    """Return whether every customer_id is a whole number, written as one."""
    of_type = source.schema["customer_id"]
    if of_type in _INTEGERS:
        return True
    if not (of_type.is_float() or (source.shape.csv and source.is_text("customer_id"))):
        return False
    written = nw.col("written_")
    both = engine.typed(
        source.frame.select("customer_id", nw.col("customer_id").cast(nw.String).alias("written_")),
        {"customer_id": "integer", "written_": "text"},
    )
    other = ~written.is_null() & nw.col("customer_id").is_null()
    return not engine.rows(both.filter(other).head(1), source=source.shape.label)


def canonical(engine: LazyEngine, source: Source, *, integer_ids: bool) -> nw.LazyFrame[Any]:
    """Return the columns in their canonical types; numbers that are not finite become null."""
    kinds: dict[str, Kind] = {"customer_id": "integer" if integer_ids else "id", **source.kinds()}
    kinds |= _covariates(engine, source)
    numbers = [column for column, kind in kinds.items() if kind == "number"]
    typed = engine.typed(source.frame, kinds).with_columns(
        nw.when(nw.col(column).is_finite()).then(nw.col(column)).alias(column) for column in numbers
    )
    if source.shape.table == "transactions" and "margin" not in source.schema:
        return typed.with_columns(margin=nw.col("revenue") - nw.col("cost"))
    return typed


def _covariates(engine: LazyEngine, source: Source) -> dict[str, Kind]:
    """Return kinds of a customers' CSV file's other columns: numbers where all values are."""
    if source.shape.table != "customers" or not source.shape.csv:
        return {}
    others = [column for column in source.schema.names() if column not in COLUMNS["customers"]]
    if not others:
        return {}
    both = engine.typed(
        source.frame.select(*others, *(nw.col(c).alias(f"{c}_number_") for c in others)),
        {**dict.fromkeys(others, "text"), **{f"{c}_number_": "number" for c in others}},
    )
    counted = both.select(
        nw.col(name).count().alias(name) for c in others for name in (c, f"{c}_number_")
    )
    (found,) = engine.rows(counted, source=source.shape.label)
    return {c: "number" if 0 < found[c] == found[f"{c}_number_"] else "text" for c in others}
