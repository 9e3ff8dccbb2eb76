"""DuckDB engine: settings, kept results, errors of one line."""

from __future__ import annotations

from pathlib import Path

import narwhals as nw
import pytest

from engagement_ml.engine import one_line, open_duckdb
from engagement_ml.errors import InputError


def test_settings_reach_duckdb(tmp_path: Path) -> None:
    with open_duckdb(memory_limit="1GiB", temp_directory=tmp_path / "spill", threads=1) as engine:
        settings = dict(
            engine.query("SELECT name, value FROM duckdb_settings()", source="settings")
        )
    assert settings["memory_limit"] == "1.0 GiB"
    assert settings["threads"] == "1"
    spill = Path(settings["temp_directory"])
    assert tmp_path / "spill" in spill.parents  # in a folder of its own
    assert settings["TimeZone"] == "UTC"


def test_a_setting_that_duckdb_rejects_is_an_error_of_one_line() -> None:
    with pytest.raises(InputError, match="DuckDB rejects its settings") as caught:
        open_duckdb(memory_limit="lots")
    assert "\n" not in str(caught.value)


def test_once_computes_once() -> None:
    with open_duckdb() as engine:
        calls = []

        def make() -> nw.LazyFrame[object]:
            calls.append(1)
            return engine.small({"x": [1, 2]})

        first, second = engine.once("key", make), engine.once("key", make)
        assert len(calls) == 1
        assert first is second
        assert engine.once("other", make).collect().shape == (2, 1)
        assert len(calls) == 2


def test_persist_keeps_rows_that_change_at_the_source(tmp_path: Path) -> None:
    with open_duckdb() as engine:
        engine.connection.execute("CREATE TABLE t AS SELECT 1 AS x")
        kept = engine.persist(engine.scan("t"))
        engine.connection.execute("INSERT INTO t VALUES (2)")
        assert kept.collect().shape == (1, 1)
        assert engine.scan("t").collect().shape == (2, 1)


def test_errors_of_the_engine_are_of_one_line() -> None:
    with open_duckdb() as engine, pytest.raises(InputError) as caught:
        engine.query("SELECT nothing FROM nowhere", source="shop.csv")
    assert str(caught.value).startswith("shop.csv: cannot be read: Table with name nowhere")
    assert "\n" not in str(caught.value)


def test_one_line_keeps_the_cause_of_a_csv_error() -> None:
    error = ValueError(
        "Invalid Input Error: CSV Error on Line: 3\nOriginal Line: 1,2,3\n"
        "Expected Number of Columns: 2 Found: 3\nPossible fixes: …"
    )
    assert one_line(error) == "line: 3: Expected Number of Columns: 2 Found: 3"
