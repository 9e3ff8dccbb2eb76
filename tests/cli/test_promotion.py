"""The command `promote`: what it prints, and its exit statuses."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import pytest

from engagement_ml.cli import main
from engagement_ml.cli.promotion import show_promotion, show_rollback
from engagement_ml.tracking.session import tracking_session
from tests.promotions import odd_promotion


@pytest.fixture
def promote(trained, tmp_path, monkeypatch, capsys) -> Any:
    """The command on a copy of a store whose only version is no longer champion."""
    shutil.copy(trained.store.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with tracking_session(store) as client:
        client.delete_registered_model_alias("small-shop", "champion")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        command = ["engagement-ml", "promote", *arguments, "--tracking-uri", store]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as exit_:
            main()
        said = capsys.readouterr()
        return int(exit_.value.code or 0), said.out, said.err

    return run


def test_a_gate_that_says_no_is_status_1_with_what_was_wanted_and_found(
    promote, trained, tmp_path, write_yaml
):
    config = write_yaml(gate={"min_customers": 5000}, tracking={"uri": None})
    status, out, err = promote("models:/small-shop/1", str(config), "--dry-run", "--output", "out")
    assert status == 1
    assert err.startswith("error: version 1 of small-shop does not pass the gate: ")
    assert err.count("\n") == 1
    assert "only 300 customers were measured, 5,000 are asked for" in err
    for part in ("enough customers", "FAILED", "at least 5,000", "300", "not measured"):
        assert part in out
    assert max(map(len, out.splitlines())) <= 80
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"promote.html", "gate.json"}


def test_a_rollback_without_a_champion_is_one_line(promote):
    status, out, err = promote("small-shop", "--rollback")
    assert (status, out) == (2, "")
    assert "has no champion, so there is nothing to roll back" in err
    status, _, err = promote("small-shop", "--rollback", "--dry-run")
    assert status == 2
    assert "--rollback: takes no CONFIG, --dry-run or --output" in err


def test_names_are_printed_as_they_are(capsys):
    show_promotion(odd_promotion())
    show_rollback("[bold]näme", 3, 2)
    out = capsys.readouterr().out
    assert "Shop [bold] <b>" in out
    assert "[bold]näme: version 2 is champion again, instead of version 3" in out
    assert "\x1b" not in out
