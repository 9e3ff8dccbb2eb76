"""Opening of one table on a lazy engine: column mapping, and columns in canonical types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw

from engagement_ml.column_names import find
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import LazyEngine
from engagement_ml.engine.base import Kind
from engagement_ml.engine.notation import PLAIN, Notation
from engagement_ml.errors import InputError, Report, stop
from engagement_ml.sources import describe_source, is_csv, open_source, parquet_files
from engagement_ml.tables.column_mapping import check_columns, map_columns, used_columns
from engagement_ml.tables.column_types import CODE
from engagement_ml.tables.day_limits import MAY_BE_IMPLAUSIBLE, DayLimits
from engagement_ml.tables.ids import ACTOR, id_expression
from engagement_ml.tables.lazy_shaping import naive_columns, once_per_subscription, shaped_frame
from engagement_ml.tables.lazy_stitching import stitch
from engagement_ml.tables.opening import optional_columns
from engagement_ml.tables.records import find_field, mapped_fields, narwhals_fields
from engagement_ml.tables.schema import (
    ANONYMOUS,
    COLUMNS,
    EXTRA,
    SESSION_COLUMNS,
    SourceTable,
)
from engagement_ml.tables.surveys import with_scale
from engagement_ml.tables.unrolling import check_amounts
from engagement_ml.tables.zones import check_zones


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
    naive : frozenset of str
        Columns whose moments name no zone in the source, though the engine holds them with one.
    identities : LazyFrame or None
        The spans by which events with an ``anonymous_id`` become a customer's.
    """

    table: SourceTable
    frame: nw.LazyFrame[Any]
    schema: nw.Schema
    naive: frozenset[str] = frozenset()
    identities: nw.LazyFrame[Any] | None = None

    def is_text(self, column: str) -> bool:
        """Return whether the column holds text."""
        return self.schema[column] in (nw.String, nw.Categorical, nw.Enum)

    def fits(self, column: str) -> bool:
        """Return whether the column's type can hold values of its kind; text always can."""
        kind, of_type = self.table.kinds.get(column), self.schema[column]
        if kind == "timestamp":
            moment = self.is_text(column) or of_type in (nw.Date, nw.Datetime)
            return moment or self.is_numeric_moment(column)
        if kind in ("number", "finite"):
            others = (nw.Decimal,) if column == "refund" else (nw.Decimal, nw.Boolean)
            numeric = of_type.is_numeric() or of_type in others
            return self.is_text(column) or numeric
        nested = of_type.is_nested() or of_type == nw.Binary
        return column not in EXTRA.get(self.table.name, ()) or not nested

    def is_numeric_moment(self, column: str) -> bool:
        """Return whether the column holds numbers that the notation reads as times."""
        notation, of_type = self.table.notation, self.schema[column]
        if notation.per_second is not None:
            return of_type.is_numeric() or of_type == nw.Decimal
        return notation.text_format is not None and of_type.is_integer()

    def typed(
        self, engine: LazyEngine, frame: nw.LazyFrame[Any], kinds: Mapping[str, Kind]
    ) -> nw.LazyFrame[Any]:
        """Cast columns of a frame to the type of their kind, in the source's notation."""
        if self.table.notation == PLAIN:
            return engine.typed(frame, kinds)
        return engine.typed(frame, kinds, self.table.notation, self.naive)

    def kinds(self) -> dict[str, Kind]:
        """Return the engine's kind of each input column except the id."""
        kinds: dict[str, Kind] = {}
        extra = EXTRA.get(self.table.name, {})
        for column, kind in self.table.kinds.items():
            if column in self.schema and (kind != "id" or column in extra):
                kinds[column] = "number" if kind == "finite" else kind
        return kinds


