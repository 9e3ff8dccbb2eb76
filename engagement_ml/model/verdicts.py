"""Verdicts of a fitted model as frames: on margin, and on outcomes beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.records import RunRecord


class FittedVerdicts:
    """Verdicts as frames."""

    if TYPE_CHECKING:

        @property
        def record_(self) -> RunRecord: ...  # noqa: D102

    @property
    def drivers_(self) -> pd.DataFrame:
        """One row per candidate behaviour by margin, the selected first, as in ``drivers.csv``."""
        from engagement_ml.workflow.results import driver_frame

        return driver_frame(self.record_.drivers)

    @property
    def outcomes_(self) -> pd.DataFrame:
        """One row per candidate behaviour and outcome beside margin; columns as of `drivers_`."""
        from engagement_ml.workflow.results import driver_frame

        return driver_frame(self.record_.further.outcome_rows)
