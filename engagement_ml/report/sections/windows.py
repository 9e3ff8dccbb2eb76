"""Cutoff dates with their observation and outcome windows."""

from __future__ import annotations

import datetime as dt
from typing import Any

from engagement_ml.formatting import day, quantity
from engagement_ml.report import plots
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run


def build(run: Run) -> dict[str, Any]:
    """Return the drawing of the windows, and their lengths."""
    windows = run.record.windows
    history = windows.history
    last = history.end - dt.timedelta(days=1)
    return {
        "chart": plots.windows_chart(
            windows, label="Observation and outcome window of every cutoff date"
        ),
        "observation_days": windows.observation_days,
        "outcome_days": windows.outcome_days,
        "gap": quantity(windows.gap_days, "day") if windows.gap_days else "",
        "train": quantity(len(windows.train), "cutoff date"),
        "train_verb": "was" if len(windows.train) == 1 else "were",
        "test": len(windows.test),
        "fit_until": day(windows.fit_until),
        "history": f"{day(history.start)} to {day(last)}" if history.days > 0 else "",
    }


WINDOWS = Section("windows", "Time windows and cutoff dates", "windows.html.j2", build, folded=True)
