"""What the tables are ready for, found out without training: ``engagement-ml check``."""

from __future__ import annotations

from engagement_ml.readiness.inspecting import check_tables
from engagement_ml.readiness.page import markdown_page
from engagement_ml.readiness.result import CheckResult, Fault

__all__ = ["CheckResult", "Fault", "check_tables", "markdown_page"]
