"""JSON, Excel and compressed files: values as they stand, mistakes in one line."""

from __future__ import annotations

import builtins
import datetime as dt
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import InputError, MissingDependencyError
from engagement_ml.inputs import read_tables
from engagement_ml.sources import excel_files, open_source

RECORDS = [
    {"customer_id": "007", "at": "2024-05-31T10:00:00Z", "n": 1, "r": {"x": {"y": 2.5}}},
    {"customer_id": "8", "u": "ABCDEF00-e29b-41d4-a716-446655440000", "n": 2**53 + 1, "mixed": 1},
    {"customer_id": None, "ok": True, "tags": ["a"], "mixed": "text"},
]
TEXT = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
ARRAY = json.dumps(RECORDS, indent=1).encode()
CSV = b"customer_id,note\n007,a\n8,b\n"


def zstd(content: bytes) -> bytes:
    packed: bytes = pa.compress(content, "zstd", asbytes=True)
    return packed


@pytest.fixture
def engine() -> Iterator[Engine]:
    with open_duckdb() as opened:
        yield opened


def read(engine: Engine, source: Any) -> list[dict[str, Any]]:
    frame = open_source(engine, source, table="events")
    rows: list[dict[str, Any]] = frame.collect("pyarrow").to_native().to_pylist()
    return rows


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("events.jsonl", TEXT),
        ("events.ndjson", TEXT.replace(b"\n", b"\r\n")),
        ("events[1].json", TEXT + b"\n"),
        ("events.json", ARRAY),
        ("events.jsonl.gz", gzip.compress(TEXT)),
        ("events.json.zst", zstd(ARRAY)),
    ],
)
def test_json_keeps_numbers_text_and_records(
    name: str, content: bytes, engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    first, second, third = read(engine, tmp_path / name)
    assert (first["customer_id"], first["at"]) == ("007", "2024-05-31T10:00:00Z")
    assert first["r"] == {"x": {"y": 2.5}}
    assert (second["n"], second["u"]) == (2**53 + 1, "ABCDEF00-e29b-41d4-a716-446655440000")
    assert (second["mixed"], third["mixed"]) == ("1", "text")
    assert (third["customer_id"], third["ok"], third["tags"]) == (None, True, ["a"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"a":1}\n{"a":2,\n{"a":3}\n', "line 2 is not a JSON record"),
        ("a.jsonl", b'{"a":1}\n[3]\n', "line 2 is not a JSON record but list"),
        ("a.jsonl", b'{"a":1}\n{"a":"caf\xe9"}', "line 2 is not UTF-8 text"),
        ("a.jsonl", b'{"a":1,"a":2}', r"line 1 is not a JSON record \(field 'a' occurs twice\)"),
        ("a.json", b'{\n"a": 1\n}', "line 1 is not a JSON record"),
        ("a.json", b'[{"a":1},\n{"a":2', "line 2 is not JSON"),
        ("a.json", b"[1, 2]", "in which '1' is not a record"),
        ("a.json", b"[]", "has no record with a field"),
        ("a.json", b" ", "is empty; table 'events' needs records"),
        ("a.json", b"a,b\n", "is not JSON as line 1 begins with 'a'"),
        ("a.json", b"\x89PNG", "is not JSON but a PNG image"),
        ("a.json", b'\xef\xbb\xbf{"a":1}', "begins with a byte order mark"),
        ("a.jsonl", b'{"Margin":1}\n{"margin":2}', "'Margin' and 'margin' differ only in case"),
        ("a.jsonl", b'{"r":{"Y":1}}\n{"r":{"y":2}}', "differ from 'y' only in case"),
        ("a.jsonl.gz", gzip.compress(TEXT * 9)[:-9], "is truncated: its gzip stream has no end"),
        ("a.jsonl.gz", TEXT, "is not a gzip-compressed JSON file"),
        ("a.json.zst", TEXT, "is not a zstd-compressed JSON file"),
        ("a.csv.zst", CSV, "is not a zstd-compressed CSV file"),
        ("a.xlsx", CSV, "is not an Excel workbook but something else|needs? openpyxl"),
    ],
)
def test_mistakes_are_one_line(
    name: str, content: bytes, message: str, engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises((InputError, MissingDependencyError), match=message) as caught:
        open_source(engine, tmp_path / name, table="events")
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_a_field_whose_name_ends_in_a_number_is_no_mistake(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 1, "id_1": 2}')
    assert read(engine, tmp_path / "a.jsonl") == [{"id": 1, "id_1": 2}]


@pytest.mark.parametrize("packed", [".csv", ".csv.gz", ".csv.zst", ".jsonl", ".jsonl.zst"])
def test_folders_and_globs_of_one_kind(packed: str, engine: Engine, tmp_path: Path) -> None:
    pack = {"gz": gzip.compress, "zst": zstd}.get(packed.rpartition(".")[2], bytes)
    for place, customer in enumerate(("007", "8")):
        part = tmp_path / f"day=2024-01-0{place + 1}" / f"part{packed}"
        part.parent.mkdir()
        row = f'{{"customer_id": "{customer}"}}' if "json" in packed else f"customer_id\n{customer}"
        part.write_bytes(pack(row.encode()))
    (tmp_path / "_SUCCESS").touch()
    days = [str(row["day"]) for row in read(engine, tmp_path)]
    assert days == ["2024-01-01", "2024-01-02"]
    rows = read(engine, tmp_path / "*" / f"*{packed}")
    assert [row["customer_id"] for row in rows] == ["007", "8"]
    assert "day" not in rows[0]


def test_files_of_several_kinds_are_refused_and_parquet_comes_first(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    (tmp_path / "b.jsonl").write_bytes(TEXT)
    for source in (tmp_path, tmp_path / "?.*"):
        with pytest.raises(InputError, match=r"a.csv is a CSV file and b.jsonl a JSON file; give"):
            open_source(engine, source, table="events")
    pd.DataFrame({"customer_id": [9]}).to_parquet(tmp_path / "c.parquet")
    assert read(engine, tmp_path) == [{"customer_id": 9}]


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


CELLS = [
    ["customer_id", "at", "code", "amount", "mixed"],
    [13085.0, dt.datetime(2024, 5, 31, 14, 30), "007", 1.5, "a"],
    [None] * 5,
    [13086, dt.datetime(2024, 6, 1), "1e5", 2, 3],
]


def check_cells(rows: list[dict[str, Any]]) -> None:
    assert [row["customer_id"] for row in rows] == [13085, 13086]
    moments = [row["at"].replace(tzinfo=None) for row in rows]
    assert moments == [dt.datetime(2024, 5, 31, 14, 30), dt.datetime(2024, 6, 1)]
    assert [row["code"] for row in rows] == ["007", "1e5"]
    assert [row["amount"] for row in rows] == [1.5, 2.0]
    assert [row["mixed"] for row in rows] == ["a", "3"]


def test_excel_keeps_dates_text_and_numbers(engine: Engine, tmp_path: Path) -> None:
    path = workbook(tmp_path / "book.xlsx", {"First one": CELLS, "Other": [["a"], [1]], "Void": []})
    check_cells(read(engine, path))
    check_cells(read(engine, f"{path}::First one"))
    assert read(engine, f"{path}::Other") == [{"a": 1}]
    with pytest.raises(InputError, match=r"no sheet 'Othr' \(did you mean 'Other'\?\); its sheets"):
        open_source(engine, f"{path}::Othr", table="events")
    with pytest.raises(InputError, match=r"book.xlsx::Void: the sheet is empty"):
        open_source(engine, f"{path}::Void", table="events")
    (tmp_path / "cut.xlsx").write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"cut.xlsx: cannot be read as an Excel workbook"):
        open_source(engine, tmp_path / "cut.xlsx", table="events")


def check_workbooks(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same without openpyxl: the cells as pandas returns them, of two workbooks."""
    cells = pd.DataFrame(CELLS, dtype=object)
    monkeypatch.setattr(excel_files, "_cells", lambda path, sheet: cells)
    for name in ("a.xlsx", "b.xlsx"):
        (tmp_path / name).touch()
    rows = read(engine, tmp_path / "*.xlsx")
    check_cells(rows[:2])
    check_cells(rows[2:])


def test_cells_of_workbooks_become_rows(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_workbooks(engine, tmp_path, monkeypatch)
    unnamed = pd.DataFrame([["a", None], [1, 2]], dtype=object)
    monkeypatch.setattr(excel_files, "_cells", lambda path, sheet: unnamed)
    with pytest.raises(InputError, match="column 2 has no name"):
        open_source(engine, tmp_path / "a.xlsx", table="events")


def test_without_openpyxl_the_message_says_what_to_install(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04")
    imported = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "openpyxl":
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"pip install 'engagement-ml\[excel\]'"):
        open_source(engine, tmp_path / "book.xlsx", table="events")


EVENTS = pd.DataFrame({
    "customer_id": ["07", "07", "8", None],
    "timestamp": ["2024-01-01 10:00", "2024-01-02 10:00", "2024-01-02 11:00", "2024-01-02 11:00"],
    "event_type": "visit",
    "value": [1.5, None, 2.0, 1.0],
})  # fmt: skip
PAID = pd.DataFrame({
    "customer_id": ["07", "8"], "timestamp": ["2024-01-01", "2024-01-03"], "margin": [5, -1.5],
})  # fmt: skip


def tables_of(engine: Engine, folder: Path, name: str, kind: str) -> Path:
    """Write a table of text as a file of a kind."""
    frame = {"events": EVENTS, "transactions": PAID}[name]
    path = folder / f"{name}{kind}"
    if kind.startswith(".csv"):
        frame.to_csv(folder / "plain", index=False)
    else:
        lines = not kind.startswith(".json.")
        frame.to_json(folder / "plain", orient="records", lines=lines)
    content = (folder / "plain").read_bytes()
    path.write_bytes(zstd(content) if kind.endswith(".zst") else content)
    return path


KINDS = [".csv", ".csv.zst", ".jsonl", ".json.zst"]


def check_kind(engine: Engine, folder: Path, kind: str) -> None:
    """Every kind of file leads to the same tables."""
    sources = {n: tables_of(engine, folder, n, kind) for n in ("events", "transactions")}
    tables = read_tables(PipelineConfig(name="shop"), engine, sources)
    events = engine.pandas(tables.events)
    assert sorted(events["customer_id"]) == ["07", "07", "8"]
    assert sorted(events["value"].fillna(0)) == [0, 1.5, 2]
    assert str(events["timestamp"].max()) == "2024-01-02 11:00:00"
    assert [d.rows for d in tables.quality[0].dropped] == [1]
    assert sorted(engine.pandas(tables.transactions)["margin"]) == [-1.5, 5]


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_lead_to_the_same_tables(kind: str, engine: Engine, tmp_path: Path) -> None:
    check_kind(engine, tmp_path, kind)
