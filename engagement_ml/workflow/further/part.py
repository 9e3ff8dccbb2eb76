"""The interface of a part of a run beside the drivers of margin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers import DriverEvidence
from engagement_ml.experiments import ExperimentResult
from engagement_ml.features import Panel, Periods
from engagement_ml.inputs import Tables
from engagement_ml.metric import EngagementMetric
from engagement_ml.windows import Windows


@dataclass(frozen=True)
class Sources:
    """What a part can read while the engine is open.

    Attributes
    ----------
    everyone : Tables
        All customers.
    tables : Tables
        The customers that the run trains on: a sample, if there are many.
    """

    everyone: Tables
    tables: Tables
    config: PipelineConfig
    windows: Windows


@dataclass(frozen=True)
class Fitted:
    """What a part can use once drivers are found and the metric is made."""

    config: PipelineConfig
    windows: Windows
    panel: Panel
    periods: Periods
    evidence: DriverEvidence
    metric: EngagementMetric
    experiments: Sequence[ExperimentResult] = ()


class Fields(dict[str, Any]):
    """Values of several fields of `Further`, by name: the result of a part that fills them."""


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes
    ----------
    field : str
        The field of `Further` that it fills. Parts that fill ``outcomes`` return a tuple, which is
        added to those of parts before them.
    step : str
        The name of the step in the progress bar.
    wanted : callable
        Whether the configuration asks for it.
    gather : callable
        Reads what the part needs from the tables; all numbers are in memory afterwards.
    find : callable
        From what was gathered to the value of the field, or to `Fields`.
    """

    field: str
    step: str
    wanted: Callable[[PipelineConfig], bool]
    gather: Callable[[Sources], Any]
    find: Callable[[Any, Fitted], Any]
