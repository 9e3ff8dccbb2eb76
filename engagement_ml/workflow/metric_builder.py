"""Metric builder: from the evidence on drivers to the definition of the metric."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engagement_ml._typing import FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour, round_weights
from engagement_ml.metric.percentiles import score_quantiles
from engagement_ml.metric.scoring import score_with_equal_weights

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.drivers import DriverEvidence
    from engagement_ml.features import Panel
    from engagement_ml.windows import Windows

NO_REASON = "no behaviour passed every check"


def make_metric(
    config: PipelineConfig, evidence: DriverEvidence, derived_types: Collection[str] = ()
) -> EngagementMetric:
    """Return the metric of the selected behaviours; without any, a metric that abstains.

    `derived_types` are the event types that follow from links or sequences.
    """
    windows = config.windows
    weights = round_weights([choice.weight for choice in evidence.choices])
    default_unit = f"events in {windows.observation_days} days"
    return EngagementMetric(
        name=config.name,
        evidence="indicator" if evidence.evidence == "indicator" else "driver",
        observation_days=windows.observation_days,
        outcome_days=windows.outcome_days,
        gap_days=windows.gap_days,
        currency=config.currency,
        entity=config.entity,
        reason=None if evidence.choices else evidence.reason or NO_REASON,
        behaviours=tuple(
            WeightedBehaviour(
                behaviour=choice.behaviour,
                weight=weight,
                weight_low=_percent(choice.weight_low),
                weight_high=_percent(choice.weight_high),
                feature="frequency",
                unit=config.behaviour(choice.behaviour).unit or default_unit,
                transform=Transform(
                    choice.kind,
                    scale=choice.scale,
                    shape=choice.shape,
                    cap=choice.cap,
                ),
                label=config.behaviour(choice.behaviour).label,
            )
            for choice, weight in zip(evidence.choices, weights, strict=True)
        ),
        derived=tuple(c.behaviour for c in evidence.choices if c.behaviour in derived_types),
    )


def _percent(value: float | None) -> float | None:
    # Rounding can move a bootstrap quantile beyond 0 or 100 in the last digit.
    return None if value is None else min(max(value, 0.0), 100.0)


def with_score_quantiles(
    metric: EngagementMetric, panel: Panel, windows: Windows
) -> EngagementMetric:
    """Return the metric with the quantiles of the scores at the last training cutoff.

    They are those of all customers of the panel, in whatever order its rows are. A metric that
    abstains has none.
    """
    if metric.abstained:
        return metric
    import pandas as pd

    last = panel.frame.loc[panel.frame["cutoff"] == pd.Timestamp(windows.train[-1])]
    counts = {b.behaviour: last[f"{b.behaviour}__frequency"] for b in metric.behaviours}
    scores = metric.score(pd.DataFrame(counts))["score"].to_numpy()
    return replace(metric, score_quantiles=score_quantiles(scores))


def score_function(
    metric: EngagementMetric,
) -> Callable[[pd.DataFrame], FloatArray] | None:
    """Return the metric as a function from counts to scores; None if it abstains."""
    if metric.abstained:
        return None

    def score(counts: Any) -> FloatArray:
        scores: FloatArray = metric.score(counts)["score"].to_numpy()
        return scores

    return score


def equal_weights_score_function(
    metric: EngagementMetric,
) -> Callable[[pd.DataFrame], FloatArray] | None:
    """Return the metric with equal weights as a function from counts to scores, or None."""
    if metric.abstained:
        return None

    def score(counts: Any) -> FloatArray:
        values: FloatArray = score_with_equal_weights(metric, counts)["score"].to_numpy()
        return values

    return score
