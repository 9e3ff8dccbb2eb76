"""Predicted customer lifetime value: survival times expected margin, discounted."""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.errors import InputError
from engagement_ml.formatting import quantity
from engagement_ml.inputs import Tables
from engagement_ml.measures.periods import Periods
from engagement_ml.windows import DAY
from engagement_ml.workflow.predictor import CHURN, MARGIN, read_predictor
from engagement_ml.workflow.runs import Run

HORIZON_DAYS = 1095
"""Days of lifetime that count: three years."""
DISCOUNT = 0.1
"""Discount of a year."""
DAYS_OF_YEAR = 365.25


def lifetime_values(
    margin: FloatArray,
    churn: FloatArray,
    outcome_days: int,
    *,
    horizon_days: int = HORIZON_DAYS,
    discount: float = DISCOUNT,
) -> FloatArray:
    r"""Return the predicted lifetime value of each customer.

    .. math:: \mathrm{value} = m \sum_{k=0}^{K} w_k\, (1 - p)^k\, (1 + d)^{-k\,t}

    with m the expected margin of an outcome window, p the risk of churn in it, t its length in
    years, d the discount of a year, and w the part of the window within the horizon. The expected
    margin of the first window counts as it is: it allows for churn within the window already.

    Parameters
    ----------
    margin : array (n,)
        Expected margin of the next outcome window, in currency.
    churn : array (n,)
        Risk of churn in it, 0 to 1; NaN for a customer without one, who counts for one window.
    outcome_days : int
    horizon_days : int
    discount : float

    Examples
    --------
    >>> lifetime_values(np.array([10.0, 10.0]), np.array([0.5, np.nan]), 100,
    ...                 horizon_days=250, discount=0.0).tolist()
    [16.25, 10.0]
    """
    survival = 1.0 - np.where(np.isnan(churn), 1.0, np.clip(churn, 0.0, 1.0))
    years = outcome_days / DAYS_OF_YEAR
    total = np.zeros_like(margin, dtype=np.float64)
    for k in range(-(-horizon_days // outcome_days)):
        part = min((horizon_days - k * outcome_days) / outcome_days, 1.0)
        total += part * survival**k * (1.0 + discount) ** (-k * years)
    return np.asarray(margin * total)


def predicted_lifetimes(
    run: Run,
    tables: Tables,
    config: PipelineConfig,
    periods: Periods,
    horizon_days: int | None,
    discount: float | None,
) -> tuple[nw.LazyFrame[Any] | None, tuple[str, ...]]:
    """Return lifetime values at the end of the last period, and notes.

    Returns
    -------
    LazyFrame or None
        ``customer_id``, ``day`` (last of the period) and ``value`` in currency; None if the
        models cannot be applied to these tables, for which the note gives the reason.
    """
    predictor = read_predictor(run, config)
    end = periods.each[-1].end
    try:
        predicted = predictor.of_tables(tables, dt.datetime.combine(end, dt.time()))
    except InputError as error:
        return None, (f"Lifetime values were not predicted: {error}.",)
    values = lifetime_values(
        predicted.columns[MARGIN],
        predicted.columns[CHURN],
        predictor.config.windows.outcome_days,
        horizon_days=HORIZON_DAYS if horizon_days is None else horizon_days,
        discount=DISCOUNT if discount is None else discount,
    )
    notes = []
    if predictor.churn.reason_ is not None:
        notes.append(
            "Lifetime values were not predicted, as there is no churn model: "
            f"{predictor.churn.reason_}."
        )
        return None, tuple(notes)
    none = int(np.isnan(predicted.columns[CHURN]).sum())
    if none:
        notes.append(
            f"{none:,} of {quantity(len(values), config.entity)} have no risk of churn, as they "
            "bought nothing lately; their lifetime value counts the next outcome window only."
        )
    frame = tables.engine.small(
        {"customer_id": predicted.ids, "day": [end - DAY] * len(values), "value": values}
    )
    return frame, tuple(notes)
