"""The parameters of a metric, validated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from engagement_ml.errors import InputError
from engagement_ml.metric.behaviour import WeightedBehaviour
from engagement_ml.metric.evidence import EVIDENCES, Evidence
from engagement_ml.metric.moments import whole_days
from engagement_ml.metric.rounding import adds_up, round_significant
from engagement_ml.metric.values import as_number, check_text, shown

N_QUANTILES = 101
"""Score quantiles: the 0th to the 100th percentile."""


@dataclass(frozen=True, repr=False)
class MetricParameters:
    """The parameters of `EngagementMetric`, which describes them."""

    name: str
    evidence: Evidence
    observation_days: int
    outcome_days: int
    behaviours: tuple[WeightedBehaviour, ...]
    reason: str | None = None
    gap_days: int = 0
    currency: str = "EUR"
    entity: str = "customer"
    score_quantiles: tuple[float, ...] = ()
    derived: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "behaviours", tuple(self.behaviours))
        for key in ("name", "currency", "entity"):
            check_text(key, getattr(self, key))
        check_text("reason", self.reason, optional=True)
        if self.evidence not in EVIDENCES:
            raise InputError(
                f"key 'evidence': {shown(self.evidence)} is not one of {', '.join(EVIDENCES)}"
            )
        for key, least in (("observation_days", 1), ("outcome_days", 1), ("gap_days", 0)):
            object.__setattr__(self, key, whole_days(key, getattr(self, key), least))
        names = [behaviour.behaviour for behaviour in self.behaviours]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"key 'behaviours': {shown(twice[0])} is listed twice; list it once")
        if not names and not self.reason:
            raise InputError("key 'reason': empty; say why the metric has no behaviours")
        weights = [behaviour.weight for behaviour in self.behaviours]
        if names and not adds_up(weights):
            total = f"{math.fsum(weights):.2f}"
            raise InputError(
                f"key 'behaviours': the weights add up to {total}, not to 100; use round_weights"
            )
        object.__setattr__(self, "score_quantiles", _quantiles(self.score_quantiles, names))
        object.__setattr__(self, "derived", _derived(self.derived, names))


def _derived(given: object, behaviours: list[str]) -> tuple[str, ...]:
    """Return the validated names of derived behaviours, sorted."""
    if not isinstance(given, list | tuple):
        raise InputError(f"key 'derived': {shown(given)} is not a list of behaviours")
    for name in given:
        if name not in behaviours:
            raise InputError(f"key 'derived': {shown(name)} is none of the metric's behaviours")
    return tuple(sorted(given))


def _quantiles(given: object, behaviours: list[str]) -> tuple[float, ...]:
    """Return validated score quantiles, rounded as all numbers of a metric."""
    key = "key 'score_quantiles'"
    if not isinstance(given, list | tuple):
        raise InputError(f"{key}: {shown(given)} is not a list of numbers")
    quantiles = tuple(round_significant(as_number(value)) for value in given)
    if not quantiles:
        return ()
    if not behaviours:
        raise InputError(f"{key}: a metric without behaviours has no scores; leave it out")
    if len(quantiles) != N_QUANTILES:
        raise InputError(
            f"{key}: {len(quantiles)} numbers; give {N_QUANTILES}, the 0th to the 100th percentile"
        )
    for value, rounded in zip(given, quantiles, strict=True):
        if not 0 <= rounded <= 100:
            raise InputError(f"{key}: {shown(value)} is not a score between 0 and 100")
    if any(later < earlier for earlier, later in pairwise(quantiles)):
        raise InputError(f"{key}: the numbers decrease; give percentiles in ascending order")
    return quantiles
