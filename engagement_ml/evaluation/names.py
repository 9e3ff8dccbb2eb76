"""Names of the scores and predictions in ``evaluation.json``."""

from __future__ import annotations

METRIC = "metric"
EQUAL = "equal_weights"
BEST_SINGLE = "best_single_behaviour"
TOTAL = "total_events"
RFM = "recency_frequency_monetary"
FULL = "full_model"
"""The profit model, as a score that the metric is compared with."""

MODEL = "model"
"""The profit or churn model, in the parts that evaluate the models themselves."""

LAST_PERIOD = "last_period_margin"
BASE_RATE = "base_rate"
