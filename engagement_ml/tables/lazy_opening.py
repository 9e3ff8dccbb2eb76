"""Opening of one table on a lazy engine: column mapping, and columns in canonical types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.column_names import find
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import LazyEngine
from engagement_ml.engine.base import Kind
from engagement_ml.errors import InputError
from engagement_ml.sources import describe_source, is_csv, open_source, parquet_files
from engagement_ml.tables.day_limits import DayLimits
from engagement_ml.tables.ids import id_expression, is_no_id
from engagement_ml.tables.lazy_stitching import stitch
from engagement_ml.tables.opening import (
    check_columns,
    is_optional,
    map_columns,
    used_columns,
    without_columns,
)
from engagement_ml.tables.records import find_field, mapped_fields, narwhals_fields
from engagement_ml.tables.schema import ANONYMOUS, CODE, COLUMNS, SESSION_COLUMNS, SourceTable
from engagement_ml.tables.zones import check_zones

_INTEGERS = (nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32)


@dataclass(frozen=True)
class LazyTable:
    """A source on a lazy engine under the names of the input columns; types are unchanged.

    Attributes
    ----------
    table : SourceTable
        Its name, label and columns; its view is empty.
    frame : LazyFrame
        All columns of customers; of other tables, the input columns and those of sessions.
    schema : Schema
        Schema of `frame`.
    identities : LazyFrame or None
        The spans by which events with an ``anonymous_id`` become a customer's.
    """

    table: SourceTable
    frame: nw.LazyFrame[Any]
    schema: nw.Schema
    identities: nw.LazyFrame[Any] | None = None

    def is_text(self, column: str) -> bool:
        """Return whether the column holds text."""
        return self.schema[column] in (nw.String, nw.Categorical, nw.Enum)

    def fits(self, column: str) -> bool:
        """Return whether the column's type can hold values of its kind; text always can."""
        kind, of_type = COLUMNS[self.table.name].get(column), self.schema[column]
        if kind == "timestamp":
            return self.is_text(column) or of_type in (nw.Date, nw.Datetime)
        if kind in ("number", "finite"):
            numeric = of_type.is_numeric() or of_type in (nw.Boolean, nw.Decimal)
            return self.is_text(column) or numeric
        return True

    def kinds(self) -> dict[str, Kind]:
        """Return the engine's kind of each input column except the id."""
        kinds: dict[str, Kind] = {}
        for column, kind in COLUMNS[self.table.name].items():
            if column in self.schema and kind != "id":
                kinds[column] = "number" if kind == "finite" else kind
        return kinds


def open_lazy_table(
    engine: LazyEngine,
    config: PipelineConfig,
    name: str,
    source: Any,
    *,
    identified: bool = False,
) -> LazyTable:
    """Open a source and rename its columns as the configuration maps them; see ``open_table``.

    Raises
    ------
    InputError
        If the source cannot be opened, or lacks a mapped or a required column.
    ConfigError
        If the customers table lacks a column that ``segments`` names.
    """
    label = describe_source(source, name)
    mapping, files = config.columns.get(name, {}), parquet_files(source, name)
    for column, kind in COLUMNS[name].items():
        if kind == "timestamp":
            # Spark cannot read such files together, and would say it in its own words.
            check_zones(files, mapping.get(find(column, mapping) or "", column))
    frame = open_source(engine, source, table=name)
    present = frame.collect_schema()
    columns = dict(present.items())
    source_columns = map_columns(
        config, name, label, columns, narwhals_fields, identified=identified
    )
    present = nw.Schema(columns | mapped_fields(mapping, columns, narwhals_fields))
    given = {c: str(present.get(s, nw.Int64())) for c, s in source_columns.items()}
    check_columns(config, name, label, given, identified=identified)
    selected = used_columns(name, source_columns, identified=identified)
    if config.features.sessions is None:
        selected = {c: s for c, s in selected.items() if c not in SESSION_COLUMNS}
    types = {column: given[column] for column in selected}
    limits = DayLimits.of(config.history)
    table = SourceTable(name, label, "", types, selected, is_csv(source, name), limits=limits)
    renamed = frame.select(
        _field(original, columns, label).alias(column) for column, original in selected.items()
    )
    opened = LazyTable(table, renamed, renamed.collect_schema())
    unused = [c for c in selected if is_optional(name, c) and _is_all_null(engine, opened, c)]
    if not unused:
        return opened
    plain = renamed.drop(*unused)
    return LazyTable(without_columns(table, unused), plain, plain.collect_schema())


