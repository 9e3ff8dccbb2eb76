"""The demo of a preset: what it writes, and what it trains and measures."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml

from engagement_ml.cli import preset_demo
from engagement_ml.datasets import preset_names
from engagement_ml.errors import ConfigError
from engagement_ml.progress import progress_for


def run_preset(name: str, output: Path, **settings: Any) -> tuple[Any, Path, Any]:
    given = {"alone": True, "customers": 30, "seed": 3, **settings}
    with progress_for(False, None) as progress:
        return preset_demo.run_preset(name, output=output, progress=progress, **given)


@pytest.fixture
def calls(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[str, Any, dict[str, Any]]]:
    """What is trained and measured, without doing so."""
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))
    made: list[tuple[str, Any, dict[str, Any]]] = []

    def note(name: str) -> Any:
        def called(config: Any, **settings: Any) -> SimpleNamespace:
            made.append((name, config, settings))
            return SimpleNamespace(name=name)

        return called

    monkeypatch.setattr(preset_demo, "train", note("train"))
    monkeypatch.setattr(preset_demo, "scorecard", note("scorecard"))
    return made


@pytest.mark.parametrize("name", preset_names)
def test_the_folder_gets_tables_and_a_definition_that_names_them(name, calls, tmp_path):
    folder = tmp_path / "out"
    result, events, card = run_preset(name, folder)
    assert (result.name, card.name) == ("train", "scorecard")
    raw = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    for table in ("events", "transactions", "customers", "surveys"):
        assert raw["sources"][table] == f"data/{table}.parquet"
        assert len(pd.read_parquet(folder / raw["sources"][table]))
    assert events == folder / "data" / "events.parquet"
    assert pd.read_parquet(folder / "data" / "customers.parquet")["customer_id"].nunique() == 30


def test_the_scorecard_is_made_of_the_run_that_was_trained(calls, tmp_path):
    run_preset("saas", tmp_path / "out")
    (first, config, training), (second, same, measuring) = calls
    assert (first, second) == ("train", "scorecard")
    assert config == same == tmp_path / "out" / "saas.yaml"
    assert training["output"] == measuring["model"] == tmp_path / "out"
    assert measuring["output"] == tmp_path / "out" / "scorecard"
    assert any("simulated" in note for note in training["notes"])


def test_a_mistake_writes_nothing(calls, tmp_path):
    with pytest.raises(ConfigError, match=r"--preset: 'sas' is unknown \(did you mean 'saas'\?\)"):
        run_preset("sas", tmp_path / "out")
    with pytest.raises(ConfigError, match="not together with --dataset"):
        run_preset("saas", tmp_path / "out", alone=False)
    with pytest.raises(ConfigError, match="at least one customer"):
        run_preset("saas", tmp_path / "out", customers=0)
    assert list(tmp_path.iterdir()) == []
    assert calls == []
