"""The page in a browser: never wider than a phone. Needs Chromium; skipped without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engagement_ml.report import render_report
from tests.report.browser import CHROMIUM, width_of


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_is_never_wider_than_its_window(
    any_record: dict[str, Any], width: int, tmp_path: Path
) -> None:
    assert width_of(render_report(any_record), width, tmp_path) <= width


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_long_names_do_not_widen_the_page(record: dict[str, Any], tmp_path: Path) -> None:
    for row in record["drivers"]:
        row["label"] = "a_very_long_event_type_" * 6
    record["checks"][0]["result"] = "x" * 300
    record["tables"][0]["source"] = "y" * 300
    assert width_of(render_report(record), 360, tmp_path) <= 360
