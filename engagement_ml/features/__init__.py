"""Features and outcomes: the panel of cutoffs, the panel of periods, counts for scoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_ml.lazy import lazy_exports, make_callable

if TYPE_CHECKING:
    from engagement_ml.features.counts import count_frame
    from engagement_ml.features.panel import Panel, build_panel
    from engagement_ml.features.period_panel import Periods, build_periods

__all__ = ["Panel", "Periods", "build_panel", "build_periods", "count_frame"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Panel": "panel",
        "build_panel": "panel",
        "count_frame": "counts",
        "Periods": "period_panel",
        "build_periods": "period_panel",
    },
)

# ``em.features(events, transactions)`` is the public function; the name is this package's too.
make_callable(__name__, "engagement_ml.workflow.feature_frame", "features")
