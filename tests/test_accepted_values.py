"""Each row of the page on accepted values is true: its examples are read as it says."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.tables.schema import quoted
from tests.pages import DOCS

PAGE = (DOCS / "reference" / "accepted-values.md").read_text(encoding="utf-8")
CONFIG = parse_config({"name": "shop", "engine": {"keep": None}, "tracking": {"uri": None}})
OUTCOMES = ("accepted", "dropped", "refused")
NUMBERS = ("margin", "revenue", "cost", "value", "duration_seconds", "refund")
VALUES = ("Ids", "Moments", "Numbers and money", "Text")
"""Sections whose examples are values of a column."""
USUAL = {
    "value": "1",
    "duration_seconds": "1",
    "currency": "EUR",
    "postcode": "1",
    "refund": "1",
    "due": "2024-05-31",
    "sent": "2024-05-31",
}
ALWAYS = ("events", "transactions")
TYPED = re.compile(r"::|^\[|^(DATE|TIMESTAMPTZ) '")
DAYS = ("2024-05-29", "2024-05-30", "2024-06-01", "2024-06-02")
Rows = list[dict[str, str]]


class Example(NamedTuple):
    """Values in a column of a table, and what happens to their rows."""

    section: str
    column: str
    values: tuple[str, ...]
    outcome: str
    read_as: str | None
    everywhere: bool = False


def examples() -> Iterator[Example]:
    """Yield the examples of the page's tables; values that "or" separates are one each."""
    section, everywhere = "", False
    for line in PAGE.splitlines():
        if line.startswith("## "):
            section = line[3:]
        if not line.startswith("| ") or line.startswith(("| ---", "| **")):
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if cells[2:3] == ["outcome"]:
            everywhere = "in all rows" in cells[0]
        elif section:
            column, values, outcome, read_as = cells
            assert outcome in OUTCOMES, line
            for each in values.split(" or "):
                yield Example(
                    section,
                    column.strip("`"),
                    tuple(map(value_of, each.split(" and "))),
                    outcome,
                    value_of(read_as) if re.fullmatch("`.*`", read_as) else None,
                    everywhere,
                )


def value_of(cell: str) -> str:
    """Return the text of a value in backticks; nothing for a value that is empty."""
    if cell == "empty":
        return ""
    assert re.fullmatch("`[^`]+`", cell), cell
    return cell[1:-1]


def of(*sections: str) -> Any:
    """Return a parametrisation by the examples of sections, those that fit together in one."""
    chosen = [each for each in examples() if each.section in sections]
    assert {each.section for each in chosen} == set(sections)
    batches: dict[object, list[Example]] = {}
    for each in chosen:
        batches.setdefault(batch_of(each), []).append(each)
    names = [
        f"{each[0].column}={'+'.join(each[0].values)}"
        if len(each) == 1
        else f"{len(each)} {each[0].outcome} like {each[0].column}"
        for each in batches.values()
    ]
    return pytest.mark.parametrize("batch", list(batches.values()), ids=names)


def batch_of(example: Example) -> object:
    """Return what examples share that can be rows of one table: each read is slow."""
    together = (
        example.section in VALUES
        and example.outcome != "refused"
        and not TYPED.search(example.values[0])
    )
    if not together:
        return example
    name, column = table_of(example.column)
    return name, example.outcome, example.everywhere, column in ("revenue", "cost")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with open_duckdb() as opened:
        yield opened


def shop(rows: int = 4) -> dict[str, Rows]:
    """Return small tables of text, with at least four rows."""
    days = [(f"{i % 4 + 1}", DAYS[i % 4]) for i in range(rows)]
    return {
        "events": [{"customer_id": i, "timestamp": d, "event_type": "visit"} for i, d in days],
        "transactions": [{"customer_id": i, "timestamp": d, "margin": "5"} for i, d in days],
        "customers": [{"customer_id": f"{i + 1}", "signup": "2024-05-01"} for i in range(rows)],
        "surveys": [
            {"customer_id": i, "timestamp": d, "survey": "nps", "score": "9"} for i, d in days
        ],
    }


