"""Predicted margin and churn beside the scores."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml.engine import Engine
from engagement_ml.formatting import plural
from engagement_ml.workflow.predictor import COLUMNS, MARGIN, Predicted
from engagement_ml.workflow.scored.table import CUSTOMER, ScoreTable

_ID = "predicted_id"


def with_predictions(table: ScoreTable, predicted: Predicted) -> ScoreTable:
    """Add ``expected_margin``, ``margin_low``, ``margin_high`` and ``churn_risk``.

    They are null for a customer who was not there before the day, or had churned by then.
    """
    engine = table.engine
    # Ids may be integers in one set of tables and text in another.
    frame = table.frame.with_columns(nw.col(CUSTOMER).cast(nw.String()).alias(_ID))
    rows = predicted_frame(engine, predicted, _ID, as_text=True)
    joined = engine.persist(frame.join(rows, on=_ID, how="left").drop(_ID))
    missing = joined.select(n=nw.col(MARGIN).is_null().cast(nw.Int64()).sum())
    (row,) = engine.rows(missing, source="predictions")
    notes = predicted.notes
    if int(row["n"] or 0):
        notes += (
            f"{int(row['n']):,} {plural(table.metric.entity)} have a score and no prediction: the "
            f"tables do not have them before {predicted.as_of}, or they had churned by then",
        )
    return table.extended(joined, dict(zip(COLUMNS, COLUMNS, strict=True)), *notes)


def predicted_frame(
    engine: Engine, predicted: Predicted, customer: str, *, as_text: bool = False
) -> nw.LazyFrame[Any]:
    """Return predictions as a frame of the engine; NaN becomes null."""
    import pyarrow as pa

    ids = pa.array(predicted.ids)
    values = {
        name: pa.array(column, mask=np.isnan(column)) for name, column in predicted.columns.items()
    }
    return engine.small({customer: ids.cast(pa.string()) if as_text else ids, **values})