def _field(path: str, columns: Mapping[str, Any], label: str) -> nw.Expr:
    """Return a column, or a field of a record."""
    found = find_field(path, columns, narwhals_fields)
    if found is None:
        # All events are anonymous.
        return nw.lit(None).cast(nw.Int64)
    for name in found[0]:
        if "." in name or "`" in name:
            raise InputError(
                f"{label}: column '{name}': a dot in a name means a field of a record; rename it"
            )
    column, *names = found[0]
    value = nw.col(column)
    for name in names:
        value = value.struct.field(name)
    return value


def _is_all_null(engine: LazyEngine, opened: LazyTable, column: str) -> bool:
    """Return whether a column of another type than its kind's has no value, as an empty export."""
    if opened.fits(column):
        return False
    value = nw.col(column)
    given = ~value.is_null()
    if opened.schema[column].is_float():
        given = given & ~value.is_nan()
    found = opened.frame.filter(given).select(nw.lit(1).alias("given_")).head(1)
    return not engine.rows(found, source=opened.table.label)


def ids_are_integers(engine: LazyEngine, opened: LazyTable) -> bool:
    """Return whether every customer_id is a whole number and written as one."""
    of_type = opened.schema["customer_id"]
    if of_type in _INTEGERS:
        return True
    if not (of_type.is_float() or (opened.table.csv and opened.is_text("customer_id"))):
        return False
    written = nw.col("written_")
    both = engine.typed(
        opened.frame.select("customer_id", nw.col("customer_id").cast(nw.String).alias("written_")),
        {"customer_id": "integer", "written_": "text"},
    )
    not_integer = ~written.is_null() & ~is_no_id("written_") & nw.col("customer_id").is_null()
    return not engine.rows(both.filter(not_integer).head(1), source=opened.table.label)


def canonical(engine: LazyEngine, opened: LazyTable, *, integer_ids: bool) -> nw.LazyFrame[Any]:
    """Return the columns in their canonical types; numbers that are not finite become null."""
    kinds: dict[str, Kind] = {"customer_id": "integer" if integer_ids else "id", **opened.kinds()}
    kinds |= _covariates(engine, opened)
    kinds |= {ANONYMOUS: "id"} if ANONYMOUS in opened.schema else {}
    numbers = [column for column, kind in kinds.items() if kind == "number"]
    typed = engine.typed(opened.frame, kinds).with_columns(
        nw.when(nw.col(column).is_finite()).then(nw.col(column)).alias(column) for column in numbers
    )
    if not integer_ids:
        typed = typed.with_columns(id_expression("customer_id"))
    if opened.identities is not None:
        typed = stitch(engine, typed, opened.identities)
    elif ANONYMOUS in opened.schema:
        typed = typed.with_columns(id_expression(ANONYMOUS))
    if "signup" in opened.schema:
        # Implausible sign-ups are as good as missing ones; no row needs them.
        usable = opened.table.limits.usable(nw.col("signup").dt.date())
        typed = typed.with_columns(signup=nw.when(usable).then(nw.col("signup")))
    if opened.table.name == "transactions" and "margin" not in opened.schema:
        return typed.with_columns(margin=nw.col("revenue") - nw.col("cost"))
    return typed


def _covariates(engine: LazyEngine, opened: LazyTable) -> dict[str, Kind]:
    """Return the kinds of other columns of a customers CSV file: all-numeric text is a number."""
    if opened.table.name != "customers" or not opened.table.csv:
        return {}
    others = [column for column in opened.schema.names() if column not in COLUMNS["customers"]]
    if not others:
        return {}
    texts, numbers = ([f"{kind}_{i}" for i in range(len(others))] for kind in ("text", "number"))
    both = engine.typed(
        opened.frame.select(
            nw.col(column).alias(name)
            for names in (texts, numbers)
            for column, name in zip(others, names, strict=True)
        ),
        {**dict.fromkeys(texts, "text"), **dict.fromkeys(numbers, "number")},
    )
    codes = [f"code_{i}" for i in range(len(others))]
    counted = both.select(
        *(nw.col(name).count() for name in (*texts, *numbers)),
        *(
            nw.when(nw.col(text).str.contains(CODE)).then(nw.lit(1)).sum().alias(code)
            for text, code in zip(texts, codes, strict=True)
        ),
    )
    (counts,) = engine.rows(counted, source=opened.table.label)
    return {
        column: "number" if 0 < counts[text] == counts[number] and not counts[code] else "text"
        for column, text, number, code in zip(others, texts, numbers, codes, strict=True)
    }
