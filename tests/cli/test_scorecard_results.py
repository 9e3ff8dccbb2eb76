"""The scorecard in the terminal: short, complete, and safe for any name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engagement_ml.cli.scorecard_results import show_scorecard
from tests.report.scorecard_example import bare_card, full_card


def test_the_summary_says_what_was_missed_and_what_is_vanity(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    show_scorecard(full_card(), Path("runs/card"))
    lines = capsys.readouterr().out.splitlines()
    text = " ".join(" ".join(lines).split())
    assert lines[0] == "shop-engagement, Dec 2024: 2 of 7 targets are missed."
    assert "Page views per visitor and Likes are vanity" in text
    assert "Cart abandonment 66.3% 60% missed unverifiable 62.4% to 70.3%" in text
    assert "A third of trials pay 30.6% 33% 2025-06-30 on track" in text
    assert "2 of 3 measures changed by more than chance explains" in text
    assert lines[-1] == "runs/card/scorecard.html"
    assert max(map(len, lines)) <= 80


def test_without_data_the_summary_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    show_scorecard(bare_card(), None)
    text = " ".join(capsys.readouterr().out.split())
    assert "No behaviour could be shown to move margin." in text
    assert "1 measure needs what the tables lack." in text
    assert "scorecard.html" not in text


def test_measures_of_the_same_title_are_all_shown(capsys: pytest.CaptureFixture[str]) -> None:
    card = full_card()
    twice = tuple(replace(each, title="[bold]same\x1b[31m") for each in card.measures)
    show_scorecard(replace(card, measures=twice), None)
    out = capsys.readouterr().out
    assert "\x1b[31m" not in out
    targets = sum(each.status != "no target" for each in twice)
    assert f"({targets})" in " ".join(out.split())
