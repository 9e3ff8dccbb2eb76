"""Columns of the customers table as covariates and segments of the panel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from engagement_ml.config import PipelineConfig
from engagement_ml.tables import Tables

MOST_LEVELS = 100


def add_covariates(
    frame: pd.DataFrame, customers: pd.DataFrame | None, config: PipelineConfig
) -> tuple[pd.DataFrame, tuple[str, ...], tuple[str, ...]]:
    """Add the customers' columns, as ``customer_columns`` gives them, to the rows of a panel.

    Numbers and truth values become float64, text becomes a category; text with more than 100
    levels (names, addresses) and dates are left out. Entities without a row have nulls.

    Returns
    -------
    frame : DataFrame
    covariates, segments : tuple of str
        The columns added: ``covariate__x`` for each usable column, ``segment__x`` (text, ``""``
        for null) for each column that ``config.segments`` names.
    """
    if customers is None:
        return frame, (), ()
    place = customers.index.get_indexer(pd.Index(frame["customer_id"]))
    added: dict[str, pd.Series] = {}
    for column in customers.columns:
        values = _covariate(customers[column])
        if values is not None:
            added[f"covariate__{column}"] = _take(values, place)
    covariates = tuple(added)
    for column in config.segments:
        text = segment_text(customers[column])
        added[f"segment__{column}"] = _take(text, place).fillna("").astype(object)
    segments = tuple(name for name in added if name not in covariates)
    return pd.concat([frame, pd.DataFrame(added)], axis=1), covariates, segments


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


def _take(values: pd.Series, place: npt.NDArray[np.intp]) -> pd.Series:
    return values.reset_index(drop=True).reindex(place).reset_index(drop=True)