def table_of(column: str) -> tuple[str, str]:
    """Return the table and the name of a column; that of events if several have it."""
    if "." in column:
        table, column = column.split(".")
        return table, column
    paid = ("margin", "revenue", "cost", "currency", "transaction_id", "order_id", "refund")
    return ("transactions" if column in paid else "events"), column


def shop_with(batch: list[Example]) -> tuple[str, dict[str, Rows]]:
    """Return the table of examples, and the tables with the values of each in rows of its own."""
    name = table_of(batch[0].column)[0]
    columns = [table_of(example.column)[1] for example in batch]
    tables = shop(sum(len(example.values) for example in batch) + 4)
    tables = {each: rows for each, rows in tables.items() if each in (name, *ALWAYS)}
    rows = tables[name]
    if {"revenue", "cost"} & set(columns):
        tables[name] = rows = [{"revenue": "9", "cost": "4"} | row for row in rows]
        for row in rows:
            del row["margin"]
    for i, row in enumerate(rows):
        row.update({c: USUAL.get(c, f"other{i}") for c in columns if c not in row})
    free = iter(rows)
    for example, column in zip(batch, columns, strict=True):
        for value in example.values:
            next(free)[column] = value
    if batch[-1].everywhere:
        for row in free:
            row[columns[-1]] = batch[-1].values[-1]
    return name, tables


def as_source(rows: Rows, column: str, folder: Path, name: str) -> Path:
    """Return a CSV file; a Parquet file if values of the column have a type."""
    typed = next((row[column] for row in rows if TYPED.search(row.get(column, ""))), None)
    if typed is None:
        return write_csv(rows, folder / f"{name}.csv")
    selects = []
    for row in rows:
        cells = {c: literal(value) for c, value in row.items()}
        # The other rows hold a plausible value of the column's type.
        cells[column] = row[column] if TYPED.search(row[column]) else filler(row[column], typed)
        selects.append("SELECT " + ", ".join(f"{cell} AS {quoted(c)}" for c, cell in cells.items()))
    return write_parquet(" UNION ALL ".join(selects), folder / f"{name}.parquet")


def write_parquet(query: str, file: Path) -> Path:
    duckdb.execute(f"COPY ({query}) TO {literal(str(file))} (FORMAT parquet)")
    return file


def write_csv(rows: Rows, file: Path, mark: str = ",") -> Path:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]), delimiter=mark)
        writer.writeheader()
        writer.writerows(rows)
    return file


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'" if value else "CAST(NULL AS VARCHAR)"


def filler(value: str, typed: str) -> str:
    """Return SQL of another row's value in the type of an example, if it has one."""
    if typed.startswith("["):
        return typed
    of_type = typed.split("::")[1] if "::" in typed else typed.split()[0]
    return f"coalesce(TRY_CAST({literal(value)} AS {of_type}), {typed})"


def check(
    engine: Engine, sources: dict[str, Any], outcome: str, name: str, rows: int = 1
) -> Tables | None:
    """Assert the outcome for rows of a table; return the tables unless they are refused."""
    if outcome == "refused":
        with pytest.raises(InputError) as caught:
            read_tables(CONFIG, engine, sources, extra=True)
        assert "\n" not in str(caught.value)
        return None
    tables = read_tables(CONFIG, engine, sources, extra=True)
    lost = {each.table: sum(d.rows for d in each.dropped) for each in tables.quality}
    assert lost == {each: rows * (outcome == "dropped" and each == name) for each in sources}
    for each in tables.quality:
        assert each.rows_read == each.rows_kept + lost[each.table]
    return tables


@of(*VALUES)
def test_a_value(batch: list[Example], engine: Engine, tmp_path: Path) -> None:
    name, given = shop_with(batch)
    column = table_of(batch[0].column)[1]
    sources = {each: as_source(rows, column if each == name else "", tmp_path, each)
               for each, rows in given.items()}  # fmt: skip
    tables = check(engine, sources, batch[0].outcome, name, len(batch))
    if tables is None or batch[0].outcome == "dropped":
        return
    for column in {table_of(example.column)[1] for example in batch}:
        shown = [e.read_as for e in batch if table_of(e.column)[1] == column]
        wanted = Counter(expected(each, column) for each in shown if each is not None)
        if wanted:
            found = Counter(values(tables, name, column))
            assert wanted <= found
            assert not batch[0].everywhere or set(found) == set(wanted)


