"""Opening sources, the errors of unusable sources, and atomic writes."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import InputError, OutputError
from engagement_ml.sources import new_folder_whole, open_source, write_whole

FRAME = pd.DataFrame({"customer_id": [1, 2, 3], "note": ["a", 'b "quoted", so', None]})


@pytest.fixture
def engine() -> Iterator[Engine]:
    with open_duckdb() as opened:
        yield opened


def rows(engine: Engine, source: Any) -> list[tuple[Any, ...]]:
    frame = open_source(engine, source, table="customers").collect("pandas").to_native()
    kept = frame.astype(object).where(frame.notna(), None)
    return sorted((str(a), b) for a, b in kept.itertuples(index=False))


EXPECTED = [("1", "a"), ("2", 'b "quoted", so'), ("3", None)]


def test_parquet_file_folder_and_glob(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "parts" / "day=1").mkdir(parents=True)
    FRAME.iloc[:1].to_parquet(tmp_path / "parts" / "day=1" / "a.parquet")
    FRAME.iloc[1:].to_parquet(tmp_path / "parts" / "b.parquet")
    (tmp_path / "parts" / "_SUCCESS").write_text("")
    (tmp_path / "parts" / "_temporary").mkdir()
    (tmp_path / "parts" / "_temporary" / "c.parquet").write_text("half written")
    FRAME.to_parquet(tmp_path / "it's one.parquet")
    assert rows(engine, tmp_path / "it's one.parquet") == EXPECTED
    assert rows(engine, str(tmp_path / "parts")) == EXPECTED
    assert rows(engine, str(tmp_path / "parts" / "[ab].parquet")) == EXPECTED[1:]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_of_every_delimiter(engine: Engine, tmp_path: Path, separator: str, end: str) -> None:
    path = tmp_path / "customers.csv"
    FRAME.to_csv(path, index=False, sep=separator, lineterminator=end)
    assert rows(engine, path) == EXPECTED


def test_csv_compressed_with_a_mark_and_trailing_lines(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfcustomer_id,note\n1,a\n007,caf\xc3\xa9\n"))
    assert rows(engine, path) == [("007", "café"), ("1", "a")]


def test_csv_types_and_lines_are_not_inferred(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("customer_id,note\n1,a\n2,b,c\n")
    with pytest.raises(InputError, match=r"ragged.csv: .*line: 3: Expected Number of Columns: 2"):
        engine.query(
            open_source(engine, path, table="events").to_native().sql_query(), source=str(path)
        )


def test_duckdb_tables(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.register("given", FRAME)
        connection.execute("CREATE TABLE customers AS SELECT * FROM given")
        connection.execute("CREATE SCHEMA crm")
        connection.execute("CREATE VIEW crm.clients AS SELECT * FROM main.customers")
    for source in (
        path,
        f"{path}::customers",
        f"{path}#customers",
        f"{path}::crm.clients",
        f"{path}::clients",
    ):
        assert rows(engine, source) == EXPECTED
    with pytest.raises(InputError, match=r"no table 'custmers' \(did you mean 'customers'\?\)"):
        open_source(engine, f"{path}::custmers", table="customers")


def test_an_attached_file_loads_no_extension(engine: Engine) -> None:
    """A view in a file may name any function; code for it is neither downloaded nor loaded."""
    settings = ("autoinstall_known_extensions", "autoload_known_extensions",
                "allow_community_extensions")  # fmt: skip
    values = ", ".join(f"current_setting('{name}')" for name in settings)
    assert engine.query(f"SELECT {values}", source="settings") == [(False, False, False)]
    with pytest.raises(InputError, match=r"shop.duckdb: .*requires the extension httpfs"):
        engine.query("SELECT * FROM read_csv('http://127.0.0.1:9/a.csv')", source="shop.duckdb")


def test_frames(engine: Engine) -> None:
    same_connection = engine.connection.from_df(FRAME)
    other_connection = duckdb.connect().from_df(FRAME)
    lazy = pl.from_pandas(FRAME).lazy()
    for frame in (
        FRAME,
        pl.from_pandas(FRAME),
        lazy,
        same_connection,
        other_connection,
        FRAME.convert_dtypes(),
    ):
        assert rows(engine, frame) == EXPECTED


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("events.parquet", b"\x89PNG\r\n\x1a\n\x00\x00", "is not a Parquet file but a PNG image"),
        ("events.parquet", b"customer_id,x\n1,2\n", "is not a Parquet file but something else"),
        ("events.parquet", b"", "is not a Parquet file but empty"),
        ("events.parquet", b"PAR1abc", "is not a Parquet file but a truncated Parquet file"),
        ("events.zip", b"PK\x03\x04rest", "is a ZIP archive or an Excel workbook"),
        ("events.xml", b"<a/>", "is a '.xml' file"),
        ("events.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "is not a CSV file but a PNG image"),
        ("events.csv", b"a,b\n1,\x00\n", "is not a CSV file but binary data"),
        ("events.csv", b"a,b\n1,caf\xe9\n", r"is not UTF-8 text \(byte 10 is 0xe9\)"),
        ("events.csv", b"", "is empty; table 'events' needs a header"),
        ("events.csv", b"a,b,A\n1,2,3\n", "column 'A' occurs twice"),
        ("events.csv", b"a,,c\n1,2,3\n", "column 2 has no name"),
        ("events.csv.gz", b"a,b\n1,2\n", "is not a gzip-compressed CSV file"),
        ("events.duckdb", b"not a database at all", "is not a DuckDB file"),
    ],
)
def test_files_of_another_type_are_rejected(
    engine: Engine, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        open_source(engine, path, table="events")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_missing_files(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "events.parquet").touch()
    (tmp_path / "empty").mkdir()
    for source, message in (
        ("event.parquet", r"no such file for table 'events' \(did you mean 'events.parquet'\?\)"),
        ("nowhere/events.csv", "no such file"),
        ("empty", "no data file in the folder"),
        ("*.csv", "no file of 'events' matches this glob"),
        ("events.duckdb::events", "no such DuckDB file"),
    ):
        with pytest.raises(InputError, match=message):
            open_source(engine, str(tmp_path / source), table="events")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_files(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("a\n1\n")
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read for table 'events': permission denied"):
        open_source(engine, path, table="events")


def test_csv_files_of_a_glob_must_have_the_same_columns(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("customer_id,note\n1,a\n")
    (tmp_path / "b.csv").write_text("customer_id,remark\n2,b\n")
    with pytest.raises(InputError, match=r"b.csv: has other columns than .*a.csv"):
        open_source(engine, str(tmp_path / "*.csv"), table="customers")


def test_objects_that_are_not_frames_are_rejected(engine: Engine) -> None:
    with pytest.raises(InputError, match="events: found dict"):
        open_source(engine, {"a": [1]}, table="events")
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(InputError, match="twice"):
        open_source(engine, twice, table="events")
    with pytest.raises(InputError, match="column 1 has no name"):
        open_source(engine, pd.DataFrame({0: [1]}), table="events")


def _fail(writer: Any, path: Path) -> None:
    """Fail when half is written."""
    try:
        with writer(path) as temporary:
            half = temporary / "metric.json" if temporary.is_dir() else temporary
            half.write_text("half")
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass


def test_write_whole_replaces_a_file_only_on_success(tmp_path: Path) -> None:
    path = tmp_path / "new" / "metric.json"
    _fail(write_whole, path)
    assert list(tmp_path.iterdir()) == []
    with write_whole(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
    _fail(write_whole, path)
    assert path.read_text() == "one"
    assert [p.name for p in path.parent.iterdir()] == ["metric.json"]


def test_a_folder_appears_completely_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "shop"
    _fail(new_folder_whole, path)
    assert list(tmp_path.iterdir()) == []
    with new_folder_whole(path) as temporary:
        (temporary / "metric.json").write_text("one")
        (temporary / "plots").mkdir()
        (temporary / "plots" / "a.svg").write_text("a")
    with new_folder_whole(path) as temporary:
        (temporary / "metric.json").write_text("two")
    assert (path / "metric.json").read_text() == "two"
    assert (path / "plots" / "a.svg").read_text() == "a"
    assert [p.name for p in path.parent.iterdir()] == ["shop"]


@pytest.mark.parametrize("writer", [write_whole, new_folder_whole])
def test_an_unwritable_path_is_reported_before_the_block_runs(tmp_path: Path, writer: Any) -> None:
    (tmp_path / "file").write_text("kept")
    for path in (tmp_path / "file" / "below", Path("/proc/nowhere/run")):
        with pytest.raises(OutputError, match="cannot be written"), writer(path):
            pytest.fail("the block must not run")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("writer", [write_whole, new_folder_whole])
def test_two_writers_of_one_path_with_one_process_id(
    tmp_path: Path, writer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in two containers on one volume, where every run is process 1."""
    monkeypatch.setattr(os, "getpid", lambda: 1)

    def write(temporary: Path, text: str) -> None:
        (temporary / "metric.json" if temporary.is_dir() else temporary).write_text(text)

    path = tmp_path / "shop"
    with writer(path) as first:
        write(first, "first")
        with writer(path) as second:
            write(second, "second")
        written = path / "metric.json" if path.is_dir() else path
        assert written.read_text() == "second"
    assert written.read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["shop"]
    assert not path.is_dir() or [p.name for p in path.iterdir()] == ["metric.json"]


