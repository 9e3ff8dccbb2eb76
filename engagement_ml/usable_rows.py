"""What makes a row usable, by one rule for tables, scores and SQL."""

from __future__ import annotations

import datetime as dt

NOT_IDS = (
    "", "null", "NULL", "Null", "undefined", "UNDEFINED", "None", "NONE", "nan", "NaN", "NAN",
    "NaT", "<NA>", "NA", "N/A", "n/a", "#N/A", "#NULL!", "\\N",
)  # fmt: skip
"""Texts that programs write for a missing value; blanks around them do not matter."""
EARLIEST = dt.date(1990, 1, 1)
"""The first plausible day, if no other is configured; most earlier moments are a zero in a log."""
