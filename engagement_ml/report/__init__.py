"""A run for people to read: one self-contained HTML file, and a short summary in the terminal."""

from __future__ import annotations

from engagement_ml.report.page import render_report
from engagement_ml.report.summary import print_summary, summary_lines

__all__ = ["print_summary", "render_report", "summary_lines"]
