"""How effects are estimated and behaviours selected: one strategy per kind of evidence."""

from __future__ import annotations

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.estimators.base import Estimates, Estimator
from engagement_ml.drivers.estimators.churn_event import ChurnEventEstimator
from engagement_ml.drivers.estimators.indicator import IndicatorEstimator
from engagement_ml.drivers.estimators.observation import ObservationEstimator

__all__ = [
    "ChurnEventEstimator",
    "Estimates",
    "Estimator",
    "IndicatorEstimator",
    "ObservationEstimator",
    "estimator_for",
]


def estimator_for(config: PipelineConfig) -> Estimator:
    """Return the strategy that a configuration calls for.

    Examples
    --------
    >>> type(estimator_for(PipelineConfig(name="shop"))).__name__
    'ObservationEstimator'
    """
    by_event = config.churn.kind == "event"
    effects: Estimator = ChurnEventEstimator() if by_event else ObservationEstimator()
    return IndicatorEstimator(effects) if config.select.require == "indicator" else effects
