"""Prediction intervals of a run, from the cutoffs that no fitting saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_ml.models.prediction_intervals import PredictionIntervals, calibrate_intervals

if TYPE_CHECKING:
    from engagement_ml.features import Panel
    from engagement_ml.models import ProfitModel


def out_of_time_intervals(panel: Panel, profit: ProfitModel, seed: int) -> PredictionIntervals:
    """Calibrate the intervals of predicted margin on the panel's test cutoffs.

    Returns
    -------
    PredictionIntervals
        Without quantiles and with a reason if there are too few test rows.
    """
    test = panel.part("test")
    if test.frame.empty:
        return PredictionIntervals(reason="the history is too short for test cutoffs")
    margin = test.frame["margin"].to_numpy(dtype="float64")
    customers = test.frame["customer_id"].to_numpy()
    return calibrate_intervals(profit.predict(test), margin, customers, seed=seed)