def open_lazy_table(
    engine: LazyEngine,
    config: PipelineConfig,
    name: str,
    source: Any,
    report: Report = stop,
    *,
    identified: bool = False,
    extra: bool = False,
) -> LazyTable:
    """Open a source and rename its columns as the configuration maps them; see ``open_table``.

    Missing columns are given to `report`, which by default raises the first.

    Raises
    ------
    InputError
        If the source cannot be opened, or lacks a mapped or a required column.
    ConfigError
        If the customers table lacks a column that ``segments`` names.
    """
    label = describe_source(source, name)
    mapping, files = config.columns.get(name, {}), parquet_files(source, name)
    for column, kind in (COLUMNS[name] | (EXTRA.get(name, {}) if extra else {})).items():
        if kind == "timestamp":
            # Spark cannot read such files together, and would say it in its own words.
            source_column = mapping.get(find(column, mapping) or "", column)
            check_zones(files, source_column or column)
    frame = open_source(engine, source, table=name, encoding=config.shape_of(name).encoding)
    columns = dict(frame.collect_schema().items())
    source_columns = map_columns(
        config, name, label, columns, narwhals_fields, report, identified=identified
    )
    naive = naive_columns(source, files) if config.shape_of(name).timezone else frozenset()
    shaped = shaped_frame(engine, config, name, label, frame, naive)
    source_columns |= {column: column for column in shaped.computed}
    columns = dict(shaped.frame.collect_schema().items())
    present = columns | mapped_fields(mapping, columns, narwhals_fields)
    types = {
        c: str(present.get(shaped.computed.get(c, s), nw.Int64()))
        for c, s in source_columns.items()
    }
    check_columns(config, name, label, types, report, identified=identified)
    selected = used_columns(name, source_columns, identified=identified, extra=extra)
    if config.features.sessions is None and not extra:
        selected = {c: s for c, s in selected.items() if c not in SESSION_COLUMNS}
    table = SourceTable(
        name,
        label,
        "",
        {column: types[column] for column in selected},
        selected,
        is_csv(source, name),
        limits=DayLimits.of(config.history),
        notation=Notation.of(config.shape_of(name)),
        notes=shaped.notes,
        extra=extra,
    )
    renamed = shaped.frame.select(
        *(
            _field(shaped.computed.get(c, original), columns, label).alias(c)
            for c, original in selected.items()
        ),
        *(() if shaped.number is None else (shaped.number,)),
    )
    unroll = config.shape_of(name).unroll
    if shaped.number is not None and unroll is not None:
        check_amounts(unroll, selected, label)
        renamed = once_per_subscription(renamed, shaped.number, unroll)
    local = frozenset(c for c, s in selected.items() if s in naive and c not in shaped.computed)
    opened = LazyTable(table, renamed, renamed.collect_schema(), local)
    unused = [c for c in optional_columns(table) if _is_all_null(engine, opened, c)]
    if unused:
        plain = renamed.drop(*unused)
        opened = LazyTable(table.without(unused), plain, plain.collect_schema(), local)
    return _with_examples(engine, opened)


def _with_examples(engine: LazyEngine, opened: LazyTable) -> LazyTable:
    """Return the table with a value of each column of times that holds numbers instead."""
    examples = {}
    for column, kind in opened.kinds().items():
        if kind == "timestamp" and opened.schema[column].is_numeric() and not opened.fits(column):
            given = opened.frame.select(column).filter(~nw.col(column).is_null()).head(1)
            for row in engine.rows(given, source=opened.table.label):
                examples[column] = row[column]
    return replace(opened, table=replace(opened.table, examples=examples)) if examples else opened


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
    found = opened.frame.filter(given).select(column).head(1)
    return not engine.rows(found, source=opened.table.label)


def canonical(engine: LazyEngine, opened: LazyTable, *, integer_ids: bool) -> nw.LazyFrame[Any]:
    """Return the columns in their canonical types; numbers that are not finite become null."""
    of_ids: Kind = "integer" if integer_ids else "id"
    kinds: dict[str, Kind] = {"customer_id": of_ids, **opened.kinds()}
    kinds |= {ACTOR: of_ids} if ACTOR in opened.schema else {}
    kinds |= _covariates(engine, opened)
    kinds |= {ANONYMOUS: "id"} if ANONYMOUS in opened.schema else {}
    numbers = [column for column, kind in kinds.items() if kind == "number"]
    typed = opened.typed(engine, opened.frame, kinds).with_columns(
        nw.when(nw.col(column).is_finite()).then(nw.col(column)).alias(column) for column in numbers
    )
    ids = [c for c in ("customer_id", ACTOR) if kinds.get(c) == "id"]
    ids += [c for c, kind in kinds.items() if kind == "id" and c not in (*ids, ANONYMOUS)]
    if ids:
        typed = typed.with_columns(id_expression(column) for column in ids)
    if opened.table.name == "surveys":
        typed = with_scale(opened.table, typed)
    if opened.identities is not None:
        typed = stitch(engine, typed, opened.identities)
    elif ANONYMOUS in opened.schema:
        typed = typed.with_columns(id_expression(ANONYMOUS))
    for column in (c for c in MAY_BE_IMPLAUSIBLE if c in opened.table.kinds and c in kinds):
        # Implausible sign-ups are as good as missing ones; no row needs them.
        usable = opened.table.limits.usable(nw.col(column).dt.date())
        typed = typed.with_columns(nw.when(usable).then(nw.col(column)).alias(column))
    if opened.table.name == "transactions" and "margin" not in opened.schema:
        return typed.with_columns(margin=nw.col("revenue") - nw.col("cost"))
    return typed


def _covariates(engine: LazyEngine, opened: LazyTable) -> dict[str, Kind]:
    """Return the kinds of other columns of a customers CSV file: all-numeric text is a number."""
    if opened.table.name != "customers" or not opened.table.csv:
        return {}
    names = opened.schema.names()
    others = [c for c in names if c not in COLUMNS["customers"] and opened.is_text(c)]
    if not others:
        return {}
    texts, numbers = ([f"{kind}_{i}" for i in range(len(others))] for kind in ("text", "number"))
    both = opened.typed(
        engine,
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
