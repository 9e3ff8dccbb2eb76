"""Out-of-time evaluation of models and metric, compared with baselines; imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_ml.lazy import lazy_exports

if TYPE_CHECKING:
    from engagement_ml.evaluation.contest_format import contest_schema
    from engagement_ml.evaluation.measures import MEASURES, Measure
    from engagement_ml.evaluation.out_of_time import evaluate
    from engagement_ml.evaluation.schema import evaluation_schema

__all__ = ["MEASURES", "Measure", "contest_schema", "evaluate", "evaluation_schema"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "MEASURES": "measures",
        "Measure": "measures",
        "contest_schema": "contest_format",
        "evaluate": "out_of_time",
        "evaluation_schema": "schema",
    },
)
