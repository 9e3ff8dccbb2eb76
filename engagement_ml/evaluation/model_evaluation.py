"""Out-of-time evaluation of the models of a run alone, as ``evaluation.json`` has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml.evaluation.bootstrap import Resamples
from engagement_ml.evaluation.cutoff_groups import cluster_numbers, group_by_cutoff, number_entities
from engagement_ml.evaluation.measurement import Measurement
from engagement_ml.evaluation.measures import MEASURES
from engagement_ml.evaluation.names import LAST_PERIOD, MODEL, RFM
from engagement_ml.evaluation.out_of_time import (
    evaluate_churn,
    evaluate_profit,
    last_period_margin,
)
from engagement_ml.models.churn import ChurnModel
from engagement_ml.models.profit import ProfitModel, RecencyFrequencyMonetary
from engagement_ml.windows import Windows

if TYPE_CHECKING:
    from engagement_ml.features.panel import Panel


def evaluate_models(
    panel: Panel,
    *,
    profit: ProfitModel,
    churn: ChurnModel,
    windows: Windows,
    seed: int,
    n_bootstrap: int = 200,
) -> dict[str, Any]:
    """Evaluate a run's profit and churn model on the test rows of a panel.

    Returns
    -------
    dict
        ``profit`` and ``churn`` as in ``evaluation.json``, and ``notes``.

    Raises
    ------
    InputError
        If the panel lacks a feature that a model needs.
    """
    train, test = panel.part("train"), panel.part("test")
    codes, n_entities = number_entities(test.frame)
    clusters = cluster_numbers(test.frame, codes, n_entities)
    measurement = Measurement(MEASURES, Resamples(n_entities, n_bootstrap, seed, clusters))
    margin = test.frame["margin"].to_numpy(dtype=np.float64)
    predictions = {LAST_PERIOD: last_period_margin(test, windows), MODEL: profit.predict(test)}
    if len(train.frame):
        baseline = RecencyFrequencyMonetary().fit(train, seed, windows=windows)
        predictions[RFM] = baseline.predict(test)
    notes: list[str] = []
    groups = group_by_cutoff(test.frame, codes)
    return {
        "profit": evaluate_profit(predictions, margin, groups, measurement, notes),
        "churn": evaluate_churn(train, test, churn, codes, measurement, seed, windows, notes),
        "notes": notes,
    }
