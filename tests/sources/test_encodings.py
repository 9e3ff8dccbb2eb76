"""CSV files in other encodings than UTF-8, through `read_tables`."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.inputs import read_tables

EVENTS = "customer_id;timestamp;event_type\nMüller;2024-05-31;geöffnet\nŠ;2024-06-01;geöffnet\n"
PAID = pd.DataFrame(
    {"customer_id": ["Müller", "Š"], "timestamp": ["2024-06-01", "2024-06-02"], "margin": 1.0}
)


def read(file: Path, encoding: str | None) -> list[str]:
    shape = {} if encoding is None else {"events": {"encoding": encoding}}
    with open_duckdb(threads=1) as engine:
        tables = read_tables(
            parse_config({"name": "shop", "shape": shape}),
            engine,
            {"events": file, "transactions": PAID},
        )
        assert tables.behaviours == ("geöffnet",)
        frame = tables.events.select("customer_id").collect("pyarrow").to_native()
        return sorted(frame["customer_id"].to_pylist())


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8", "UTF8", "utf-8-sig", None])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.zst"])
def test_text_is_read_in_its_encoding(encoding: str | None, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"events{suffix}"
    content = EVENTS.encode(encoding or "utf-8")
    packed = {".gz": gzip.compress, ".zst": pa.Codec("zstd").compress}.get(file.suffix, bytes)
    file.write_bytes(bytes(packed(content)))
    assert read(file, encoding) == ["Müller", "Š"]


def test_another_encoding_without_the_key_names_it(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_bytes(EVENTS.encode("cp1252"))
    with pytest.raises(InputError, match=r"not UTF-8 .* 'shape: {events: {encoding: cp1252}}'"):
        read(tmp_path / "e.csv", None)


def test_bytes_that_are_no_text_are_named_by_their_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engagement_ml.sources.encodings.BLOCK", 7)
    content = EVENTS.encode("cp1252").replace("Š".encode("cp1252"), b"\x81")
    (tmp_path / "e.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"e\.csv: line 3 holds 0x81, which is no text in cp1252"):
        read(tmp_path / "e.csv", "cp1252")
