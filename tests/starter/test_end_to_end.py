"""From files to a score: `init`, `train` and `score`, with nothing written by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from engagement_ml.cli.app import app
from tests.starter.made_up import EXPORTS, shop


def log_file(folder: Path) -> list[Path]:
    """Write one table of events that holds the purchases, with epoch times and prices."""
    rows = shop().rows(refunds=False)
    table = pd.DataFrame(
        {
            "uid": [row.customer for row in rows],
            "ts": [row.epoch * 1000 for row in rows],
            "action": [row.event_type for row in rows],
            "unit_price": [row.amount for row in rows],
            "qty": [None if row.amount is None else 3 for row in rows],
        }
    )
    table.to_csv(folder / "log.csv", sep=";", decimal=",", index=False)
    return [folder / "log.csv"]


@pytest.mark.parametrize(
    "export", [EXPORTS["Google Analytics 4, BigQuery export"], log_file], ids=["ga4", "log"]
)
def test_files_become_scores(export, tmp_path, quick_drivers, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quick_drivers("search", "wishlist_add")
    (file,) = export(tmp_path)

    def run(*words: str) -> str:
        ran = CliRunner().invoke(app, list(words))
        assert ran.exit_code == 0, ran.output
        return ran.stdout

    run("init", file.name, "--output", "shop.yaml")
    text = Path("shop.yaml").read_text(encoding="utf-8")
    # The suggestions to leave tracking out and to name consequences are taken.
    text = text.replace("# tracking: {uri: null}", "tracking: {uri: null}")
    text = text.replace("  # order_tracking: {role", "  order_tracking: {role")
    Path("shop.yaml").write_text(text, encoding="utf-8")
    run("train", "shop.yaml", "--output", "run")
    run("score", "run", file.name, "--output", "scores.csv")
    scores = pd.read_csv("scores.csv")
    active = {row.customer for row in shop().rows(refunds=False)}
    assert len(scores) == len(active)
    assert scores["score"].between(0, 100).all()
    assert scores["score"].nunique() > 10
    behaviours = set(pd.read_csv("run/drivers.csv")["behaviour"])
    assert behaviours == {"page_view", "search", "wishlist_add", "order_tracking"}
