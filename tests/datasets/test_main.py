"""Data sets written by the command line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import engagement_ml.datasets as datasets
from engagement_ml.datasets.__main__ import main
from engagement_ml.datasets.dataset import Dataset, write_dataset


def test_every_public_name_exists() -> None:
    for name in datasets.__all__:
        assert getattr(datasets, name) is not None
    with pytest.raises(AttributeError, match="make_shops"):
        datasets.make_shops  # noqa: B018


def test_a_shop_is_written_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shop", str(tmp_path), "--customers", "20", "--weeks", "4", "--seed", "1"]) == 0
    printed = capsys.readouterr().out.split()
    names = ["events.parquet", "transactions.parquet", "customers.parquet"]
    assert [Path(line).name for line in printed] == names
    shop = datasets.make_shop(20, 4, seed=1)
    pd.testing.assert_frame_equal(pd.read_parquet(printed[0]), shop.events)


def test_an_error_is_one_line_and_leaves_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["online-retail", str(tmp_path / "out"), "--path", "no.parquet"]) == 2
    assert main(["online-retail", str(tmp_path / "out")]) == 2
    assert main(["shop", str(tmp_path / "out"), "--weeks", "0"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3
    assert "no.parquet" in errors[0]
    assert "--path" in errors[1]
    assert not (tmp_path / "out").exists()


def test_without_customers_an_old_customers_file_is_removed(tmp_path: Path) -> None:
    shop = datasets.make_shop(5, 2)
    write_dataset(shop, tmp_path)
    written = write_dataset(Dataset("x", shop.events, shop.transactions, None, ()), tmp_path)
    assert [path.name for path in written] == ["events.parquet", "transactions.parquet"]
    assert not (tmp_path / "customers.parquet").exists()
