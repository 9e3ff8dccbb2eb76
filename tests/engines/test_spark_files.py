"""Kinds of files that Spark cannot read itself, records and identities on Spark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engagement_ml.sources import open_source
from engagement_ml.tables.lazy_opening import open_lazy_table
from tests.doors import as_json_lines, as_parquet
from tests.inputs import test_identities
from tests.sources import test_file_kinds
from tests.tables import test_records

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


def test_json_excel_and_folders(
    spark_engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv.zst").write_bytes(test_file_kinds.zstd(test_file_kinds.CSV))
    assert test_file_kinds.read(spark_engine, tmp_path / "a.csv.zst")[0]["customer_id"] == "007"
    (tmp_path / "a.json").write_bytes(test_file_kinds.ARRAY)
    first = test_file_kinds.read(spark_engine, tmp_path / "a.json")[0]
    assert first["r"] == {"x": {"y": 2.5}}
    for day, customer in ((1, "007"), (2, "8")):
        part = tmp_path / "csv" / f"day={day}" / "a.csv"
        part.parent.mkdir(parents=True)
        part.write_text(f"customer_id\n{customer}\n")
    frame = open_source(spark_engine, tmp_path / "csv", table="events")
    rows = spark_engine.rows(frame.sort("day"), source="csv")
    assert rows == [{"customer_id": "007", "day": "1"}, {"customer_id": "8", "day": "2"}]
    test_file_kinds.check_workbooks(spark_engine, tmp_path, monkeypatch)


def test_fields_of_records(spark_engine: Any, tmp_path: Path) -> None:
    def make(frame: Any, name: str) -> Path:
        door = as_parquet if name == "events" else as_json_lines
        return door(frame, tmp_path, name)

    test_records.check_fields(spark_engine, make)
    source = as_parquet(test_records.PAID, tmp_path, "paid")
    test_records.check_messages(
        lambda config: open_lazy_table(spark_engine, config, "transactions", source)
    )


@pytest.mark.seldom
def test_anonymous_events(spark_engine: Any, tmp_path: Path) -> None:
    def make(frame: Any, name: str) -> Path:
        return as_parquet(frame, tmp_path, name)

    test_identities.check_timed(spark_engine, make)
    test_identities.check_untimed(spark_engine, make)
