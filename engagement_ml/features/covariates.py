"""Columns of the customers table as covariates and segments of the panel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pandas as pd

from engagement_ml._typing import IntArray
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.inputs import Tables

MAX_LEVELS = 100
"""Text columns with more distinct values (names, addresses) are no covariates."""
DATE = re.compile(r"\d{4}-\d{2}-\d{2}([ T].*)?$")
"""Text that is a date, as CSV files have it."""


@dataclass(frozen=True)
class Covariates:
    """The columns of the customers table, as a panel has them.

    Numbers and booleans are float64, text is categorical. Left out are text with more than
    `MAX_LEVELS` levels, dates (also as text), and what ``tables.leaking_covariates`` names.

    Attributes
    ----------
    ids : Index
        ``customer_id`` of each row.
    covariates : dict of str to Series
        ``covariate__x`` for each usable column.
    segments : dict of str to Series
        ``segment__x`` (text, ``""`` for null) for each column that ``config.segments`` names.
    """

    ids: pd.Index
    covariates: Mapping[str, pd.Series]
    segments: Mapping[str, pd.Series]

    @classmethod
    def of(cls, tables: Tables, config: PipelineConfig) -> Covariates:
        """Return the covariates and segments of the customers table, none without the table."""
        if tables.customers is None:
            return cls(pd.Index([]), {}, {})
        customers = customer_columns(tables)
        converted = {
            f"covariate__{name}": _covariate(customers[name])
            for name in customers.columns
            if name not in tables.leaking_covariates
        }
        return cls(
            ids=customers.index,
            covariates={name: values for name, values in converted.items() if values is not None},
            segments={f"segment__{c}": segment_text(customers[c]) for c in config.segments},
        )

    def add(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Add the columns to rows by ``customer_id``, null for a customer not in the table."""
        if not self.covariates and not self.segments:
            return rows
        place = self.ids.get_indexer(pd.Index(rows["customer_id"]))
        added = {name: _take(values, place) for name, values in self.covariates.items()}
        for name, values in self.segments.items():
            added[name] = _take(values, place).fillna("").astype(object)
        return pd.concat([rows, pd.DataFrame(added)], axis=1)


@dataclass(frozen=True)
class LazyCovariates:
    """The same columns as `Covariates`, in the engine that holds the customers table.

    Attributes
    ----------
    frame : LazyFrame or None
        ``customer_id`` and the columns under plain names; None without any.
    names : mapping of str to str
        From plain names to ``covariate__x`` and ``segment__x``.
    """

    frame: nw.LazyFrame[Any] | None
    names: Mapping[str, str]

    @classmethod
    def of(cls, tables: Tables, config: PipelineConfig) -> LazyCovariates:
        """Return the covariates and segments of the customers table, none without the table."""
        if tables.customers is None:
            return cls(None, {})
        schema = tables.customers.collect_schema()
        values: dict[str, nw.Expr] = {}
        for column, dtype in sorted(schema.items()):
            if column not in ("customer_id", "signup", *tables.leaking_covariates):
                value = _lazy_covariate(tables, column, dtype)
                if value is not None:
                    values[f"covariate__{column}"] = value
        for column in config.segments:
            values[f"segment__{column}"] = lazy_text(tables, column, schema[column])
        names = {f"c{i}": name for i, name in enumerate(values)}
        if not names:
            return cls(None, {})
        columns = (values[name].alias(plain) for plain, name in names.items())
        return cls(tables.customers.select("customer_id", *columns), names)

    def join(self, rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Join the columns to rows by ``customer_id``, under plain names."""
        if self.frame is None:
            return rows
        return rows.join(self.frame, on="customer_id", how="left")

    def columns(self) -> list[nw.Expr]:
        """Return the columns under their names in the panel; text of segments ``""`` for null."""
        return [
            (nw.col(plain).fill_null("") if name.startswith("segment__") else nw.col(plain)).alias(
                name
            )
            for plain, name in self.names.items()
        ]


def customer_columns(tables: Tables) -> pd.DataFrame:
    """Return the columns of the customers table by ``customer_id``, in a stable order."""
    assert tables.customers is not None
    customers = tables.engine.pandas(tables.customers).set_index("customer_id").sort_index()
    return customers[sorted(c for c in customers.columns if c != "signup")]


def segment_text(values: pd.Series) -> pd.Series:
    """Return a column as text, whole numbers without decimals, ``""`` for null."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype(object).where(values.notna(), "").map(str).astype(object)


def _covariate(values: pd.Series) -> pd.Series | None:
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
        return values.astype("float64")
    if pd.api.types.is_datetime64_any_dtype(values):
        return None
    text = values.astype(object).where(values.notna(), None)
    # Lists and records cannot be levels, nor members of a set.
    if not all(value is None or isinstance(value, str) for value in text):
        return None
    levels = {value for value in text if value is not None}
    if not levels or len(levels) > MAX_LEVELS or all(DATE.match(level) for level in levels):
        return None
    return text.astype(pd.CategoricalDtype(sorted(levels)))


def _take(values: pd.Series, place: IntArray) -> pd.Series:
    return values.reset_index(drop=True).reindex(place).reset_index(drop=True)


def _lazy_covariate(tables: Tables, column: str, dtype: Any) -> nw.Expr | None:
    if dtype.is_numeric() or dtype in (nw.Boolean, nw.Decimal):
        return nw.col(column).cast(nw.Float64)
    if dtype not in (nw.String, nw.Categorical, nw.Enum):
        return None
    assert tables.customers is not None
    distinct = tables.customers.select(column).filter(~nw.col(column).is_null()).unique()
    rows = tables.engine.rows(distinct.head(MAX_LEVELS + 1), source="customers")
    levels = [str(row[column]) for row in rows]
    if not levels or len(levels) > MAX_LEVELS or all(DATE.match(level) for level in levels):
        return None
    return nw.col(column).cast(nw.String)


def lazy_text(tables: Tables, column: str, dtype: Any) -> nw.Expr:
    """Return a column as text, whole numbers without decimals, as `segment_text` does."""
    assert tables.customers is not None
    return text_of(tables.engine, tables.customers, column, dtype)


def text_of(engine: Engine, customers: nw.LazyFrame[Any], column: str, dtype: Any) -> nw.Expr:
    """Return a column of a table of customers as text, as `lazy_text` does."""
    value = nw.col(column)
    if dtype == nw.Boolean:
        text = nw.when(value).then(nw.lit("True")).otherwise(nw.lit("False"))
        return nw.when(~value.is_null()).then(text)
    if dtype.is_float():
        fractional = customers.filter(value % 1 != 0).select(column).head(1)
        if not engine.rows(fractional, source="customers"):
            return value.cast(nw.Int64).cast(nw.String)
    return value.cast(nw.String)
