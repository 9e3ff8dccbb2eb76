"""The page of a scorecard: for executives, for the front line, and for analysts."""

from __future__ import annotations

from engagement_ml.report.scorecard.page import render_scorecard

__all__ = ["render_scorecard"]
