"""Columns of the customers table as covariates and segments of the panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from engagement_ml._typing import IntArray
from engagement_ml.config import PipelineConfig
from engagement_ml.inputs import Tables

MOST_LEVELS = 100


@dataclass(frozen=True)
class Covariates:
    """The customers' columns, as a panel has them.

    Numbers and truth values are float64, text is a category; text with more than 100 levels
    (names, addresses) and dates are left out.

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
        """Return those of the customers table; without one, none."""
        if tables.customers is None:
            return cls(pd.Index([]), {}, {})
        customers = customer_columns(tables)
        made = {f"covariate__{name}": _covariate(customers[name]) for name in customers.columns}
        return cls(
            ids=customers.index,
            covariates={name: values for name, values in made.items() if values is not None},
            segments={f"segment__{c}": segment_text(customers[c]) for c in config.segments},
        )

    def add(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Add them to rows by ``customer_id``; entities without a row have nulls."""
        if not self.covariates and not self.segments:
            return rows
        place = self.ids.get_indexer(pd.Index(rows["customer_id"]))
        added = {name: _take(values, place) for name, values in self.covariates.items()}
        for name, values in self.segments.items():
            added[name] = _take(values, place).fillna("").astype(object)
        return pd.concat([rows, pd.DataFrame(added)], axis=1)


def customer_columns(tables: Tables) -> pd.DataFrame:
    """Return the customers' own columns, indexed by ``customer_id``, in a stable order."""
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
    found = {value for value in text if value is not None}
    if not found or len(found) > MOST_LEVELS or not all(isinstance(v, str) for v in found):
        return None
    return text.astype(pd.CategoricalDtype(sorted(found)))


def _take(values: pd.Series, place: IntArray) -> pd.Series:
    return values.reset_index(drop=True).reindex(place).reset_index(drop=True)
