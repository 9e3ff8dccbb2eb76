"""Report of a run for people: one self-contained HTML file, and a summary in the terminal."""

from __future__ import annotations

from engagement_ml.report.monitor_page import render_monitor
from engagement_ml.report.page import render_report
from engagement_ml.report.section import Section
from engagement_ml.report.sections import SECTIONS
from engagement_ml.report.summary import print_summary, summary_lines

__all__ = [
    "SECTIONS",
    "Section",
    "print_summary",
    "render_monitor",
    "render_report",
    "summary_lines",
]