def test_results_reach_a_folder_that_is_a_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "mount"
    target.mkdir()
    real = os.replace

    def replace(source: Any, destination: Any) -> None:
        if not str(source).startswith(str(target)):
            raise OSError(18, "Invalid cross-device link", str(source))
        real(source, destination)

    monkeypatch.setattr(os, "replace", replace)
    with new_folder_whole(target) as temporary:
        (temporary / "metric.json").write_text("one")
    assert [p.name for p in target.iterdir()] == ["metric.json"]


def test_a_folder_of_parts_comes_back_if_it_cannot_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "scores.parquet"
    path.mkdir()
    (path / "part-1.parquet").write_text("old")
    real = os.replace

    def replace(source: Any, destination: Any) -> None:
        if "new" in [p.read_text() for p in Path(source).iterdir()]:
            raise PermissionError(13, "Permission denied", str(source))
        real(source, destination)

    monkeypatch.setattr(os, "replace", replace)

    def write() -> None:
        with write_whole(path, parts=True) as temporary:
            temporary.mkdir()
            (temporary / "part-1.parquet").write_text("new")

    with pytest.raises(OutputError, match=r"scores.parquet: cannot be written: permission denied"):
        write()
    assert (path / "part-1.parquet").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["scores.parquet"]


@pytest.mark.parametrize("writer", [write_whole, new_folder_whole])
def test_a_full_disk_names_the_output_and_leaves_nothing(
    tmp_path: Path, writer: Any, small_files: Any
) -> None:
    path = tmp_path / "new" / "run"
    with (
        pytest.raises(OutputError, match=r"new/run: cannot be written: .*volume"),
        writer(path) as temporary,
        small_files(),
    ):
        (temporary / "a" if temporary.is_dir() else temporary).write_bytes(bytes(100_000))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writer", [write_whole, new_folder_whole])
