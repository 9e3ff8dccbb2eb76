"""The commands evaluate, with several contestants, and audit: what they print."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from engagement_ml.cli import main


@pytest.fixture
def scores(small_shop, tmp_path, monkeypatch) -> Path:
    """A vendor's score, and weights by hand; the current folder holds both."""
    monkeypatch.chdir(tmp_path)
    views = small_shop.events.loc[lambda t: t["event_type"] == "page_view"]
    month = views["timestamp"].dt.strftime("%Y-%m-28").rename("date")
    counts = views.groupby(["customer_id", month]).size().rename("score").reset_index()
    counts.to_csv("health.csv", index=False)
    weights = {"weights": {"page_view": 60, "tutorial_done": 40}}
    Path("weights.yaml").write_text(yaml.safe_dump(weights), encoding="utf-8")
    return tmp_path


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["engagement-ml", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_evaluate_prints_contestants_differences_and_segments(trained, scores, monkeypatch, capsys):
    given = [str(trained.folder), "weights.yaml", "--scores", "vendor=health.csv", "--quiet"]
    assert run(monkeypatch, "evaluate", *given, "--output", "out") == 0
    assert capsys.readouterr().out == ""
    assert run(monkeypatch, "evaluate", *given[:-1]) == 0
    out = capsys.readouterr().out
    for part in (
        "have every score",
        "Whether weights and vendor had seen these outcomes is not known",
        "− vendor",
        "− Recency-frequency-monetary",
        "Predicts, by segment",
        "Profit of run",
    ):
        assert part in " ".join(out.split())
    assert max(len(line) for line in out.splitlines()) <= 80
    assert (scores / "out" / "evaluation.json").is_file()


def test_audit_prints_the_finding_and_where_the_page_is(
    trained, scores, write_yaml, monkeypatch, capsys
):
    config = str(write_yaml(tracking={"uri": None}))
    given = ["vendor=health.csv", config, "--model", str(trained.folder), "--output", "audited"]
    assert run(monkeypatch, "audit", *given) == 0
    out = capsys.readouterr().out
    assert "Does it predict margin?" in out
    assert "vendor" in out.splitlines()[0]
    assert out.splitlines()[-1] == str(Path("audited", "audit.html"))
    assert {path.name for path in (scores / "audited").iterdir()} == {"audit.html", "audit.json"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "weights.yaml"], "give the pipeline's configuration as well"),
        (["evaluate", "missing.yaml"], "missing.yaml: no such file"),
        (["audit", "missing.csv", "shop.yaml"], "shop.yaml"),
        (["evaluate", "weights.yaml", "--scores", "a=x", "--scores", "a=y"], "given twice"),
    ],
)
def test_mistakes_are_told_in_one_line(scores, arguments, words, monkeypatch, capsys):
    assert run(monkeypatch, *arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1
