"""Section of the configuration: what the monitor compares, and when it gives an alarm."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from engagement_ml.config.frozen import Frozen

FailOn = Literal["alarm", "warning", "never"]


class MonitorConfig(Frozen):
    """Thresholds of `monitor`."""

    false_alarm_rate: float = Field(
        default=0.05,
        gt=0.0,
        le=0.5,
        description="Share of quiet weeks in which a run may give any false alarm, over all checks "
        "together.",
    )
    smallest_change: float = Field(
        default=0.25,
        gt=0.0,
        lt=1.0,
        description="Smallest change of a volume that is worth an alarm: 0.25 is a quarter less, "
        "or a third more, than expected.",
    )
    fail_on: FailOn = Field(
        default="alarm",
        description="What makes the exit status 1: an alarm, an alarm or a warning, or nothing.",
    )
    holidays: dict[str, tuple[dt.date, ...]] = Field(
        default_factory=dict,
        description="Days of each holiday or campaign in all years of the history, by its name; "
        "Christmas to New Year, Easter and Black Friday are known.",
    )