def test_names_as_long_as_the_system_allows(tmp_path: Path, writer: Any) -> None:
    longest = "a" * 255
    with writer(tmp_path / longest) as temporary:
        (temporary / "a" if temporary.is_dir() else temporary).write_text("")
    assert [p.name for p in tmp_path.iterdir()] == [longest]
    for path in (tmp_path / "b" / ("a" * 256), tmp_path / ("a" * 256) / "b"):
        with (
            pytest.raises(OutputError, match=r"cannot be written: file name too long; give a"),
            writer(path),
        ):
            pytest.fail("the block must not run")
    assert [p.name for p in tmp_path.iterdir()] == [longest]


@pytest.mark.parametrize("source", ["parts", "parts/*.parquet", "p*/**/*.parquet"])
def test_a_folder_that_cannot_be_listed_is_not_left_out(
    engine: Engine, tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's functions leave its files out without a word."""
    folder = tmp_path / "parts"
    (folder / "closed").mkdir(parents=True)
    FRAME.to_parquet(folder / "a.parquet")
    real, closed = os.scandir, "parts" if "parts/*" in source else "closed"

    def scandir(path: Any) -> Any:
        if Path(path).name == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InputError, match=f"{closed}: cannot be read for table 'customers': perm"):
        open_source(engine, str(tmp_path / source), table="customers")


def test_a_source_with_a_name_that_is_too_long(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="for table 'events': file name too long"):
        open_source(engine, str(tmp_path / ("e" * 300)), table="events")


def test_a_damaged_page_of_a_parquet_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    pd.DataFrame({"a": range(100_000)}).to_parquet(path)
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 500] = bytes(500)
    path.write_bytes(content)
    with (
        pytest.raises(InputError, match=r"input tables: cannot be read: .*events.parquet"),
        open_duckdb() as engine,
    ):
        open_source(engine, path, table="events").collect()


def test_engines_spill_into_folders_of_their_own(tmp_path: Path) -> None:
    """DuckDB names its temporary files alike in every process, and removes those that it finds."""
    spill = tmp_path / "spill"
    folders = []
    with open_duckdb(temp_directory=spill) as one, open_duckdb(temp_directory=spill) as other:
        for engine in (one, other):
            setting = engine.query("SELECT current_setting('temp_directory')", source="setting")
            folders.append(Path(setting[0][0]))
            engine.connection.execute("SET memory_limit = '30MB'")
            engine.table("SELECT md5(range::VARCHAR) AS a FROM range(1500000)", source="test")
            assert list(folders[-1].iterdir())
    assert folders[0] != folders[1]
    assert all(folder.is_relative_to(spill) for folder in folders)
    assert list(spill.iterdir()) == []


def test_a_folder_to_spill_into_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"file: cannot hold temporary files: .*engine: {spill"):
        open_duckdb(temp_directory=tmp_path / "file")


def test_an_engine_works_where_nothing_can_be_spilled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc/nowhere")
    with open_duckdb() as engine:
        assert engine.query("SELECT 1", source="test") == [(1,)]


def test_a_file_is_not_replaced_by_a_folder_nor_a_folder_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="it is a file"), new_folder_whole(tmp_path / "file"):
        pytest.fail("the block must not run")
    with pytest.raises(OutputError, match="it is a folder"), write_whole(tmp_path / "folder"):
        pytest.fail("the block must not run")
    assert (tmp_path / "file").read_text() == "kept"
