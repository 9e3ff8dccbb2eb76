"""How customers score at each cutoff of the panel: a part of every run that has a metric."""

from __future__ import annotations

from typing import Any

from engagement_ml.metric.standing import Standing, standing
from engagement_ml.workflow.further.part import Fitted, Part
from engagement_ml.workflow.metric_builder import score_function

_PREFIX = "segment__"


def find(_: Any, fitted: Fitted) -> Standing | None:
    """Return the scores of the customers that the run is trained on; None if it abstains."""
    score = score_function(fitted.metric)
    if score is None:
        return None
    import pandas as pd

    frame = fitted.panel.frame
    behaviours = [each.behaviour for each in fitted.metric.behaviours]
    counts = pd.DataFrame({name: frame[f"{name}__frequency"] for name in behaviours})
    return standing(
        score(counts),
        frame["cutoff"].dt.strftime("%Y-%m-%d"),
        {name.removeprefix(_PREFIX): frame[name] for name in fitted.panel.segments},
    )


STANDING = Part(
    field="standing",
    step="Scoring customers",
    wanted=lambda _: True,
    gather=lambda _: None,
    find=find,
)