def values(tables: Tables, name: str, column: str) -> Sequence[Any]:
    """Return the values of a column as they were read; moments and ids as text."""
    frame = getattr(tables, name).select(column).collect("pyarrow")
    found = frame[column].to_list()
    return [each if each is None or column in NUMBERS else str(each) for each in found]


def expected(read_as: str, column: str) -> Any:
    if read_as == "null":
        return None
    return float(read_as) if column in NUMBERS else read_as


@of("Surveys")
def test_a_score(batch: list[Example], engine: Engine, tmp_path: Path) -> None:
    (example,) = batch
    given = {each: rows for each, rows in shop().items() if each in (*ALWAYS, "surveys")}
    usual = {"survey": "own", "scale": "", "score": "1"}
    given["surveys"] = [row | usual for row in given["surveys"]]
    which = [each.partition(" ")[::2] for each in example.column.split("` and `")]
    for row, (survey, scale) in zip(given["surveys"], which, strict=False):
        row.update(survey=survey, scale=scale, score=example.values[0])
    sources = {each: write_csv(rows, tmp_path / f"{each}.csv") for each, rows in given.items()}
    tables = check(engine, sources, example.outcome, "surveys")
    if tables is not None and example.read_as is not None:
        assert example.read_as in values(tables, "surveys", "scale")


@of("Names of columns")
def test_a_name(batch: list[Example], engine: Engine, tmp_path: Path) -> None:
    (example,) = batch
    given = {each: shop()[each] for each in ALWAYS}
    for row in given["events"]:
        row["value"] = "1"
    given["events"] = [
        {example.values[0] if c == example.column else c: v for c, v in row.items()}
        for row in given["events"]
    ]
    sources = {each: write_csv(rows, tmp_path / f"{each}.csv") for each, rows in given.items()}
    check(engine, sources, example.outcome, "events")


@of("Files")
def test_a_file(batch: list[Example], engine: Engine, tmp_path: Path) -> None:
    (example,) = batch
    given = {each: shop()[each] for each in ALWAYS}
    sources = {each: write_csv(rows, tmp_path / f"paid_{each}.csv") for each, rows in given.items()}
    file = tmp_path / example.values[0]
    if file.stem != "absent":
        write_file(given["events"], file)
    check(engine, {**sources, "events": file}, example.outcome, "events")


def write_file(rows: Rows, file: Path) -> None:
    """Write rows in the form that the file's name says."""
    records = [json.dumps(row) for row in rows]
    match file.suffix:
        case ".parquet":
            text = write_csv(rows, file.with_name("plain.csv"))
            write_parquet(f"FROM read_csv({literal(str(text))}, all_varchar=true)", file)
        case ".gz":
            plain = write_csv(rows, file.with_suffix(""))
            file.write_bytes(gzip.compress(plain.read_bytes()))
        case ".json":
            file.write_text(f"[{','.join(records)}]", encoding="utf-8")
        case ".jsonl" | ".ndjson":
            file.write_text("\n".join(records), encoding="utf-8")
        case suffix:
            write_csv(rows, file, "\t" if suffix == ".tsv" else ",")


@of("Tables that meet")
def test_tables_that_meet(batch: list[Example], engine: Engine, tmp_path: Path) -> None:
    """Both tables have a second customer of their own, so that there is more than one."""
    (example,) = batch
    ids = {"events": example.column, "transactions": example.values[0]}
    sources = {}
    for name, first in ids.items():
        rows = shop()[name][:2]
        other = "8" if name == "events" else "9"
        for row, customer in zip(rows, (first, other), strict=True):
            row["customer_id"] = customer
        sources[name] = as_source(rows, "customer_id", tmp_path, name)
    check(engine, sources, example.outcome, "")
