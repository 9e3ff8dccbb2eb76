"""The contract's columns, and a source opened under them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import ConfigError, InputError, nearest
from engagement_ml.sources import describe_source, is_csv, open_source, parquet_files
from engagement_ml.sources.kinds import quoted_text

Kind = Literal["id", "timestamp", "text", "number", "finite"]

COLUMNS: dict[str, dict[str, Kind]] = {
    "events": {
        "customer_id": "id",
        "timestamp": "timestamp",
        "event_type": "text",
        "event_id": "text",
        "value": "number",
        "duration_seconds": "number",
    },
    "transactions": {
        "customer_id": "id",
        "timestamp": "timestamp",
        "margin": "finite",
        "revenue": "finite",
        "cost": "finite",
    },
    "customers": {"customer_id": "id", "signup": "timestamp"},
    "surveys": {
        "customer_id": "id",
        "timestamp": "timestamp",
        "survey": "text",
        "score": "finite",
    },
}
SESSION_COLUMNS = ("session_id", "direction")
"""Optional columns of `events` that identify a session."""
REQUIRED = {
    "events": ("customer_id", "timestamp", "event_type"),
    "transactions": ("customer_id", "timestamp"),
    "customers": ("customer_id",),
    "surveys": ("customer_id", "timestamp", "survey", "score"),
}
INTEGERS = frozenset(
    f"{sign}{size}"
    for sign in ("", "U")
    for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
)


@dataclass(frozen=True)
class Opened:
    """A source under the contract's column names, types not yet touched.

    Attributes
    ----------
    table, label : str
        Which table it is, and what messages call it.
    view : str
        Its name in the engine.
    types : dict of column to DuckDB type
    theirs : dict of column to what the source calls it
    csv : bool
        Whether every column is text because it is a CSV file.
    files : tuple of Path
        The Parquet files it consists of, where it does.
    """

    table: str
    label: str
    view: str
    types: dict[str, str]
    theirs: dict[str, str]
    csv: bool
    files: tuple[Path, ...] = ()

    def has(self, column: str) -> bool:
        """Return whether it has the column."""
        return column in self.types

    def known(self) -> list[tuple[str, Kind]]:
        """Return the contract's columns that it has, with their kinds."""
        return [(c, kind) for c, kind in COLUMNS[self.table].items() if self.has(c)]

    def is_text(self, column: str) -> bool:
        """Return whether the column holds text."""
        return self.types[column] == "VARCHAR" or self.types[column].startswith("ENUM")

    def sql(self, column: str) -> str:
        """Return SQL for the column; empty text is null, as it is in a CSV file."""
        name = quoted(column)
        return f"nullif(CAST({name} AS VARCHAR), '')" if self.is_text(column) else name

    def moment(self, column: str) -> str:
        """Return SQL for a column as naive UTC timestamp, null where text is no timestamp."""
        if self.is_text(column):
            return f"timezone('UTC', try_cast({self.sql(column)} AS TIMESTAMPTZ))"
        if "TIME ZONE" in self.types[column]:
            return f"timezone('UTC', {self.sql(column)})"
        return f"CAST({self.sql(column)} AS TIMESTAMP)"

    def number(self, column: str) -> str:
        """Return SQL for a column as double, null where text is no number."""
        return f"try_cast({self.sql(column)} AS DOUBLE)"


def open_table(engine: DuckDBEngine, config: PipelineConfig, table: str, source: Any) -> Opened:
    """Open a source and rename its columns as the configuration maps them.

    Raises
    ------
    InputError
        Where the source cannot be opened, lacks a mapped or a required column.
    ConfigError
        Where it lacks a column that ``segments`` names.
    """
    label = describe_source(source, table)
    relation = open_source(engine, source, table=table).to_native()
    present = dict(zip(relation.columns, (str(t) for t in relation.types), strict=True))
    theirs = map_columns(config, table, label, present)
    selected = ", ".join(f"{quoted(own)} AS {quoted(name)}" for name, own in theirs.items())
    raw = engine.view(relation.sql_query(), source=label)
    view = engine.view(f"SELECT {selected} FROM {quoted(raw)}", source=label)
    types = {name: present[own] for name, own in theirs.items()}
    files = parquet_files(source, table)
    opened = Opened(table, label, view, types, theirs, is_csv(source), files)
    check_columns(opened, config)
    return opened


def map_columns(
    config: PipelineConfig, table: str, label: str, present: Collection[str]
) -> dict[str, str]:
    """Return what the source calls each column, by the name it gets here.

    Raises
    ------
    InputError
        Where it lacks a mapped column.
    """
    mapping = config.columns.get(table, {})
    for wanted, named in mapping.items():
        if named not in present:
            raise InputError(
                f"{label}: column '{named}', which 'columns: {{{table}: {{{wanted}: {named}}}}}' "
                f"names, is missing{nearest(named, present)}; the columns are {listed(present)}"
            )
    mapped = set(mapping) | set(mapping.values())
    return {name: name for name in present if name not in mapped} | dict(mapping)


def check_columns(one: Opened, config: PipelineConfig) -> None:
    """Raise where a required column is missing, or one that ``segments`` names.

    Raises
    ------
    InputError, ConfigError
    """
    _check_required(one)
    _check_segments(one, config)


def open_part(engine: DuckDBEngine, one: Opened, files: Sequence[Path]) -> Opened:
    """Open some of the files of a source, with the columns and types that all of them have."""
    listed_files = ", ".join(quoted_text(file) for file in files)
    read = f"SELECT * FROM read_parquet([{listed_files}], union_by_name = true)"
    present = dict(
        engine.query(f"SELECT column_name, column_type FROM (DESCRIBE {read})", source=one.label)
    )
    selected = []
    for name, of_type in one.types.items():
        own = one.theirs[name]
        value = quoted(own) if own in present else "NULL"
        same = present.get(own) == of_type
        selected.append(f"{value if same else f'CAST({value} AS {of_type})'} AS {quoted(name)}")
    view = engine.view(f"SELECT {', '.join(selected)} FROM ({read})", source=one.label)
    return replace(one, view=view, files=tuple(files))


def _check_required(one: Opened) -> None:
    required = [(column, "") for column in REQUIRED[one.table]]
    if one.table == "transactions" and not one.has("margin"):
        if one.has("revenue") and not one.has("cost"):
            required.append(("cost", " (to go with 'revenue'; or else 'margin')"))
        elif not one.has("revenue"):
            required.append(("margin", " (or 'revenue' with 'cost')"))
    for column, alternative in required:
        if one.has(column):
            continue
        free = [name for name in one.types if name not in COLUMNS[one.table]] or list(one.types)
        near = get_close_matches(column, free, n=1, cutoff=0.0)[0]
        raise InputError(
            f"{one.label}: column '{column}'{alternative} is missing from table '{one.table}'; "
            f"the nearest is '{near}': if that is it, write "
            f"'columns: {{{one.table}: {{{column}: {near}}}}}'; "
            f"the columns are {listed(one.types)}"
        )


def _check_segments(one: Opened, config: PipelineConfig) -> None:
    if one.table != "customers":
        return
    for segment in config.segments:
        if not one.has(segment):
            raise ConfigError(
                f"key 'segments': {one.label} has no column '{segment}'"
                f"{nearest(segment, one.types)}; the columns are {listed(one.types)}"
            )


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Iterable[str], at_most: int = 12) -> str:
    """Return the first names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - at_most} more" if len(every) > at_most else ""
    return ", ".join(every[:at_most]) + more
